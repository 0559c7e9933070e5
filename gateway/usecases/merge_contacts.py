"""Two contacts that are one person become one, in one transaction (C7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.merging import merge
from gateway.core.refusals import Wrong
from gateway.core.resources import Contact
from gateway.sealing import SealError
from gateway.store import audit
from gateway.store import merging as writing
from gateway.store.access import Principal
from gateway.store.endpoints import list_back_ends
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time
from gateway.store.merging import CardCounts
from gateway.store.outbox import add_event
from gateway.store.reading_cards import find_contact
from gateway.usecases.ledger import Library


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a merge would do. merged: the contact that stays, as it would be. kept, other: what is on the two cards."""

    merged: Contact
    other: Contact
    kept_has: CardCounts
    other_has: CardCounts


async def foresee(store: Store, reader: Principal, id: str, other: str) -> Outlook | Wrong | None:
    """What a merge would do; None when the account has no such contact."""

    def look(tx: Tx) -> Outlook | Wrong | None:
        kept = find_contact(tx, reader.account, id)
        gone = _other(tx, reader.account, other)
        if kept is None or isinstance(gone, Wrong):
            return None if kept is None else gone if isinstance(gone, Wrong) else None
        merged = merge(kept, gone)
        if isinstance(merged, Wrong):
            return merged
        counts = (writing.count_card(tx, reader.account, one) for one in (id, other))
        return Outlook(merged, gone, *counts)

    return await store.read(look)


async def merge_contacts(
    store: Store, writer: Principal, id: str, other: str, library: Callable[[], Library]
) -> Contact | Wrong | None:
    """The contact that stays, with all that the other one had; None when the account has no such contact.

    Which contact of a connected CRM each of ours is, is known for the one that stays from then on: what that CRM tells
    of either changes this one, and no second one is made there.
    """

    def join(tx: Tx) -> Contact | Wrong | None:
        kept = find_contact(tx, writer.account, id)
        if kept is None:
            return None
        gone = _other(tx, writer.account, other)
        if isinstance(gone, Wrong):
            return gone
        merged = merge(kept, gone)
        if isinstance(merged, Wrong):
            return merged
        now = shared_time()
        writing.merge_contacts(tx, writer.account, merged, other)
        for endpoint in (row.id for row in list_back_ends(tx) if row.account == writer.account):
            _remember(tx, library(), writer.account, endpoint, id, other)
        add_event(tx, writer.account, "contact.merged", id, now)
        audit.note(tx, writer, "contact.merged", id, now, name=merged.name, other=other, other_name=gone.name)
        return find_contact(tx, writer.account, id)

    return await store.write(join, account=writer.account)


async def find_successor(store: Store, reader: Principal, id: str) -> str | None:
    """Who a contact that was merged away is now."""
    return await store.read(lambda tx: writing.find_successor(tx, reader.account, id))


async def count_card(store: Store, reader: Principal, id: str) -> CardCounts:
    """How much stands on a contact's card."""
    return await store.read(lambda tx: writing.count_card(tx, reader.account, id))


def _other(tx: Tx, account: int, other: str) -> Contact | Wrong:
    found = find_contact(tx, account, other)
    return found or Wrong("other", f"{other[:80]!a} is no contact; allowed: another contact's id")


def _remember(tx: Tx, library: Library, account: int, endpoint: str, id: str, other: str) -> None:
    """Moves what the book of a CRM knows of the contact that goes. Where no key of ours opens it, the CRM's contact is
    found by its addresses when it is next spoken of."""
    book = library.book(account, endpoint)
    try:
        known = book.find(tx, [f"contact/{id}", f"contact/{other}"])
    except SealError:
        return
    remote = known.get(f"contact/{other}", "")
    if not remote.isdigit():
        return
    book.keep(tx, f"person/{remote}", id)
    book.keep(tx, f"contact/{other}", None)
    if not known.get(f"contact/{id}", "").isdigit():
        book.keep(tx, f"contact/{id}", remote)
