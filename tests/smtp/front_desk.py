"""A desk that writes down what the door asks of it, and a peer that speaks raw SMTP to the door."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.core.envelope import Action, Admission, Envelope, Recipient
from gateway.core.replies import Reply
from gateway.smtp.desk import Spool

PATIENCE = 20.0
"""Seconds until a test that waits for something that never comes is given up."""

TAKEN = Reply(250, "2.1.5", "Recipient ok")
ELSEWHERE = Reply(452, "4.5.3", "One account a transaction")
FILED = Reply(250, "2.6.0", "Filed id=1")
REFUSALS = {
    "nobody": Reply(550, "5.1.1", "No such account"),
    "later": Reply(451, "4.4.3", "The directory is away"),
    "harvester": Reply(421, "4.7.0", "Too many unknown addresses"),
}


ACCOUNTS = {"bolt": 2, "cork": 3}
"""The accounts beside acme, which is 1."""


class MemorySpool:
    """Keeps a large message in memory; `fault` is raised once more than `room` octets were written."""

    def __init__(self, room: int | None = None, fault: BaseException | None = None) -> None:
        self.size = 0
        self.pieces: list[int] = []
        self.closed = 0
        self._room = room
        self._fault = fault
        self._written = io.BytesIO()

    def write(self, data: bytes) -> None:
        if self._fault is not None and self._room is not None and self.size + len(data) > self._room:
            raise self._fault
        self.pieces.append(len(data))
        self.size += len(data)
        self._written.write(data)

    def close(self) -> None:
        self.closed += 1

    def content(self) -> bytes:
        return self._written.getvalue()


@dataclass
class FrontDesk:
    """Accepts every recipient but those of REFUSALS, and files everything.

    faults: raised, once each, by the question of that name. hold: while it is cleared, filing waits. verdicts: what is
    said of mail for an account, where it isn't `reply`. unknown: local parts that are nobody's.
    """

    faults: dict[str, BaseException] = field(default_factory=dict)
    filed: list[tuple[Envelope, bytes]] = field(default_factory=list)
    noted: list[Envelope] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    spools: list[MemorySpool] = field(default_factory=list)
    next_spool: MemorySpool | None = None
    filing: asyncio.Event = field(default_factory=asyncio.Event)
    hold: asyncio.Event | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)
    reply: Reply = FILED
    unknown: frozenset[str] = frozenset()
    verdicts: dict[int, Reply | BaseException] = field(default_factory=dict)

    async def admit_recipient(self, address: str, admitted: Sequence[Admission]) -> Admission:
        self._fail("admit_recipient")
        self.asked.append(address)
        local = address.partition("@")[0]
        if refusal := REFUSALS.get("nobody" if local in self.unknown else local):
            return Admission(refusal, (), address, None)
        slug = address.partition("@")[0].partition("+")[0]
        account = ACCOUNTS.get(slug) or (1000 + int(slug[5:]) if slug.startswith("guess") else 1)
        if address.partition("@")[0].endswith("+wrong"):
            return Admission(REFUSALS["nobody"], (), address, account)
        if any(one.accepted and one.account != account for one in admitted):
            return Admission(ELSEWHERE, (), address, account)
        recipient = Recipient(address, account, slug, "mail.kommo.com", Action.LEAD)
        return Admission(TAKEN, (), address, account, recipient)

    async def file_mail(self, envelope: Envelope, content: bytes | Spool) -> Reply:
        self.filing.set()
        if self.hold is not None:
            await self.hold.wait()
        self._fail("file_mail")
        verdict = self.verdicts.get(next(one.account or 0 for one in envelope.admissions if one.accepted), self.reply)
        if isinstance(verdict, BaseException):
            raise verdict
        self.filed.append((envelope, content if isinstance(content, bytes) else _kept(content)))
        self.done.set()
        return verdict

    async def refuse_mail(self, envelope: Envelope, reply: Reply) -> dict[int, Reply]:
        self._fail("refuse_mail")
        self.noted.append(envelope)
        return {one.account: reply for one in envelope.admissions if one.accepted and one.account is not None}

    async def note_refusals(self, envelope: Envelope) -> None:
        self._fail("note_refusals")
        self.noted.append(envelope)
        self.done.set()

    def open_spool(self) -> Spool:
        self._fail("open_spool")
        spool, self.next_spool = self.next_spool or MemorySpool(), None
        self.spools.append(spool)
        return spool

    @property
    def contents(self) -> list[bytes]:
        return [content for _, content in self.filed]

    def _fail(self, question: str) -> None:
        fault = self.faults.pop(question, None)
        if fault is not None:
            raise fault


def _kept(spool: Spool) -> bytes:
    assert isinstance(spool, MemorySpool)
    return spool.content()


class Peer:
    """A client that says exactly what it is told to, byte for byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, address: tuple[str, int]) -> Peer:
        return cls(*await asyncio.open_connection(*address, limit=1 << 20))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), PATIENCE)

    async def hear(self) -> str:
        """One whole reply; its lines are joined by a vertical bar; "" when the server has hung up."""
        lines: list[str] = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), PATIENCE)).decode("ascii")
            if not line:
                return "|".join(lines)
            assert line.endswith("\r\n")
            lines.append(line[:-2])
            if line[3] == " ":
                return "|".join(lines)

    async def ask(self, command: str | bytes) -> str:
        await self.send(command if isinstance(command, bytes) else command.encode() + b"\r\n")
        return await self.hear()

    async def hear_all(self) -> list[str]:
        """Every reply until the server hangs up."""
        heard = []
        while reply := await self.hear():
            heard.append(reply)
        return heard

    async def encrypt(self, context: ssl.SSLContext) -> None:
        """STARTTLS, with a certificate that is believed."""
        assert (await self.ask("STARTTLS")).startswith("220 2.0.0 ")
        await asyncio.wait_for(self.writer.start_tls(context, server_hostname="mx.example"), PATIENCE)

    async def begin(self, recipient: str = "acme+lead@mail.kommo.com") -> None:
        """Everything up to and with the 354."""
        assert (await self.ask("EHLO client.example")).startswith("250-")
        assert (await self.ask("MAIL FROM:<bob@client.example>")).startswith("250 ")
        assert (await self.ask(f"RCPT TO:<{recipient}>")).startswith("250 ")
        assert (await self.ask("DATA")).startswith("354 ")

    async def deliver(self, wire: bytes, recipient: str = "acme+lead@mail.kommo.com") -> str:
        """One message in a transaction of its own; `wire` holds it as it is sent, final dot and all."""
        await self.begin(recipient)
        return await self.ask(wire)

    def leave(self) -> None:
        """Hang up at once."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """Hang up so that the server hears at once that nobody is there any more."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.leave()
