"""The load generator: many SMTP clients in one process, written to cost little beside the servers it measures.

Raw sockets and one epoll loop; each session is a coroutine that reads like the dialog it holds (RFC 5321 section 3.3,
RFC 2920 where PIPELINING is announced). Run as `python -m bench.load '{"port": …}'`: one JSON object on stdout.
"""

from __future__ import annotations

import gc
import json
import resource
import select
import socket
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

from bench.letters import END_OF_DATA, SMART_ADDRESS, Letters

_HOST = "127.0.0.1"
_MOST_FAILURES = 5
_STAGES = ("MAIL", "RCPT", "DATA")

Talk: TypeAlias = Generator[None, bytes, None]


@dataclass(frozen=True, slots=True)
class Burst:
    """What to send. mails_a_connection: 0 keeps connections open, opened before the clock starts; else the mails
    after which a session says QUIT and connects anew, on the clock. run: a token that makes the mails unique.
    patience: seconds that answers may still take when the time is over."""

    port: int
    sessions: int
    size: int
    seconds: float
    run: str
    mails_a_connection: int = 0
    patience: float = 30.0


@dataclass(slots=True)
class Outcome:
    """What came of a burst.

    accepted: mails answered 2xx after the end of data. refused: all else, counted by stage and reply. elapsed:
    seconds from the start to the last acceptance. waits: microseconds from the end of data to the 2xx, a mail each.
    cpu: seconds of CPU this generator spent between start and end.
    """

    accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    elapsed: float = 0.0
    waits: list[int] = field(default_factory=list)
    cpu: float = 0.0


class ClosedError(Exception):
    """The server closed the connection."""


class Crowd:
    """All sessions of a burst, their common clock and tally."""

    def __init__(self, burst: Burst) -> None:
        self.burst = burst
        self.letters = Letters(burst.size, burst.run)
        self.outcome = Outcome()
        self.epoll = select.epoll()
        self.sessions: dict[int, Session] = {}
        self.number = 0
        self.started = self.deadline = 0.0

    def run(self) -> Outcome:
        """Open what is kept open, start the clock, send until the time is over, tell what happened."""
        sessions = [Session(self) for _ in range(self.burst.sessions)]
        opened = [session.start(session.opening()) for session in sessions if not self.burst.mails_a_connection]
        self._serve(opened, time.monotonic() + self.burst.patience, "greeting")
        cpu = _cpu()
        self.started = time.monotonic()
        self.deadline = self.started + self.burst.seconds
        talks = [session.start(session.sending()) for session in sessions]
        self._serve(talks, self.deadline + self.burst.patience, "sending")
        self.outcome.cpu = _cpu() - cpu
        for session in sessions:
            session.close()
        return self.outcome

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.deadline

    def accept(self, waited: float) -> None:
        self.outcome.accepted += 1
        self.outcome.waits.append(int(waited * 1e6))
        self.outcome.elapsed = time.monotonic() - self.started

    def refuse(self, stage: str, reply: bytes) -> None:
        what = f"{stage}: {reply.decode('ascii', 'replace')[:120]}"
        self.outcome.refused[what] = self.outcome.refused.get(what, 0) + 1

    def _serve(self, talks: Sequence[Session], until: float, stage: str) -> None:
        """Move data until every talk has ended or `until` has passed; who still talks then is counted as refused."""
        while any(session.talk for session in talks):
            if time.monotonic() > until:
                break
            for descriptor, event in self.epoll.poll(1.0):
                if session := self.sessions.get(descriptor):
                    session.moved(event)
        for session in talks:
            if session.talk:
                self.refuse(stage, b"no answer in time")
                session.talk = None


class Session:
    """One client: a socket and the talk it is in."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._lines: list[bytes] = []
        self._unsent: list[memoryview] = []
        self._writing = False
        self.keywords: frozenset[bytes] = frozenset()
        self.failures = 0
        self.sent_at = 0.0
        self.talk: Talk | None = None

    # The dialog: what is said, in order. `yield` waits for the next reply.

    def opening(self) -> Talk:
        """Connect, read the greeting, say EHLO."""
        yield from self._try(self._greet())

    def sending(self) -> Talk:
        """Mail after mail until the time is over; the connection is renewed as the burst says."""
        each = self._crowd.burst.mails_a_connection
        while not self._crowd.over and self.failures < _MOST_FAILURES:
            yield from self._try(self._batch(each))

    def _batch(self, mails: int) -> Talk:
        if self._socket is None:
            yield from self._greet()
        sent = 0
        while self._socket and not self._crowd.over and (not mails or sent < mails):
            yield from self._mail()
            sent += 1
        if mails and self._socket:
            self._send([b"QUIT\r\n"])
            yield
            self.close()

    def _try(self, talk: Talk) -> Talk:
        """Hold a talk; a lost connection in it is counted, and the next talk begins with a new one."""
        try:
            yield from talk
        except (ClosedError, OSError) as error:
            self.failures += 1
            self._crowd.refuse("connection", str(error).encode())
            self.close()

    def _greet(self) -> Talk:
        self._connect()
        for command in (b"", b"EHLO client.bench.example\r\n"):
            if command:
                self._send([command])
            reply = yield
            if not reply.startswith(b"2"):
                raise ClosedError(f"greeting: {reply[:100]!r}")
        self.keywords = frozenset(line[4:].upper().split(b" ")[0] for line in reply.split(b"\n"))

    def _mail(self) -> Talk:
        letter = self._crowd.letters.letter(self._crowd.number)
        self._crowd.number += 1
        size = b" SIZE=%d" % letter.size if b"SIZE" in self.keywords else b""
        commands = (b"MAIL FROM:<%s>%s\r\n" % (letter.sender, size), b"RCPT TO:<%s>\r\n" % SMART_ADDRESS, b"DATA\r\n")
        replies = yield from self._say(commands)
        refusal = next(((s, r) for s, r in zip(_STAGES, replies, strict=False) if r[:1] not in (b"2", b"3")), None)
        if replies[-1].startswith(b"354"):
            self._send(letter.pieces if refusal is None else [END_OF_DATA])
            final = yield
            if refusal is None and final.startswith(b"2"):
                self._crowd.accept(time.monotonic() - self.sent_at)
                self.failures = 0
                return
            refusal = refusal or ("end of data", final)
        stage, reply = refusal or ("DATA", replies[-1])
        self._crowd.refuse(stage, reply)
        if reply.startswith(b"421"):
            self.failures += 1
            self.close()
            return
        self._send([b"RSET\r\n"])
        yield

    def _say(self, commands: tuple[bytes, ...]) -> Generator[None, bytes, list[bytes]]:
        """Commands in one write where PIPELINING is announced (RFC 2920), else one by one while they are taken."""
        replies: list[bytes] = []
        if b"PIPELINING" in self.keywords:
            self._send([b"".join(commands)])
            while len(replies) < len(commands):
                reply = yield
                replies.append(reply)
            return replies
        for command in commands:
            self._send([command])
            replies.append((yield))
            if replies[-1][:1] not in (b"2", b"3"):
                break
        return replies

    # The socket: bytes in and out.

    def start(self, talk: Talk) -> Session:
        self.talk = talk
        self._resume(None)
        return self

    def moved(self, event: int) -> None:
        """The socket can be read or written."""
        try:
            if event & select.EPOLLOUT:
                self._flush()
            if event & ~select.EPOLLOUT:
                self._read()
        except OSError as error:
            self._resume(error)

    def close(self) -> None:
        if self._socket is not None:
            self._crowd.sessions.pop(self._socket.fileno(), None)
            self._socket.close()
            self._socket = None
        self._buffer, self._lines, self._unsent, self._writing = b"", [], [], False

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.connect_ex((_HOST, self._crowd.burst.port))
        self._crowd.sessions[self._socket.fileno()] = self
        self._crowd.epoll.register(self._socket, select.EPOLLIN)

    def _send(self, pieces: Sequence[bytes]) -> None:
        self._unsent = [memoryview(piece) for piece in pieces]
        self._flush()

    def _flush(self) -> None:
        """Write what the kernel takes; the rest goes when it says so. `sent_at` is when the last byte went."""
        if self._socket is None:
            raise ClosedError("closed by the server")
        while self._unsent:
            try:
                written = self._socket.sendmsg(self._unsent)
            except BlockingIOError:
                break
            while self._unsent and written >= len(self._unsent[0]):
                written -= len(self._unsent.pop(0))
            if written:
                self._unsent[0] = self._unsent[0][written:]
        self.sent_at = time.monotonic()
        if self._writing != bool(self._unsent):
            self._writing = bool(self._unsent)
            self._crowd.epoll.modify(self._socket, select.EPOLLIN | (select.EPOLLOUT if self._writing else 0))

    def _read(self) -> None:
        if self._socket is None:
            return
        data = self._socket.recv(65536)
        if not data:
            self._resume(ClosedError("closed by the server"))
            return
        self._buffer += data
        while self.talk and (end := self._buffer.find(b"\r\n")) >= 0:
            line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
            self._lines.append(line)
            if line[3:4] != b"-":
                reply, self._lines = b"\n".join(self._lines), []
                self._resume(reply)

    def _resume(self, what: bytes | Exception | None) -> None:
        """Go on with the talk: None begins it, bytes are the reply it waits for, an exception ends the connection."""
        if self.talk is None:
            return
        try:
            if isinstance(what, Exception):
                self.talk.throw(what)
            elif what is None:
                next(self.talk)
            else:
                self.talk.send(what)
        except StopIteration:
            self.talk = None


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    gc.disable()
    json.dump(asdict(Crowd(Burst(**json.loads(sys.argv[1]))).run()), sys.stdout)
