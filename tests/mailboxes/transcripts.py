"""A mail server that speaks from a script, for what other servers are known to say.

A script is a list of steps: `S: text` is sent as a line, octets are sent as they are, `C: pattern` is what the client
has to say next (fnmatch, without its tag; `[*]` is an asterisk), and there are the acts below. `{tag}` is the tag the
client used last. The first thing that isn't in the script ends it, and fails the test.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NoReturn

import trustme

TLS = "-- TLS --"
"""The server begins TLS here."""
SILENCE = "-- SILENCE --"
"""It says nothing until the client goes."""
HOST = "imap.test"

Step = str | bytes


class Authority:
    """An authority of the tests. server: speaks for HOST; client: trusts it."""

    def __init__(self) -> None:
        self.ca = trustme.CA()
        self.server = self.server_of(self.ca.issue_cert(HOST))
        self.client = ssl.create_default_context()
        self.ca.configure_trust(self.client)

    @staticmethod
    def server_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(made)
        return made


class Transcript:
    """Serves one connection. heard: the lines the client said. wrong: the first that is not in the script."""

    def __init__(self, steps: Sequence[Step], context: ssl.SSLContext) -> None:
        self.heard: list[str] = []
        self.port = 0
        self._steps, self._context = list(steps), context
        self.wrong = ""
        self._buffer = b""
        self._tag = ""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(20)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="transcript")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # wakes it where nobody came
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self._connection, _ = self._socket.accept()
            self._connection.settimeout(20)
            try:
                for step in self._steps:
                    self._play(step)
            finally:
                self._connection.close()

    def _play(self, step: Step) -> None:
        if step == TLS:
            self._connection = self._context.wrap_socket(self._connection, server_side=True)
        elif step == SILENCE:
            while self._connection.recv(4096):
                pass
        elif isinstance(step, bytes):
            self._connection.sendall(step)
        elif step.startswith("S: "):
            self._connection.sendall(step[3:].replace("{tag}", self._tag).encode() + b"\r\n")
        else:
            self._expect(step[3:])

    def _expect(self, pattern: str) -> None:
        while b"\n" not in self._buffer:
            more = self._connection.recv(65_536)
            if not more:
                self._end(f"the client left before {pattern!r}")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        said = line.rstrip(b"\r").decode()
        self.heard.append(said)
        tag, _, command = said.partition(" ")
        self._tag = tag if command else self._tag
        if not fnmatchcase(command or said, pattern):
            self._end(f"{command or said!r} is not {pattern!r}")

    def _end(self, wrong: str) -> NoReturn:
        self.wrong = wrong
        raise ConnectionAbortedError(wrong)


@contextlib.contextmanager
def serving(steps: Sequence[Step], context: ssl.SSLContext) -> Iterator[Transcript]:
    """A server that plays this script once; what the client says has to be in it."""
    server = Transcript(steps, context)
    server.start()
    try:
        yield server
    finally:
        server.close()
        assert server.wrong == ""


def answered(command: str, *lines: Step) -> list[Step]:
    """A command, what is said to it, and its OK."""
    return [f"C: {command}", *lines, "S: {tag} OK done"]


def logged_in(*capabilities: str) -> list[Step]:
    """From the greeting to the log-in, with what the server can from then on."""
    can = " ".join(("IMAP4rev1", *capabilities))
    return [
        TLS,
        "S: * OK ready",
        *answered("CAPABILITY", "S: * CAPABILITY IMAP4rev1 AUTH=PLAIN"),
        "C: AUTHENTICATE PLAIN",
        "S: + ",
        "C: *",
        f"S: {{tag}} OK [CAPABILITY {can}] in",
    ]


def opened(*capabilities: str, exists: int = 3) -> list[Step]:
    """From the greeting to an opened inbox."""
    return [
        *logged_in(*capabilities),
        *answered(
            'EXAMINE "INBOX"', f"S: * {exists} EXISTS", "S: * OK [UIDVALIDITY 7] valid", "S: * OK [UIDNEXT 9] next"
        ),
    ]


def literal(octets: bytes) -> bytes:
    """Octets as a literal (RFC 9051 section 4.3)."""
    return b"{%d}\r\n" % len(octets) + octets
