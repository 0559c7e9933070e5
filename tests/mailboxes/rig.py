"""A store with accounts and mailboxes, pollers over it that look when they are told to, and a clock moved by hand."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, update

from gateway.core.mailboxes import (
    IMPORTING,
    PASSWORD,
    Credential,
    Found,
    Server,
    Servers,
    about_credential,
    credential_as_json,
    servers_as_json,
)
from gateway.core.refusals import Wrong
from gateway.core.syncplan import DAY_MS, Pace
from gateway.mailboxes.poller import OpenSession, Poller, PollerSettings
from gateway.mailboxes.session import Session
from gateway.sealing import Keyring
from gateway.store import tables
from gateway.store.accounts import add_account
from gateway.store.blobs import BlobStore
from gateway.store.engine import Place, Store, Tx
from gateway.store.ids import new_id
from gateway.usecases.file_fetched import FetchedDesk
from gateway.usecases.filing import FilingSettings
from gateway.usecases.mail_servers import Copy, Known, Parcel, Passed, Tried, Trouble
from gateway.usecases.mail_servers import Place as Stands
from gateway.usecases.reading import MailReader
from gateway.usecases.sync_mailbox import Syncing
from tests.mailboxes.fake_session import FakeServer

KEYRING = Keyring(["a key of at least thirty-two characters"])
NOW = int(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
_serial = itertools.count(1)
Key = tuple[int, str]


def mail(n: int = 0, *, subject: str = "Offer", sender: str = "bob@example.net", more: str = "", id: str = "") -> bytes:
    """A mail that differs from others by its number."""
    message_id = id or f"<m{n}@example.net>"
    head = f"Message-ID: {message_id}\r\n" if message_id != "-" else ""
    return (
        f"{head}Date: Sun, 29 Nov 2026 10:00:{n % 60:02} +0000\r\nFrom: {sender}\r\nTo: ceo@acme.example\r\n"
        f"Subject: {subject} {n}\r\n{more}\r\nHello number {n}\r\n"
    ).encode()


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now

    def pass_by(self, minutes: float) -> None:
        self.now += int(minutes * MINUTE)


@dataclass
class Renewing:
    """A door that only renews tokens. answers: what comes next, or the new access token. renewals: refresh tokens."""

    answers: list[Credential | Trouble] = field(default_factory=list)
    renewals: list[str] = field(default_factory=list)

    async def renew(self, credential: Credential) -> Credential | Trouble:
        self.renewals.append(credential.secret)
        return self.answers.pop(0)

    def known(self, provider: str) -> Known | None:
        raise NotImplementedError

    async def discover(self, address: str) -> Found | Wrong:
        raise NotImplementedError

    async def check_servers(self, servers: Servers) -> Wrong | None:
        raise NotImplementedError

    async def try_login(self, address: str, servers: Servers, credential: Credential) -> Tried:
        raise NotImplementedError

    async def fetch(self, address: str, servers: Servers, credential: Credential, place: Stands) -> bytes | Trouble:
        raise NotImplementedError

    async def send(self, address: str, servers: Servers, credential: Credential, parcel: Parcel) -> Passed | Trouble:
        raise NotImplementedError

    async def keep_sent(
        self, address: str, servers: Servers, credential: Credential, copy: Copy
    ) -> bool | Trouble | None:
        raise NotImplementedError

    def keeps_copies(self, servers: Servers) -> bool:
        raise NotImplementedError

    def consent_url(self, provider: str, state: str, verifier: str, redirect: str, address: str) -> str | None:
        raise NotImplementedError

    async def redeem(self, provider: str, code: str, verifier: str, redirect: str) -> Credential | Trouble:
        raise NotImplementedError


@dataclass
class Rig:
    """What a test has in hand. servers: by address, the server behind each mailbox."""

    place: Place
    folder: Path
    store: Store
    clock: Clock = field(default_factory=Clock)
    pace: Pace = field(default_factory=Pace)
    door: Renewing = field(default_factory=Renewing)
    servers: dict[str, FakeServer] = field(default_factory=dict)
    pollers: list[Poller] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    account: int = 0
    per_host: int = 20
    real: OpenSession | None = None
    """What opens sessions with real servers, in place of those in memory."""

    async def open_account(self, slug: str = "acme") -> int:
        def add(tx: Tx) -> int:
            return add_account(tx, slug, slug.title(), NOW, 3650).number

        number = await self.store.write(add)
        self.account = self.account or number
        return number

    async def connect(
        self,
        server: FakeServer | None = None,
        *,
        account: int = 0,
        host: str = "imap.example.com",
        port: int = 993,
        credential: Credential | None = None,
        **values: Any,
    ) -> Key:
        """Connects a mailbox, as somebody does who types the right password."""
        account, id = account or self.account, new_id()
        address = values.pop("address", f"box{next(_serial)}@acme.example")
        self.servers[address] = server or FakeServer()
        given = credential or Credential(PASSWORD, "right")
        row = {
            "account": account,
            "id": id,
            "address": address,
            "provider": "example.com",
            "kind": "personal",
            "owner": "U1",
            "share_with_admins": False,
            "state": IMPORTING,
            "error": "",
            "servers": json.dumps(servers_as_json(Servers(Server(host, port)))),
            "host": host,
            "credential": self.seal(account, id, given),
            "can_send": False,
            "threads": True,
            "auto_create": "off",
            "keep_attachments": False,
            "sent_path": None,
            "proposals": "[]",
            "created_at": NOW,
            "done": 0,
            "total": None,
            "failures": 0,
            "tries": 0,
            "next_sync_at": self.clock(),
            "epoch": 0,
            "day": 0,
            "moved": 0,
        }
        await self.store.write(lambda tx: tx.execute(insert(tables.mailboxes).values(row | values)) and None)
        return account, id

    def seal(self, account: int, id: str, credential: Credential) -> bytes:
        return KEYRING.seal(json.dumps(credential_as_json(credential)).encode(), about_credential(account, id))

    def another_store(self) -> Store:
        """The same store, as another process or machine has it."""
        store = Store(self.place)
        store.start()
        self.stores.append(store)
        return store

    def poller(self, store: Store | None = None, clock: Clock | None = None, **settings: Any) -> Poller:
        """A poller, as a process of its own would have it."""
        store, clock = store or self.store, clock or self.clock
        chances = random.Random(7)
        syncing = Syncing(store, self.door, lambda: KEYRING, self.pace, self.per_host, clock, chances.random)
        filing = FilingSettings(frozenset({"mail.kommo.com"}), lambda what: f"http://gate.example/why/{what}")
        blobs = BlobStore(self.folder)
        blobs.prepare()
        desk = FetchedDesk(store, blobs, filing, MailReader(filing.limits), clock)
        made = Poller(
            syncing, desk, self.real or self.open_session, PollerSettings(**{"quiet_seconds": 0.0} | settings)
        )
        self.pollers.append(made)
        return made

    def open_session(self, address: str, servers: Servers, credential: Credential) -> Session:
        return self.servers[address].session(address, servers, credential)

    async def row(self, key: Key) -> Any:
        """A mailbox as it stands."""
        table = tables.mailboxes
        query = select(table).where(table.c.account == key[0], table.c.id == key[1])
        return await self.store.read(lambda tx: tx.execute(query).one())

    async def set(self, key: Key, **values: Any) -> None:
        table = tables.mailboxes
        query = update(table).where(table.c.account == key[0], table.c.id == key[1]).values(values)
        await self.store.write(lambda tx: tx.execute(query) and None)

    async def rows(self, table: Any, *order: str) -> Sequence[Any]:
        """All rows of a table."""
        query = select(table).order_by(*(table.c[name] for name in order))
        return await self.store.read(lambda tx: tx.execute(query).all())

    async def count(self, table: Any) -> int:
        query = select(func.count()).select_from(table)
        return await self.store.read(lambda tx: int(tx.execute(query).scalar_one()))

    async def events(self, type: str) -> int:
        return sum(row.type == type for row in await self.rows(tables.events))

    async def subjects(self) -> list[str]:
        """Of all messages there are, in the order of their time."""
        return [row.subject for row in await self.rows(tables.messages, "at", "id")]

    async def close(self) -> None:
        await asyncio.gather(*(poller.stop(5) for poller in self.pollers))
        for store in (self.store, *self.stores):
            await store.stop()


def ago(days: float, seconds: float = 0) -> int:
    """So long before the clock's first moment."""
    return NOW - int(days * DAY_MS) + int(seconds * 1000)


def fill(server: FakeServer, count: int, *, first: int = 1, at: int | None = None) -> None:
    """So many mails into an inbox, a second apart."""
    for n in range(first, first + count):
        server.inbox.add(mail(n), (ago(1) if at is None else at) + n * 1000)


async def until(poller: Poller, so: Callable[[], Awaitable[bool]]) -> None:
    """What comes over a connection has come to this, and nothing is under way any more."""
    for _ in range(3_000):
        if await so():
            await finished(poller)
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to this")


async def finished(poller: Poller) -> None:
    """All that the poller has in hand is done."""
    while poller.busy:
        await asyncio.gather(*poller.busy)


async def look_at_all(poller: Poller) -> int:
    """Looks until nothing is due; how many mailboxes were looked into."""
    looked = 0
    while count := await poller.look():
        looked += count
        await finished(poller)
    return looked
