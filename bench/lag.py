"""The row `lag`: how long the event loop keeps the others waiting while the worst of mails are read.

Some sessions hand over the mails of `bench.worst` one after the other, some send ordinary mail meanwhile; the server
is ours, in a process of its own, with a ticker in its loop (`bench.ticking`). No peer: what is asked is that nobody
waits for somebody else's mail.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, cycle, takewhile
from pathlib import Path

from bench.figures import percentile
from bench.lines import Found, Line
from bench.load import Burst, Outcome
from bench.machine import Watch
from bench.ours import Ours
from bench.rows import KIB
from bench.run import Run, Yardstick
from bench.runner import generated
from bench.ticking import LAGS, TICK_SECONDS
from bench.worst import worst

ID = "lag"
TITLE = "how long the loop stands still while the worst of mails are read"
GOAL_MS = 20.0
SECONDS = 30.0
ORDINARY_SESSIONS = 4
WORST_SESSIONS = 4
_PATIENCE = 120.0
_COMMANDS = (
    b"HELO worst.example",
    b"MAIL FROM:<carol@example.net>",
    b"RCPT TO:<acme+lead@mail.kommo.com>",
    b"DATA",
)


@dataclass(slots=True)
class Lag:
    """What came of it. late: microseconds, a tick each. ordinary: the other sessions. worst: replies by name.
    others: the share of the cores that other programs took."""

    late: list[int] = field(default_factory=list)
    ordinary: Outcome = field(default_factory=Outcome)
    worst: dict[str, str] = field(default_factory=dict)
    handed: int = 0
    others: float = 0.0

    @property
    def figures(self) -> dict[str, float]:
        """In milliseconds, but for the counts."""
        late, waits = sorted(self.late), sorted(self.ordinary.waits)
        told = {f"lag {name}": percentile(late, of) / 1000 for name, of in _PERCENTILES.items()}
        told |= {f"ordinary mail {name}": percentile(waits, of) / 1000 for name, of in _PERCENTILES.items()}
        return told | {"ordinary mails": self.ordinary.accepted, "worst mails": self.handed}

    @property
    def faults(self) -> list[str]:
        """Why it must not be believed: somebody was answered wrongly, or not at all."""
        found = [f"ordinary mail: {count} times {reply}" for reply, count in self.ordinary.refused.items()]
        found += [f"{name}: {reply}" for name, reply in self.worst.items() if reply[:1] not in ("2", "5")]
        if not self.ordinary.accepted or not self.late:
            found.append("nothing was measured")
        return found


_PERCENTILES = {"p50": 50, "p99": 99, "p99.9": 99.9, "longest": 100}


class Ticking(Ours):
    """Our server as `bench.ticking` runs it."""

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "bench.ticking")

    def lags(self) -> list[int]:
        """What the ticker wrote down; after `stop`."""
        found: list[int] = json.loads((self.folder / LAGS).read_text())
        return found


def measure(folder: Path, seconds: float, scale: float = 1.0) -> Lag:
    """Both kinds of mail for so many seconds, each of the worst at least once. scale: below 1, they are smaller."""
    lag, server = Lag(), Ticking()
    with tempfile.TemporaryDirectory(prefix="smartgate-bench-", dir=folder) as name:
        store, mails = Path(name) / "store", Path(name) / "mails"
        for made in (store, mails):
            made.mkdir()
        written = list(_written(mails, scale))
        server.start(store)
        watch = Watch(server.cpu_seconds)
        try:
            hands = _Hands(server.port, seconds, written, lag)
            burst = Burst(server.port, ORDINARY_SESSIONS, 3 * KIB, seconds, secrets.token_hex(4))
            threads = [threading.Thread(target=hands.run) for _ in range(WORST_SESSIONS)]
            for thread in threads:
                thread.start()
            lag.ordinary = generated(burst)
            for thread in threads:
                thread.join()
            lag.others = watch.others()
        finally:
            server.stop()
        lag.late = server.lags()
    return lag


def _written(folder: Path, scale: float) -> Iterator[tuple[str, Path]]:
    """The worst of mails in files, as they go over the wire: to send them then costs next to nothing."""
    for number, (name, raw) in enumerate(worst(scale)):
        path = folder / str(number)
        path.write_bytes(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        yield name, path


class _Hands:
    """Sessions that share the worst of mails: each takes the next one, from the beginning again until time is over."""

    def __init__(self, port: int, seconds: float, mails: Sequence[tuple[str, Path]], lag: Lag) -> None:
        self._port, self._lag = port, lag
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._mails = chain(mails, takewhile(lambda _: time.monotonic() < self._until, cycle(mails)))

    def run(self) -> None:
        while True:
            with self._lock:
                name, path = next(self._mails, ("", None))
            if path is None:
                return
            try:
                reply = self._hand(path)
            except OSError as fault:
                reply = f"no answer: {fault}"
            with self._lock:
                self._lag.worst[name] = reply
                self._lag.handed += 1

    def _hand(self, path: Path) -> str:
        """One mail on a connection of its own; the reply to it."""
        with socket.create_connection(("127.0.0.1", self._port), _PATIENCE) as connection, path.open("rb") as mail:
            heard = connection.makefile("rb")
            heard.readline()
            for command in _COMMANDS:
                connection.sendall(command + b"\r\n")
                heard.readline()
            connection.sendfile(mail)
            return heard.readline().decode("ascii", "replace").strip()


def _row(run: Run) -> Found:
    seconds = run.plan.seconds or SECONDS
    lag = measure(run.plan.folder, seconds)
    run.stepped("lag · measured")
    return told(lag, seconds)


def told(lag: Lag, seconds: float) -> Found:
    """What came of it, as the table shows it."""
    figures = lag.figures
    codes = Counter(reply[:3] for reply in lag.worst.values())
    answered = ", ".join(f"{count} kinds {code}" for code, count in sorted(codes.items()))
    how = (
        f"{WORST_SESSIONS} sessions hand over the worst of mails, {ORDINARY_SESSIONS} ordinary ones, for "
        f"{seconds:g} s; a tick is due every {TICK_SECONDS * 1000:g} ms; p50 {figures['lag p50']:.1f}, longest "
        f"{figures['lag longest']:.1f} ms"
    )
    ordinary = (
        f"p50 {figures['ordinary mail p50']:.1f} ms; {lag.ordinary.accepted} filed, {lag.handed} of the worst "
        f"answered: {answered}"
    )
    lines = (
        Line("how late the event loop is meanwhile: p99", (figures["lag p99"],), "ms", GOAL_MS, note=how),
        Line("an ordinary mail meanwhile: p99 to the 250", (figures["ordinary mail p99"],), "ms", note=ordinary),
    )
    details = {"figures": figures, "worst": lag.worst, "refused": lag.ordinary.refused}
    return Found(ID, lines, {}, tuple(lag.faults), details, lag.others)


LAG = Yardstick(ID, TITLE, f"p99 ≤ {GOAL_MS:g} ms", lambda _: 1, _row)
