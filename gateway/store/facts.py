"""Facts for filing, read once for a whole batch: few statements, whatever the number of mails."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Select, bindparam, select

from gateway.core.envelope import Action
from gateway.core.facts import Filed, Known, Lead
from gateway.store.tables import (
    accounts,
    contact_emails,
    contacts,
    conversations,
    customer_contacts,
    lead_contacts,
    leads,
    messages,
    own_domains,
    slugs,
    sources,
    threads,
    users,
)

SMART = "smart"
"""The one mailbox of an account's three smart addresses (rules, Words: thread)."""

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class AccountRow:
    """What filing reads of an account."""

    number: int
    slug: str
    name: str
    copy_policy: str
    strangers: str
    grace_ms: int


@dataclass(frozen=True, slots=True)
class FiledRow:
    """A message that is already there, found by its identity."""

    filed: Filed
    conversation: str | None


@dataclass(frozen=True, slots=True)
class Referred:
    """A message of ours that a mail answers."""

    conversation: str | None
    thread: str | None
    client: str | None


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread of the smart mailbox."""

    id: str
    conversation: str


def _in(column: Any, name: str) -> Any:
    return column.in_(bindparam(name, expanding=True))


_ACCOUNTS = select(
    accounts.c.number,
    accounts.c.slug,
    accounts.c.name,
    accounts.c.copy_policy,
    accounts.c.strangers,
    accounts.c.rename_grace_days,
).where(_in(accounts.c.number, "of"))
_DOMAINS = select(own_domains.c.account, own_domains.c.domain).where(_in(own_domains.c.account, "of"))
_SLUGS = select(slugs.c.slug, slugs.c.account, slugs.c.retired_at).where(_in(slugs.c.slug, "keys"))
_USERS = select(users.c.account, users.c.email).where(_in(users.c.account, "of"), _in(users.c.email, "keys"))
_CONTACTS = (
    select(contact_emails.c.account, contact_emails.c.email, contact_emails.c.contact, contacts.c.name)
    .join_from(
        contact_emails,
        contacts,
        (contacts.c.account == contact_emails.c.account) & (contacts.c.id == contact_emails.c.contact),
    )
    .where(_in(contact_emails.c.account, "of"), _in(contact_emails.c.email, "keys"))
)
_FILED = select(
    messages.c.account, messages.c.identity, messages.c.id, messages.c.state, messages.c.action, messages.c.conversation
).where(_in(messages.c.account, "of"), _in(messages.c.identity, "keys"))
_REFERRED = (
    select(
        messages.c.account,
        messages.c.message_id,
        messages.c.conversation,
        sources.c.thread,
        threads.c.client,
    )
    .join_from(
        messages,
        sources,
        (sources.c.account == messages.c.account) & (sources.c.message == messages.c.id) & (sources.c.mailbox == None),  # noqa: E711 - SQL
        isouter=True,
    )
    .join(threads, (threads.c.account == sources.c.account) & (threads.c.id == sources.c.thread), isouter=True)
    .where(_in(messages.c.account, "of"), _in(messages.c.message_id, "keys"))
    .order_by(messages.c.id)
)
_THREADS = select(
    threads.c.account, threads.c.client, threads.c.subject_key, threads.c.id, threads.c.conversation
).where(
    _in(threads.c.account, "of"),
    threads.c.mailbox == SMART,
    _in(threads.c.client, "clients"),
    _in(threads.c.subject_key, "keys"),
)
_CONVERSATIONS = select(conversations.c.id, conversations.c.lead).where(
    _in(conversations.c.account, "of"), _in(conversations.c.id, "keys")
)
_LEADS = select(leads.c.id, leads.c.name, leads.c.status).where(_in(leads.c.account, "of"), _in(leads.c.id, "keys"))
_LEAD_CONTACTS = select(lead_contacts.c.lead, lead_contacts.c.contact).where(
    _in(lead_contacts.c.account, "of"), _in(lead_contacts.c.lead, "keys")
)


def _open_lead(nth: int) -> ScalarSelect[str]:
    """The nth open lead of a contact: two are enough to know whether there is only one (C6a)."""
    return (
        select(lead_contacts.c.lead)
        .join_from(
            lead_contacts, leads, (leads.c.account == lead_contacts.c.account) & (leads.c.id == lead_contacts.c.lead)
        )
        .where(
            lead_contacts.c.account == contacts.c.account,
            lead_contacts.c.contact == contacts.c.id,
            leads.c.status == "open",
        )
        .correlate(contacts)
        .order_by(lead_contacts.c.lead)
        .limit(1)
        .offset(nth)
        .scalar_subquery()
    )


_OPEN_LEADS = select(contacts.c.id, _open_lead(0).label("first"), _open_lead(1).label("second")).where(
    _in(contacts.c.account, "of"), _in(contacts.c.id, "keys")
)
_CUSTOMERS = select(customer_contacts.c.contact, customer_contacts.c.customer).where(
    _in(customer_contacts.c.account, "of"), _in(customer_contacts.c.contact, "keys")
)
_SOURCES = select(sources.c.message, sources.c.n, sources.c.road, sources.c.mailbox).where(
    _in(sources.c.account, "of"), _in(sources.c.message, "keys")
)


def _rows(tx: Connection, query: Select[Any], of: Collection[int], keys: Iterable[Any]) -> Sequence[Row[Any]]:
    listed = list(keys)
    return tx.execute(query, {"of": list(of), "keys": listed}).all() if listed else ()


def find_accounts(tx: Connection, of: Collection[int]) -> dict[int, AccountRow]:
    """Accounts by number."""
    return {
        row.number: AccountRow(
            row.number, row.slug, row.name, row.copy_policy, row.strangers, row.rename_grace_days * _DAY_MS
        )
        for row in tx.execute(_ACCOUNTS, {"of": list(of)})
    }


def find_own_domains(tx: Connection, of: Collection[int]) -> dict[int, frozenset[str]]:
    """Own domains by account."""
    found: dict[int, set[str]] = {number: set() for number in of}
    for row in tx.execute(_DOMAINS, {"of": list(of)}):
        found[row.account].add(row.domain)
    return {number: frozenset(domains) for number, domains in found.items()}


def find_slugs(tx: Connection, wanted: Iterable[str]) -> dict[str, tuple[int, int | None]]:
    """Account and time of retirement (None: current) by slug."""
    return {row.slug: (row.account, row.retired_at) for row in _rows(tx, _SLUGS, (), wanted)}


def find_team(tx: Connection, of: Collection[int], keys: Iterable[str]) -> dict[int, frozenset[str]]:
    """Which of the addresses are users, by account."""
    found: dict[int, set[str]] = {number: set() for number in of}
    for row in _rows(tx, _USERS, of, keys):
        found[row.account].add(row.email)
    return {number: frozenset(emails) for number, emails in found.items()}


def find_contacts(tx: Connection, of: Collection[int], keys: Iterable[str]) -> dict[tuple[int, str], Known]:
    """Contacts by account and address key."""
    return {(row.account, row.email): Known(row.contact, row.name) for row in _rows(tx, _CONTACTS, of, keys)}


def find_filed(tx: Connection, of: Collection[int], keys: Iterable[bytes]) -> dict[tuple[int, bytes], FiledRow]:
    """Messages by account and identity (B9)."""
    return {
        (row.account, row.identity): FiledRow(Filed(row.id, row.state, Action(row.action)), row.conversation)
        for row in _rows(tx, _FILED, of, keys)
    }


def find_referred(tx: Connection, of: Collection[int], ids: Iterable[str]) -> dict[tuple[int, str], list[Referred]]:
    """Messages by account and Message-ID, oldest first: several mails may carry one (B9)."""
    found: dict[tuple[int, str], list[Referred]] = {}
    for row in _rows(tx, _REFERRED, of, ids):
        found.setdefault((row.account, row.message_id), []).append(Referred(row.conversation, row.thread, row.client))
    return found


def find_threads(
    tx: Connection, of: Collection[int], wanted: Collection[tuple[str, str]]
) -> dict[tuple[int, str, str], ThreadRow]:
    """Threads of the smart mailbox by account, client ("" for none) and subject key."""
    if not wanted:
        return {}
    clients, keys = ([*{pair[side] for pair in wanted}] for side in (0, 1))
    return {
        (row.account, row.client, row.subject_key): ThreadRow(row.id, row.conversation)
        for row in tx.execute(_THREADS, {"of": list(of), "clients": clients, "keys": keys})
    }


def find_conversation_leads(tx: Connection, of: Collection[int], ids: Iterable[str]) -> dict[str, str | None]:
    """The lead of each conversation, None while it has none."""
    return {row.id: row.lead for row in _rows(tx, _CONVERSATIONS, of, ids)}


def find_leads(tx: Connection, of: Collection[int], ids: Collection[str]) -> dict[str, Lead]:
    """Leads with the contacts linked to them."""
    linked: dict[str, set[str]] = {}
    for row in _rows(tx, _LEAD_CONTACTS, of, ids):
        linked.setdefault(row.lead, set()).add(row.contact)
    return {
        row.id: Lead(row.id, row.name, row.status == "open", frozenset(linked.get(row.id, ())))
        for row in _rows(tx, _LEADS, of, ids)
    }


def find_open_leads(tx: Connection, of: Collection[int], contact_ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids of open leads by contact, two at most."""
    return {
        row.id: [lead for lead in (row.first, row.second) if lead is not None]
        for row in _rows(tx, _OPEN_LEADS, of, contact_ids)
    }


def find_customers(tx: Connection, of: Collection[int], contact_ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids of customers by contact."""
    found: dict[str, list[str]] = {}
    for row in _rows(tx, _CUSTOMERS, of, contact_ids):
        found.setdefault(row.contact, []).append(row.customer)
    return found


def find_roads(tx: Connection, of: Collection[int], ids: Iterable[str]) -> dict[str, list[tuple[str, str | None]]]:
    """The sources a message has, as (road, mailbox), by message."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for row in _rows(tx, _SOURCES, of, ids):
        found.setdefault(row.message, []).append((row.road, row.mailbox))
    return found
