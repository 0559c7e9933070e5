"""Messages and threads as they are shown: lists by card, thread, mailbox, folder or words, and one message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, or_, select

from gateway.core.resources import File, Message, Party, Source, Thread
from gateway.core.terms import Phrase, ask
from gateway.store.facts import SMART
from gateway.store.reading import Page, Position, collect, contains, read_page
from gateway.store.search_reading import read_hits
from gateway.store.searching import MESSAGE, is_complete, is_hit, place_of
from gateway.store.tables import ASIDE, cards, messages, participants, sources, threads

FILED, HELD, DELETED = "filed", "held", "deleted"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are asked for; what is None is not asked. cards: all of these must show the message.

    folder: inbox, sent, held or deleted; None is inbox and sent. q: words and phrases (`core.terms`) of subject,
    people, text and names of attachments.
    """

    cards: tuple[str, ...] = ()
    thread: str | None = None
    mailbox: str | None = None
    folder: str | None = None
    q: str = ""


def list_messages(tx: Connection, account: int, after: Position | None, limit: int, wanted: Filter) -> Page[Message]:
    """Messages by the time they came, newest first."""
    asked = ask(wanted.q) if wanted.q and is_complete(tx, account, MESSAGE) else None
    if asked is not None:
        return _search(tx, account, after, limit, replace(wanted, q=""), asked)
    query, keys = select_messages(account, wanted)
    page = read_page(tx, query, keys, after, limit)
    return Page(_messages(tx, account, page.rows), page.next)


def _search(
    tx: Connection, account: int, after: Position | None, limit: int, wanted: Filter, asked: Sequence[Phrase]
) -> Page[Message]:
    """By the index; on a card, in a thread and of what is aside, which are few, by theirs."""
    if not asked:
        return Page(())
    if wanted.cards or wanted.thread is not None or wanted.folder in (HELD, DELETED):
        query, keys = select_messages(account, wanted)
        page = read_page(tx, query.where(is_hit(tx, account, MESSAGE, asked, messages.c.id)), keys, after, limit)
        return Page(_messages(tx, account, page.rows), page.next)
    mine = (messages.c.account == account, *_conditions(account, wanted, ()))
    page = read_hits(
        tx,
        account,
        MESSAGE,
        asked,
        place_of(tx, account, MESSAGE, *after) if after is not None else None,
        limit,
        lambda hit: select(messages).join(hit, messages.c.id == hit.c.id).where(*mine),
    )
    last = page.rows[-1] if page.next is not None else None
    return Page(_messages(tx, account, page.rows), None if last is None else (last.at, last.id))


def select_messages(account: int, wanted: Filter) -> tuple[Select[Any], list[ColumnElement[Any]]]:
    """The query of a list and the keys of its order.

    A card's messages are read from the card and a thread's from the thread, so that the time it takes doesn't grow with
    what else the account has.
    """
    mine = messages.c.account == account
    if wanted.cards:
        first, *others = wanted.cards
        joined = (cards.c.account == account) & (cards.c.card == first) & (cards.c.message == messages.c.id)
        query = select(messages, cards.c.at, cards.c.message).join_from(cards, messages, joined & mine)
        return query.where(*_conditions(account, wanted, others)), [cards.c.at, cards.c.message]
    query = select(messages).where(mine, *_conditions(account, wanted, ()))
    if wanted.thread is not None:
        came = select(sources.c.message).where(sources.c.account == account, sources.c.thread == wanted.thread)
        talk = came.distinct().subquery()
        query = query.join_from(talk, messages, talk.c.message == messages.c.id)
    return query, [messages.c.at, messages.c.id]


def find_message(tx: Connection, account: int, id: str, states: Sequence[str] = (FILED,)) -> Message | None:
    """One message of the account, where it is in one of the states."""
    return next(iter(find_messages(tx, account, [id], states)), None)


def find_messages(
    tx: Connection, account: int, ids: Sequence[str], states: Sequence[str] = (FILED,)
) -> tuple[Message, ...]:
    """Those of the messages that the account has in one of the states."""
    query = select(messages).where(
        messages.c.account == account, messages.c.id.in_(tuple(ids)), messages.c.state.in_(tuple(states))
    )
    return _messages(tx, account, tx.execute(query).all())


def _conditions(account: int, wanted: Filter, shown_on: Sequence[str]) -> list[ColumnElement[bool]]:
    state = wanted.folder if wanted.folder in (HELD, DELETED) else FILED
    conditions: list[ColumnElement[bool]] = [messages.c.state == state]
    conditions += [] if state == FILED else [ASIDE]
    for card in shown_on:
        other = cards.alias()
        shown = (other.c.account == account, other.c.card == card, other.c.at == messages.c.at)
        conditions.append(exists().where(*shown, other.c.message == messages.c.id))
    source = _source_conditions(wanted)
    if source:
        conditions.append(exists().where(sources.c.account == account, sources.c.message == messages.c.id, *source))
    if wanted.q:
        conditions.append(_holds(account, wanted.q))
    return conditions


def _source_conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.thread is not None:
        conditions.append(sources.c.thread == wanted.thread)
    if wanted.mailbox is not None:
        smart = wanted.mailbox == SMART
        conditions.append(sources.c.mailbox.is_(None) if smart else sources.c.mailbox == wanted.mailbox)
    if wanted.folder in ("inbox", "sent"):
        conditions.append(sources.c.folder == wanted.folder)
    return conditions


def _holds(account: int, text: str) -> ColumnElement[bool]:
    people = exists().where(
        participants.c.account == account,
        participants.c.message == messages.c.id,
        or_(contains(participants.c.key, text), contains(participants.c.name, text)),
    )
    return or_(contains(messages.c.subject, text), contains(messages.c.snippet, text), people)


def _messages(tx: Connection, account: int, rows: Sequence[Row[Any]]) -> tuple[Message, ...]:
    ids = [row.id for row in rows]
    people = _of(tx, select(participants).where(participants.c.account == account), participants.c.message, ids)
    roads = _of(tx, select(sources).where(sources.c.account == account), sources.c.message, ids)
    query = select(cards.c.message, cards.c.card, cards.c.kind).where(cards.c.account == account)
    shown = collect(tx, query, cards.c.message, ids, cards.c.card)
    return tuple(_message(row, people.get(row.id, []), roads.get(row.id, []), shown.get(row.id, [])) for row in rows)


def _of(tx: Connection, query: Select[Any], column: Any, ids: list[str]) -> dict[str, list[Row[Any]]]:
    return collect(tx, query, column, ids, column.table.c.n)


def _message(row: Row[Any], people: list[Row[Any]], roads: list[Row[Any]], shown: list[Row[Any]]) -> Message:
    parties = {
        role: tuple(Party(one.address, one.name) for one in people if one.role == role) for role in ("from", "to", "cc")
    }
    on = {kind: tuple(one.card for one in shown if one.kind == kind) for kind in ("contact", "lead", "customer")}
    came = tuple(Source(one.road, one.mailbox, one.folder, one.thread, one.at) for one in roads)
    return Message(
        id=row.id,
        message_id=row.message_id,
        direction=row.direction,
        subject=row.subject,
        from_=parties["from"][0] if parties["from"] else None,
        to=parties["to"],
        cc=parties["cc"],
        date=row.date,
        snippet=row.snippet,
        sources=came,
        attachments=tuple(_file(one) for one in json.loads(row.attachments)),
        contacts=on["contact"],
        leads=on["lead"],
        customers=on["customer"],
        thread=came[0].thread if came else None,
        mailbox=came[0].mailbox if came else None,
        auth=json.loads(row.auth),
    )


def _file(one: dict[str, Any]) -> File:
    return File(
        n=one["n"],
        filename=one["filename"],
        content_type=one["content_type"],
        size=one["size"],
        content_id=one.get("content_id"),
        inline=one.get("inline", False),
    )


def list_threads(
    tx: Connection, account: int, after: Position | None, limit: int, *, mailbox: str | None = None
) -> Page[Thread]:
    """Threads in which something stands, newest first by their first message. mailbox: `smart` or a mailbox's id."""
    query = select(threads).where(threads.c.account == account, threads.c.count > 0)
    if mailbox is not None:
        query = query.where(threads.c.mailbox == mailbox)
    return read_page(tx, query, [threads.c.id], after, limit).map(_thread)


def find_thread(tx: Connection, account: int, id: str) -> Thread | None:
    """One thread of the account in which something stands."""
    mine = (threads.c.account == account, threads.c.id == id, threads.c.count > 0)
    row = tx.execute(select(threads).where(*mine)).one_or_none()
    return _thread(row) if row is not None else None


def _thread(row: Row[Any]) -> Thread:
    return Thread(row.id, row.client or None, row.subject, row._mapping["count"], row.last_at, row.mailbox)
