"""An honest sender: a mail on a connection of its own, again and again, until its standard input ends.

`python -m tests.load.honest HOST PORT SOURCE` is a process of its own, so that nothing the crowd's process does makes
it late; it prints a line for each mail: the reply and the seconds it took. SOURCE is the address it calls from.
"""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parent.parent.parent
PAUSE_SECONDS = 0.02
_PATIENCE = 60.0
_FILED = "250 2.6.0"
_COMMANDS = ("EHLO honest.example", "MAIL FROM:<dimas@acme.example>", "RCPT TO:<acme+lead@mail.kommo.com>", "DATA")
_MAIL = (
    "From: dimas@acme.example\r\nTo: pat{n}@client.example\r\nCc: acme+lead@mail.kommo.com\r\nSubject: Offer {n}\r\n"
    "Message-ID: <honest-{run}-{n}@acme.example>\r\n\r\nHello\r\n.\r\n"
)


@dataclass(slots=True)
class Honest:
    """What became of its mails. answered: by the last reply's code and enhanced code, or what went wrong. waits:
    seconds from the call to the 250, a filed mail each, sorted."""

    answered: dict[str, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    @property
    def filed(self) -> int:
        return self.answered.get(_FILED, 0)

    @property
    def others(self) -> dict[str, int]:
        """What was not filed."""
        return {said: count for said, count in self.answered.items() if said != _FILED}


class HonestSender:
    """The process, from `start` to `stop`."""

    def __init__(self, address: tuple[str, int], source: str = "127.0.0.1") -> None:
        self._command = [sys.executable, "-m", "tests.load.honest", address[0], str(address[1]), source]

    def start(self) -> None:
        """Returns once its first mail was answered."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def stop(self) -> Honest:
        """Let it end the mail it is at; what became of all after the first."""
        told, _ = self._process.communicate(timeout=2 * _PATIENCE)
        mails = [(said, float(seconds)) for said, _, seconds in (line.rpartition(" ") for line in told.splitlines())]
        answered = Counter(said for said, _ in mails)
        return Honest(dict(answered), sorted(seconds for said, seconds in mails if said == _FILED))


def send(address: tuple[str, int], source: str, run: str, n: int) -> str:
    """One mail; code and enhanced code of the last reply that was heard."""
    reply = ""
    with socket.create_connection(address, _PATIENCE, (source, 0)) as connection:
        heard = connection.makefile("rb")
        for said in ("", *(f"{command}\r\n" for command in _COMMANDS), _MAIL.format(run=run, n=n)):
            connection.sendall(said.encode())
            reply = _hear(heard)
            if not reply.startswith(("2", "3")):
                return reply[:9]
        connection.sendall(b"QUIT\r\n")
    return reply[:9]


def _hear(heard: BinaryIO) -> str:
    while line := heard.readline().decode("ascii", "replace"):
        if line[3:4] != "-":
            return line
    return "gone"


def _main(host: str, port: str, source: str) -> None:
    run, n, over = str(time.time_ns()), 0, False
    while not over:
        begun = time.monotonic()
        try:
            said = send((host, int(port)), source, run, n)
        except OSError as fault:
            said = type(fault).__name__
        print(said, f"{time.monotonic() - begun:.4f}", flush=True)
        n += 1
        over = n > 1 and bool(select.select([sys.stdin], [], [], PAUSE_SECONDS)[0])


if __name__ == "__main__":
    _main(*sys.argv[1:])
