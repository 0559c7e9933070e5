"""The row `stored`: mails a second where a million mails stand already, against a thousand, in turns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.filling import FEWEST, STEPS, Filled
from bench.lines import Found, Line
from bench.ours import Ours
from bench.rows import ORDINARY
from bench.run import Run, Yardstick
from bench.runner import Plan, measure

GOAL = 0.8
_SECONDS = 4.0


class OnFilled(Ours):
    """Our server on a store that was filled before; it keeps what it takes beside what stood there."""

    def __init__(self, filled: Filled) -> None:
        super().__init__(name=f"{filled.mails - filled.mails % FEWEST:,} stored")
        self._filled = filled
        self._before = 0

    def start(self, folder: Path) -> None:
        super().start(self._filled.folder)
        self._before = super().kept()

    def kept(self) -> int:
        return super().kept() - self._before


def stored(run: Run) -> Found:
    """Both stores are filled alike and served by a server each; rounds of 20 sessions take turns."""
    plan = replace(run.plan, seconds=run.plan.seconds or _SECONDS)
    few, many = (OnFilled(run.filled(mails)) for mails in (FEWEST, plan.stored))
    result, used = measure(replace(ORDINARY, id="stored"), plan, few, many, run.stepped)
    assert result.peer is not None
    assert result.ours is not None
    rates = [[one.rate for one in side.rounds] for side in (result.ours, result.peer)]
    ratio = result.ratio("rate")
    spread = result.spread or (0.0, 0.0)
    note = (
        f"{result.ours.middle('rate'):.0f} against {result.peer.middle('rate'):.0f} mails/s, "
        f"lowest-highest of neighbouring rounds {spread[0]:.2f}-{spread[1]:.2f}"
    )
    line = Line(f"mails a second, {many.name} against {few.name}", (ratio,) if ratio else (), "×", GOAL, "≥", 2, note)
    waits = Line(
        f"p99 to the 250, {many.name}",
        tuple(one.p99_ms for one in result.ours.rounds),
        "ms",
        note="20 sessions of 3 KB",
    )
    return Found("stored", (line, waits), used, tuple(result.faults), {"rates": rates}, result.disturbance)


def _steps(plan: Plan) -> int:
    return 2 * STEPS + plan.bursts(2)


STORED = Yardstick(
    "stored", "mails a second with a million stored, against a thousand", f"≥ {GOAL} times", _steps, stored
)
