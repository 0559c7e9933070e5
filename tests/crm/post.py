"""A store with one account, and what carries its events, as one process or several have it."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select, update

from crm_adapter.factory import Adapters, Means
from gateway.core.resources import Delivery
from gateway.jobs.deliveries import Carrier
from gateway.sealing import Keyring
from gateway.store import tables
from gateway.store.accounts import add_account
from gateway.store.blobs import BlobStore
from gateway.store.endpoints import EndpointRow, find_endpoint
from gateway.store.engine import Store, Tx
from gateway.store.outbox import add_event
from gateway.store.reading_deliveries import list_deliveries
from gateway.usecases import endpoints
from gateway.usecases.deliver_events import Claiming, Courier
from gateway.usecases.endpoints import EndpointChange, Opened
from gateway.usecases.event_data import Telling
from gateway.usecases.ledger import Library
from tests.crm.receiver import Receiver

KEYRING = Keyring(["a key of at least thirty-two characters"])
_serial = itertools.count(1)


@dataclass
class Post:
    """A store with one account, and what carries its events. carriers: each as a process of its own would have it."""

    store: Store
    folder: Path
    account: int = 0
    carriers: list[Carrier] = field(default_factory=list)
    couriers: list[Courier] = field(default_factory=list)

    async def open_account(self) -> None:
        def add(tx: Tx) -> int:
            return add_account(tx, "acme", "Acme", now(), 3650).number

        self.account = await self.store.write(add)

    def courier(self, store: Store | None = None, keyring: Keyring = KEYRING) -> Courier:
        store = store or self.store
        telling = Telling(BlobStore(self.folder), lambda: keyring, lambda: "http://gate.example", "mail.kommo.com")
        library = Library(store, telling.blobs, keyring)
        made = Courier(store, telling, Adapters(Means(allow_private=True)), library.book)
        self.couriers.append(made)
        return made

    def carry(self, store: Store | None = None, lease: float = 30) -> Carrier:
        """Begins to carry, as a process does when it starts."""
        carrier = Carrier(self.courier(store), lease)
        (store or self.store).wrote = carrier.stir
        carrier.start()
        self.carriers.append(carrier)
        return carrier

    async def subscribe(self, receiver: Receiver, *types: str) -> str:
        """The id of a new endpoint; the receiver learns its secret."""
        opened = await self.store.write(
            lambda tx: endpoints.add_endpoint(tx, self.account, EndpointChange(receiver.url, types), KEYRING)
        )
        assert isinstance(opened, Opened)
        receiver.secrets.append(opened.secret)
        return opened.endpoint.id

    async def raise_event(self, type: str = "contact.created", conversation: str | None = None) -> str:
        subject = f"S{next(_serial):05}"
        return await self.store.write(
            lambda tx: add_event(tx, self.account, type, subject, now(), conversation), account=self.account
        )

    async def deliveries(self, state: str | None = None, limit: int = 10_000) -> list[Delivery]:
        """Oldest first."""
        page = await self.store.read(lambda tx: list_deliveries(tx, self.account, None, limit, state=state))
        return list(reversed(page.rows))

    async def settled(self, count: int, state: str, seconds: float = 20) -> list[Delivery]:
        """The deliveries in a state, once they are so many."""
        async with asyncio.timeout(seconds):
            while len(found := await self.deliveries(state)) < count:  # noqa: ASYNC110 - the store has no bell
                await asyncio.sleep(0.02)
        return found

    async def endpoint(self, id: str) -> EndpointRow:
        found = await self.store.read(lambda tx: find_endpoint(tx, self.account, id))
        assert found is not None
        return found

    async def make_due(self) -> None:
        """All that waits for its time comes to it."""
        await self.store.write(
            lambda tx: (
                tx.execute(update(tables.lanes).where(tables.lanes.c.holder.is_(None)).values(next_at=1)).rowcount
            )
        )
        await self.store.write(lambda tx: tx.execute(update(tables.endpoints).values(paused_until=None)).rowcount)

    async def lanes(self) -> int:
        return len(await self.store.read(lambda tx: tx.execute(select(tables.lanes)).all()))


async def one_round(courier: Courier) -> None:
    """Takes in hand what is due, and tells it, once."""
    for due in await courier.find_due():
        if due.buried:
            while await courier.bury(due):
                pass
            continue
        claiming = Claiming(due.account, due.endpoint, 100, now(), now() + 30_000, f"H{next(_serial)}")
        await asyncio.gather(*(courier.tell(work) for work in await courier.claim(claiming)))


def now() -> int:
    return time.time_ns() // 1_000_000
