"""Everything a person left behind in an account: found, and taken away so that nobody can read it any more."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Table, delete, func, insert, or_, select, update

from gateway.core.terms import Phrase, terms
from gateway.store.audit import forget_about
from gateway.store.bodies import FILE
from gateway.store.card_fields import forget_values
from gateway.store.cards_writing import remove_contact, remove_customer, remove_lead
from gateway.store.decisions import unpack_decision
from gateway.store.deletions import GONE, count_thread
from gateway.store.mail_entries import forget_mail, message_of
from gateway.store.notes import forget_mentions
from gateway.store.outgoing import forget_recipients
from gateway.store.pictures import drop_senders
from gateway.store.reading import PASS, contains
from gateway.store.searching import CUSTOMER, LEAD, MESSAGE, forget_entries, hits, is_complete, purge
from gateway.store.tables import (
    answers,
    bodies,
    cards,
    contact_emails,
    contacts,
    conversations,
    customer_contacts,
    customers,
    deletions,
    deliveries,
    events,
    lead_contacts,
    leads,
    ledger,
    mailboxes,
    messages,
    participants,
    quotas,
    receipts,
    sources,
    threads,
)

ERASED = "erased"
"""Stands where a name was."""
_SHORTEST = 3
_ID = re.compile("[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True, slots=True)
class Traces:
    """What is to be erased. keys: the person's addresses as compared. names: what they were called.

    messages: those they take part in; shared: of these, those with other clients. leads, customers: of nobody else.
    mentions: other messages whose words hold the address; None where the index isn't there to tell.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    contacts: tuple[str, ...]
    messages: tuple[str, ...]
    shared: int
    leads: tuple[str, ...]
    customers: tuple[str, ...]
    receipts: tuple[str, ...]
    mentions: tuple[str, ...] | None
    blobs: tuple[str, ...] = field(default=())


def find_traces(tx: Connection, account: int, key: str) -> Traces:
    """All that an account holds of the person with this address, and with the other addresses of their contact (C7)."""
    mine = select(contact_emails.c.contact).where(contact_emails.c.account == account, contact_emails.c.email == key)
    people = tuple(tx.execute(mine).scalars())
    emails = select(contact_emails.c.email).where(
        contact_emails.c.account == account, contact_emails.c.contact.in_(people)
    )
    keys = tuple(dict.fromkeys([key, *tx.execute(emails).scalars()]))
    took_part = (participants.c.account == account, participants.c.key.in_(keys))
    stood = set(tx.execute(select(participants.c.message).where(*took_part)).scalars())
    ids = tuple(sorted(stood | _in_copies(tx, account, keys)))
    known = set(tx.execute(select(participants.c.name).where(*took_part).distinct()).scalars())
    called = select(contacts.c.name).where(contacts.c.account == account, contacts.c.id.in_(people))
    known |= set(tx.execute(called).scalars())
    return Traces(
        keys=keys,
        names=tuple(sorted(name for name in known if len(name) >= _SHORTEST)),
        contacts=people,
        messages=ids,
        shared=_shared(tx, account, ids, keys),
        leads=_of_nobody_else(tx, account, lead_contacts, lead_contacts.c.lead, people),
        customers=_of_nobody_else(tx, account, customer_contacts, customer_contacts.c.customer, people),
        receipts=_receipts(tx, account, keys, frozenset(ids)),
        mentions=_mentions(tx, account, keys, frozenset(ids)),
        blobs=_blobs(tx, account, ids),
    )


def with_messages(tx: Connection, account: int, traces: Traces, ids: Sequence[str]) -> Traces:
    """The same and more messages, of which the person is no participant."""
    every = tuple(sorted({*traces.messages, *ids}))
    return replace(
        traces,
        messages=every,
        mentions=tuple(one for one in traces.mentions or () if one not in ids),
        receipts=_receipts(tx, account, traces.keys, frozenset(every)),
        blobs=_blobs(tx, account, every),
    )


def erase_traces(tx: Connection, account: int, traces: Traces, now: int) -> dict[str, int]:
    """Takes it away; of each message stays a tombstone without a word, so that it doesn't come again (B9).

    The rows that name files stay until the files are gone, so that no crash leaves one that nobody knows of
    (`deletions`). How many rows of which table were taken away or emptied.
    """
    gone = {*traces.messages, *traces.contacts, *traces.leads, *traces.customers, *traces.receipts}
    counts = {"events": _drop_events(tx, account, gone), "ledger": _drop_ledger(tx, account, gone, traces.keys)}
    counts["threads"] = _drop_messages(tx, account, traces, now)
    _drop_proposals(tx, account, traces.keys)
    drop_senders(tx, account, traces.keys)
    forget_recipients(tx, account, traces.keys)
    for id in traces.leads:
        remove_lead(tx, account, id)
    for id in traces.customers:
        remove_customer(tx, account, id)
    for id in traces.contacts:
        remove_contact(tx, account, id)
    counts["notes"] = forget_mentions(tx, account, traces.keys)
    counts["values"] = forget_values(tx, account, traces.keys)
    forget_about(tx, account, gone, (*traces.keys, *traces.names))
    counts["renamed"] = sum(_rename(tx, account, table, traces) for table in (leads, customers))
    for some in _passes(traces.receipts):
        tx.execute(delete(receipts).where(receipts.c.account == account, receipts.c.id.in_(some)))
    counted = [f"author:{key}" for key in traces.keys]
    tx.execute(delete(quotas).where(quotas.c.account == account, quotas.c.key.in_(counted)))
    tx.execute(delete(answers).where(answers.c.account == account))  # sealed: whom they tell of can't be seen
    purge(tx)
    return counts


def _in_copies(tx: Connection, account: int, keys: Sequence[str]) -> set[str]:
    """Messages of which another road brought a copy that names the person among its people (E13)."""
    named = or_(*(contains(sources.c.view, key) for key in keys))
    query = select(sources.c.message, sources.c.view).where(sources.c.account == account, sources.c.n > 0, named)
    found = set()
    for row in tx.execute(query):
        view = orjson.loads(row.view)
        people = {party["address"].lower() for role in ("from", "to", "cc") for party in view.get(role, ())}
        found |= set() if people.isdisjoint(keys) else {row.message}
    return found


def _shared(tx: Connection, account: int, ids: Sequence[str], keys: Sequence[str]) -> int:
    others = 0
    for some in _passes(ids):
        query = select(func.count(participants.c.message.distinct())).where(
            participants.c.account == account,
            participants.c.message.in_(some),
            participants.c.kind == "client",
            participants.c.key.not_in(keys),
        )
        others += int(tx.execute(query).scalar() or 0)
    return others


def _of_nobody_else(
    tx: Connection, account: int, table: Table, card: Column[str], people: Sequence[str]
) -> tuple[str, ...]:
    """Cards that are linked to these contacts alone."""
    theirs = select(card).where(table.c.account == account, table.c.contact.in_(people))
    others = select(card).where(table.c.account == account, table.c.contact.not_in(people), card.in_(theirs))
    return tuple(sorted(set(tx.execute(theirs).scalars()) - set(tx.execute(others).scalars())))


def _receipts(tx: Connection, account: int, keys: Sequence[str], ids: frozenset[str]) -> tuple[str, ...]:
    """Every attempt that became one of the messages, or whose envelope or decision names the person."""
    addressed = _addressed(keys)
    query = select(receipts).where(receipts.c.account == account).order_by(receipts.c.id).limit(PASS)
    found: list[str] = []
    last = ""
    while rows := tx.execute(query.where(receipts.c.id > last)).all():
        found += [row.id for row in rows if row.message in ids or addressed.search(_words_of(row))]
        last = rows[-1].id
    return tuple(found)


def _addressed(keys: Sequence[str]) -> re.Pattern[str]:
    """Finds any of the addresses in a text, and no longer one that ends or begins like it."""
    return re.compile(r"(?<![\w.+-])(?:{})(?![\w-]|\.\w)".format("|".join(map(re.escape, keys))), re.I)


def _words_of(row: Any) -> str:
    """All that a receipt says of people."""
    plain = [row.sender, row.author or "", row.subject or "", row.recipients, row.reply]
    with suppress(ValueError):
        plain.append(orjson.dumps(unpack_decision(row.decision)).decode())
    return "\n".join(plain)


def _mentions(tx: Connection, account: int, keys: Sequence[str], ids: frozenset[str]) -> tuple[str, ...] | None:
    """Other messages in which an address stands as text."""
    if not is_complete(tx, account, MESSAGE):
        return None
    found: set[str] = set()
    for key in keys:
        hit = hits(tx, account, MESSAGE, [Phrase(tuple(terms([key])))], None)
        found |= {message_of(entry) for entry in tx.execute(select(hit.c.id)).scalars()}
    return tuple(sorted(found - ids))


def _blobs(tx: Connection, account: int, ids: Sequence[str]) -> tuple[str, ...]:
    """Files of large mails that no other message of the account is kept in."""
    found: set[str] = set()
    kept = (bodies.c.account == account, bodies.c.codec == FILE)
    for some in _passes(ids):
        query = select(bodies.c.data).where(*kept, bodies.c.message.in_(some))
        found |= {bytes(data).decode("ascii") for data in tx.execute(query).scalars()}
    if not found:
        return ()
    gone = frozenset(ids)
    others = tx.execute(select(bodies.c.message, bodies.c.data).where(*kept)).all()
    found -= {bytes(row.data).decode("ascii") for row in others if row.message not in gone}
    return tuple(sorted(found))


def _drop_messages(tx: Connection, account: int, traces: Traces, now: int) -> int:
    stood: set[str] = set()
    for some in _passes(traces.messages):
        query = select(sources.c.thread).where(sources.c.account == account, sources.c.message.in_(some))
        stood |= {thread for thread in tx.execute(query).scalars() if thread is not None}
        forget_mail(tx, account, some)
        for table in (participants, sources, cards, deletions):
            tx.execute(delete(table).where(table.c.account == account, table.c.message.in_(some)))
        _drop_bodies(tx, account, some, traces.blobs, now)
        empty = {
            "state": GONE,
            "message_id": None,
            "subject": "",
            "base_subject": "",
            "snippet": "",
            "attachments": "[]",
            "auth": "{}",
            "unread": "[]",
            "primary": None,
            "date": None,
            "conversation": None,
        }
        tx.execute(update(messages).where(messages.c.account == account, messages.c.id.in_(some)).values(empty))
        alone = (
            ~select(messages.c.id)
            .where(messages.c.account == account, messages.c.conversation == conversations.c.id)
            .exists()
        )
        tx.execute(delete(conversations).where(conversations.c.account == account, conversations.c.id.in_(some), alone))
    return _recount(tx, account, stood, traces.keys)


def _drop_proposals(tx: Connection, account: int, keys: Sequence[str]) -> None:
    """The person's addresses where mail was delivered to them, and so they may be a mailbox's aliases (E14)."""
    query = select(mailboxes.c.id, mailboxes.c.proposals).where(mailboxes.c.account == account)
    for row in tx.execute(query).all():
        kept = [one for one in orjson.loads(row.proposals) if one not in keys]
        mine = (mailboxes.c.account == account, mailboxes.c.id == row.id)
        tx.execute(update(mailboxes).where(*mine).values(proposals=orjson.dumps(kept).decode()))


def _drop_bodies(tx: Connection, account: int, ids: Sequence[str], files: Sequence[str], now: int) -> None:
    """All but the names of those files, which are due from now on."""
    mine = (bodies.c.account == account, bodies.c.message.in_(ids))
    named = {name.encode("ascii") for name in files}
    kept = select(bodies.c.message, bodies.c.data).where(*mine, bodies.c.codec == FILE)
    due = sorted({row.message for row in tx.execute(kept) if bytes(row.data) in named})
    tx.execute(delete(bodies).where(*mine, or_(bodies.c.codec != FILE, bodies.c.message.not_in(due))))
    tx.execute(update(bodies).where(*mine).values(trace=b""))
    if due:
        tx.execute(insert(deletions), [{"account": account, "message": id, "at": now} for id in due])


def _recount(tx: Connection, account: int, stood: Collection[str], keys: Sequence[str]) -> int:
    """Threads that lost messages: those that are empty, or were with the person, go; how many."""
    theirs = select(threads.c.id).where(threads.c.account == account, threads.c.client.in_(keys))
    dropped = 0
    for id in sorted({*stood, *tx.execute(theirs).scalars()}):
        if tx.execute(select(sources.c.n).where(sources.c.account == account, sources.c.thread == id)).first():
            count_thread(tx, account, id)
        else:
            following = (threads.c.account == account, threads.c.answers == id)
            tx.execute(update(threads).where(*following).values(answers=None))
            tx.execute(delete(threads).where(threads.c.account == account, threads.c.id == id))
            dropped += 1
    return dropped


def _rename(tx: Connection, account: int, table: Table, traces: Traces) -> int:
    """Cards of others that are called after the person."""
    called = [name.casefold() for name in (*traces.names, *traces.keys)]
    renamed = 0
    for row in tx.execute(select(table.c.id, table.c.name).where(table.c.account == account)).all():
        if any(name in row.name.casefold() for name in called):
            tx.execute(update(table).where(table.c.account == account, table.c.id == row.id).values(name=ERASED))
            forget_entries(tx, account, LEAD if table is leads else CUSTOMER, [row.id])
            renamed += 1
    return renamed


def _drop_events(tx: Connection, account: int, ids: Collection[str]) -> int:
    """What was told, or is still to be told, of what is gone."""
    dropped = 0
    for some in _passes(sorted(ids)):
        mine = (events.c.account == account, or_(events.c.subject.in_(some), events.c.conversation.in_(some)))
        told = select(events.c.id).where(*mine)
        tx.execute(delete(deliveries).where(deliveries.c.account == account, deliveries.c.event.in_(told)))
        dropped += tx.execute(delete(events).where(*mine)).rowcount
    return dropped


def _drop_ledger(tx: Connection, account: int, ids: set[str], keys: Sequence[str]) -> int:
    """What adapters remember of what is gone: in whose key or value its id stands, or an address of the person."""
    query = select(ledger.c.endpoint, ledger.c.key, ledger.c.value).where(ledger.c.account == account)
    addressed = _addressed(keys)
    found = []
    for row in tx.execute(query).all():
        text = f"{row.key} {(row.value or b'').decode('utf-8', 'replace')}"
        if not ids.isdisjoint(_ID.findall(text)) or addressed.search(text):
            found.append(row)
    for row in found:
        mine = (ledger.c.account == account, ledger.c.endpoint == row.endpoint, ledger.c.key == row.key)
        tx.execute(delete(ledger).where(*mine))
    return len(found)


def _passes(ids: Iterable[str]) -> Iterator[list[str]]:
    every = list(ids)
    for start in range(0, len(every), PASS):
        yield every[start : start + PASS]
