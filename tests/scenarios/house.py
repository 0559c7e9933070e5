"""A whole house for stories: a store, its desk and an SMTP door on a free port, and a peer that hands mail to it.

The world is always the same: account `acme` with the users dimas@ and ana@acme.example, own domain acme.example and one
known contact, Bob Miller <bob@bluefin.example>; a second account `beta` with eva@beta.example, own domain beta.example.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from gateway.core.mail import read_mail
from gateway.core.options import read_options
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from gateway.store import accounts, tables
from gateway.store.blobs import Blobs, BlobStore
from gateway.store.bodies import find_body, unpack
from gateway.store.decisions import unpack_decision
from gateway.store.engine import Place, Store, Tx
from gateway.store.ids import new_id
from gateway.store.schema import transaction
from gateway.usecases.desk import Authenticity, FilingDesk
from gateway.usecases.explain_mail import explain_mail, normal_line_ends
from gateway.usecases.filing import FilingSettings
from tests.smtp.front_desk import Peer

DOMAINS = frozenset(("mail.kommo.com", "mail.second.example"))
WHY = "http://gate.example/why/"
NOW = 1_795_428_000_000


def make_world(place: Place) -> None:
    """The store every story begins with."""
    with transaction(place) as tx:
        for slug, name, domain, users in (
            ("acme", "Acme Coffee Machines", "acme.example", ("dimas@acme.example", "ana@acme.example")),
            ("beta", "Beta Boats", "beta.example", ("eva@beta.example",)),
        ):
            account = accounts.add_account(tx, slug, name, NOW, 3650)
            _set(tx, account.number, own_domains=domain)
            for email in users:
                accounts.add_user(tx, account.number, email, email.split("@")[0].title(), "admin", NOW)
            if slug == "acme":
                add_contact(tx, account.number, "bob@bluefin.example", "Bob Miller")


def add_contact(tx: Tx, account: int, email: str, name: str) -> str:
    contact = new_id()
    names = {"name": name, "first_name": name.split()[0], "last_name": name.split()[-1]}
    tx.execute(
        tables.contacts.insert(), {"account": account, "id": contact, "source": "api", "created_at": NOW, **names}
    )
    row = {"account": account, "email": email, "contact": contact, "position": 0}
    tx.execute(tables.contact_emails.insert(), row)
    return contact


def _set(tx: Tx, account: int, **options: str) -> None:
    accounts.set_options(tx, account, read_options(options, DOMAINS))


@dataclass(frozen=True, slots=True)
class Handed:
    """What the peer heard: one reply a recipient, and the last word."""

    recipients: tuple[str, ...]
    reply: str

    @property
    def code(self) -> int:
        return int(self.reply[:3])

    @property
    def id(self) -> str:
        return self.reply.partition("id=")[2]


class House:
    """One running gateway on its own store. folder: for large mails. blobs: where else they are kept.

    authenticity: left out, mail from loopback is taken as it is.

    filing: fields of FilingSettings that are not as usual.
    """

    def __init__(
        self,
        place: Place,
        folder: Path,
        authenticity: Authenticity | None = None,
        blobs: Blobs | None = None,
        **filing: Any,
    ) -> None:
        self.place = place
        self.store = Store(place)
        self.folder = folder / "blobs"
        self.blobs = blobs or BlobStore(self.folder)
        self.settings = FilingSettings(DOMAINS, lambda what: f"{WHY}{what}", **filing)
        self.desk = FilingDesk(self.store, self.blobs, self.settings, "mx.example", authenticity)
        self.server = SmtpServer(self.desk, SmtpLimits(), "mx.example", public_url="http://gate.example")
        self.address = ("127.0.0.1", 0)

    async def open(self) -> None:
        self.store.start()
        self.blobs.prepare()
        self.address = await self.server.start("127.0.0.1", 0)

    async def close(self) -> None:
        await self.server.stop(5)
        await self.store.stop()

    async def hand(
        self, raw: bytes | str, *rcpt: str, sender: str = "dimas@acme.example", utf8: bool = False
    ) -> Handed:
        """One transaction as a mail client's server would make it; dots are stuffed after CRLF only."""
        message = raw if isinstance(raw, bytes) else wire(raw)
        peer = await Peer.connect(self.address)
        try:
            await peer.hear()
            await peer.ask("EHLO client.example")
            begun = await peer.ask(f"MAIL FROM:<{sender}>{' SMTPUTF8' if utf8 else ''}".encode() + b"\r\n")
            assert begun.startswith("250"), begun
            heard = [await peer.ask(f"RCPT TO:<{one}>".encode() + b"\r\n") for one in rcpt]
            if not any(one.startswith("250") for one in heard):
                await peer.ask("RSET")
                return Handed(tuple(heard), heard[-1])
            assert (await peer.ask("DATA")).startswith("354")
            stuffed = message.replace(b"\r\n.", b"\r\n..")
            if stuffed.startswith(b"."):
                stuffed = b"." + stuffed
            end = b".\r\n" if not stuffed or stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
            await peer.send(stuffed + end)
            return Handed(tuple(heard), await peer.hear())
        finally:
            peer.leave()

    async def explain(self, raw: bytes | str, *rcpt: str, sender: str | None = None) -> dict[str, Any]:
        message = raw if isinstance(raw, bytes) else wire(raw)
        seen = read_mail(normal_line_ends(message), self.settings.limits)
        return await self.store.read(lambda tx: explain_mail(tx, self.settings, seen, rcpt, sender))

    async def set(self, slug: str = "acme", **options: str) -> None:
        """Changes options of an account, as the command line would."""

        def change(tx: Tx) -> None:
            account = accounts.find_account(tx, slug)
            assert account is not None
            _set(tx, account.number, **options)

        await self.store.write(change)

    async def rename(self, old: str, new: str) -> None:
        def change(tx: Tx) -> None:
            account = accounts.find_account(tx, old)
            assert account is not None
            accounts.set_slug(tx, account, new, _now(), 3650)

        await self.store.write(change)

    async def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        found = await self.store.read(lambda tx: tx.execute(text(query), values).all())
        return [tuple(row) for row in found]

    async def column(self, query: str, **values: object) -> list[Any]:
        return [row[0] for row in await self.rows(query, **values)]

    async def count(self, table: str) -> int:
        rows = await self.rows(f"SELECT count(*) FROM {table}")
        return int(rows[0][0])

    async def counts(self, *names: str) -> dict[str, int]:
        return {name: await self.count(name) for name in names}

    async def receipts(self) -> list[dict[str, Any]]:
        """Receipts oldest first, their decision read."""
        rows = await self.rows("SELECT verdict, rule, reply, recipients, decision, message FROM receipts ORDER BY id")
        names = ("verdict", "rule", "reply", "recipients", "decision", "message")
        return [
            {
                **dict(zip(names, row, strict=True)),
                "decision": unpack_decision(row[4]),
                "recipients": json.loads(row[3]),
            }
            for row in rows
        ]

    async def raw(self, message: str, n: int = 0) -> tuple[bytes, bytes]:
        account = (await self.column("SELECT account FROM bodies WHERE message = :id", id=message))[0]
        body = await self.store.read(lambda tx: find_body(tx, account, message, n))
        assert body is not None
        return body.trace, unpack(self.blobs, account, body)

    async def close_lead(self, status: str = "won") -> None:
        await self.store.write(lambda tx: tx.execute(tables.leads.update().values(status=status)).rowcount)

    async def cards_of(self, message: str) -> dict[str, list[str]]:
        """Names of the contacts and leads a message stands on."""
        shown = "SELECT c.name FROM cards k JOIN {0} c ON c.id = k.card WHERE k.message = :id ORDER BY c.name"
        return {kind: await self.column(shown.format(kind), id=message) for kind in ("contacts", "leads")}


def wire(message: str) -> bytes:
    """A message written with plain line ends in a test, as it goes over the wire."""
    return message.replace("\n", "\r\n").encode()


_serial = iter(range(1, 1_000_000))


def mail(
    *,
    sender: str = "Dimas <dimas@acme.example>",
    to: str = "Carol Jones <carol@example.net>",
    cc: str = "acme+lead@mail.kommo.com",
    subject: str = "Offer",
    message_id: str | None = None,
    extra: str = "",
    body: str = "Good morning.",
) -> str:
    """A mail as people write it; every call has a Message-ID of its own unless one is given."""
    serial = next(_serial)
    lines = [f"From: {sender}"]
    lines += [f"To: {to}"] if to else []
    lines += [f"Cc: {cc}"] if cc else []
    lines += [f"Subject: {subject}", f"Message-ID: {message_id or f'<{serial}@client.example>'}"]
    lines += ["Date: Mon, 23 Nov 2026 10:00:00 +0000"]
    lines += [extra] if extra else []
    return "\n".join([*lines, "", body, ""])


def _now() -> int:
    return time.time_ns() // 1_000_000
