"""Deliveries as they are shown, and what people do to them: try again what was given up, forget what is long done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, delete, func, null, select, union_all, update

from gateway.core.resources import Delivery
from gateway.store.ids import first_id, moment_of
from gateway.store.outbox import GIVEN_UP, UNSETTLED, deliveries, endpoints, events, lanes, open_lanes
from gateway.store.prepared import Prepared
from gateway.store.reading import Page, Position, read_page
from gateway.store.tables import accounts

PASS = 500
_AROUND_MS = 5_000
"""What one commit writes has ids of one moment, or nearly."""
_OF_STATE = {"waiting": UNSETTLED, "dead": GIVEN_UP}
"""As their indexes have it: a state that is bound as a value would not be found by them."""
_AGAIN = Prepared(
    update(deliveries)
    .where(
        deliveries.c.account == bindparam("of"),
        deliveries.c.event == bindparam("which"),
        deliveries.c.endpoint == bindparam("to"),
    )
    .values(state="waiting", attempts=0, next_at=bindparam("due"), settled_at=null())
)


@dataclass(frozen=True, slots=True)
class Told:
    """A delivery with who was told: the kind and the address of the endpoint, None where that was removed."""

    delivery: Delivery
    kind: str | None
    url: str | None


def delivery_id(event: str, endpoint: str) -> str:
    """How a delivery is called outside: what is told, and to whom."""
    return f"{event}-{endpoint}"


def read_id(id: str) -> tuple[str, str]:
    """The event and the endpoint that an id names; "" for what is none."""
    event, _, endpoint = id.partition("-")
    return event, endpoint


def list_deliveries(
    tx: Connection,
    account: int,
    after: Position | None,
    limit: int,
    *,
    endpoint: str | None = None,
    state: str | None = None,
) -> Page[Delivery]:
    """Deliveries, the newest event first. endpoint, state: only those."""
    query = _query(account)
    if endpoint is not None:
        query = query.where(deliveries.c.endpoint == endpoint)
    if state is not None:
        query = query.where(_OF_STATE.get(state, deliveries.c.state == state))
    return read_page(tx, query, [deliveries.c.event, deliveries.c.endpoint], after, limit).map(_delivery)


def find_told(tx: Connection, account: int, receipt: str, subjects: Sequence[str], limit: int) -> tuple[Told, ...]:
    """Deliveries of what happened in the commit of an attempt, in their order. subjects: ids of its receipt, message
    and cards. Ids begin with their time, so that only the events of that moment are read."""
    moment = moment_of(receipt)
    there = and_(endpoints.c.account == deliveries.c.account, endpoints.c.id == deliveries.c.endpoint)
    query = _query(account, endpoints.c.kind, endpoints.c.url).outerjoin(endpoints, there)
    query = query.where(
        deliveries.c.event >= first_id(moment - _AROUND_MS),
        deliveries.c.event < first_id(moment + _AROUND_MS),
        events.c.subject.in_(subjects),
    )
    rows = tx.execute(query.order_by(deliveries.c.event, deliveries.c.endpoint).limit(limit)).all()
    return tuple(Told(_delivery(row), row.kind, row.url) for row in rows)


def find_delivery(tx: Connection, account: int, event: str, endpoint: str) -> Delivery | None:
    """One delivery of the account."""
    query = _query(account).where(deliveries.c.event == event, deliveries.c.endpoint == endpoint)
    row = tx.execute(query).one_or_none()
    return _delivery(row) if row is not None else None


def find_subject(tx: Connection, account: int, event: str) -> str | None:
    """The id of what an event of the account tells of."""
    found: str | None = tx.execute(
        select(events.c.subject).where(events.c.account == account, events.c.id == event)
    ).scalar()
    return found


def retry_delivery(tx: Connection, account: int, event: str, endpoint: str, now: int) -> Delivery | None:
    """Puts a delivery on its way as if it had never been tried; the delivery as it is then."""
    query = select(deliveries.c.event, deliveries.c.endpoint, deliveries.c.conversation).where(
        deliveries.c.account == account, deliveries.c.event == event, deliveries.c.endpoint == endpoint
    )
    _again(tx, account, tx.execute(query).all(), now)
    return find_delivery(tx, account, event, endpoint)


def retry_dead(tx: Connection, account: int, endpoint: str, now: int) -> int:
    """As retry_delivery, of what was given up for an endpoint, some at a time; how many there were."""
    query = select(deliveries.c.event, deliveries.c.endpoint, deliveries.c.conversation).where(
        deliveries.c.account == account, deliveries.c.endpoint == endpoint, GIVEN_UP
    )
    rows = tx.execute(query.order_by(deliveries.c.event).limit(PASS)).all()
    _again(tx, account, rows, now)
    return len(rows)


def oldest_waiting(tx: Connection) -> int | None:
    """When the oldest event happened that is still to be told."""
    found = tx.execute(select(func.min(deliveries.c.event)).where(UNSETTLED)).scalar()
    return moment_of(found) if found is not None else None


def drop_old_deliveries(tx: Connection, before: int, most: int) -> int:
    """Forgets deliveries of events from before a moment, unless they still wait; at most so many, how many it was."""
    anybody = union_all(select(accounts.c.number))
    old = select(deliveries.c.account, deliveries.c.event, deliveries.c.endpoint).where(
        deliveries.c.account.in_(anybody), deliveries.c.event < first_id(before), ~UNSETTLED
    )
    rows = tx.execute(old.limit(most)).all()
    for account, event, endpoint in rows:
        mine = (deliveries.c.account == account, deliveries.c.event == event, deliveries.c.endpoint == endpoint)
        tx.execute(delete(deliveries).where(*mine))
    return len(rows)


def _again(tx: Connection, account: int, rows: Sequence[Any], now: int) -> None:
    """What was settled waits again, and its lane is due now, unless somebody is at it."""
    places = [
        {"account": account, "endpoint": row.endpoint, "conversation": row.conversation, "next_at": now} for row in rows
    ]
    open_lanes(tx, places)
    _AGAIN.each(tx, [{"of": account, "which": row.event, "to": row.endpoint, "due": now} for row in rows])
    for endpoint, conversation in sorted({(row.endpoint, row.conversation) for row in rows}):
        mine = (lanes.c.account == account, lanes.c.endpoint == endpoint, lanes.c.conversation == conversation)
        tx.execute(update(lanes).where(*mine, lanes.c.holder.is_(None)).values(next_at=now))


def _query(account: int, *more: Any) -> Select[Any]:
    same = and_(events.c.account == deliveries.c.account, events.c.id == deliveries.c.event)
    return (
        select(deliveries, events.c.type, events.c.at, *more).join(events, same).where(deliveries.c.account == account)
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        delivery_id(row.event, row.endpoint),
        row.endpoint,
        row.event,
        row.type,
        row.at,
        row.state,
        row.attempts,
        row.status,
        row.next_at,
        row.error,
        row.settled_at,
    )
