"""The two pictures of the bench: our ratio to Postfix a row, and how long a sender waits for the 250."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench import svg
from bench.figures import Result, Round, Side
from bench.rows import ROWS, Row

RATIO, WAIT = "bench-ratio.svg", "bench-wait.svg"
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 900, 300, 110, 76, 38
_PLOT = _WIDTH - _LEFT - _RIGHT


@dataclass(frozen=True, slots=True)
class Kept:
    """A row with both sides, as it was last kept. at: the day."""

    result: Result
    at: str


def newest(folder: Path) -> list[Kept]:
    """Each row of the table as it stands in the newest file that has it, in the table's order."""
    found: dict[str, Kept] = {}
    files = [(data["at"], data) for path in folder.glob("*.json") if "ratios" in (data := json.loads(path.read_text()))]
    for at, data in sorted(files, key=lambda one: str(one[0])):
        for value in data["results"]:
            if value["peer"] and value["ours"]:
                result = _result(value)
                found[result.row.id] = Kept(result, at[:10])
    return [found[row.id] for row in ROWS if row.id in found]


def draw(results: Path, pictures: Path) -> list[Path]:
    """The pictures of the documentation, from the newest kept results; where they were written."""
    return _write(newest(results), {RATIO: ratio, WAIT: wait}, pictures)


def keep(measured: Sequence[Result], folder: Path, name: str) -> list[Path]:
    """The pictures of one run, beside its table."""
    kept = [Kept(result, name[:10]) for result in measured if result.peer and result.ours]
    return _write(kept, {f"{name}-ratio.svg": ratio, f"{name}-wait.svg": wait}, folder)


def _write(kept: list[Kept], drawn: Mapping[str, Any], folder: Path) -> list[Path]:
    if not kept:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw_one in drawn.items():
        (folder / name).write_text(draw_one(kept))
    return [folder / name for name in drawn]


def ratio(kept: Sequence[Kept]) -> str:
    """Mails a second, ours to Postfix's: a bar, the range of its rounds, and the goal."""
    marks = [max(_ratio(one), one.result.row.goal, *(one.result.spread or ())) for one in kept]
    most = math.ceil(max(marks))
    return svg.picture(
        "Mails a second beside Postfix",
        "; ".join(
            f"{one.result.row.title}: {_ratio(one):.2f} times Postfix, goal {one.result.row.goal:g}" for one in kept
        ),
        _WIDTH,
        _height(kept),
        (*_head("Mails filed a second, as a multiple of what Postfix puts into its queue", kept), *_ratios(kept, most)),
    )


def _ratios(kept: Sequence[Kept], most: int) -> Iterator[str]:
    def x(value: float) -> float:
        return _LEFT + value / most * _PLOT

    yield svg.bar(_LEFT, 40, 22, 10, "ours") + svg.text(_LEFT + 28, 49, "ours, median", "quiet")
    yield svg.whisker(_LEFT + 130, _LEFT + 156, 45, 4, "span") + svg.text(_LEFT + 164, 49, "lowest to highest", "quiet")
    yield svg.diamond(_LEFT + 300, 45, 6, "goal") + svg.text(_LEFT + 312, 49, "goal", "quiet")
    for tick in range(most + 1):
        kind = "rule" if tick == 1 else "grid"
        yield svg.line(x(tick), _TOP - 6, x(tick), _height(kept) - 34, kind)
        yield svg.text(x(tick), _height(kept) - 16, "Postfix" if tick == 1 else f"{tick}×", "quiet", "middle")
    for number, one in enumerate(kept):
        row, middle = one.result.row, _TOP + number * _ROW + _ROW / 2
        reached = "reached" if one.result.goals.get("rate") else "missed"
        yield svg.text(_LEFT - 12, middle + 4, row.title, "ink", "end")
        yield svg.bar(
            _LEFT, middle - 8, x(_ratio(one)) - _LEFT, 16, "ours", f"{row.title}: {_ratio(one):.2f}×, {one.at}"
        )
        if one.result.spread:
            yield svg.whisker(x(one.result.spread[0]), x(one.result.spread[1]), middle, 5, "span")
        yield svg.diamond(x(row.goal), middle, 6, "goal", f"goal {row.goal:g}×, {reached}")
        yield svg.text(_WIDTH - _RIGHT + 14, middle + 4, f"{_ratio(one):.2f}× of {row.goal:g}")


def wait(kept: Sequence[Kept]) -> str:
    """From the end of the data to the 250: from the median to the slowest hundredth, of both, logarithmic."""
    words = []
    for one in kept:
        ours, peer = (_waits(side) for side in (one.result.ours, one.result.peer))
        words.append(
            f"{one.result.row.title}: ours p50 {ours[0]:.1f} ms and p99 {ours[1]:.1f} ms, "
            f"Postfix {peer[0]:.1f} ms and {peer[1]:.1f} ms"
        )
    return svg.picture(
        "How long a sender waits for the 250",
        "; ".join(words),
        _WIDTH,
        _height(kept),
        (
            *_head("From the end of the data to the 250, in milliseconds (each step ten times the one before)", kept),
            *_lanes(kept),
        ),
    )


def _lanes(kept: Sequence[Kept]) -> Iterator[str]:
    values = [
        value for one in kept for side in (one.result.ours, one.result.peer) for value in _waits(side) if value > 0
    ]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def x(value: float) -> float:
        return _LEFT + (math.log10(max(value, 10.0**low)) - low) / max(high - low, 1) * _PLOT

    for at, kind, words in ((_LEFT, "ours", "ours"), (_LEFT + 80, "peer", "Postfix")):
        yield svg.dot(at + 6, 45, 5, kind) + svg.text(at + 18, 49, words, "quiet")
    yield svg.text(_LEFT + 170, 49, "the dot is the median (p50), the end of its line the p99", "quiet")
    for power in range(low, high + 1):
        yield svg.line(x(10.0**power), _TOP - 6, x(10.0**power), _height(kept) - 34, "grid")
        yield svg.text(x(10.0**power), _height(kept) - 16, f"{10.0**power:g} ms", "quiet", "middle")
    for number, one in enumerate(kept):
        middle = _TOP + number * _ROW + _ROW / 2
        yield svg.text(_LEFT - 12, middle + 4, one.result.row.title, "ink", "end")
        for side, kind, y in ((one.result.ours, "ours", middle - 7), (one.result.peer, "peer", middle + 7)):
            p50, p99 = _waits(side)
            yield svg.line(x(p50), y, x(p99), y, kind, 4)
            yield svg.dot(x(p50), y, 5, kind, f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")
            yield svg.text(_WIDTH - _RIGHT + 14, y + 4, f"{p50:.1f} / {p99:.1f}", "quiet")


def _head(title: str, kept: Sequence[Kept]) -> Iterator[str]:
    days = sorted({one.at for one in kept})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    yield svg.text(16, 25, title, "ink head")
    yield svg.text(_WIDTH - 16, 25, when, "quiet", "end")


def _height(kept: Sequence[Kept]) -> int:
    return _TOP + len(kept) * _ROW + 40


def _ratio(one: Kept) -> float:
    return one.result.ratio("rate") or 0.0


def _waits(side: Side | None) -> tuple[float, float]:
    return (side.middle("p50_ms"), side.middle("p99_ms")) if side else (0.0, 0.0)


def _result(value: Mapping[str, Any]) -> Result:
    """A row as it was kept; what today's rows have more takes its default."""
    known = {one.name for one in fields(Row)}
    row = Row(**{name: what for name, what in value["row"].items() if name in known})
    return Result(row, _side(value["peer"]), _side(value["ours"]))


def _side(value: Mapping[str, Any]) -> Side:
    return Side(tuple(Round(**one) for one in value["rounds"]), value["acknowledged"], value["kept"])
