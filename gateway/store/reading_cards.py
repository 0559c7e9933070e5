"""Contacts, leads and customers as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from gateway.core.resources import Contact, Customer, Lead
from gateway.store.card_fields import find_values
from gateway.store.reading import Page, Position, collect, contains, read_page
from gateway.store.search_reading import read_parts
from gateway.store.searching import CONTACT, CUSTOMER, LEAD
from gateway.store.tables import (
    contact_emails,
    contacts,
    customer_contacts,
    customers,
    former_contacts,
    lead_contacts,
    leads,
)


def list_contacts(
    tx: Connection, account: int, after: Position | None, limit: int, *, email: str | None = None, q: str = ""
) -> Page[Contact]:
    """Contacts, newest first. email: the address as compared. q: part of a name or address."""
    query = select(contacts).where(contacts.c.account == account)
    if email is not None:
        query = query.where(contacts.c.id.in_(_with_email(account).where(contact_emails.c.email == email)))
    if q and email is None:
        found = read_parts(tx, account, contacts, CONTACT, q, after, limit, contact_addresses)
        if found is not None:
            return Page(_contacts(tx, account, found.rows), found.next)
    if q:
        addressed = _with_email(account).where(contains(contact_emails.c.email, q))
        query = query.where(contains(contacts.c.name, q) | contacts.c.id.in_(addressed))
    page = read_page(tx, query, [contacts.c.id], after, limit)
    return Page(_contacts(tx, account, page.rows), page.next)


def find_contact(tx: Connection, account: int, id: str) -> Contact | None:
    """One contact of the account."""
    return next(iter(find_contacts(tx, account, [id])), None)


def find_contacts(tx: Connection, account: int, ids: Sequence[str]) -> tuple[Contact, ...]:
    """Those of the contacts that the account has."""
    query = select(contacts).where(contacts.c.account == account, contacts.c.id.in_(ids))
    return _contacts(tx, account, tx.execute(query).all())


def contact_addresses(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, list[str]]:
    """The addresses of contacts, by their ids."""
    query = select(contact_emails).where(contact_emails.c.account == account)
    found = collect(tx, query, contact_emails.c.contact, ids, contact_emails.c.position)
    return {id: [row.email for row in rows] for id, rows in found.items()}


def find_owner(tx: Connection, account: int, email: str) -> str | None:
    """The id of the contact an address belongs to (C7)."""
    row = tx.execute(_with_email(account).where(contact_emails.c.email == email)).one_or_none()
    return row.contact if row is not None else None


def find_owners(tx: Connection, account: int, emails: Sequence[str]) -> dict[str, str]:
    """The ids of the contacts that the addresses belong to (C7)."""
    query = select(contact_emails.c.email, contact_emails.c.contact).where(
        contact_emails.c.account == account, contact_emails.c.email.in_(emails)
    )
    return {row.email: row.contact for row in tx.execute(query)}


def _with_email(account: int) -> Select[tuple[str]]:
    return select(contact_emails.c.contact).where(contact_emails.c.account == account)


def _contacts(tx: Connection, account: int, rows: Sequence[Row[Any]]) -> tuple[Contact, ...]:
    ids = [row.id for row in rows]
    addresses = select(contact_emails).where(contact_emails.c.account == account)
    emails = collect(tx, addresses, contact_emails.c.contact, ids, contact_emails.c.position)
    linked = select(lead_contacts.c.contact, lead_contacts.c.lead).where(lead_contacts.c.account == account)
    found = collect(tx, linked, lead_contacts.c.contact, ids, lead_contacts.c.lead)
    former = select(former_contacts).where(former_contacts.c.account == account)
    merged = collect(tx, former, former_contacts.c.contact, ids, former_contacts.c.id)
    custom = find_values(tx, account, ids)
    return tuple(
        Contact(
            row.id,
            row.name,
            row.first_name,
            row.last_name,
            tuple(one.email for one in emails.get(row.id, ())),
            tuple(one.lead for one in reversed(found.get(row.id, ()))),
            row.source,
            row.created_at,
            custom.get(row.id, {}),
            tuple(one.id for one in merged.get(row.id, ())),
        )
        for row in rows
    )


def list_leads(
    tx: Connection,
    account: int,
    after: Position | None,
    limit: int,
    *,
    contact: str | None = None,
    status: str | None = None,
    q: str = "",
) -> Page[Lead]:
    """Leads, newest first. contact: only those linked to it. status: only those that have it. q: part of a name."""
    query = select(leads).where(leads.c.account == account)
    if status is not None:
        query = query.where(leads.c.status == status)
    if contact is not None:
        linked = select(lead_contacts.c.lead).where(
            lead_contacts.c.account == account, lead_contacts.c.contact == contact
        )
        query = query.where(leads.c.id.in_(linked))
    page = _named(tx, account, leads, LEAD, q, query, after, limit)
    return Page(_leads(tx, account, page.rows), page.next)


def find_lead(tx: Connection, account: int, id: str) -> Lead | None:
    """One lead of the account."""
    return next(iter(find_leads(tx, account, [id])), None)


def find_leads(tx: Connection, account: int, ids: Sequence[str]) -> tuple[Lead, ...]:
    """Those of the leads that the account has."""
    query = select(leads).where(leads.c.account == account, leads.c.id.in_(ids))
    return _leads(tx, account, tx.execute(query).all())


def _leads(tx: Connection, account: int, rows: Sequence[Row[Any]]) -> tuple[Lead, ...]:
    query = select(lead_contacts.c.lead, lead_contacts.c.contact).where(lead_contacts.c.account == account)
    ids = [row.id for row in rows]
    linked = collect(tx, query, lead_contacts.c.lead, ids, lead_contacts.c.contact)
    custom = find_values(tx, account, ids)
    return tuple(
        Lead(
            row.id,
            row.name,
            row.price,
            row.status,
            _main_first(row.main_contact, [one.contact for one in linked.get(row.id, ())]),
            row.main_contact,
            row.created_at,
            custom.get(row.id, {}),
        )
        for row in rows
    )


def list_customers(
    tx: Connection, account: int, after: Position | None, limit: int, *, contact: str | None = None, q: str = ""
) -> Page[Customer]:
    """Customers, newest first. contact: only those linked to it. q: part of a name."""
    query = select(customers).where(customers.c.account == account)
    if contact is not None:
        linked = select(customer_contacts.c.customer).where(
            customer_contacts.c.account == account, customer_contacts.c.contact == contact
        )
        query = query.where(customers.c.id.in_(linked))
    page = _named(tx, account, customers, CUSTOMER, q, query, after, limit)
    return Page(_customers(tx, account, page.rows), page.next)


def find_customer(tx: Connection, account: int, id: str) -> Customer | None:
    """One customer of the account."""
    query = select(customers).where(customers.c.account == account, customers.c.id == id)
    return next(iter(_customers(tx, account, tx.execute(query).all())), None)


def _customers(tx: Connection, account: int, rows: Sequence[Row[Any]]) -> tuple[Customer, ...]:
    query = select(customer_contacts.c.customer, customer_contacts.c.contact)
    query = query.where(customer_contacts.c.account == account)
    ids = [row.id for row in rows]
    linked = collect(tx, query, customer_contacts.c.customer, ids, customer_contacts.c.contact)
    custom = find_values(tx, account, ids)
    return tuple(
        Customer(
            row.id,
            row.name,
            _main_first(row.main_contact, [one.contact for one in linked.get(row.id, ())]),
            row.main_contact,
            row.created_at,
            custom.get(row.id, {}),
        )
        for row in rows
    )


def _named(
    tx: Connection,
    account: int,
    table: Table,
    kind: str,
    q: str,
    query: Select[Any],
    after: Position | None,
    limit: int,
) -> Page[Row[Any]]:
    """A page of a query, of what has this part in its name where that is asked."""
    if q:
        wanted = [query.whereclause] if query.whereclause is not None else []
        found = read_parts(tx, account, table, kind, q, after, limit, _no_texts, *wanted)
        if found is not None:
            return found
        query = query.where(contains(table.c.name, q))
    return read_page(tx, query, [table.c.id], after, limit)


def _no_texts(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, list[str]]:
    return {}


def _main_first(main: str | None, linked: list[str]) -> tuple[str, ...]:
    return tuple(sorted(linked, key=lambda one: one != main))
