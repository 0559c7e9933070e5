"""Holds thousands of connections open and sends mail meanwhile: `python -m bench.holding '{"port": …}'`.

Says how many connections are open, waits for a line on stdin, sends a mail after the other for some rounds, and tells
in JSON how long each took from connect to 250 and how many connections were still answered in the end.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
from dataclasses import asdict, dataclass, field

from bench.letters import SMART_ADDRESS, Letters
from bench.rows import KIB

_EACH_SOURCE = 5_000
"""Connections from one loopback address: a kernel gives it some 28,000 ports, and not all are free."""
_EHLO = b"EHLO client.bench.example\r\n"
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Holding:
    """What to do. rounds, seconds: of mails, one after the other."""

    port: int
    connections: int
    rounds: int
    seconds: float

    def dumped(self) -> str:
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Held:
    """What came of it. waits: microseconds from connect to the reply to the end of data, a mail each, by round.
    alive: idle connections that still answered in the end. sources: addresses they came from."""

    waits: list[list[int]] = field(default_factory=list)
    alive: int = 0
    sources: int = 0
    faults: list[str] = field(default_factory=list)


def _connected(port: int, number: int) -> socket.socket:
    """A connection that was greeted and has said EHLO, from the source that its number stands for."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(_TIMEOUT)
    connection.bind((f"127.0.0.{1 + number // _EACH_SOURCE}", 0))
    connection.connect(("127.0.0.1", port))
    _reply(connection)
    connection.sendall(_EHLO)
    _reply(connection)
    return connection


def _reply(connection: socket.socket) -> bytes:
    """The last line of a reply. Raises ConnectionError where there is none."""
    read = b""
    while not read.endswith(b"\r\n") or read.split(b"\r\n")[-2][3:4] == b"-":
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        read += data
    return read.split(b"\r\n")[-2]


def _replies(connection: socket.socket, wanted: int) -> list[bytes]:
    """So many replies of one line each."""
    read = b""
    while read.count(b"\r\n") < wanted:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        read += data
    return read.split(b"\r\n")[:-1]


def _mail(port: int, letters: Letters, number: int) -> int:
    """One mail on a connection of its own: microseconds to its 250. Raises ConnectionError where it isn't taken."""
    letter = letters.letter(number)
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _reply(connection)
        connection.sendall(_EHLO)
        _reply(connection)
        connection.sendall(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (letter.sender, SMART_ADDRESS))
        told = _replies(connection, 3)
        if told[-1].startswith(b"354"):
            connection.sendall(b"".join(letter.pieces))
            told = _replies(connection, 1)
        taken = int((time.monotonic() - begun) * 1e6)
        if not told[-1].startswith(b"250"):
            raise ConnectionError(told[-1].decode("ascii", "replace")[:120])
        connection.sendall(b"QUIT\r\n")
    return taken


def run(holding: Holding) -> None:
    """The whole of it; the parent reads stdout."""
    held = Held(sources=-(-holding.connections // _EACH_SOURCE))
    connections: list[socket.socket] = []
    try:
        connections.extend(_connected(holding.port, number) for number in range(holding.connections))
    except OSError as error:
        held.faults.append(f"connection {len(connections) + 1}: {error}")
    print(len(connections), flush=True)
    sys.stdin.readline()
    letters, number = Letters(3 * KIB, secrets.token_hex(4)), 0
    for _ in range(holding.rounds):
        waits: list[int] = []
        until = time.monotonic() + holding.seconds
        while time.monotonic() < until:
            try:
                waits.append(_mail(holding.port, letters, number))
            except OSError as error:
                held.faults.append(f"mail {number}: {error}")
                break
            number += 1
        held.waits.append(waits)
    for connection in connections:
        try:
            connection.sendall(b"NOOP\r\n")
            held.alive += _reply(connection).startswith(b"250")
        except OSError:
            continue
    print(json.dumps(asdict(held)), flush=True)


if __name__ == "__main__":
    run(Holding(**json.loads(sys.argv[1])))
