"""Show contacts, leads and customers."""

from __future__ import annotations

from gateway.core.address import parse_address
from gateway.core.resources import Contact, Customer, Lead
from gateway.store import reading_cards as cards
from gateway.store.access import Principal
from gateway.store.engine import Store
from gateway.store.reading import Page, Position


async def list_contacts(
    store: Store, reader: Principal, after: Position | None, limit: int, email: str | None, q: str
) -> Page[Contact]:
    """The account's contacts. email: any writing of one of their addresses (C7); q: part of a name or address."""
    found = parse_address(email) if email is not None else None
    if email is not None and found is None:
        return Page(())
    key = found.key if found else None
    return await store.read(lambda tx: cards.list_contacts(tx, reader.account, after, limit, email=key, q=q))


async def show_contact(store: Store, reader: Principal, id: str) -> Contact | None:
    """One contact of the account."""
    return await store.read(lambda tx: cards.find_contact(tx, reader.account, id))


async def list_leads(
    store: Store, reader: Principal, after: Position | None, limit: int, contact: str | None = None, q: str = ""
) -> Page[Lead]:
    """The account's leads. contact: only those linked to it; q: part of a name."""
    return await store.read(lambda tx: cards.list_leads(tx, reader.account, after, limit, contact=contact, q=q))


async def show_lead(store: Store, reader: Principal, id: str) -> Lead | None:
    """One lead of the account."""
    return await store.read(lambda tx: cards.find_lead(tx, reader.account, id))


async def list_customers(
    store: Store, reader: Principal, after: Position | None, limit: int, contact: str | None = None, q: str = ""
) -> Page[Customer]:
    """The account's customers. contact: only those linked to it; q: part of a name."""
    return await store.read(lambda tx: cards.list_customers(tx, reader.account, after, limit, contact=contact, q=q))


async def show_customer(store: Store, reader: Principal, id: str) -> Customer | None:
    """One customer of the account."""
    return await store.read(lambda tx: cards.find_customer(tx, reader.account, id))


async def show_contacts(store: Store, reader: Principal, ids: tuple[str, ...]) -> tuple[Contact, ...]:
    """Those of the contacts that the account has, in the order asked for."""
    found = await store.read(lambda tx: cards.find_contacts(tx, reader.account, ids))
    return tuple(sorted(found, key=lambda one: ids.index(one.id)))


async def show_leads(store: Store, reader: Principal, ids: tuple[str, ...]) -> tuple[Lead, ...]:
    """Those of the leads that the account has, in the order asked for."""
    found = await store.read(lambda tx: cards.find_leads(tx, reader.account, ids))
    return tuple(sorted(found, key=lambda one: ids.index(one.id)))
