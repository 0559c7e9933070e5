"""The row `idle`: thousands of connections that say nothing, and how long a mail takes meanwhile."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

from bench.figures import percentile
from bench.holding import Held, Holding
from bench.lines import Found, Line
from bench.machine import Watch
from bench.memory import held
from bench.ours import Ours
from bench.peer import PeerError
from bench.rows import KIB
from bench.run import Run, Yardstick

GOAL_MS = 50.0
_ROOT = Path(__file__).resolve().parent.parent
_SECONDS = 2.0
_SPARE_FILES = 512
_TIMEOUT = 300.0


def idle(run: Run) -> Found:
    """Connections are opened, greeted and left alone; then a mail after the other comes, each on a new connection."""
    wanted = run.plan.held
    _allow_files(wanted + _SPARE_FILES)
    with run.folder() as name:
        server = Ours()
        server.start(Path(name))
        try:
            before, watch = held(server.pids), Watch(server.cpu_seconds)
            holding = Holding(server.port, wanted, run.plan.rounds, run.plan.seconds or _SECONDS)
            with _generator(holding) as generator:
                assert generator.stdin
                opened = json.loads(_said(generator))
                run.stepped(f"idle · {opened} connections are open")
                after = held(server.pids)
                generator.stdin.write("go\n")
                generator.stdin.flush()
                found = Held(**json.loads(_said(generator)))
            others = watch.others()
            kept = server.kept()
            used = {
                "smartgate, idle connections": dict(server.configuration())
                | {"SMARTGATE_MAX_SESSIONS": "12000, the default"}
            }
        finally:
            server.stop()
    run.stepped("idle · mails were sent")
    faults = [*found.faults]
    if found.alive < wanted:
        faults.append(f"of {wanted} connections {found.alive} were still there in the end")
    accepted = sum(len(one) for one in found.waits)
    if kept != accepted:
        faults.append(f"acknowledged {accepted} mails, the store holds {kept}")
    return Found(
        "idle", _lines(wanted, found, (after.rss - before.rss) * KIB / wanted), used, tuple(faults), disturbance=others
    )


def _lines(wanted: int, found: Held, kib: float) -> tuple[Line, ...]:
    rounds = [sorted(one) for one in found.waits if one]
    p50, p99 = (tuple(percentile(one, of) / 1000 for one in rounds) for of in (50, 99))
    middle = sorted(p50)[len(p50) // 2] if p50 else 0.0
    note = (
        f"p50 {middle:.1f} ms; connections from {found.sources} loopback addresses, which the limits by address spare; "
        "SMARTGATE_MAX_SESSIONS 12,000 as by default, file limits raised"
    )
    return (
        Line(f"a mail while {wanted:,} connections are idle, from connect to 250: p99", p99, "ms", GOAL_MS, note=note),
        Line("memory of an idle connection in our process", (kib,), "KiB", note="RSS, greeted and after EHLO"),
    )


def _generator(holding: Holding) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.holding", holding.dumped()]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)


def _said(generator: subprocess.Popen[str]) -> str:
    """Its next line. Raises PeerError where it ended without one."""
    assert generator.stdout
    line = generator.stdout.readline()
    if not line:
        raise PeerError(f"the generator of idle connections ended with status {generator.wait()}")
    return line


def _allow_files(wanted: int) -> None:
    """Let this process and those it starts hold so many files. Raises PeerError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, OSError) as error:
            raise PeerError(f"{wanted} files are needed at one time, {hard} are allowed: raise `ulimit -n`") from error
    elif soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


IDLE = Yardstick(
    "idle",
    "a mail while 10,000 connections are idle, and what one of them holds",
    f"p99 ≤ {GOAL_MS:g} ms",
    lambda _: 2,
    idle,
)
