"""The connection below an IMAP session: TLS first, octets counted and bounded, lines in the form imaplib reads.

Why not imaplib's own: it reads whatever a server announces into memory, waits for ever where octets drip, keeps the
last commands with their passwords, and gives up on servers that write `* ok` or two blanks.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

LINE_BYTES = 16 * 1024 * 1024
"""The longest line: a million UIDs in one answer to SEARCH."""
LITERAL_BYTES = 40 * 1024 * 1024
ANSWER_BYTES = 64 * 1024 * 1024
"""The most that one command is answered with."""
_LINE_COSTS = 64
"""Octets that a line counts for beside its own: so much memory it takes."""
COMMAND_SECONDS = 900.0
"""How long a command takes at most, however steadily octets come."""
PATIENCE_SECONDS = 300.0
"""How long it takes at most where hardly any come; those that do give it more time."""
_SLOWEST = 8 * 1024
"""Octets a second: in the long run no slower server is waited for."""
CONNECT_SECONDS = 15.0
_CHUNK = 64 * 1024
_AT_ONCE = 1024 * 1024
_NEWS = frozenset(("EXISTS", "EXPUNGE", "VANISHED"))
_LOOSE = re.compile(rb"\* +(?:(\d+) +)?([A-Za-z][A-Za-z-]*)(?: +(?=\S))?")
_TAGGED = re.compile(rb"([A-Z]{4}\d+) +(ok|no|bad)\b", re.I)

imaplib.Commands.update(
    ID=("NONAUTH", "AUTH", "SELECTED"), IDLE=("AUTH", "SELECTED"), XLIST=("AUTH", "SELECTED")
)  # RFC 2971, RFC 2177, and Google's of old


class RefusedError(Exception):
    """The server answered NO or BAD. text: its words, which are shown to nobody."""

    def __init__(self, text: str) -> None:
        super().__init__("the server refused a command")
        self.text = text


class TooMuchError(Exception):
    """The server sends more than it was asked for, or more than is taken."""


class NoTlsError(Exception):
    """The connection can't be made safe: no credential goes over it."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached. addresses: judged ones of its host, tried in order. seconds: without a single octet."""

    host: str
    port: int
    addresses: Sequence[str]
    context: ssl.SSLContext
    starttls: bool
    seconds: float


class Wire(imaplib.IMAP4):
    """One connection to a server. news: something came in that changes which messages there are."""

    def __init__(self, way: Way, counted: Callable[[int], None]) -> None:
        self.way = way
        self.news = False
        self._counted = counted
        self._data = bytearray()
        self._at = 0
        self._seconds = COMMAND_SECONDS
        self._begin()
        super().__init__(way.host, way.port, way.seconds)
        if way.starttls:
            try:
                self._start_tls()
            except BaseException:
                self.shutdown()
                raise

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """Connects to the first address that answers."""
        self.host, self.port = host, port
        self.sock = self._connected()
        if not self.way.starttls:
            self._wrap()

    def read(self, size: int) -> bytes:
        """A literal."""
        if size > LITERAL_BYTES:
            raise TooMuchError(f"a literal of {size} octets")
        while len(self._data) - self._at < size:
            self._fill()
        return self._take(self._at + size)

    def readline(self) -> bytes:
        """A line as imaplib wants them: one blank between words, its own words in capitals, ended by CR LF."""
        searched = self._at
        while (end := self._data.find(b"\n", searched)) < 0:
            searched = len(self._data)
            if searched - self._at > LINE_BYTES:
                raise TooMuchError("an endless line")
            searched -= self._at
            self._fill()
            searched += self._at
        self._left -= _LINE_COSTS
        return _tidy(self._take(end + 1))

    def send(self, data: Any) -> None:
        """Sends; imaplib would show it to whoever listens for audit events, passwords and all."""
        self.sock.sendall(data)

    def shutdown(self) -> None:
        """Ends the connection."""
        sock = getattr(self, "sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def ask(self, name: str, *args: str | bytes) -> str:
        """A command, to its end: the text behind its OK. Raises RefusedError on NO and BAD."""
        try:
            status, data = self._simple_command(name, *args)
        except self.abort:
            raise
        except self.error as error:
            raise RefusedError(str(error)) from None
        text = b" ".join(one for one in data if isinstance(one, bytes)).decode("utf-8", "replace")
        if status != "OK":
            raise RefusedError(text)
        return text

    def authenticate_with(self, mechanism: str, answer: bytes) -> None:
        """SASL with one answer; to whatever the server says then, which is why it refuses, the answer is nothing."""
        left = [answer]
        try:
            self.authenticate(mechanism, lambda _: left.pop() if left else b"")
        except self.abort:
            raise
        except self.error as error:
            raise RefusedError(str(error)) from None

    def examine(self, name: bytes) -> None:
        """Opens a folder for reading; none is open where that is refused."""
        self.state, self.is_readonly = "AUTH", True
        self.ask("EXAMINE", name)
        self.state, self.news = "SELECTED", False

    def append_to(self, name: bytes, date: str, message: bytes) -> None:
        """Puts a message into a folder, as seen; date as the command holds it. Raises RefusedError."""
        self.literal = message  # type: ignore[assignment]
        try:
            self.ask("APPEND", name, r"(\Seen)", date)
        finally:
            self.literal = None

    def begin(self, name: str) -> bytes:
        """A command that goes on until `end`: its tag, once the server is ready. Raises RefusedError."""
        tag: bytes = self._command(name)
        while self._get_response() is not None:
            self._check_bye()
            if (refused := self.tagged_commands[tag]) is not None:
                raise RefusedError(repr(refused))
        return tag

    def heard(self, tag: bytes | None) -> bool:
        """Reads what has come in, without waiting for more. True: the command with this tag has ended. Raises
        TooMuchError where it does not come to an end."""
        self._begin()
        while self._line_is_here():
            self._get_response()
            self._check_bye()
            self.untagged_responses.clear()
            if self._left < 0:
                raise TooMuchError("endless news")
        return tag is not None and self.tagged_commands.get(tag) is not None

    def end(self, name: str, tag: bytes, word: bytes) -> None:
        """Ends a command with the word for it, if it has not ended."""
        self._begin()
        if self.tagged_commands[tag] is None:
            self.send(word)
        self._command_complete(name, tag)

    def untagged(self, name: str) -> list[Any]:
        """What the last command was answered with under a name: octets, or pairs of octets and a literal."""
        return self.untagged_responses.pop(name, [])

    def hurry(self, seconds: float) -> None:
        """Each command from now on takes no longer than that."""
        self._seconds = seconds
        self.sock.settimeout(seconds)

    def _line_is_here(self) -> bool:
        """Whether a whole line has come in; never waits. Raises where what came in can't be read without waiting."""
        self.sock.settimeout(0)
        try:
            for _ in range(_AT_ONCE // _CHUNK):
                self._fill()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except (self.abort, TooMuchError, OSError):
            if self._data.find(b"\n", self._at) < 0:
                raise  # else its last words are heard first
        finally:
            self.sock.settimeout(self.way.seconds)
        end = self._data.find(b"\n", self._at)
        if end >= 0 and self._data[self._at : end].rstrip().endswith(b"}"):
            raise TooMuchError("a literal nobody asked for")
        if len(self._data) - self._at > LINE_BYTES:
            raise TooMuchError("an endless line")
        return end >= 0

    def _connected(self) -> socket.socket:
        failed: OSError = OSError("no address to connect to")
        for address in self.way.addresses:
            try:
                sock = socket.create_connection((address, self.way.port), min(CONNECT_SECONDS, self.way.seconds))
            except OSError as error:
                failed = error
            else:
                sock.settimeout(self.way.seconds)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise failed

    def _wrap(self) -> None:
        try:
            self.sock = self.way.context.wrap_socket(self.sock, server_hostname=self.way.host)
        except BaseException:
            self.sock.close()
            raise

    def _start_tls(self) -> None:
        """STARTTLS is required (RFC 8314). What came before it is forgotten, and what came with it is an attack."""
        if self.state != "NONAUTH" or "STARTTLS" not in self.capabilities:
            raise NoTlsError
        try:
            self.ask("STARTTLS")
        except RefusedError:
            raise NoTlsError from None
        if len(self._data) > self._at:
            raise NoTlsError
        self._wrap()
        self.untagged_responses.clear()
        self._get_capabilities()

    def _begin(self) -> None:
        self._left = ANSWER_BYTES
        now = monotonic()
        self._until = now + min(self._seconds, PATIENCE_SECONDS)
        self._latest = now + self._seconds

    def _fill(self) -> None:
        if monotonic() > self._until:
            raise TimeoutError("the command takes too long")
        chunk = self.sock.recv(_CHUNK)
        if not chunk:
            self._check_bye()
            raise self.abort("socket error: EOF")
        self._counted(len(chunk))
        self._until = min(self._latest, self._until + len(chunk) / _SLOWEST)
        self._left -= len(chunk)
        if self._left < 0:
            raise TooMuchError("an endless answer")
        if self._at:
            del self._data[: self._at]
            self._at = 0
        self._data += chunk

    def _take(self, end: int) -> bytes:
        taken = bytes(memoryview(self._data)[self._at : end])
        self._at = end
        return taken

    def _command(self, name: str, *args: Any) -> Any:
        self._begin()
        self.untagged_responses.clear()
        return super()._command(name, *args)  # type: ignore[misc]

    def _append_untagged(self, typ: str, dat: Any) -> None:
        self.news = self.news or typ in _NEWS
        super()._append_untagged(typ, dat)  # type: ignore[misc]

    def _log(self, line: str) -> None:
        """Keeps nothing: imaplib would remember the last commands, with their passwords."""


def _tidy(line: bytes) -> bytes:
    """A line of an untidy server; those of others come out as they went in."""
    if not line.endswith(b"\r\n"):
        line = line[:-1] + b"\r\n"
    if line.startswith(b"* "):
        return _LOOSE.sub(_tidied, line, count=1)
    return _TAGGED.sub(lambda found: found[1] + b" " + found[2].upper(), line, count=1) if line[4:5].isdigit() else line


def _tidied(found: re.Match[bytes]) -> bytes:
    number = found[1] + b" " if found[1] else b""
    return b"* " + number + found[2].upper() + (b" " if found[0].endswith(b" ") else b"")
