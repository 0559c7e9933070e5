"""Facts for filing, read once for a whole batch: few statements, whatever the number of mails."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    bindparam,
    func,
    select,
)

from gateway.core.envelope import Action
from gateway.core.facts import Filed, Known, Lead
from gateway.core.mail import message_id_key
from gateway.store.lists import among, item, listed, lists, texts
from gateway.store.prepared import Prepared
from gateway.store.tables import (
    accounts,
    bodies,
    contact_emails,
    contacts,
    conversations,
    customer_contacts,
    lead_contacts,
    leads,
    mailbox_addresses,
    messages,
    never_log,
    own_domains,
    slugs,
    sources,
    threads,
    users,
)

SMART = "smart"
"""The one mailbox of an account's three smart addresses (rules, Words: thread)."""

OPEN = "open"
FILED = "filed"
MAIL = "mail"
"""Source of a contact that a mail made (C4)."""

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
class Road:
    """A road by which a message came: one of its sources. mailbox: None for the smart addresses, which are one road,
    whatever the folder. removed: who may open it took it away (E8)."""

    n: int
    mailbox: str | None
    folder: str
    thread: str | None
    removed: bool = False

    def leads_from(self, mailbox: str | None, folder: str) -> bool:
        """Whether it is the road from there."""
        return self.mailbox == mailbox and (mailbox is None or self.folder == folder)


@dataclass(frozen=True, slots=True)
class FiledRow:
    """A message that is already there, found by its identity. at: where it stands in lists. next: number of the next
    source."""

    filed: Filed
    conversation: str | None
    at: int
    roads: tuple[Road, ...] = ()
    next: int = 0


@dataclass(frozen=True, slots=True)
class Referred:
    """A message of ours that a mail answers, and the thread in which it stands in one of its mailboxes."""

    conversation: str | None
    thread: str | None
    client: str | None
    mailbox: str | None


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread of one mailbox."""

    id: str
    conversation: str


def begins_with(identity: Column[str], beginning: ColumnElement[str]) -> ColumnElement[bool]:
    """Identities that begin with a `message_id_key`, as a range that an index serves: hex digits end before "g"."""
    return and_(identity >= beginning, identity < beginning.concat("g"))


_of, _in = partial(among, name="of"), partial(among, name="keys")
_ACCOUNTS = Prepared(
    select(
        accounts.c.number,
        accounts.c.slug,
        accounts.c.name,
        accounts.c.copy_policy,
        accounts.c.strangers,
        accounts.c.rename_grace_days,
    ).where(_of(accounts.c.number))
)
_DOMAINS = Prepared(select(own_domains.c.account, own_domains.c.domain).where(_of(own_domains.c.account)))
_NEVER_LOG = Prepared(
    select(never_log.c.account, never_log.c.entry).where(_of(never_log.c.account), _in(never_log.c.entry))
)
_SLUGS = Prepared(select(slugs.c.slug, slugs.c.account, slugs.c.retired_at).where(_in(slugs.c.slug)))
_TEAM = Prepared(
    select(users.c.account, users.c.email)
    .where(_of(users.c.account), _in(users.c.email))
    .union_all(
        select(mailbox_addresses.c.account, mailbox_addresses.c.email).where(
            _of(mailbox_addresses.c.account), _in(mailbox_addresses.c.email)
        )
    )
)
_CONTACTS = Prepared(
    select(
        contact_emails.c.account,
        contact_emails.c.email,
        contact_emails.c.contact,
        contacts.c.name,
        contacts.c.source,
        contacts.c.created_at,
    )
    .join_from(
        contact_emails,
        contacts,
        (contacts.c.account == contact_emails.c.account) & (contacts.c.id == contact_emails.c.contact),
    )
    .where(_of(contact_emails.c.account), _in(contact_emails.c.email))
)
_FILED = Prepared(
    select(
        messages.c.account,
        messages.c.identity,
        messages.c.id,
        messages.c.state,
        messages.c.action,
        messages.c.conversation,
        messages.c.at,
    ).where(_of(messages.c.account), _in(messages.c.identity))
)
_LAST_BODY = (
    select(func.max(bodies.c.n))
    .where(bodies.c.account == sources.c.account, bodies.c.message == sources.c.message)
    .correlate(sources)
    .scalar_subquery()
)
_ROADS = Prepared(
    select(
        sources.c.account,
        sources.c.message,
        sources.c.n,
        sources.c.mailbox,
        sources.c.folder,
        sources.c.thread,
        sources.c.removed_at,
        _LAST_BODY,
    )
    .where(_of(sources.c.account), _in(sources.c.message))
    .order_by(sources.c.n)
)
_BEGINNINGS = texts("keys", "beginnings")
_REFERRED = Prepared(
    select(
        messages.c.account,
        messages.c.message_id,
        messages.c.conversation,
        sources.c.thread,
        threads.c.client,
        threads.c.mailbox,
    )
    .join_from(_BEGINNINGS, messages, begins_with(messages.c.identity, _BEGINNINGS.c.value))
    .join(
        sources,
        (sources.c.account == messages.c.account) & (sources.c.message == messages.c.id),
        isouter=True,
    )
    .join(threads, (threads.c.account == sources.c.account) & (threads.c.id == sources.c.thread), isouter=True)
    .where(_of(messages.c.account), messages.c.state == bindparam("state"))
    .order_by(messages.c.id, sources.c.n)
)
_WANTED = lists("keys", "wanted")
# Each thread by its own client and subject key: all clients with all keys would be the square of a batch.
_THREADS = Prepared(
    select(
        threads.c.account,
        threads.c.mailbox,
        threads.c.client,
        threads.c.subject_key,
        threads.c.id,
        threads.c.conversation,
    ).join_from(
        _WANTED,
        threads,
        (threads.c.account == item(_WANTED.c.value, 0, number=True))
        & (threads.c.mailbox == item(_WANTED.c.value, 1))
        & (threads.c.client == item(_WANTED.c.value, 2))
        & (threads.c.subject_key == item(_WANTED.c.value, 3)),
    )
)
_CONVERSATIONS = Prepared(
    select(conversations.c.id, conversations.c.lead).where(_of(conversations.c.account), _in(conversations.c.id))
)
_LEADS = Prepared(select(leads.c.id, leads.c.name, leads.c.status).where(_of(leads.c.account), _in(leads.c.id)))
_LEAD_CONTACTS = Prepared(
    select(lead_contacts.c.lead, lead_contacts.c.contact).where(_of(lead_contacts.c.account), _in(lead_contacts.c.lead))
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
            leads.c.status == bindparam("status"),
        )
        .correlate(contacts)
        .order_by(lead_contacts.c.lead)
        .limit(bindparam("most"))
        .offset(bindparam(f"skip{nth}"))
        .scalar_subquery()
    )


_OPEN_LEADS = Prepared(
    select(contacts.c.id, _open_lead(0), _open_lead(1)).where(_of(contacts.c.account), _in(contacts.c.id))
)
_CUSTOMERS = Prepared(
    select(customer_contacts.c.contact, customer_contacts.c.customer).where(
        _of(customer_contacts.c.account), _in(customer_contacts.c.contact)
    )
)

_Numbers = Collection[int]


def _find(query: Prepared, tx: Connection, of: _Numbers, keys: Iterable[str], **more: Any) -> list[tuple[Any, ...]]:
    """Rows of some accounts by keys; no statement where there is nothing to ask for."""
    wanted = list(keys)
    return query.all(tx, of=listed(of), keys=listed(wanted), **more) if wanted else []


def find_accounts(tx: Connection, of: _Numbers) -> dict[int, AccountRow]:
    """Accounts by number."""
    return {
        number: AccountRow(number, slug, name, copy_policy, strangers, grace_days * _DAY_MS)
        for number, slug, name, copy_policy, strangers, grace_days in _ACCOUNTS.all(tx, of=listed(of))
    }


def find_own_domains(tx: Connection, of: _Numbers) -> dict[int, frozenset[str]]:
    """Own domains by account."""
    return _sets(of, _DOMAINS.all(tx, of=listed(of)))


def find_never_log(tx: Connection, of: _Numbers, keys: Iterable[str]) -> dict[int, frozenset[str]]:
    """Which of the addresses and domains are never logged, by account (B8a)."""
    return _sets(of, _find(_NEVER_LOG, tx, of, keys))


def find_slugs(tx: Connection, wanted: Iterable[str]) -> dict[str, tuple[int, int | None]]:
    """Account and time of retirement (None: current) by slug."""
    return {slug: (account, retired) for slug, account, retired in _find(_SLUGS, tx, (), wanted)}


def find_team(tx: Connection, of: _Numbers, keys: Iterable[str]) -> dict[int, frozenset[str]]:
    """Which of the addresses are users', or those of connected mailboxes and their aliases, by account."""
    return _sets(of, _find(_TEAM, tx, of, keys))


def _sets(of: _Numbers, rows: Iterable[tuple[Any, ...]]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {number: set() for number in of}
    for number, value in rows:
        found[number].add(value)
    return {number: frozenset(values) for number, values in found.items()}


def find_contacts(tx: Connection, of: _Numbers, keys: Iterable[str]) -> dict[tuple[int, str], Known]:
    """Contacts by account and address key."""
    return {
        (account, email): Known(contact, name, made if source == MAIL else None)
        for account, email, contact, name, source, made in _find(_CONTACTS, tx, of, keys)
    }


def find_filed(tx: Connection, of: _Numbers, keys: Iterable[str]) -> dict[tuple[int, str], FiledRow]:
    """Messages by account and identity, with the roads they came by (B9)."""
    rows = _find(_FILED, tx, of, keys)
    roads, last = _find_roads(tx, of, [row[2] for row in rows])
    found = {}
    for account, identity, id, state, action, conversation, at in rows:
        came = tuple(roads.get((account, id), ()))
        filed = Filed(id, state, Action(action), smart=not came or any(one.mailbox is None for one in came))
        found[account, identity] = FiledRow(filed, conversation, at, came, last.get((account, id), 0) + 1)
    return found


def _find_roads(
    tx: Connection, of: _Numbers, ids: Iterable[str]
) -> tuple[dict[tuple[int, str], list[Road]], dict[tuple[int, str], int]]:
    """Roads by account and message, and the last number that each message has given to one."""
    roads: dict[tuple[int, str], list[Road]] = {}
    last: dict[tuple[int, str], int] = {}
    for account, id, n, mailbox, folder, thread, removed_at, last_body in _find(_ROADS, tx, of, ids):
        roads.setdefault((account, id), []).append(Road(n, mailbox, folder, thread, removed_at is not None))
        last[account, id] = max(n, last_body or 0, last.get((account, id), 0))
    return roads, last


def find_referred(tx: Connection, of: _Numbers, ids: Iterable[str]) -> dict[tuple[int, str], list[Referred]]:
    """Filed messages by account and Message-ID, oldest first: several may share one (B9), and each stands there once a
    source. Held ones do not count."""
    found: dict[tuple[int, str], list[Referred]] = {}
    wanted = set(ids)
    rows = _find(_REFERRED, tx, of, [message_id_key(one) for one in wanted], state=FILED)
    for account, message_id, conversation, thread, client, mailbox in rows:
        if message_id in wanted:
            found.setdefault((account, message_id), []).append(Referred(conversation, thread, client, mailbox))
    return found


ThreadKey = tuple[int, str, str, str]
"""Account, mailbox (`SMART` for the smart addresses), client ("" for none) and subject key (rules, section D)."""


def find_threads(tx: Connection, wanted: Collection[ThreadKey]) -> dict[ThreadKey, ThreadRow]:
    """Threads by their keys."""
    rows = _THREADS.all(tx, keys=listed(wanted))
    return {
        (account, mailbox, client, key): ThreadRow(thread, conversation)
        for account, mailbox, client, key, thread, conversation in rows
    }


def find_conversation_leads(tx: Connection, of: _Numbers, ids: Iterable[str]) -> dict[str, str | None]:
    """The lead of each conversation, None while it has none."""
    return dict(_find(_CONVERSATIONS, tx, of, ids))


def find_leads(tx: Connection, of: _Numbers, ids: Collection[str]) -> dict[str, Lead]:
    """Leads with the contacts linked to them."""
    linked: dict[str, set[str]] = {}
    for lead, contact in _find(_LEAD_CONTACTS, tx, of, ids):
        linked.setdefault(lead, set()).add(contact)
    return {
        lead: Lead(lead, name, status == OPEN, frozenset(linked.get(lead, ())))
        for lead, name, status in _find(_LEADS, tx, of, ids)
    }


def find_open_leads(tx: Connection, of: _Numbers, contact_ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids of open leads by contact, two at most."""
    rows = _find(_OPEN_LEADS, tx, of, contact_ids, status=OPEN, most=1, skip0=0, skip1=1)
    return {contact: [lead for lead in found if lead is not None] for contact, *found in rows}


def find_customers(tx: Connection, of: _Numbers, contact_ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids of customers by contact."""
    found: dict[str, list[str]] = {}
    for contact, customer in _find(_CUSTOMERS, tx, of, contact_ids):
        found.setdefault(contact, []).append(customer)
    return found
