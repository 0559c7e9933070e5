"""What the index of search lacks: found by the clock, from what filing wrote, without a row or a page of its own there.

Ids begin with their time. So new rows of an account stand behind the newest one that is known, or a little before it:
transactions end in another order than their ids were made in, on several machines by more than within one. Each look
goes back a little for that; a look at everything (`search_walks`) finds what came later still.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, and_, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.bodies import StoredBody
from gateway.store.deletions import GONE, NOTE
from gateway.store.ids import moment_of
from gateway.store.mail_entries import entry_column, entry_of, message_of, number_in
from gateway.store.reading import collect
from gateway.store.reading_cards import contact_addresses
from gateway.store.searching import CONTACT, CUSTOMER, LEAD, MESSAGE, Entry, add_new, not_indexed
from gateway.store.tables import (
    accounts,
    bodies,
    contacts,
    customers,
    leads,
    messages,
    participants,
    search_walks,
    sources,
)

TABLES: dict[str, Table] = {MESSAGE: messages, CONTACT: contacts, LEAD: leads, CUSTOMER: customers}
LATER = "later"
"""Instead of a kind: what messages have of further sources, each of which is an entry of its own (`mail_entries`)."""
_NOBODY = 0
_LEASE = "lease"


@dataclass(frozen=True, slots=True)
class Unindexed:
    """A row to be indexed. at: its place in lists. texts: what is found in it; body: of a message, what it says."""

    id: str
    at: int
    texts: tuple[str, ...]
    body: StoredBody | None = None


def newest_rows(tx: Connection) -> dict[int, tuple[str | None, ...]]:
    """The highest ids of messages and contacts of each account: what changes there is new."""
    newest = [
        select(func.max(table.c.id)).where(table.c.account == accounts.c.number).scalar_subquery()
        for table in (messages, contacts)
    ]
    return {number: tuple(ids) for number, *ids in tx.execute(select(accounts.c.number, *newest))}


def find_unindexed(tx: Connection, account: int, kind: str, since: str, limit: int) -> list[Unindexed]:
    """Rows behind an id that the index lacks, the oldest first."""
    if kind == LATER:
        return _find_later(tx, account, since, limit)
    table = TABLES[kind]
    query = select(table).where(table.c.account == account, table.c.id > since)
    if kind == MESSAGE:
        query = query.where(*_first(account))
    rows = tx.execute(query.where(not_indexed(account, kind, table.c.id)).order_by(table.c.id).limit(limit)).all()
    ids = [row.id for row in rows]
    if kind == MESSAGE:
        people, texts = _people(tx, account, ids), _bodies(tx, account, ids)
        return [Unindexed(row.id, row.at, _of_message(row, people.get(row.id, ())), texts.get(row.id)) for row in rows]
    addresses = contact_addresses(tx, account, ids) if kind == CONTACT else {}
    return [Unindexed(row.id, moment_of(row.id), (row.name, *addresses.get(row.id, ()))) for row in rows]


def add_entries(tx: Connection, account: int, kind: str, entries: Sequence[Entry]) -> int:
    """Puts in those whose rows are still there, and which nobody put in meanwhile; how many.

    Nobody takes away what the rows say until this is done: they are held first and looked at then, by a statement that
    sees what was committed up to there.
    """
    ids = [entry.id for entry in entries]
    table = messages if kind == LATER else TABLES[kind]
    held = select(table.c.id).where(table.c.account == account, table.c.id.in_([message_of(id) for id in ids]))
    tx.execute(held.order_by(table.c.id).with_for_update(read=True)).all()
    wanted = _later_there(tx, account, ids) if kind == LATER else _there(tx, account, kind, ids)
    found = [entry for entry in entries if entry.id in wanted]
    add_new(tx, found)
    return len(found)


def _there(tx: Connection, account: int, kind: str, ids: Sequence[str]) -> set[str]:
    table = TABLES[kind]
    there = select(table.c.id).where(table.c.account == account, table.c.id.in_(ids))
    if kind == MESSAGE:
        there = there.where(*_first(account))
    return set(tx.execute(there.where(not_indexed(account, kind, table.c.id))).scalars())


def _later_there(tx: Connection, account: int, ids: Sequence[str]) -> set[str]:
    rows = tx.execute(_later(account).where(messages.c.id.in_([message_of(id) for id in ids])))
    return {entry_of(row.id, row.n) for row in rows}


def unwalked(tx: Connection) -> list[tuple[int, str]]:
    """Accounts, and kinds of them, that were not indexed from their beginning yet."""
    done = {(row.account, row.kind) for row in tx.execute(select(search_walks).where(search_walks.c.complete == 1))}
    every = [(row.number, kind) for row in tx.execute(select(accounts.c.number)) for kind in TABLES]
    return [one for one in every if one not in done]


def set_walked(tx: Connection, account: int, kind: str) -> None:
    """All that the account has of this kind is indexed."""
    _put_walk(tx, {"account": account, "kind": kind, "after": "", "complete": 1})


def count_rows(tx: Connection) -> int:
    """How many rows there are to index."""
    live = select(func.count()).select_from(messages)
    live = live.where(messages.c.state.not_in((GONE, NOTE)), messages.c.account != _NOBODY)
    cards = [select(func.count()).select_from(table) for kind, table in TABLES.items() if kind != MESSAGE]
    return sum(int(tx.execute(query).scalar() or 0) for query in (live, *cards))


def take_lease(tx: Connection, holder: str, now: int, until: int) -> bool:
    """Whether it is this process that fills the index of a store that several machines share."""
    mine = (search_walks.c.account == _NOBODY, search_walks.c.kind == _LEASE)
    row = tx.execute(select(search_walks.c.account).where(*mine)).first()
    if row is None:
        tx.execute(insert(search_walks).values(account=_NOBODY, kind=_LEASE, after=holder, complete=until // 1000))
        return True
    free = or_(search_walks.c.after == holder, search_walks.c.complete < now // 1000)
    taken = update(search_walks).where(*mine, free).values(after=holder, complete=until // 1000)
    return tx.execute(taken).rowcount == 1


def _put_walk(tx: Connection, row: dict[str, Any]) -> None:
    made = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(search_walks).values(row)
    changed = {"after": row["after"], "complete": row["complete"]}
    tx.execute(made.on_conflict_do_update(index_elements=["account", "kind"], set_=changed))


def _first(account: int) -> list[Any]:
    """The conditions that a message has a first source, whose words its row and its first body are."""
    first = exists().where(sources.c.account == account, sources.c.message == messages.c.id, sources.c.n == 0)
    return [messages.c.state.not_in((GONE, NOTE)), first]


def _later(account: int) -> Any:
    """Further sources that the index lacks."""
    own = and_(messages.c.account == account, messages.c.id == sources.c.message)
    query = select(messages.c.id, messages.c.at, sources.c.n, sources.c.view).join_from(sources, messages, own)
    return query.where(
        sources.c.account == account,
        sources.c.n > 0,
        messages.c.state.not_in((GONE, NOTE)),
        not_indexed(account, MESSAGE, entry_column(sources)),
    )


def _find_later(tx: Connection, account: int, since: str, limit: int) -> list[Unindexed]:
    message, n = message_of(since), number_in(since)
    behind = or_(sources.c.message > message, and_(sources.c.message == message, sources.c.n > n))
    order = (sources.c.message, sources.c.n)
    rows = tx.execute(_later(account).where(behind).order_by(*order).limit(limit)).all()
    query = select(bodies).where(bodies.c.account == account, bodies.c.n > 0)
    found = collect(tx, query, bodies.c.message, [row.id for row in rows], bodies.c.n)
    texts = {(one.message, one.n): StoredBody(one.codec, one.trace, one.data) for of in found.values() for one in of}
    return [
        Unindexed(entry_of(row.id, row.n), row.at, _of_view(json.loads(row.view or "{}")), texts.get((row.id, row.n)))
        for row in rows
    ]


def _of_view(view: dict[str, Any]) -> tuple[str, ...]:
    parties = [party for role in ("from", "to", "cc") for party in view.get(role, ())]
    named = dict.fromkeys(text for one in parties for text in (one["name"], one["address"]) if text)
    return (view.get("subject", ""), *named, *(str(one["filename"]) for one in view.get("attachments", ())))


def _people(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, list[Any]]:
    query = select(participants).where(participants.c.account == account)
    return collect(tx, query, participants.c.message, ids, participants.c.n)


def _bodies(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, StoredBody]:
    query = select(bodies).where(bodies.c.account == account, bodies.c.n == 0)
    found = collect(tx, query, bodies.c.message, ids)
    return {id: StoredBody(rows[0].codec, rows[0].trace, rows[0].data) for id, rows in found.items()}


def _of_message(row: Any, people: Sequence[Any]) -> tuple[str, ...]:
    named = dict.fromkeys(text for one in people for text in (one.name, one.address) if text)
    files = [str(one["filename"]) for one in json.loads(row.attachments)]
    return (row.subject, *named, *files)
