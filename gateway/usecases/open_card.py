"""Open a contact, lead or customer: its fields, who and what it is linked with, and its timeline, in one look."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.resources import Contact, Customer, Field, Lead
from gateway.store import reading_cards as cards
from gateway.store.access import Principal
from gateway.store.card_fields import list_fields
from gateway.store.engine import Store, Tx
from gateway.store.reading import Page, Position
from gateway.store.timelines import Entry, list_timeline

LINKED = 50
"""Linked cards that are shown; the newest."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as its page shows it. fields: the account's own, of this kind. contacts, leads, customers: linked ones."""

    kind: str
    card: Contact | Lead | Customer
    contacts: tuple[Contact, ...]
    leads: tuple[Lead, ...]
    customers: tuple[Customer, ...]
    fields: tuple[Field, ...]
    timeline: Page[Entry]


async def open_card(
    store: Store, reader: Principal, kind: str, id: str, after: Position | None, limit: int, show: str
) -> Card | None:
    """One card with a page of its timeline; show: `mails` or `notes` alone, else both."""

    def look(tx: Tx) -> Card | None:
        account = reader.account
        card = _find(tx, account, kind, id)
        if card is None:
            return None
        contacts: tuple[Contact, ...] = ()
        leads: tuple[Lead, ...] = ()
        customers: tuple[Customer, ...] = ()
        if isinstance(card, Contact):
            leads = cards.list_leads(tx, account, None, LINKED, contact=id).rows
            customers = cards.list_customers(tx, account, None, LINKED, contact=id).rows
        else:
            contacts = _in_order(tx, account, card.contacts[:LINKED])
        timeline = list_timeline(tx, account, id, after, limit, reader.eyes, show)
        return Card(kind, card, contacts, leads, customers, list_fields(tx, account, kind), timeline)

    return await store.read(look)


@dataclass(frozen=True, slots=True)
class Column:
    """The newest leads of one status, with their main contacts, by id."""

    status: str
    leads: Page[Lead]
    people: dict[str, Contact]


async def show_board(store: Store, reader: Principal, statuses: tuple[str, ...], limit: int, q: str) -> list[Column]:
    """Leads by status, so many of each. q: part of a name."""

    def look(tx: Tx) -> list[Column]:
        board = []
        for status in statuses:
            leads = cards.list_leads(tx, reader.account, None, limit, status=status, q=q)
            main = sorted({lead.main_contact for lead in leads.rows if lead.main_contact})
            people = {one.id: one for one in cards.find_contacts(tx, reader.account, main)}
            board.append(Column(status, leads, people))
        return board

    return await store.read(look)


def _find(tx: Tx, account: int, kind: str, id: str) -> Contact | Lead | Customer | None:
    if kind == "contact":
        return cards.find_contact(tx, account, id)
    return cards.find_lead(tx, account, id) if kind == "lead" else cards.find_customer(tx, account, id)


def _in_order(tx: Tx, account: int, ids: tuple[str, ...]) -> tuple[Contact, ...]:
    return tuple(sorted(cards.find_contacts(tx, account, ids), key=lambda one: ids.index(one.id)))
