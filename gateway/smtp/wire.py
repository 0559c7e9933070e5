"""One connection as lines in and replies out: buffers, flow control, time limits, parting; no command is known here.

It is an aiosmtpd SMTP protocol whose reading and writing are replaced: bytes come straight from `data_received`,
so that a message is cut in bulk, and replies to pipelined commands leave in one write.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from contextlib import suppress
from typing import ClassVar, cast

from aiosmtpd.smtp import SMTP

from gateway import metrics
from gateway.core.replies import Reply
from gateway.smtp import answers
from gateway.smtp.content import ContentReader
from gateway.smtp.door import Door
from gateway.smtp.proxy import plain_address

_INBOX_BYTES = 64 * 1024
"""So many octets of commands may wait; then the socket isn't read any more."""
_OUTBOX_BYTES = 16 * 1024
"""So many octets of replies are gathered before they are sent."""
_ENDLESS_LINE_LIMITS = 64
"""A line this many times the limit is not waited for any longer."""
LINGER_SECONDS = 3.0
"""How long a peer we part from may take to read our last reply."""
LINGER_BYTES = 16 * 1024 * 1024
"""How much of what such a peer still sends is thrown away, before the line is cut: more than the two kernels keep for a
connection (Linux: 4 MiB that were sent, 6 MiB that were received), for a peer may have handed them all before it looks
for our reply."""
_PACE_SECONDS = 30.0
"""How often a message that is coming in is asked whether it comes fast enough."""
_LOCAL_PEER = "127.0.0.1"
"""The address of a peer on a unix socket: it is a process of this machine."""


class FarewellError(Exception):
    """The session is over. reply: what the peer is still told; None when it left by itself or was answered."""

    def __init__(self, reply: Reply | None) -> None:
        super().__init__(reply)
        self.reply = reply


class Wire(SMTP):
    """The connection of one session; a session is its subclass and runs in a task of its own.

    The task is never cancelled by what the peer does: a peer that hangs up is noticed when the session next wants
    to read, so what it was filing is filed (B10, B11).
    """

    road: ClassVar[str]
    transport: asyncio.Transport | None

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        # Not SMTP.__init__: it reflects over all its attributes and asks the resolver for our own name.
        asyncio.StreamReaderProtocol.__init__(self, cast(asyncio.StreamReader, None), loop=loop)
        self.loop = loop
        self.door = door
        self.transport = None
        self.peer = ""
        self._inbox = bytearray()
        self._outbox = bytearray()
        self._skipped = 0
        self._content: ContentReader | None = None
        self._content_began = math.inf
        self._foreword = False
        self._waiter: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._deadline = math.inf
        self._timeout_reply = answers.TIMED_OUT
        self._dismissal: Reply | None = None
        self._hung_up = False
        self._read_paused = False
        self._write_paused = False
        self._parting = False

    async def converse(self) -> None:
        """Hold the session from greeting to parting; the subclass says how."""
        raise NotImplementedError

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        try:
            self._begin(transport)
        except Exception:  # a connection without a session would stay open for ever
            self.transport.abort()
            raise

    def _begin(self, transport: asyncio.BaseTransport) -> None:
        sock = transport.get_extra_info("socket")
        self.peer = _address_of(sock, transport.get_extra_info("peername"))
        _send_at_once(sock)
        crowded = self.door.full
        self.door.wires.add(self)
        metrics.session_opened(self.road)
        if crowded or self.door.stopping:
            self.say(answers.TOO_MANY_SESSIONS if crowded else answers.SHUTTING_DOWN)
            self.part(linger=False)
            return
        self.allow(self.door.limits.idle_seconds, answers.TIMED_OUT)
        task = self.loop.create_task(self.converse())
        self.door.tasks.add(task)
        task.add_done_callback(self._ended)

    def connection_lost(self, error: Exception | None) -> None:
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None
        self._hung_up = True
        if self in self.door.wires:
            self.door.wires.discard(self)
            metrics.session_closed(self.road)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._wake()

    def eof_received(self) -> bool:
        """A peer that will say nothing more may still read: what it has asked for is answered first."""
        self._hung_up = True
        self._wake()
        return not self._parting and self._plain

    def data_received(self, data: bytes) -> None:
        if self._parting:
            self._skipped += len(data)
            if self._skipped > LINGER_BYTES:
                self.drop()
            return
        if self._content is not None:
            rest = self._content.feed(data)
            if rest is None:
                if self._content.wants_attention:
                    self._pause_reading()
                    self._wake()
                return
            self._content = None
            self._inbox += rest
            self._wake()
        else:
            self._inbox += data
            if b"\n" in data or self._foreword or len(self._inbox) > self.door.limits.max_line:
                self._wake()
        if len(self._inbox) > _INBOX_BYTES:
            self._pause_reading()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._wake()

    # What the session calls

    async def next_line(self) -> bytes | None:
        """The next command line with its line end, whichever that is; None for one that was too long.

        Raises FarewellError when there will be none, or when nobody is left to hear the answer.
        """
        limit = self.door.limits.max_line
        inbox = self._inbox
        while True:
            if self._dismissal is not None or self.door.stopping:
                raise FarewellError(self._dismissal or answers.SHUTTING_DOWN)
            if self.transport is None:
                raise FarewellError(None)
            at = inbox.find(b"\n") + 1
            if at:
                too_long = self._skipped or at > limit
                line = None if too_long else bytes(inbox[:at])
                del inbox[:at]
                self._skipped = 0
                return line
            if len(inbox) > limit:
                self._skipped += len(inbox)
                inbox.clear()
                if self._skipped > limit * _ENDLESS_LINE_LIMITS:
                    raise FarewellError(answers.ENDLESS_LINE)
            await self.more()

    def begin_content(self, reader: ContentReader) -> None:
        """From here on octets go to the reader, until it has found its end; what waits already goes first."""
        self.allow(min(self.door.limits.data_seconds, _PACE_SECONDS), answers.MESSAGE_TIMED_OUT)
        self._content_began = self.loop.time()
        waiting = bytes(self._inbox)
        self._inbox.clear()
        rest = reader.feed(waiting)
        if rest is None:
            self._content = reader
        else:
            self._inbox += rest

    async def more(self) -> None:
        """Send what is to be said and wait until something has happened; the caller looks at what it was."""
        await self.flush()
        if self._dismissal is not None or self._hung_up:
            raise FarewellError(self._dismissal)
        self._resume_reading()
        await self._sleep()

    def say(self, reply: Reply) -> None:
        """Answer; it leaves with the next flush."""
        self.say_bytes(answers.on_wire(reply if reply.positive else self.door.refusal(reply)))

    def say_bytes(self, reply: bytes) -> None:
        self._outbox += reply

    @property
    def talkative(self) -> bool:
        """More has been said than should wait for the next flush."""
        return len(self._outbox) > _OUTBOX_BYTES

    async def flush(self) -> None:
        """Send what was said; wait while the peer doesn't read."""
        self._send()
        while self._write_paused and not self._lost:
            await self._sleep()

    def allow(self, seconds: float, reply: Reply) -> None:
        """Let the session wait so long, from now; after that it ends with this reply (A8)."""
        self._content_began = math.inf
        self._deadline = self.loop.time() + seconds
        self._timeout_reply = reply
        if self._alarm is None or self._alarm.when() > self._deadline:
            self._set_alarm(self._deadline)

    def dismiss(self, reply: Reply) -> None:
        """End the session as soon as it waits for the peer."""
        if self._dismissal is None:
            self._dismissal = reply
        if self._write_paused and self._waiter is not None:
            self.drop()
        self._wake()

    @property
    def resting(self) -> bool:
        """It waits for a command: nothing is being received or filed."""
        return self._waiter is not None and self._content is None

    def part(self, *, linger: bool) -> None:
        """Send what was said, then close.

        linger: the peer may be in the middle of sending; closing at once would reset the connection and destroy our
        last reply on its way, so what it sends is thrown away for a moment.
        """
        self._send()
        self._parting = True
        transport = self.transport
        if transport is None:
            return
        if linger and not self._hung_up:
            if self._plain and transport.can_write_eof():
                with suppress(OSError):  # the peer may have left in this very moment
                    transport.write_eof()
            self._resume_reading()
        else:
            transport.close()
        self._set_alarm(self.loop.time() + LINGER_SECONDS)

    def drop(self) -> None:
        """Close at once, whatever is still to be sent."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def tls_version(self) -> str | None:
        """The protocol the connection is encrypted with, such as "TLSv1.3"; None in plain text."""
        tls = None if self.transport is None else self.transport.get_extra_info("ssl_object")
        return None if tls is None else cast(ssl.SSLObject, tls).version()

    # Inside

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The session is over; where it failed without a goodbye, the peer is let go, so that it tries again."""
        self.door.tasks.discard(task)
        if not self._parting:
            self.drop()

    @property
    def _lost(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    @property
    def _plain(self) -> bool:
        return self.transport is not None and self.transport.get_extra_info("sslcontext") is None

    def _send(self) -> None:
        if self._outbox and self.transport is not None:
            self.transport.write(bytes(self._outbox))
        self._outbox.clear()

    def _pause_reading(self) -> None:
        if not self._read_paused and self.transport is not None:
            self._read_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._read_paused and self.transport is not None:
            self._read_paused = False
            self.transport.resume_reading()

    async def _sleep(self) -> None:
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _set_alarm(self, when: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self.transport is None:
            return
        self._alarm = self.loop.call_at(when, self._ring)

    def _ring(self) -> None:
        """The alarm isn't moved with each command: it looks at the deadline when it rings."""
        self._alarm = None
        if self._parting:
            self._end_parting()
            return
        now = self.loop.time()
        if now < self._deadline or self._keeps_pace(now):
            self._set_alarm(min(self._deadline, now + self.door.limits.idle_seconds))
        else:
            self.dismiss(self._timeout_reply)

    def _keeps_pace(self, now: float) -> bool:
        """A message that comes fast enough gets more time, up to the limit for the whole of it (A8)."""
        reader, limits = self._content, self.door.limits
        spent = now - self._content_began
        if spent < 0 or spent >= limits.data_seconds:
            return False
        ours = reader is None or self._read_paused  # it has come, or waits until we have written what came
        if reader is not None and not ours and reader.received < spent * limits.data_bytes_per_second:
            return False
        self._deadline = now + min(_PACE_SECONDS, limits.data_seconds - spent)
        return True

    def _end_parting(self) -> None:
        """The peer had its moment to read our last words: close, and if that takes long as well, cut the line."""
        if self._lost or self._plain:
            self.drop()
        elif self.transport is not None:
            self.transport.close()
            self._set_alarm(self.loop.time() + LINGER_SECONDS)


def _address_of(sock: socket.socket | None, peername: object) -> str:
    """The peer's IP address without port and zone; 0.0.0.0 where it has left already."""
    if isinstance(peername, tuple):
        return plain_address(str(peername[0]).partition("%")[0])
    return _LOCAL_PEER if sock is not None and sock.family == socket.AF_UNIX else "0.0.0.0"  # noqa: S104 - nobody's


def _send_at_once(sock: socket.socket | None) -> None:
    """Set TCP_NODELAY: asyncio leaves it unset where the listening socket was made with protocol 0."""
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
