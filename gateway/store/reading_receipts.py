"""Receipts and events as they are shown, and what is counted of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, literal, or_, select, union_all

from gateway.core.admission import OPERATORS
from gateway.core.mail import message_id_key
from gateway.core.resources import Event, Receipt
from gateway.core.visibility import Eyes, Sight, may_know
from gateway.store.decisions import unpack_decision
from gateway.store.facts import begins_with
from gateway.store.ids import first_id
from gateway.store.mailbox_reading import find_sight
from gateway.store.reading import Page, Position, collect, contains, read_page
from gateway.store.sight import is_open
from gateway.store.tables import AMISS, NO_MESSAGE, accounts, cards, events, messages, receipts, sources

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """A receipt with what only the account's own people see of it."""

    receipt: Receipt
    rule: str
    subject: str | None
    author: str | None
    message_id: str | None
    tls: str | None
    road: str
    took_ms: int


@dataclass(frozen=True, slots=True)
class Search:
    """Which receipts are asked for. since, until: milliseconds, the second one excluded. q: words of any field.

    id: of the receipt itself, or of the message it tells of.
    """

    verdict: str | None = None
    message_id: str | None = None
    sender: str | None = None
    since: int | None = None
    until: int | None = None
    q: str = ""
    id: str | None = None


def list_receipts(tx: Connection, account: int, after: Position | None, limit: int, wanted: Search) -> Page[Attempt]:
    """Receipts, newest first."""
    query = select(receipts).where(receipts.c.account == account, *_conditions(account, wanted))
    return read_page(tx, query, [receipts.c.id], after, limit).map(_attempt)


def find_receipt(tx: Connection, account: int, id: str) -> Attempt | None:
    """One receipt of the account."""
    row = tx.execute(select(receipts).where(receipts.c.account == account, receipts.c.id == id)).one_or_none()
    return _attempt(row) if row is not None else None


def find_any_receipt(tx: Connection, id: str) -> Attempt | None:
    """A receipt of any account or of the operators, for the public page of a refusal, which shows nothing private."""
    anybody = union_all(select(accounts.c.number), select(literal(OPERATORS)))
    query = select(receipts).where(receipts.c.account.in_(anybody), receipts.c.id == id)
    row = tx.execute(query).first()
    return _attempt(row) if row is not None else None


def find_receipt_of(tx: Connection, account: int, message: str) -> str | None:
    """The receipt of the first attempt that handed us a message."""
    query = select(receipts.c.id).where(receipts.c.account == account, receipts.c.message == message)
    return tx.execute(query.order_by(receipts.c.id).limit(1)).scalar_one_or_none()


def find_first_attempts(tx: Connection, account: int, messages: Sequence[str]) -> dict[str, Attempt]:
    """The first attempt that handed us each message."""
    query = select(receipts).where(receipts.c.account == account)
    found = collect(tx, query, receipts.c.message, messages, receipts.c.id)
    return {message: _attempt(rows[0]) for message, rows in found.items()}


def _tells_of(account: int, message_id: str) -> ColumnElement[bool]:
    """Receipts of one Message-ID: refusals by their own index, the others by their message."""
    key = literal(message_id_key(message_id))
    kept = select(messages.c.id).where(
        messages.c.account == account, begins_with(messages.c.identity, key), messages.c.message_id == message_id
    )
    return or_(and_(NO_MESSAGE, receipts.c.message_id == message_id), receipts.c.message.in_(kept))


def _conditions(account: int, wanted: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.verdict is not None:
        conditions.append(receipts.c.verdict == wanted.verdict)
        conditions += [AMISS] if wanted.verdict in ("refuse", "hold") else []
    if wanted.message_id is not None:
        conditions.append(_tells_of(account, f"<{wanted.message_id.strip().strip('<>')}>"))
    if wanted.sender is not None:
        conditions.append(func.lower(receipts.c.sender) == wanted.sender.lower())
    if wanted.id is not None:
        conditions.append((receipts.c.id == wanted.id) | (receipts.c.message == wanted.id))
    if wanted.since is not None:
        conditions.append(receipts.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(receipts.c.at < wanted.until)
    if wanted.q:
        seen = (receipts.c.subject, receipts.c.author, receipts.c.sender, receipts.c.message_id, receipts.c.recipients)
        holds = [contains(column, wanted.q) for column in (*seen, receipts.c.id)]
        conditions.append(or_(*holds))
    return conditions


def _attempt(row: Row[Any]) -> Attempt:
    receipt = Receipt(
        id=row.id,
        at=row.at,
        peer=row.peer,
        helo=row.helo,
        sender=row.sender,
        recipients=tuple(json.loads(row.recipients)),
        size=row.size,
        verdict=row.verdict,
        reply=row.reply,
        decision=unpack_decision(row.decision),
        message=row.message,
    )
    return Attempt(receipt, row.rule, row.subject, row.author, row.message_id, row.tls, row.road, row.took_ms)


def drop_old_receipts(tx: Connection, before: int, most: int) -> int:
    """Deletes receipts of before a moment, in milliseconds, at most so many; how many there were."""
    anybody = union_all(select(accounts.c.number), select(literal(OPERATORS)))
    old = select(receipts.c.account, receipts.c.id).where(
        receipts.c.account.in_(anybody), receipts.c.id < first_id(before), receipts.c.at < before
    )
    rows = tx.execute(old.limit(most)).all()
    for account, id in rows:
        tx.execute(delete(receipts).where(receipts.c.account == account, receipts.c.id == id))
    return len(rows)


def count_days(tx: Connection, account: int, since: int) -> dict[tuple[int, str], int]:
    """Attempts since a moment by (day since 1970 in UTC, verdict)."""
    day = (receipts.c.at - receipts.c.at % DAY_MS).label("day")
    query = select(day, receipts.c.verdict, func.count()).where(
        receipts.c.account == account, receipts.c.id >= first_id(since - DAY_MS), receipts.c.at >= since
    )
    return {(row[0] // DAY_MS, row[1]): row[2] for row in tx.execute(query.group_by(day, receipts.c.verdict))}


def list_events(
    tx: Connection, account: int, after: Position | None, limit: int, types: Sequence[str], upto: int, eyes: Eyes
) -> Page[Event]:
    """Events in the order of their positions up to one that is `settled`, so that a reader can replay them. Of mail and
    mailboxes that are not there for the reader nothing is told (F).

    after: the id of the last event that is known; a page's position is one too. types: only these.
    """
    query = select(events).where(events.c.account == account, events.c.position <= upto)
    if types:
        query = query.where(events.c.type.in_(tuple(types)))
    query = query.where(*_there_for(account, find_sight(tx, account, eyes)))
    start = None if after is None else (_position_of(tx, account, str(after[0])),)
    page = read_page(tx, query, [events.c.position], start, limit, oldest_first=True)
    shown = page.map(lambda row: Event(row.id, row.type, row.at, row.subject))
    return Page(shown.rows, (shown.rows[-1].id,) if page.next is not None else None)


def _there_for(account: int, sight: Sight) -> list[ColumnElement[bool]]:
    """Conditions of events: a message that came by mailboxes that are closed to the reader, and stands on no card, is
    not there for them, nor is a mailbox that they may not know of."""
    if sight.plain:
        return []
    hidden = [id for id, box in sight.boxes.items() if not may_know(sight.eyes, box)]
    came = (sources.c.account == account, sources.c.message == events.c.subject)
    closed = exists().where(*came) & ~exists().where(*came, is_open(sources, sight, removed=True))
    carded = exists().where(cards.c.account == account, cards.c.message == events.c.subject)
    told = [or_(events.c.type.not_like("message.%"), ~closed, carded)]
    return [*told, events.c.subject.not_in(hidden)] if hidden else told


def _position_of(tx: Connection, account: int, id: str) -> int:
    """Where an event stands; for one that isn't there any more, the last before it by the time it was made."""
    mine = select(func.max(events.c.position)).where(events.c.account == account)
    found: int | None = tx.execute(mine.where(events.c.id == id)).scalar()
    if found is None:
        found = tx.execute(mine.where(events.c.id < id)).scalar()
    return -(2**62) if found is None else found


def recent_events(tx: Connection, account: int, type: str, limit: int) -> list[Event]:
    """The newest events of one type."""
    query = select(events).where(events.c.account == account, events.c.type == type)
    rows = tx.execute(query.order_by(events.c.id.desc()).limit(limit))
    return [Event(row.id, row.type, row.at, row.subject) for row in rows]
