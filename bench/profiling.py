"""`python -m bench profile ROW`: where our server's time goes while the row's load runs.

py-spy looks at the server from outside, C code included; where it isn't there, or may not look, the server runs under
cProfile, which sees Python functions only and slows them down. Both write a summary; py-spy's stacks become a flame
graph as well.
"""

from __future__ import annotations

import io
import os
import pstats
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench import flames, stacks
from bench.choice import chosen
from bench.load import Burst, Outcome
from bench.ours import Ours, Sqlite
from bench.postgresql import Postgresql
from bench.profiled import PSTATS
from bench.rows import ORDINARY, Row
from bench.run import Yardstick
from bench.runner import generated
from bench.stacks import Stack
from bench.whole import ours

SECONDS = 10.0
FOLDER = Path(__file__).resolve().parent.parent / "var" / "profile"
_RATE = 200
_TOP = 25
_TICKS = os.sysconf("SC_CLK_TCK")


class Profiled(Ours):
    """Our server under cProfile, as `bench.profiled` runs it."""

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "bench.profiled")


@dataclass(frozen=True, slots=True)
class Load:
    """What came of the load that ran meanwhile. user, kernel: CPU seconds of the server's own processes. database:
    those of PostgreSQL's."""

    outcome: Outcome
    user: float
    kernel: float
    database: float


@dataclass(frozen=True, slots=True)
class Profile:
    """What was seen. seen: py-spy's stacks; none where cProfile looked, whose table is `table`. why: it was not py-spy
    for this reason."""

    row: Row
    load: Load
    seen: Counter[Stack]
    table: str = ""
    why: str = ""


def profile(ids: Sequence[str], folder: Path, seconds: float | None, screen: Console) -> int:
    """Profile rows beside which Postfix stands; ordinary mail at 20 sessions where none is named. The exit status."""
    for row in chosen(ids or [ORDINARY.id]):
        if isinstance(row, Yardstick):
            screen.print(f"[red]{row.id} has no load of its own to look at: choose a row that is compared with Postfix")
            return 2
        screen.print(f"looking at {row.id} for {seconds or SECONDS:g} s …", highlight=False)
        found = looked_at(row, folder, seconds or SECONDS)
        words = summary(found)
        screen.print(words, highlight=False, markup=False)
        for path in save(found, words, FOLDER):
            screen.print(f"written {path}", highlight=False)
    return 0


def looked_at(row: Row, folder: Path, seconds: float) -> Profile:
    """By py-spy where it can, else by cProfile."""
    spy = _py_spy()
    why = "py-spy is not installed"
    if spy is not None:
        with tempfile.TemporaryDirectory(prefix="smartgate-bench-", dir=folder) as name:
            raw = Path(name) / "stacks"
            load, said = _loaded(row, ours(row), Path(name), seconds, _looking(spy, seconds, raw))
            seen = stacks.read(raw.read_text().splitlines()) if raw.exists() else Counter[Stack]()
        if seen:
            return Profile(row, load, seen)
        why = f"py-spy could not look: {' '.join(said.split())[-200:]}"
    with tempfile.TemporaryDirectory(prefix="smartgate-bench-", dir=folder) as name:
        database = Sqlite() if row.database == "SQLite" else Postgresql()
        load, _ = _loaded(row, Profiled(database), Path(name), seconds)
        return Profile(row, load, Counter(), _told(Path(name) / PSTATS), why)


def _loaded(row: Row, server: Ours, home: Path, seconds: float, looking: Sequence[str] = ()) -> tuple[Load, str]:
    """The row's load at a fresh server, warmed up before; looking: what looks at it meanwhile, its leader's id to be
    added. Also what that said."""
    home.chmod(0o755)
    server.start(home)
    try:
        _burst(row, server, 1.0)
        (user, kernel), database = _times(server.pids), server.database.cpu_seconds()
        looker = None
        if looking:
            command = [*looking, "--pid", str(server.pids[0])]
            looker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(0.5)
        outcome = _burst(row, server, seconds)
        until, database = _times(server.pids), server.database.cpu_seconds() - database
        said = looker.communicate(timeout=120)[0] if looker else ""
    finally:
        server.stop()
    return Load(outcome, until[0] - user, until[1] - kernel, database), said


def _burst(row: Row, server: Ours, seconds: float) -> Outcome:
    burst = Burst(server.port, row.sessions, row.size, seconds, secrets.token_hex(4), row.mails_a_connection)
    return generated(burst)


def _py_spy() -> str | None:
    """Beside this Python, or anywhere."""
    return shutil.which("py-spy", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))


def _looking(spy: str, seconds: float, raw: Path) -> list[str]:
    options = ["--rate", str(_RATE), "--duration", str(max(round(seconds - 0.5), 1)), "--native", "--subprocesses"]
    return [spy, "record", *options, "--format", "raw", "--output", str(raw)]


def _times(pids: Sequence[int]) -> tuple[float, float]:
    """CPU seconds of these processes so far, in their own code and in the kernel (proc(5), stat)."""
    user = kernel = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        user, kernel = user + int(fields[11]) / _TICKS, kernel + int(fields[12]) / _TICKS
    return user, kernel


def _told(file: Path) -> str:
    """cProfile's table of the functions that take most themselves."""
    told = io.StringIO()
    pstats.Stats(str(file), stream=told).sort_stats("tottime").print_stats(_TOP)
    return "\n".join(line for line in told.getvalue().splitlines() if line.strip())


def summary(found: Profile) -> str:
    """What to read first: who is at work, and the functions that take most."""
    load, mails = found.load, max(found.load.outcome.accepted, 1)
    cpu = load.user + load.kernel
    rate = load.outcome.accepted / load.outcome.elapsed if load.outcome.elapsed else 0.0
    share = load.kernel / cpu if cpu else 0.0
    lines = [
        f"{found.row.id}: {found.row.title}; {load.outcome.accepted} mails while it was looked at, {rate:.0f} a second",
        f"CPU of the server: {cpu / mails * 1000:.2f} ms a mail; {share:.0%} in the kernel, as that counts itself",
    ]
    if load.database:
        lines.append(f"CPU of the database's own processes: {load.database / mails * 1000:.2f} ms a mail")
    lines.append("")
    if not found.seen:
        return "\n".join([*lines, f"By cProfile, of Python functions only: {found.why}", "", found.table]) + "\n"
    busy = stacks.working(found.seen)
    lines += [f"Who is at work, of {sum(busy.values())} samples ({_RATE} a second):"]
    lines += [f"  {share:6.1%}  {whose}" for whose, share in stacks.shares(found.seen)]
    costs = stacks.costs(found.seen)
    lines += ["", "Functions by what they take themselves (and with all they call):"]
    lines += [f"  {cost.alone:6.1%} ({cost.below:6.1%})  {cost.function}" for cost in costs[:_TOP]]
    lines += ["", "Functions of ours by what they take with all they call:"]
    mine = sorted((one for one in costs if "(gateway/" in one.function), key=lambda one: -one.below)
    lines += [f"  {cost.below:6.1%} ({cost.alone:6.1%})  {cost.function}" for cost in mine[:_TOP]]
    return "\n".join(lines) + "\n"


def save(found: Profile, words: str, folder: Path) -> list[Path]:
    """The summary, and the flame graph where there are stacks; the row's former ones are written over."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{found.row.id}.txt"]
    written[0].write_text(words)
    if found.seen:
        written.append(folder / f"{found.row.id}.svg")
        written[1].write_text(flames.draw(found.row.title, found.seen))
    return written
