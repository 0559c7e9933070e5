"""The row `memory`: how much more than at rest the server's processes hold while large mails come in all at once."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.lines import Found, Line
from bench.load import Burst, Outcome
from bench.machine import Watch
from bench.ours import Ours
from bench.rows import KIB, MIB
from bench.run import Run, Yardstick
from bench.runner import Plan, generated, quiet

GOAL_MIB = 64.0
SHAPES = ((100, 10 * MIB), (20, 35_000_000))
"""Sessions, and the bytes that each of them hands over at the same time."""
_MOST_ROUNDS = 3
_EVERY_SECONDS = 0.02
_PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB over all processes. rss: pages in memory, shared ones once a process. pss: shared ones divided among those
    that share them (proc(5), smaps_rollup)."""

    rss: float
    pss: float


@dataclass(slots=True)
class Watched:
    """The most that was seen while it ran. Each process' own highest RSS is the kernel's, so none is missed."""

    pids: Callable[[], Sequence[int]]
    peak: Memory = Memory(0.0, 0.0)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Watched:
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # begins the highest RSS anew (proc(5))
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.peak = Memory(
            max(self.peak.rss, sum(_kib(pid, "status", "VmHWM") for pid in self.pids()) / KIB), self.peak.pss
        )

    def _look(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            now = held(self.pids())
            self.peak = Memory(max(self.peak.rss, now.rss), max(self.peak.pss, now.pss))


def held(pids: Sequence[int]) -> Memory:
    """What these processes hold now."""
    rss, pss = (sum(_kib(pid, "smaps_rollup", name) for pid in pids) / KIB for name in ("Rss", "Pss"))
    return Memory(rss, pss)


def _kib(pid: int, file: str, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0


def memory(run: Run) -> Found:
    """A fresh server a round: ordinary mail until it has loaded what it needs, rest, then all large mails at once."""
    lines: list[Line] = []
    faults: list[str] = []
    others: list[float] = []
    for sessions, size in SHAPES:
        above: list[Memory] = []
        at_rest: list[float] = []
        name = f"{sessions} × {size / (MIB if size % MIB == 0 else 1e6):.3g} MB"
        for number in range(_rounds(run.plan)):
            rest, peak, outcome, foreign = _round(run, sessions, size)
            above.append(Memory(peak.rss - rest.rss, peak.pss - rest.pss))
            at_rest.append(rest.rss)
            others.append(foreign)
            faults += [f"{name}: {count} times {reply}" for reply, count in outcome.refused.items()]
            if outcome.accepted < sessions:
                faults.append(f"{name}: only {outcome.accepted} mails were accepted")
            run.stepped(f"memory · {name}, round {number + 1}")
        rss, pss = tuple(one.rss for one in above), tuple(one.pss for one in above)
        note = f"at rest {min(at_rest):.0f} MiB; PSS {max(pss):.1f} MiB above"
        lines.append(Line(f"memory above rest, {name} at once (highest RSS)", rss, "MiB", GOAL_MIB, note=note))
    return Found("memory", tuple(lines), {}, tuple(faults), disturbance=max(others))


def _round(run: Run, sessions: int, size: int) -> tuple[Memory, Memory, Outcome, float]:
    with run.folder() as name:
        server = Ours()
        server.start(Path(name))
        try:
            generated(Burst(server.port, 4, 3 * KIB, 0.5, secrets.token_hex(4)))
            quiet([server])
            rest, watch = held(server.pids), Watch(server.cpu_seconds)
            with Watched(lambda: server.pids) as watched:
                burst = Burst(server.port, sessions, size, 0.1, secrets.token_hex(4), patience=_PATIENCE)
                outcome = generated(burst)
            return rest, watched.peak, outcome, watch.others()
        finally:
            server.stop()


def _rounds(plan: Plan) -> int:
    return min(plan.rounds, _MOST_ROUNDS)


MEMORY = Yardstick(
    "memory",
    "memory above rest with 100 × 10 MB and 20 × 35 MB at once",
    f"≤ {GOAL_MIB:g} MiB",
    lambda plan: len(SHAPES) * _rounds(plan),
    memory,
)
