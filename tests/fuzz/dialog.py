"""The SMTP dialog, octet for octet: however a stream is cut, the same is said and the same is filed (target `dialog`).

Input: an octet that chooses the door, three that choose where the stream is cut, then what the peer sends.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, cast

from gateway.core.admission import Directory, admit, read_recipient
from gateway.core.envelope import Admission, Envelope
from gateway.core.header import read_header
from gateway.core.replies import Reply, filed
from gateway.smtp import intake
from gateway.smtp.desk import Spool
from gateway.smtp.door import Door, Doorway
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.lmtp import LmtpSession
from gateway.smtp.proxy import ProxyError, read_proxy
from gateway.smtp.session import SmtpSession
from gateway.smtp.visitors import Visitors
from gateway.usecases.desk import received_line
from tests.core.world import DOMAINS, NUMBERS
from tests.smtp.front_desk import MemorySpool
from tests.smtp.test_content import FORMS, unstuffed

MOST_BYTES = 2_048
LIMITS = SmtpLimits(
    max_message_bytes=600, max_recipients=3, max_line=200, max_command_errors=8, max_commands=60,
    max_unknown_recipients=5, tarpit_seconds=0.0, names_per_hour=4, mails_per_minute=4,
)  # fmt: skip
MEMORY_BYTES, LEAST_BYTES = 200, 64
LMTP, PROXIED = 1, 2
_LOOP = asyncio.new_event_loop()
_HELLO = b"EHLO a\r\nMAIL FROM:<bob@client.example> SIZE=9\r\nRCPT TO:<acme+lead@mail.kommo.com>\r\nDATA\r\n"
_PROXY = b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 25\r\n"
_REPLIES = re.compile(rb"(?:(?:[245][0-9]{2}[- ][ -~]{0,507}|354 [ -~]*)\r\n)*")


def seeds() -> Iterator[bytes]:
    rest = b"MAIL FROM:<eve@evil.example>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n"
    for form in FORMS:
        yield b"\0\x40\x50\x60" + _HELLO + b"one" + form + rest
    yield b"\1\x30\x31\x32" + _HELLO.replace(b"EHLO", b"LHLO") + b"Subject: a\r\n\r\n..\r\n.\r\n"
    yield b"\2\x10\x28\x2c" + _PROXY + b"EHLO a\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<nobody@mail.kommo.com>\r\n" * 5
    yield b"\2\x01\x09\x0d" + b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(range(1, 13)) + _HELLO + b"x\r\n.\r\n"
    yield b"\0\0\0\0" + _HELLO + b"x" * 700 + b"\r\n.\r\nNOOP " + b"y" * 300 + b"\r\nVRFY a\r\nHELP\r\n"
    yield b"\0\0\0\0" + 'EHLO a\r\nMAIL FROM:<ü@b.example> SMTPUTF8\r\nRCPT TO:<"acme"@in.gate.example.>\r\n'.encode()
    yield b"\0\0\0\0" + _HELLO + b"x" * 450 + b"\r\n..x\r\n.\r\nSTARTTLS\r\nAUTH x\r\nGET / HTTP/1.1\r\n"


def check(data: bytes) -> None:
    mode, stream = (data[:1] or b"\0")[0], data[4:]
    cuts = sorted({octet * len(stream) // 256 for octet in data[1:4]})
    octets = [stream[at : at + 1] for at in range(len(stream))]
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    by_octet = _converse(mode, octets)
    _is_sound(by_octet, stream)
    for packets in ([stream], pieces):
        other = _converse(mode, packets)
        assert other.said == by_octet.said
        assert other.filed == by_octet.filed
        assert other.noted == by_octet.noted
    _proxy_header_ends_somewhere(stream)


def _is_sound(heard: _Conversation, stream: bytes) -> None:
    """Every reply is one, every message was sent, and nothing a peer says gets into our own trace field."""
    assert _REPLIES.fullmatch(heard.said), heard.said
    starts = [taken for taken, part in heard.parts if part.endswith(b"354 End the message with <CR><LF>.<CR><LF>\r\n")]
    sent = []
    for start in starts:
        try:
            sent.append(unstuffed(stream[start:]))
        except AssertionError:
            sent.append(b"")
    assert [content for _, content in heard.filed if content not in sent] == []
    assert len(heard.filed) <= 3 * stream.count(b".\r\n")
    for envelope, _ in heard.filed:
        assert envelope[1] == "" or "@" in envelope[1], envelope
        assert all(line.isprintable() for line in (*envelope[:2], *envelope[2]))
        assert 1 <= len(envelope[2]) <= LIMITS.max_recipients
    for line in heard.traces:
        header = read_header(line + b"\r\n")
        assert list(header.fields) == ["received"]
        assert (header.received, header.fault) == (1, "")
        assert line.isascii()


def _proxy_header_ends_somewhere(stream: bytes) -> None:
    """Once it is whole it is the same whatever follows; once it is wrong, it stays wrong."""
    ends: list[object] = []
    for cut in range(min(len(stream), 300) + 1):
        try:
            found = read_proxy(stream[:cut])
        except ProxyError:
            ends.append("wrong")
        else:
            if found is not None:
                assert found[0] <= cut
                ends.append(found)
            else:
                assert not ends
    assert len(set(ends)) <= 1


@dataclass
class _Conversation:
    """What came of a stream. parts: after so many octets this was said. noted: recipients refused without a mail."""

    parts: list[tuple[int, bytes]] = field(default_factory=list)
    filed: list[tuple[tuple[str, str, tuple[str, ...]], bytes]] = field(default_factory=list)
    noted: list[tuple[str, ...]] = field(default_factory=list)
    traces: list[bytes] = field(default_factory=list)

    @property
    def said(self) -> bytes:
        return b"".join(part for _, part in self.parts)


class _Desk:
    """Admits as the house does, files everything, writes it down."""

    def __init__(self, conversation: _Conversation) -> None:
        self.conversation = conversation
        self.spool: MemorySpool | None = None

    async def admit_recipient(self, address: str, admitted: Sequence[Admission]) -> Admission:
        wanted = read_recipient(address, DOMAINS)
        number = NUMBERS.get(wanted.slug)
        return admit(wanted, Directory(number, "current") if number else None, admitted)

    async def file_mail(self, envelope: Envelope, content: bytes | Spool) -> Reply:
        text = content if isinstance(content, bytes) else cast(MemorySpool, content).content()
        to = tuple(one.recipient.written for one in envelope.admissions if one.recipient)
        self.conversation.filed.append(((envelope.helo, envelope.sender, to), text))
        self.conversation.traces.append(received_line(envelope, "mx.example"))
        return filed("Filed.")

    async def refuse_mail(self, envelope: Envelope, reply: Reply) -> Mapping[int, Reply]:
        await self.note_refusals(envelope)
        return {one.account: reply for one in envelope.admissions if one.accepted and one.account is not None}

    async def note_refusals(self, envelope: Envelope) -> None:
        self.conversation.noted.append(tuple(one.written for one in envelope.admissions))

    def open_spool(self) -> Spool:
        return MemorySpool()


class _Socket:
    """A connection whose other end is this target. It delivers nothing while the session doesn't want to read."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.written = bytearray()
        self.paused = self.closed = False

    def get_extra_info(self, name: str) -> Any:
        return (self.peer, 4711) if name == "peername" else None

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


class _AtOnce(ThreadPoolExecutor):
    """Does in place what is meant for a thread, so that a stream has one outcome."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


_THREADS = _AtOnce(1)


def _converse(mode: int, packets: Sequence[bytes]) -> _Conversation:
    with _small_memory():
        return _LOOP.run_until_complete(_hold(mode, packets))


@contextmanager
def _small_memory() -> Iterator[None]:
    """Messages of a few hundred octets go the way of large ones."""
    before = intake.MEMORY_BYTES, intake.LEAST_BYTES
    intake.MEMORY_BYTES, intake.LEAST_BYTES = MEMORY_BYTES, LEAST_BYTES
    try:
        yield
    finally:
        intake.MEMORY_BYTES, intake.LEAST_BYTES = before


async def _hold(mode: int, packets: Sequence[bytes]) -> _Conversation:
    conversation = _Conversation()
    visitors = Visitors(LIMITS, (), lambda: 0.0)
    way = Doorway(proxies=[ip_network("127.0.0.1")] if mode & PROXIED else [], visitors=visitors)
    door = Door(_Desk(conversation), LIMITS, "mx.example", "http://gate.example", way, _THREADS)
    session = (LmtpSession if mode & LMTP else SmtpSession)(door, _LOOP)
    socket = _Socket("127.0.0.1" if mode & PROXIED else "198.51.100.9")
    session.connection_made(cast(asyncio.Transport, socket))
    taken = 0
    await _rest(session, socket)
    for packet in packets:
        _note(conversation, socket, taken)
        if socket.closed:
            break
        session.data_received(packet)
        taken += len(packet)
        await _rest(session, socket)
    if not socket.closed:
        session.eof_received()
    await asyncio.gather(*door.tasks)
    _note(conversation, socket, taken)
    session.connection_lost(None)
    return conversation


async def _rest(session: SmtpSession, socket: _Socket) -> None:
    """Until the session waits for more, or has ended."""
    while session.door.tasks and (session._waiter is None or session._waiter.done() or socket.paused):  # noqa: ASYNC110
        await asyncio.sleep(0)


def _note(conversation: _Conversation, socket: _Socket, taken: int) -> None:
    if socket.written:
        conversation.parts.append((taken, bytes(socket.written)))
        socket.written.clear()
