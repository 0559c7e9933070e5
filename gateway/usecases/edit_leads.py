"""Make, change and remove leads and customers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gateway.core.custom import check_values
from gateway.core.options import AccountError, check_name
from gateway.core.refusals import Stale, Wrong
from gateway.core.resources import Customer, Lead
from gateway.store import audit
from gateway.store import cards_writing as writing
from gateway.store.access import Principal
from gateway.store.card_fields import list_fields, set_values
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.outbox import add_event
from gateway.store.reading_cards import find_customer, find_lead

STATUSES = ("open", "won", "lost")
LINKS = ("add", "main", "remove")
MAX_PRICE = 10**15
MAX_CONTACTS = 500
Card = TypeVar("Card", Lead, Customer)


@dataclass(frozen=True, slots=True)
class CardChange:
    """Fields of a lead or customer as they were sent; None leaves one as it is.

    main_contact: "" takes it away. price, status: of leads only. custom: what is to stand in the account's own fields,
    by their keys; those that are not named stay.
    """

    name: str | None = None
    price: int | None = None
    status: str | None = None
    contacts: tuple[str, ...] | None = None
    main_contact: str | None = None
    custom: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Card]):
    """What the store does with cards of one kind. event: told when one is made."""

    name: str
    find: Callable[[Tx, int, str], Card | None]
    add: Callable[[Tx, int, Card], None]
    set: Callable[[Tx, int, Card], None]
    remove: Callable[[Tx, int, str], None]
    event: str


_LEADS = _Kind("lead", find_lead, writing.add_lead, writing.set_lead, writing.remove_lead, "lead.created")
_CUSTOMERS = _Kind(
    "customer", find_customer, writing.add_customer, writing.set_customer, writing.remove_customer, "customer.created"
)


async def make_lead(store: Store, writer: Principal, change: CardChange) -> Lead | Wrong:
    """A new lead; the event tells of it in the same commit."""
    return await _make(store, writer, _LEADS, Lead(new_id(), "", 0, "open", (), None, _now()), change)


async def change_lead(
    store: Store, writer: Principal, id: str, change: CardChange, unchanged: Callable[[Lead], bool]
) -> Lead | Wrong | Stale | None:
    """The lead as it is then; None when the account has no such one, Stale when it is not as the writer saw it."""
    return await _change(store, writer, _LEADS, id, change, unchanged)


async def drop_lead(store: Store, writer: Principal, id: str) -> bool:
    """Takes the lead away; False when the account has no such one."""
    return await _drop(store, writer, _LEADS, id)


async def make_customer(store: Store, writer: Principal, change: CardChange) -> Customer | Wrong:
    """A new customer; the event tells of it in the same commit."""
    return await _make(store, writer, _CUSTOMERS, Customer(new_id(), "", (), None, _now()), change)


async def change_customer(
    store: Store, writer: Principal, id: str, change: CardChange, unchanged: Callable[[Customer], bool]
) -> Customer | Wrong | Stale | None:
    """The customer as it is then; None when the account has no such one, Stale when it is not as the writer saw it."""
    return await _change(store, writer, _CUSTOMERS, id, change, unchanged)


async def drop_customer(store: Store, writer: Principal, id: str) -> bool:
    """Takes the customer away; False when the account has no such one."""
    return await _drop(store, writer, _CUSTOMERS, id)


async def set_person(
    store: Store, writer: Principal, kind: str, id: str, contact: str, link: str
) -> Lead | Customer | Wrong | None:
    """Links one contact with a card, or no more. link: `add`, `main` (and makes them the main one) or `remove`."""

    def relink(tx: Tx) -> Lead | Customer | Wrong | None:
        if kind == _LEADS.name:
            return _relink(tx, writer, _LEADS, id, contact, link)
        return _relink(tx, writer, _CUSTOMERS, id, contact, link)

    return await store.write(relink, account=writer.account)


def _relink(tx: Tx, writer: Principal, kind: _Kind[Card], id: str, contact: str, link: str) -> Card | Wrong | None:
    known = kind.find(tx, writer.account, id)
    if known is None:
        return None
    if link not in LINKS:
        return Wrong("link", f"{link[:80]!a} is not allowed; allowed: {', '.join(LINKS)}")
    others: tuple[str, ...] = tuple(one for one in known.contacts if one != contact)
    if link == "remove":
        change = CardChange(contacts=others)
    else:
        main = contact if link == "main" or not others else None
        change = CardChange(contacts=(*others, contact), main_contact=main)
    card = _changed(tx, writer.account, kind.name, known, change)
    if not isinstance(card, Wrong):
        kind.set(tx, writer.account, card)
    return card


async def _make(store: Store, writer: Principal, kind: _Kind[Card], empty: Card, change: CardChange) -> Card | Wrong:
    named = replace(change, name=change.name or "")

    def make(tx: Tx) -> Card | Wrong:
        card = _changed(tx, writer.account, kind.name, empty, named)
        if not isinstance(card, Wrong):
            kind.add(tx, writer.account, card)
            set_values(tx, writer.account, kind.name, card.id, card.custom)
            add_event(tx, writer.account, kind.event, card.id, card.created_at)
        return card

    return await store.write(make, account=writer.account)


async def _change(
    store: Store,
    writer: Principal,
    kind: _Kind[Card],
    id: str,
    change: CardChange,
    unchanged: Callable[[Card], bool],
) -> Card | Wrong | Stale | None:
    def edit(tx: Tx) -> Card | Wrong | Stale | None:
        known = kind.find(tx, writer.account, id)
        if known is not None and not unchanged(known):
            return Stale()
        card = _changed(tx, writer.account, kind.name, known, change) if known is not None else None
        if known is not None and card is not None and not isinstance(card, Wrong):
            kind.set(tx, writer.account, card)
            set_values(tx, writer.account, kind.name, id, {**dict.fromkeys(known.custom, ""), **card.custom})
            _note_move(tx, writer, known, card)
        return card

    return await store.write(edit, account=writer.account)


async def _drop(store: Store, writer: Principal, kind: _Kind[Card], id: str) -> bool:
    def drop(tx: Tx) -> bool:
        known = kind.find(tx, writer.account, id)
        if known is None:
            return False
        kind.remove(tx, writer.account, id)
        audit.note(tx, writer, f"{kind.name}.deleted", id, _now(), name=known.name)
        return True

    return await store.write(drop, account=writer.account)


def _note_move(tx: Tx, writer: Principal, known: Lead | Customer, card: Lead | Customer) -> None:
    if isinstance(known, Lead) and isinstance(card, Lead) and card.status != known.status:
        audit.note(tx, writer, "lead.moved", card.id, _now(), name=card.name, before=known.status, status=card.status)


def _changed(tx: Tx, account: int, kind: str, card: Card, change: CardChange) -> Card | Wrong:
    """The card with what was sent; the main contact is always among the contacts.

    What was not sent stays, even where a person could not send it: a name that came with a mail may be any.
    """
    wrong = _wrong(change) or _missing(tx, account, change)
    if wrong is not None:
        return wrong
    contacts: tuple[str, ...] = card.contacts if change.contacts is None else tuple(dict.fromkeys(change.contacts))
    if change.main_contact is None:
        main = card.main_contact if card.main_contact in contacts else next(iter(contacts), None)
    else:
        main = change.main_contact or None
    if main is not None:
        contacts = tuple(dict.fromkeys((main, *contacts)))
    name = card.name if change.name is None else check_name(change.name)
    custom = dict(card.custom)
    if change.custom:
        values = check_values(change.custom, [field.key for field in list_fields(tx, account, kind)])
        if isinstance(values, Wrong):
            return values
        custom = {key: value for key, value in {**custom, **values}.items() if value}
    changed = replace(card, name=name, contacts=contacts, main_contact=main, custom=custom)
    if isinstance(changed, Lead):
        price = changed.price if change.price is None else change.price
        return replace(changed, price=price, status=change.status or changed.status)
    return changed


def _wrong(change: CardChange) -> Wrong | None:
    if change.name is not None:
        try:
            check_name(change.name)
        except AccountError as fault:
            return Wrong("name", str(fault))
    if change.price is not None and not 0 <= change.price <= MAX_PRICE:
        return Wrong("price", f"{change.price} is not allowed; allowed: a whole number from 0 to {MAX_PRICE}")
    if change.status is not None and change.status not in STATUSES:
        return Wrong("status", f"{change.status[:80]!a} is not allowed; allowed: {', '.join(STATUSES)}")
    if change.contacts is not None and len(change.contacts) > MAX_CONTACTS:
        return Wrong("contacts", f"{len(change.contacts)} contacts are not allowed; allowed: at most {MAX_CONTACTS}")
    return None


def _missing(tx: Tx, account: int, change: CardChange) -> Wrong | None:
    sent = change.contacts or ()
    missing = writing.find_missing(tx, account, sent)
    if missing:
        return Wrong(f"contacts/{sent.index(missing[0])}", f"{missing[0][:80]!a} is no contact; allowed: contacts' ids")
    if change.main_contact and writing.find_missing(tx, account, [change.main_contact]):
        return Wrong("main_contact", f"{change.main_contact[:80]!a} is no contact; allowed: a contact's id or null")
    return None


def _now() -> int:
    return time.time_ns() // 1_000_000
