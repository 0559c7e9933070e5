"""The row `cpu`: what an ordinary mail costs our server in processor time at 20 sessions."""

from __future__ import annotations

from bench.lines import Found, Line
from bench.ours import Ours
from bench.rows import ORDINARY
from bench.run import Run, Yardstick
from bench.runner import Configurations, measure


def spent(run: Run) -> Found:
    """Taken from the row of 20 sessions where that was measured in this run, else measured without a peer."""
    result = next((one for one in run.results if one.row.id == ORDINARY.id), None)
    used: Configurations = {}
    if result is None or result.ours is None:
        result, used = measure(ORDINARY, run.plan, None, Ours(), run.stepped)
    assert result.ours is not None
    peer = f"; Postfix {result.peer.middle('cpu_ms'):.2f} ms in the same rounds" if result.peer else ""
    note = f"all its threads and what it does after the reply, the generator left out{peer}"
    values = tuple(one.cpu_ms for one in result.ours.rounds)
    line = Line("CPU of a mail, 3 KB at 20 sessions", values, "ms", ORDINARY.goal_cpu_ms, digits=2, note=note)
    return Found("cpu", (line,), used, tuple(result.faults), disturbance=result.disturbance)


CPU = Yardstick(
    "cpu", "CPU of a mail of 3 KB at 20 sessions", f"≤ {ORDINARY.goal_cpu_ms} ms", lambda plan: plan.bursts(1), spent
)
