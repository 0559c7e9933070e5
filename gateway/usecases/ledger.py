"""What an adapter of a CRM back end remembers, kept in the store: sealed values, leases, a shared pace, and files.

Nothing here holds an account alone: an adapter's book and the mail of its account never wait for one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from crm_adapter.port import BusyError, Deal, Person
from gateway.sealing import Keyring
from gateway.store import ledger
from gateway.store.blobs import Blobs
from gateway.store.deletions import FILED
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.ledger import Entry
from gateway.store.reading_cards import find_contact, find_lead
from gateway.usecases.fetch_files import Files, Handed, find_opened
from gateway.usecases.mail_servers import MailServers

_log = structlog.get_logger(__name__)
_BUCKET = "bucket/"
_LEAVE_SECONDS = 5.0
LOCKED_SECONDS = 60.0
"""A process whose keys don't open the secret of a back end leaves it to others for so long."""


@dataclass(frozen=True, slots=True)
class Library:
    """What the books of all back ends need. parts, depth: the bounds with which messages are read (B4b).

    servers: the door to people's own mailboxes, where files may have been left.
    """

    store: Store
    blobs: Blobs
    keyring: Keyring
    parts: int = 1_000
    depth: int = 50
    servers: MailServers | None = None

    def book(self, account: int, endpoint: str) -> Book:
        """The book of one back end of an account."""
        return Book(self, account, endpoint)


class Book:
    """`crm_adapter.port.Ledger` in the store."""

    def __init__(self, library: Library, account: int, endpoint: str) -> None:
        self._library, self._account, self._endpoint = library, account, endpoint

    async def load(self, key: str) -> str | None:
        """The value under a key. Raises SealError where no key of ours opens it."""
        entry = self._entry(key)
        sealed = await self._library.store.read(lambda tx: ledger.find_value(tx, entry))
        return None if sealed is None else self._library.keyring.open(sealed, entry.about).decode()

    async def save(self, key: str, value: str | None) -> None:
        """Keeps a value, durable when this returns; None forgets it. Raises SealError where there is no key."""
        entry = self._entry(key)
        sealed = self._sealed(entry, value)
        await self._write(entry, lambda tx: ledger.set_value(tx, entry, sealed))

    def find(self, tx: Tx, keys: Collection[str]) -> dict[str, str]:
        """The values of those of the keys that have one, in a transaction that somebody else opened."""
        sealed = ledger.find_values(tx, self._account, self._endpoint, keys)
        return {key: self._library.keyring.open(one, self._entry(key).about).decode() for key, one in sealed.items()}

    def keep(self, tx: Tx, key: str, value: str | None) -> None:
        """As `save`, in a transaction that somebody else opened."""
        entry = self._entry(key)
        ledger.set_value(tx, entry, self._sealed(entry, value))

    @asynccontextmanager
    async def lease(self, key: str, seconds: float) -> AsyncIterator[Held]:
        """Holds a key alone. A process that shows no sign of life for so long loses it to the next one that asks.

        What is done under a lease that was lost is broken off with BusyError. A process that was stopped meanwhile
        can't know that its time is over; what it then saves through `Held` is refused.
        """
        entry, holder = self._entry(key), new_id()
        milliseconds = max(1, int(seconds * 1000))
        if not await self._write(entry, lambda tx: ledger.take_lease(tx, entry, holder, milliseconds)):
            raise BusyError(key)
        try:
            async with asyncio.timeout(seconds) as limit:
                alive = asyncio.create_task(self._stay(entry, holder, milliseconds, limit))
                try:
                    yield Held(self, entry, holder)
                finally:
                    alive.cancel()
        except TimeoutError:
            if limit.expired():
                raise BusyError(key) from None
            raise
        finally:
            leaving = self._write(entry, lambda tx: ledger.leave_lease(tx, entry, holder))
            await asyncio.wait([asyncio.ensure_future(leaving)], timeout=_LEAVE_SECONDS)

    async def _stay(self, entry: Entry, holder: str, milliseconds: int, limit: asyncio.Timeout) -> None:
        """Shows signs of life, and moves the limit along with the lease."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(milliseconds / 3000)
            begun = loop.time()
            try:
                held = await self._write(entry, lambda tx: ledger.renew_lease(tx, entry, holder, milliseconds))
            except Exception:
                _log.exception("ledger.lease_not_renewed")
                continue
            if not held or limit.expired():
                return
            limit.reschedule(begun + milliseconds / 1000)

    async def take(self, bucket: str, per_second: float) -> float:
        """The seconds to wait before the call may be made: places are evenly spaced, so no burst is ever sent."""
        entry, step = self._entry(_BUCKET + bucket), -int(-1000 // per_second)
        wait: int = await self._write(entry, lambda tx: ledger.take_place(tx, entry, step))
        return wait / 1000

    async def person(self, contact: str) -> Person | None:
        """A contact as it is now; None where the account has no such one any more."""
        found = await self._library.store.read(lambda tx: find_contact(tx, self._account, contact))
        return None if found is None else Person(found.id, found.name, found.emails)

    async def deal(self, lead: str) -> Deal | None:
        """A lead as it is now; None where the account has no such one any more."""
        found = await self._library.store.read(lambda tx: find_lead(tx, self._account, lead))
        return None if found is None else Deal(found.id, found.name, found.contacts, found.main_contact)

    async def file(self, message: str, n: int) -> bytes | None:
        """The decoded bytes of an attachment; None where the message, or the attachment, isn't there any more, can't be
        had from its server now, or is nothing that an admin may open."""
        held = self._library
        opened = await held.store.read(lambda tx: find_opened(tx, self._account, message, (FILED,)))
        if opened is None or opened.shown.n is None:
            return None
        files = Files(held.store, held.blobs, lambda: held.keyring, held.servers, held.parts, held.depth)
        found = await files.attachment(self._account, opened, n)
        return found.data if isinstance(found, Handed) else None

    def _entry(self, key: str) -> Entry:
        return Entry(self._account, self._endpoint, key)

    def _sealed(self, entry: Entry, value: str | None) -> bytes | None:
        return None if value is None else self._library.keyring.seal(value.encode(), entry.about)

    async def _write(self, entry: Entry, change: Callable[[Tx], Any]) -> Any:
        return await self._library.store.write_each(_change_each, (entry, change))


class Held:
    """A lease while it is held."""

    def __init__(self, book: Book, entry: Entry, holder: str) -> None:
        self._book, self._lease, self._holder = book, entry, holder

    async def save(self, key: str, value: str | None) -> None:
        """Keeps a value as `Book.save` does, but only while the lease is held. Raises BusyError where it no more is."""
        entry = self._book._entry(key)
        sealed = self._book._sealed(entry, value)

        def change(tx: Tx) -> bool:
            if not ledger.holds_lease(tx, self._lease, self._holder):
                return False
            ledger.set_value(tx, entry, sealed)
            return True

        if not await self._book._write(self._lease, change):
            raise BusyError(self._lease.key)


def _change_each(tx: Tx, changes: Sequence[tuple[Entry, Callable[[Tx], Any]]]) -> list[Any]:
    """Changes that share a transaction, in the order of their rows: machines that wait for each other do so in one."""
    results: dict[int, Any] = {}
    for n, (_, change) in sorted(enumerate(changes), key=lambda one: one[1][0]):
        results[n] = change(tx)
    return [results[n] for n in range(len(changes))]
