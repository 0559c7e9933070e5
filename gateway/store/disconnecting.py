"""What goes when a mailbox is disconnected with its mail (rule E9): in pieces, so that nobody waits for a large one.

A message that has nothing but this mailbox becomes a note: its content is gone, and its cards keep a line that says
when it was, in which direction, and where it can still be read. A message that has other sources loses only this one.
Sources that somebody took away (E8) are nobody's to read and don't keep a message. Mail that was deleted becomes a
tombstone, so that it doesn't come back when the mailbox is connected again; everything else may be imported anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, tuple_, update

from gateway.store.bodies import FILE
from gateway.store.deletions import DELETED, EMPTY, NOTE, bury, count_threads, find_filed, set_files_due
from gateway.store.filing import dump
from gateway.store.ids import shared_time
from gateway.store.mail_entries import entry_of, forget_mail
from gateway.store.reading import collect
from gateway.store.searching import MESSAGE, forget_entries
from gateway.store.tables import (
    bodies,
    cards,
    mailbox_folders,
    messages,
    participants,
    remote_messages,
    sources,
    threads,
)

PURGED_AT_ONCE = 100
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Counted:
    """How much mail of a mailbox there is. messages: all of it. alone: that is nowhere else, and would be gone. cards:
    on so many cards stands some of that."""

    messages: int
    alone: int
    cards: int


def count_mail(tx: Connection, account: int, mailbox: str) -> Counted:
    """What disconnecting with the mail would purge; what was deleted isn't counted, nobody sees it."""
    mine = (sources.c.account == account, sources.c.mailbox == mailbox)
    filed = (messages.c.account == account) & (messages.c.id == sources.c.message) & (messages.c.state != DELETED)
    there = select(func.count(messages.c.id.distinct())).join_from(sources, messages, filed).where(*mine)
    other = sources.alias()
    elsewhere = (
        select(other.c.n)
        .where(other.c.account == account, other.c.message == sources.c.message, other.c.removed_at.is_(None))
        .where(other.c.mailbox.is_(None) | (other.c.mailbox != mailbox))
        .exists()
    )
    shown = (cards.c.account == account) & (cards.c.message == sources.c.message)
    on_cards = select(func.count(cards.c.card.distinct())).join_from(sources, messages, filed).join(cards, shown)
    queries = (there, there.where(~elsewhere), on_cards.where(*mine, ~elsewhere))
    return Counted(*(int(tx.execute(query).scalar() or 0) for query in queries))


def purge_some(tx: Connection, account: int, mailbox: str) -> int:
    """Takes away the next piece of what came by a mailbox: mail, then what is known of its server, then threads.

    How many rows it was; 0 once nothing is left, so it is called until then, each time in a transaction of its own.
    """
    mine = (sources.c.account == account, sources.c.mailbox == mailbox)
    query = select(sources.c.message).where(*mine).order_by(sources.c.message).limit(PURGED_AT_ONCE)
    ids = list(dict.fromkeys(tx.execute(query).scalars()))
    if ids:
        _purge(tx, account, mailbox, ids, shared_time())
        return len(ids)
    return _drop_remotes(tx, account, mailbox) or _drop_threads(tx, account, mailbox)


def _purge(tx: Connection, account: int, mailbox: str, ids: Sequence[str], now: int) -> None:
    held = select(messages).where(messages.c.account == account, messages.c.id.in_(ids)).order_by(messages.c.id)
    rows = tx.execute(held.with_for_update()).all()
    roads = collect(tx, select(sources).where(sources.c.account == account), sources.c.message, ids, sources.c.n)
    notes: list[Row[Any]] = []
    kept: list[str] = []
    for row in rows:
        others = [one for one in roads[row.id] if one.mailbox != mailbox]
        if not others and row.state == DELETED:
            bury(tx, account, row.id, now)
        elif row.state != DELETED and all(one.removed_at is not None for one in others):
            notes += [one for one in roads[row.id] if one.mailbox == mailbox][:1]
        else:
            kept.append(row.id)
    _leave_notes(tx, account, notes)
    _take_out(tx, account, mailbox, {id: roads[id] for id in kept})
    waiting = {row.id for row in rows if row.state == DELETED}
    for id in find_filed(tx, account, ids):
        if id not in waiting:
            set_files_due(tx, account, id, now)
    stood = {one.thread for found in roads.values() for one in found if one.thread is not None}
    count_threads(tx, account, sorted(stood))


def _leave_notes(tx: Connection, account: int, first: Sequence[Row[Any]]) -> None:
    """Of these messages, each given by its first source, only notes are left. A note has one source that is nobody's to
    open; it says which mailbox the mail is in."""
    ids = [one.message for one in first]
    if not ids:
        return
    forget_mail(tx, account, ids)
    for table in (participants, sources, bodies):
        mine = (table.c.account == account, table.c.message.in_(ids))
        tx.execute(delete(table).where(*mine, *([bodies.c.codec != FILE] if table is bodies else [])))
    told = {"mailbox": "", "thread": None, "removed_at": None}
    rows = [{**one._mapping, **told, "view": json.dumps({"mailbox": one.mailbox})} for one in first]
    tx.execute(insert(sources), rows)
    mine = (messages.c.account == account, messages.c.id.in_(ids))
    tx.execute(update(messages).where(*mine).values(state=NOTE, auth="{}", message_id=None, **EMPTY))


def _take_out(tx: Connection, account: int, mailbox: str, roads: Mapping[str, Sequence[Row[Any]]]) -> None:
    """Drops the sources of the mailbox. Where the message's row showed one of them, it shows the next best now."""
    own = [(id, one.n) for id, found in roads.items() for one in found if one.mailbox == mailbox]
    forget_entries(tx, account, MESSAGE, [entry_of(id, n) for id, n in own])
    for n in sorted({n for _, n in own}):
        ids = [id for id, number in own if number == n]
        for table in (sources, bodies):
            mine = (table.c.account == account, table.c.message.in_(ids), table.c.n == n)
            tx.execute(delete(table).where(*mine, *([bodies.c.codec != FILE] if table is bodies else [])))
    for id in (id for id, n in own if n == 0):
        others = [one for one in roads[id] if one.mailbox != mailbox]
        heir = min(others, key=lambda one: (one.removed_at is not None, one.mailbox is not None, one.n))
        _inherit(tx, account, id, json.loads(heir.view or "{}"))


def _inherit(tx: Connection, account: int, id: str, view: dict[str, Any]) -> None:
    """The message's row and people become what another source shows."""
    shown = {"subject": view.get("subject", ""), "snippet": view.get("snippet", "")}
    shown |= {"attachments": dump(view.get("attachments", [])), "auth": dump(view.get("auth", {}))}
    tx.execute(update(messages).where(messages.c.account == account, messages.c.id == id).values(shown))
    mine = (participants.c.account == account, participants.c.message == id)
    known = {row.address: row for row in tx.execute(select(participants).where(*mine))}
    tx.execute(delete(participants).where(*mine))
    rows: list[dict[str, Any]] = []
    for role in ("from", "to", "cc"):
        for party in view.get(role, ()):
            address, before = party["address"], known.get(party["address"])
            row = {"account": account, "message": id, "n": len(rows), "role": role, "address": address}
            row |= {"name": party["name"], "kind": "client" if before is None else before.kind}
            local, _, domain = address.rpartition("@")
            row["key"] = before.key if before is not None else f"{local}@{domain}".lower()
            row["waiting"] = before.waiting if before is not None else 0
            rows.append(row)
    if rows:
        tx.execute(insert(participants), rows)


def _drop_remotes(tx: Connection, account: int, mailbox: str) -> int:
    """What is known of the server, so that connecting again begins anew."""
    mine = (remote_messages.c.account == account, remote_messages.c.mailbox == mailbox)
    key = (remote_messages.c.role, remote_messages.c.uidvalidity, remote_messages.c.uid)
    last = tx.execute(select(*key).where(*mine).order_by(*key).offset(_ROWS_AT_ONCE).limit(1)).first()
    if last is not None:
        return tx.execute(delete(remote_messages).where(*mine, tuple_(*key) <= tuple_(*last))).rowcount
    count = tx.execute(delete(remote_messages).where(*mine)).rowcount
    of = (mailbox_folders.c.account == account, mailbox_folders.c.mailbox == mailbox)
    return count + tx.execute(delete(mailbox_folders).where(*of)).rowcount


def _drop_threads(tx: Connection, account: int, mailbox: str) -> int:
    mine = (threads.c.account == account, threads.c.mailbox == mailbox)
    ids = list(tx.execute(select(threads.c.id).where(*mine).limit(_ROWS_AT_ONCE)).scalars())
    tx.execute(delete(threads).where(threads.c.account == account, threads.c.id.in_(ids)))
    return len(ids)
