"""Measuring a row: both servers side by side on one file system, rounds in turn, each begun on a quiet machine."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import machine
from bench.figures import Result, Round, Side, round_of
from bench.load import Burst, Outcome
from bench.peer import Peer
from bench.rows import Row

_ROOT = Path(__file__).resolve().parent.parent
_QUIET_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are measured. folder: where the stores lie meanwhile. seconds: length of a round, None takes the row's
    own. warm_up: seconds of a burst before the first round that is not counted. stored: mails of a store that is said
    to be large. held: connections that are said to be many. mailboxes: so many that one poller looks into."""

    folder: Path
    rounds: int = 5
    seconds: float | None = None
    warm_up: float = 1.0
    stored: int = 1_000_000
    held: int = 10_000
    mailboxes: int = 2_000

    def bursts(self, sides: int) -> int:
        """How many bursts a row takes, for the progress bar."""
        return sides * (self.rounds + 1)


@dataclass(slots=True)
class Tally:
    """What one server did so far on one row."""

    peer: Peer
    rounds: list[Round] = field(default_factory=list)
    acknowledged: int = 0

    def side(self) -> Side:
        return Side(tuple(self.rounds), self.acknowledged, self.peer.kept())


Stepped = Callable[[str], None]
Configurations = dict[str, Mapping[str, str]]
Measured = tuple[Result, Configurations]


def measure(row: Row, plan: Plan, peer: Peer | None, ours: Peer | None, stepped: Stepped) -> Measured:
    """Run one row against the servers given, and tell the result with the configuration each ran with.

    Both run all the time with fresh stores; only one is loaded at a time; who goes first changes every round.
    """
    servers = [server for server in (peer, ours) if server is not None]
    with tempfile.TemporaryDirectory(prefix="smartgate-bench-", dir=plan.folder) as name, running(servers, Path(name)):
        tallies = [Tally(server) for server in servers]
        for tally in tallies:
            tally.acknowledged += _burst(row, tally.peer, plan.warm_up).accepted
            stepped(f"{row.id} · {tally.peer.name} warms up")
        for number in range(plan.rounds):
            for tally in tallies if number % 2 == 0 else reversed(tallies):
                _round(row, plan, tally, servers)
                stepped(f"{row.id} · {tally.peer.name} round {number + 1}")
        sides = {tally.peer.name: tally.side() for tally in tallies}
        used = {server.name: server.configuration() for server in servers}
    result = Result(row, sides.get(peer.name) if peer else None, sides.get(ours.name) if ours else None)
    return result, used


@contextlib.contextmanager
def running(servers: Sequence[Peer], folder: Path) -> Iterator[None]:
    """The servers, started each in a folder of its own, and stopped whatever happens."""
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        for server in servers:
            own = folder / server.name
            own.mkdir(mode=0o755)
            stack.callback(server.stop)
            server.start(own)
        yield


def quiet(servers: Sequence[Peer]) -> None:
    """Wait until no server works off what it put aside, and the disk has what was written, so that no round pays for
    the one before. At most some seconds: a server that never rests is measured as it is."""
    until = time.monotonic() + _QUIET_SECONDS
    before = -1.0
    while time.monotonic() < until:
        now = sum(server.cpu_seconds() for server in servers)
        if now - before <= 0.01:
            break
        before = now
        time.sleep(0.25)
    os.sync()


def _round(row: Row, plan: Plan, tally: Tally, servers: Sequence[Peer]) -> None:
    """One burst at one server; the CPU it needs to come to rest afterwards is counted with it."""
    quiet(servers)
    cpu, watch = tally.peer.cpu_seconds(), machine.Watch(tally.peer.cpu_seconds)
    outcome = _burst(row, tally.peer, plan.seconds or row.seconds)
    foreign = watch.others()
    quiet(servers)
    tally.acknowledged += outcome.accepted
    tally.rounds.append(round_of(outcome, tally.peer.cpu_seconds() - cpu, foreign))


def _burst(row: Row, peer: Peer, seconds: float) -> Outcome:
    return generated(Burst(peer.port, row.sessions, row.size, seconds, secrets.token_hex(4), row.mails_a_connection))


def generated(burst: Burst) -> Outcome:
    """What came of a burst; the generator runs in a process of its own."""
    command = [sys.executable, "-m", "bench.load", json.dumps(asdict(burst))]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, cwd=_ROOT, timeout=burst.seconds + burst.patience + 90, check=True
    )
    return Outcome(**json.loads(done.stdout))
