"""Two contacts become one: all that pointed at the one that goes points at the one that stays (C7)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from gateway.core.resources import Contact
from gateway.store.cards_writing import remove_contact, write_contact
from gateway.store.tables import (
    cards,
    contact_emails,
    customer_contacts,
    customers,
    field_values,
    former_contacts,
    lead_contacts,
    leads,
    notes,
)


def merge_contacts(tx: Connection, account: int, kept: Contact, gone: str) -> None:
    """Moves addresses, mail, leads, customers, notes and values. kept: as it is to be. gone: the other's id."""
    _move_mail(tx, account, kept.id, gone)
    for table, main in ((lead_contacts, leads), (customer_contacts, customers)):
        _move_links(tx, account, table, kept.id, gone)
        theirs = (main.c.account == account, main.c.main_contact == gone)
        tx.execute(update(main).where(*theirs).values(main_contact=kept.id))
    tx.execute(update(notes).where(notes.c.account == account, notes.c.card == gone).values(card=kept.id))
    _move_values(tx, account, kept.id, gone)
    theirs = (contact_emails.c.account == account, contact_emails.c.contact == gone)
    tx.execute(delete(contact_emails).where(*theirs))
    theirs = (former_contacts.c.account == account, former_contacts.c.contact == gone)
    tx.execute(update(former_contacts).where(*theirs).values(contact=kept.id))
    remove_contact(tx, account, gone)
    tx.execute(insert(former_contacts).values(account=account, id=gone, contact=kept.id))
    write_contact(tx, account, kept)


def find_successor(tx: Connection, account: int, id: str) -> str | None:
    """Who a contact that was merged away is now."""
    query = select(former_contacts.c.contact).where(former_contacts.c.account == account, former_contacts.c.id == id)
    return tx.execute(query).scalar()


def _move_mail(tx: Connection, account: int, kept: str, gone: str) -> None:
    """A mail that stands on both cards stands once on the one that stays."""
    both = select(cards.c.message).where(cards.c.account == account, cards.c.card == kept)
    theirs = (cards.c.account == account, cards.c.card == gone)
    tx.execute(delete(cards).where(*theirs, cards.c.message.in_(both)))
    tx.execute(update(cards).where(*theirs).values(card=kept))


def _move_links(tx: Connection, account: int, table: Table, kept: str, gone: str) -> None:
    side = table.c.lead if table is lead_contacts else table.c.customer
    both = select(side).where(table.c.account == account, table.c.contact == kept)
    theirs = (table.c.account == account, table.c.contact == gone)
    tx.execute(delete(table).where(*theirs, side.in_(both)))
    tx.execute(update(table).where(*theirs).values(contact=kept))


def _move_values(tx: Connection, account: int, kept: str, gone: str) -> None:
    """What stands in a field of the one that stays, stays."""
    filled = select(field_values.c.field).where(field_values.c.account == account, field_values.c.card == kept)
    theirs = (field_values.c.account == account, field_values.c.card == gone)
    tx.execute(delete(field_values).where(*theirs, field_values.c.field.in_(filled)))
    tx.execute(update(field_values).where(*theirs).values(card=kept))


@dataclass(frozen=True, slots=True)
class CardCounts:
    """How much stands on a contact's card."""

    mails: int
    notes: int
    leads: int
    customers: int


def count_card(tx: Connection, account: int, contact: str) -> CardCounts:
    """How much stands on a contact's card."""
    asked = (
        (cards, cards.c.card),
        (notes, notes.c.card),
        (lead_contacts, lead_contacts.c.contact),
        (customer_contacts, customer_contacts.c.contact),
    )
    counts = []
    for table, column in asked:
        query = select(func.count()).select_from(table).where(table.c.account == account, column == contact)
        counts.append(int(tx.execute(query).scalar() or 0))
    return CardCounts(*counts)
