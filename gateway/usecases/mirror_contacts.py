"""Copies the contacts of a connected CRM into our own store, so that the rules know them and never wait for a CRM.

A copy has the source of its CRM (`kommo`). It never takes an address that somebody here has (C7): who has it is that
contact, and gets the other addresses. Nothing is told of a copy: whoever it came from knows it.

Each CRM is looked into every few minutes, by one process of all. What a look meets (the token is refused, the account
isn't paid) is a state of the CRM, as if a delivery had met it; one that goes well ends such a state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256

import structlog

from crm_adapter.factory import Adapters, BackEnd
from crm_adapter.port import BusyError, Crm, Dead, Person, Retry, TroubleError
from gateway.core.address import parse_address
from gateway.core.names import split_name
from gateway.core.resources import Contact
from gateway.sealing import SealError
from gateway.store.cards_writing import add_contact, set_contact
from gateway.store.endpoints import ACTIVE, EndpointRow, about_secret, find_endpoint, list_back_ends, set_endpoint
from gateway.store.endpoints import wake_lanes as wake
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.ids import shared_time as now
from gateway.store.outbox import DISABLED
from gateway.store.reading_cards import find_contacts, find_owners
from gateway.store.troubles import is_passing
from gateway.usecases.ledger import LOCKED_SECONDS, Book, Library

AT_ONCE = 20
"""People of one transaction: mail of the account waits for it."""
MAX_EMAILS = 50
MAX_NAME = 200
EVERY_SECONDS = 300.0
LOOKS_AT_ONCE = 16
"""CRMs that one process looks into at one time: one that doesn't answer keeps no other waiting."""
LEASE_SECONDS = 60.0
_KEY = "mirrored"
_LOCKED = "locked"
_PAUSE_SECONDS = 600.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where copies go. source: of contacts made here. domains: of the gateway, at which no person is."""

    store: Store
    account: int
    book: Book
    source: str
    domains: Collection[str]


async def mirror_contacts(mirror: Mirror, crm: Crm) -> int:
    """Copies what changed since the last time; how many contacts are new or different here. Raises TroubleError."""
    changed = 0
    async for page in crm.contacts(mirror.book):
        for start in range(0, len(page), AT_ONCE):
            write = partial(_copy, mirror=mirror, people=page[start : start + AT_ONCE])
            changed += await mirror.store.write(write, account=mirror.account)
    return changed


class Mirrors:
    """library: asked each time, as a store without a CRM needs no key."""

    def __init__(
        self, store: Store, adapters: Adapters, library: Callable[[], Library], domains: Collection[str]
    ) -> None:
        self._store, self._adapters, self._library, self._domains = store, adapters, library, domains
        self._locked: dict[str, float] = {}

    async def look(self) -> int:
        """Looks into every CRM that is due; how many contacts are new or different here."""
        places = asyncio.Semaphore(LOOKS_AT_ONCE)
        moment = time.monotonic()
        due = [
            row
            for row in await self._store.read(list_back_ends)
            if (row.paused_until or 0) <= now() and self._locked.get(row.id, 0) <= moment
        ]
        return sum(await asyncio.gather(*(self._look_at(row, places) for row in due)))

    async def close(self) -> None:
        """Closes the connections."""
        await self._adapters.close()

    async def _look_at(self, row: EndpointRow, places: asyncio.Semaphore) -> int:
        """One look, in its turn; what goes wrong with it is nobody else's."""
        async with places:
            try:
                return await self._look_into(row)
            except BusyError:
                return 0
            except SealError as fault:  # another machine may have the right key: only this one stays away
                self._locked[row.id] = time.monotonic() + LOCKED_SECONDS
                await self._note(row, Retry(str(fault), state=_LOCKED))
                return 0
            except Exception as fault:
                if is_passing(fault):
                    raise
                _log.exception("mirror.failed", endpoint=row.id, kind=row.kind)
                return 0

    async def _look_into(self, row: EndpointRow) -> int:
        library = self._library()
        book = library.book(row.account, row.id)
        if not await self._is_due(book):
            return 0
        async with book.lease(_KEY, LEASE_SECONDS) as held:
            if not await self._is_due(book):
                return 0
            secret = library.keyring.open(row.secret or b"", about_secret(row.account, row.id)).decode()
            back_end = BackEnd((row.account, row.id), row.kind, row.url, (secret,), row.options)
            mirror = Mirror(self._store, row.account, book, row.kind, self._domains)
            outcome: Retry | Dead | None = None
            count = 0
            async with self._adapters.lent(back_end) as crm:
                try:
                    count = await mirror_contacts(mirror, crm)
                except TroubleError as trouble:
                    outcome = trouble.outcome
            await self._note(row, outcome)
            await held.save(_KEY, str(now()))
            return count

    async def _is_due(self, book: Book) -> bool:
        return now() - int(await book.load(_KEY) or 0) >= EVERY_SECONDS * 1000

    async def _note(self, row: EndpointRow, outcome: Retry | Dead | None) -> None:
        """Writes down in which state the CRM is, where that is another one than was known."""
        if outcome is None:
            state, why, until = ACTIVE, "", None
        elif outcome.state is not None:
            after = outcome.after if isinstance(outcome, Retry) and outcome.after else _PAUSE_SECONDS
            gone = outcome.state == "gone"
            state, why = (DISABLED if gone else outcome.state), outcome.why
            until = None if gone or outcome.state == _LOCKED else now() + int(after * 1000)
        else:
            return
        if state == row.state:
            return

        def change(tx: Tx) -> None:
            found = find_endpoint(tx, row.account, row.id)
            if found is not None and found.state != DISABLED and found.secret == row.secret:
                set_endpoint(tx, replace(found, state=state, reason=why, paused_until=until))
                if state == ACTIVE:
                    wake(tx, row.account, row.id, now())

        await self._store.write(change, account=row.account)
        _log.info("crm.state", endpoint=row.id, kind=row.kind, state=state, reason=why)


def _copy(tx: Tx, mirror: Mirror, people: Sequence[Person]) -> int:
    reach = {person.id: tuple(_addresses(person, mirror.domains)) for person in people}
    owners = find_owners(tx, mirror.account, [email for some in reach.values() for email in some])
    asked = [key for person in people for key in (_there(person.id), _had(person.id))]
    known = mirror.book.find(tx, asked)
    ours = find_contacts(tx, mirror.account, [*(known.get(_there(one), "") for one in reach), *owners.values()])
    known |= mirror.book.find(tx, [_here(contact.id) for contact in ours])
    clerk = _Clerk(tx, mirror, owners, {contact.id: contact for contact in ours}, known)
    return sum(clerk.copy(person, reach[person.id]) for person in people)


class _Clerk:
    """Copies some people, one after the other.

    owners: whose each address is. contacts: of ours, by id. known: entries of the book.
    """

    def __init__(
        self, tx: Tx, mirror: Mirror, owners: dict[str, str], contacts: dict[str, Contact], known: dict[str, str]
    ) -> None:
        self._tx, self._mirror, self._owners, self._contacts, self._known = tx, mirror, owners, contacts, known

    def copy(self, person: Person, emails: tuple[str, ...]) -> bool:
        """Whether anything here became different."""
        if not emails:
            return False
        holders = (self._owners[email] for email in emails if email in self._owners)
        before = self._contacts.get(self._known.get(_there(person.id), "")) or self._contacts.get(next(holders, ""))
        after = self._new(person, emails) if before is None else self._changed(before, person, emails)
        if before is None:
            add_contact(self._tx, self._mirror.account, after)
        elif after != before:
            set_contact(self._tx, self._mirror.account, after)
            for email in before.emails:
                self._owners.pop(email, None)
        self._contacts[after.id] = after
        self._owners |= dict.fromkeys(after.emails, after.id)
        self._keep(_there(person.id), after.id)
        self._keep(_had(person.id), " ".join(map(_mark, emails)))
        if not self._known.get(_here(after.id), "").isdigit():
            self._keep(_here(after.id), person.id)
        return after != before

    def _new(self, person: Person, emails: tuple[str, ...]) -> Contact:
        name = _name(person) or emails[0]
        first, last = split_name(name) if name != emails[0] else ("", "")
        return Contact(new_id(), name, first, last, emails[:MAX_EMAILS], (), self._mirror.source, now())

    def _changed(self, contact: Contact, person: Person, emails: tuple[str, ...]) -> Contact:
        """A copy follows its CRM; one that was here first gets its other addresses and keeps all that it has."""
        free = [email for email in emails if self._owners.get(email, contact.id) == contact.id]
        copied = contact.source == self._mirror.source
        gone = set(self._known.get(_had(person.id), "").split()) - set(map(_mark, emails)) if copied else set()
        kept = [email for email in dict.fromkeys((*contact.emails, *free)) if _mark(email) not in gone]
        changed = replace(contact, emails=tuple(kept)[:MAX_EMAILS] or contact.emails)
        name = _name(person)
        if not copied or name in ("", contact.name) or self._known.get(_here(contact.id)) != person.id:
            return changed
        first, last = split_name(name)
        return replace(changed, name=name, first_name=first, last_name=last)

    def _keep(self, key: str, value: str) -> None:
        if self._known.get(key) != value:
            self._known[key] = value
            self._mirror.book.keep(self._tx, key, value)


def _addresses(person: Person, domains: Collection[str]) -> Iterable[str]:
    """The addresses that a contact may have here, as ours are compared."""
    for text in person.emails:
        found = parse_address(text)
        if found is not None and not found.domain.startswith("[") and found.domain not in domains:
            yield found.key


def _mark(email: str) -> str:
    """An address as the book knows it again: who was erased here isn't kept there."""
    return sha256(email.encode()).hexdigest()[:20]


def _name(person: Person) -> str:
    name = " ".join(person.name.split())[:MAX_NAME]
    return name if name.isprintable() else ""


def _here(id: str) -> str:
    """The entry that says who a contact of ours is there."""
    return f"contact/{id}"


def _there(id: str) -> str:
    """The entry that says who somebody there is here."""
    return f"person/{id}"


def _had(id: str) -> str:
    """The entry with marks of the addresses that somebody had there when we last looked."""
    return f"addresses/{id}"
