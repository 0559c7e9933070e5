"""The row `start`: how long `serve` takes from nothing to the line that says it listens."""

from __future__ import annotations

import time
from pathlib import Path

from bench.lines import Found, Line
from bench.machine import Watch
from bench.ours import Ours
from bench.run import Run, Yardstick

GOAL_SECONDS = 1.5


def start(run: Run) -> Found:
    """A new process each time, on a store that is there; Python's files are in the disk cache of the system."""
    taken, others = [], []
    with run.folder() as name:
        server = Ours(roles=("smtp", "http"))
        server.prepare(Path(name))
        for number in range(run.plan.rounds):
            watch, begun = Watch(server.cpu_seconds), time.monotonic()
            server.serve()
            taken.append(time.monotonic() - begun)
            others.append(watch.others())
            server.stop()
            run.stepped(f"start · {number + 1}")
        used = {"smartgate, cold start": {**server.configuration(), "roles": "smtp, http"}}
    line = Line(
        "cold start of `serve` to its last `listening` line",
        tuple(taken),
        "s",
        GOAL_SECONDS,
        digits=2,
        note="a new process each time; the system's disk cache is warm",
    )
    return Found("start", (line,), used, disturbance=max(others))


START = Yardstick("start", "cold start of `serve`", f"≤ {GOAL_SECONDS} s", lambda plan: plan.rounds, start)
