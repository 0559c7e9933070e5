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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, cycle, takewhile
from pathlib import Path

from bench import machine
from bench.figures import percentile
from bench.load import Burst, Outcome
from bench.ours import Ours
from bench.rows import KIB
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
    """What came of it. late: microseconds, a tick each. ordinary: the other sessions. worst: replies by name."""

    late: list[int] = field(default_factory=list)
    ordinary: Outcome = field(default_factory=Outcome)
    worst: dict[str, str] = field(default_factory=dict)
    handed: int = 0

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
        try:
            hands = _Hands(server.port, seconds, written, lag)
            burst = Burst(server.port, ORDINARY_SESSIONS, 3 * KIB, seconds, secrets.token_hex(4))
            threads = [threading.Thread(target=hands.run) for _ in range(WORST_SESSIONS)]
            for thread in threads:
                thread.start()
            lag.ordinary = generated(burst)
            for thread in threads:
                thread.join()
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


def report(lag: Lag, seconds: float, folder: Path) -> str:
    """As Markdown: the figures, then which mails were answered how, and the machine."""
    figures = lag.figures
    reached = "reached" if figures["lag p99"] <= GOAL_MS else "missed"
    how = (
        f"{WORST_SESSIONS} sessions hand over the worst of mails, {ORDINARY_SESSIONS} send ordinary ones of 3 KB, for "
        f"{seconds:g} s; a tick is due every {TICK_SECONDS * 1000:g} ms. "
        f"Goal: p99 of the lag ≤ {GOAL_MS:g} ms, {reached}."
    )
    codes = Counter(reply[:3] for reply in lag.worst.values())
    answered = ", ".join(f"{count} kinds {code}" for code, count in sorted(codes.items()))
    lines = [f"# Lag of the event loop, {time.strftime('%Y-%m-%d %H:%M')}", "", how, ""]
    lines += ["| milliseconds | " + " | ".join(_PERCENTILES) + " |", "|---" * (len(_PERCENTILES) + 1) + "|"]
    lines += [
        f"| {what} | " + " | ".join(f"{figures[f'{what} {name}']:.1f}" for name in _PERCENTILES) + " |"
        for what in ("lag", "ordinary mail")
    ]
    lines += ["", f"{lag.ordinary.accepted} ordinary mails were filed, {lag.handed} of the worst answered: {answered}."]
    lines += ["", *(f"- {name}: {value}" for name, value in machine.facts(folder).items())]
    return "\n".join([*lines, *(f"\n**Not to be believed**: {fault}" for fault in lag.faults)]) + "\n"


def save(lag: Lag, page: str, folder: Path) -> Path:
    """Writes DATE-lag.md and .json, over an earlier run of the day; tells where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y-%m-%d')}-{ID}.md"
    path.write_text(page)
    value: Mapping[str, object] = {"figures": lag.figures, "worst": lag.worst, "refused": lag.ordinary.refused}
    path.with_suffix(".json").write_text(json.dumps(value, indent=1) + "\n")
    return path
