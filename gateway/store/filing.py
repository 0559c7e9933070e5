"""Recording what was decided: the rows of a whole batch, a few statements for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Table, bindparam, case, delete, literal_column, select, update

from gateway.store.deletions import forget_note
from gateway.store.folders import fsync_folder
from gateway.store.outbox import add_events
from gateway.store.prepared import Insert, Prepared
from gateway.store.quotas import Counted, add_quotas, forget_quotas
from gateway.store.tables import (
    bodies,
    cards,
    contact_emails,
    contacts,
    conversations,
    events,
    lead_contacts,
    leads,
    messages,
    participants,
    receipts,
    sources,
    threads,
)

Row = dict[str, Any]

_INSERTS: tuple[Table, ...] = (
    contacts,
    contact_emails,
    leads,
    lead_contacts,
    conversations,
    threads,
    messages,
    bodies,
    participants,
    cards,
    sources,
    receipts,
)
_STATEMENTS = {table.name: Insert(table) for table in _INSERTS}
_GROW_THREAD = Prepared(
    update(threads)
    .where(threads.c.account == bindparam("of"), threads.c.id == bindparam("thread"))
    .values(
        count=threads.c.count + bindparam("more"),
        # Mail of mailboxes stands where it came there, which may be long ago.
        last_at=case((threads.c.last_at > bindparam("at"), threads.c.last_at), else_=bindparam("at")),
        conversation=bindparam("talk"),
    )
)
_SET_LEAD = Prepared(
    update(conversations)
    .where(conversations.c.account == bindparam("of"), conversations.c.id == bindparam("talk"))
    .values(lead=bindparam("to"))
)
_SET_ACTION = Prepared(
    update(messages)
    .where(messages.c.account == bindparam("of"), messages.c.id == bindparam("message"))
    .values(action=bindparam("to"))
)
_OPEN = Prepared(
    update(messages)
    .where(messages.c.account == bindparam("of"), messages.c.id == bindparam("message"))
    .values(
        state=literal_column("'filed'"),
        action=bindparam("to"),
        automatic=bindparam("by_machine"),
        direction=bindparam("way"),
        primary=bindparam("with"),
        conversation=bindparam("talk"),
    )
)
_STAND = Prepared(
    update(sources)
    .where(
        sources.c.account == bindparam("of"), sources.c.message == bindparam("which"), sources.c.n == bindparam("nth")
    )
    .values(thread=bindparam("into"))
)
_WAIT_NO_MORE = Prepared(
    update(participants)
    .where(
        participants.c.account == bindparam("of"),
        participants.c.message == bindparam("which"),
        participants.c.key == bindparam("who"),
    )
    .values(waiting=literal_column("0"))
)
_DROP_LEAD_CARD = Prepared(
    delete(cards).where(
        cards.c.account == bindparam("of"),
        cards.c.message == bindparam("which"),
        cards.c.kind == bindparam("what"),
    )
)
_CARDS = Prepared(select(cards.c.card).where(cards.c.account == bindparam("of"), cards.c.message == bindparam("which")))


@dataclass(slots=True)
class Pages:
    """Rows gathered while a batch is decided, by table, written out at its end by `write`.

    folders: those that have got the file of a large mail. opened, stands, carded: held mail that is held no more, the
    threads its sources stand in, and clients of it who have cards. notes: those whose mail came again (E9).
    """

    rows: dict[str, list[Row]] = field(default_factory=lambda: {table.name: [] for table in (*_INSERTS, events)})
    thread_growth: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    conversation_leads: dict[tuple[int, str], str] = field(default_factory=dict)
    actions: list[Row] = field(default_factory=list)
    opened: list[Row] = field(default_factory=list)
    stands: list[Row] = field(default_factory=list)
    carded: list[Row] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    created: dict[Counted, int] = field(default_factory=dict)
    new_hours: dict[int, int] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)

    def add(self, table: Table, **row: Any) -> None:
        self.rows[table.name].append(row)

    def grow_thread(self, account: int, thread: str, at: int, conversation: str) -> None:
        """One more message on a thread that exists."""
        grown = self.thread_growth.setdefault(
            (account, thread), {"of": account, "thread": thread, "more": 0, "at": at, "talk": conversation}
        )
        grown["more"] += 1
        grown["at"] = max(grown["at"], at)
        grown["talk"] = conversation

    def count(self, counted: Counted, more: int) -> None:
        """So much more against a quota (B8b)."""
        self.created[counted] = self.created.get(counted, 0) + more


def dump(value: object) -> str:
    """JSON as the columns of the schema hold it."""
    return orjson.dumps(value).decode()


def write(tx: Connection, pages: Pages) -> None:
    """Writes all of it; the caller's transaction makes it durable as one, after what it refers to."""
    for folder in pages.folders:
        fsync_folder(folder)
    for account, note in pages.notes:
        forget_note(tx, account, note)
    for row in pages.rows[conversations.name]:
        row["lead"] = pages.conversation_leads.pop((row["account"], row["id"]), None)
    for table in _INSERTS:
        _STATEMENTS[table.name].each(tx, pages.rows[table.name])
    add_events(tx, pages.rows[events.name])
    _GROW_THREAD.each(tx, list(pages.thread_growth.values()))
    changed = [{"of": of, "talk": talk, "to": lead} for (of, talk), lead in pages.conversation_leads.items()]
    _SET_LEAD.each(tx, changed)
    _SET_ACTION.each(tx, pages.actions)
    _OPEN.each(tx, pages.opened)
    _STAND.each(tx, pages.stands)
    _WAIT_NO_MORE.each(tx, pages.carded)
    forget_quotas(tx, pages.new_hours)
    add_quotas(tx, pages.created)


def drop_lead_card(tx: Connection, pages: Pages, account: int, message: str) -> None:
    """Takes a message off the lead it was shown on, before it goes onto another (C6a: never on several)."""
    _DROP_LEAD_CARD.each(tx, [{"of": account, "which": message, "what": "lead"}])
    written = pages.rows[cards.name]
    written[:] = [row for row in written if row["message"] != message or row["kind"] != "lead"]


def shown_on(tx: Connection, pages: Pages, account: int, message: str) -> frozenset[str]:
    """The cards that a filed message already stands on."""
    standing = [card for (card,) in _CARDS.all(tx, of=account, which=message)]
    waiting = [row["card"] for row in pages.rows[cards.name] if row["message"] == message]
    return frozenset(standing + waiting)
