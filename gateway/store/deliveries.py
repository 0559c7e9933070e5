"""Deliveries on their way: which are due, who has which in hand, and what became of them (`outbox`).

Any number of processes and machines may claim at once. A claim is a lane with its first deliveries, for a while: the
lane's time says until when, so that what a killed process had in hand is due again by itself. On PostgreSQL lanes that
somebody is claiming are skipped; on SQLite one writes at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, exists, literal, null, or_, select, update

from gateway.store.endpoints import EndpointRow, find_endpoint
from gateway.store.engine import Tx
from gateway.store.outbox import DISABLED, UNSETTLED, deliveries, endpoints, events, lanes
from gateway.store.prepared import Prepared

WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"
AT_ONCE = 8
"""So many deliveries of a lane are claimed together."""
LOOKED_AT = 3 * AT_ONCE
"""Among so many the first ones are found."""
DUE_AT_ONCE = 1_000
"""So many endpoints are looked at together."""
FIRST = (0, "")
"""Before every endpoint."""
_FOR_EVER = 2**62


@dataclass(frozen=True, slots=True)
class Due:
    """An endpoint that has work waiting. buried: it is disabled, so that nothing of it is told any more."""

    account: int
    endpoint: str
    buried: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that is to be told. attempts: how often that was tried."""

    event: str
    type: str
    at: int
    subject: str
    conversation: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane in the hands of a holder, with its first deliveries in their order."""

    endpoint: EndpointRow
    conversation: str
    holder: str
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Claiming:
    """What is wanted: so many lanes of an endpoint that are due now, until a moment, for a holder."""

    account: int
    endpoint: str
    room: int
    now: int
    until: int
    holder: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one try. next_at: of the next one, None where there is none."""

    event: str
    state: str
    attempts: int
    next_at: int | None
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Settling:
    """What became of a lane's tries. next_at: when the lane goes on, where something is left of it."""

    account: int
    endpoint: str
    conversation: str
    holder: str
    at: int
    next_at: int
    results: tuple[Result, ...]


_MINE = and_(
    lanes.c.account == bindparam("of"),
    lanes.c.endpoint == bindparam("to"),
    lanes.c.conversation == bindparam("lane"),
)
_LEFT = exists().where(
    deliveries.c.account == bindparam("of"),
    deliveries.c.endpoint == bindparam("to"),
    deliveries.c.conversation == bindparam("lane"),
    UNSETTLED,
)
_HELD = lanes.c.holder == bindparam("by")

_DUE = Prepared(
    select(endpoints.c.account, endpoints.c.id, endpoints.c.state)
    .where(
        or_(endpoints.c.paused_until.is_(None), endpoints.c.paused_until <= bindparam("now")),
        exists().where(
            lanes.c.account == endpoints.c.account,
            lanes.c.endpoint == endpoints.c.id,
            lanes.c.next_at <= case((endpoints.c.state == DISABLED, literal(_FOR_EVER)), else_=bindparam("now")),
        ),
    )
    .where(
        or_(
            endpoints.c.account > bindparam("from_account"),
            and_(endpoints.c.account == bindparam("from_account"), endpoints.c.id > bindparam("from_id")),
        )
    )
    .order_by(endpoints.c.account, endpoints.c.id)
    .limit(bindparam("most"))
)
_LANES = Prepared(
    select(lanes.c.conversation)
    .where(
        lanes.c.account == bindparam("of"),
        lanes.c.endpoint == bindparam("to"),
        lanes.c.next_at <= bindparam("now"),
    )
    .order_by(lanes.c.next_at)
    .limit(bindparam("room"))
    .with_for_update(skip_locked=True)
)
_TAKE = Prepared(update(lanes).where(_MINE).values(next_at=bindparam("until"), holder=bindparam("by")))
_EARLIEST = (
    select(
        deliveries.c.event,
        events.c.type,
        events.c.at,
        events.c.subject,
        events.c.conversation,
        deliveries.c.attempts,
        events.c.position,
    )
    .join(events, and_(events.c.account == deliveries.c.account, events.c.id == deliveries.c.event))
    .where(
        deliveries.c.account == bindparam("of"),
        deliveries.c.endpoint == bindparam("to"),
        deliveries.c.conversation == bindparam("lane"),
        UNSETTLED,
    )
    .order_by(deliveries.c.event)
    .limit(LOOKED_AT)
    .subquery()
)
# Ids of two machines may stand the other way round than what happened, where that was within moments; positions don't.
_FIRST = Prepared(
    select(*(column for column in _EARLIEST.c if column.name != "position"))
    .order_by(_EARLIEST.c.position)
    .limit(AT_ONCE)
)
_KEEP = Prepared(update(lanes).where(_MINE, _HELD).values(next_at=bindparam("until")))
_LOCK = Prepared(select(lanes.c.next_at).where(_MINE).with_for_update())
_CLOSE = Prepared(delete(lanes).where(_MINE, ~_LEFT, or_(lanes.c.holder.is_(None), _HELD)))
_FREE = Prepared(update(lanes).where(_MINE, _HELD).values(next_at=bindparam("due"), holder=null()))

_THIS = and_(
    deliveries.c.account == bindparam("of"),
    deliveries.c.event == bindparam("event"),
    deliveries.c.endpoint == bindparam("to"),
    UNSETTLED,
)
_OUTCOME: Mapping[str, Any] = {
    "state": bindparam("became"),
    "attempts": bindparam("tries"),
    "next_at": bindparam("due"),
    "status": bindparam("said"),
    "error": bindparam("why"),
    "settled_at": bindparam("at"),
}
_TOLD = Prepared(update(deliveries).where(_THIS).values(_OUTCOME))
_FAILED = Prepared(update(deliveries).where(_THIS, exists().where(_MINE, _HELD)).values(_OUTCOME))


def find_due(tx: Tx, now: int, after: tuple[int, str], most: int) -> list[Due]:
    """Endpoints that have something due, or something left though they are disabled: so many, behind the last one that
    was looked at."""
    rows = _DUE.all(tx, now=now, from_account=after[0], from_id=after[1], most=most)
    return [Due(account, id, state == DISABLED) for account, id, state in rows]


def claim_lanes(tx: Tx, wanted: Sequence[Claiming]) -> list[tuple[Lane, ...]]:
    """Takes lanes that are due into the hands of their holders, at most as many as there is room for."""
    return [tuple(_claim(tx, one)) for one in wanted]


def _claim(tx: Tx, wanted: Claiming) -> Iterable[Lane]:
    endpoint = find_endpoint(tx, wanted.account, wanted.endpoint)
    if endpoint is None or endpoint.state == DISABLED:
        return
    of, to = wanted.account, wanted.endpoint
    found = [lane for (lane,) in _LANES.all(tx, of=of, to=to, now=wanted.now, room=wanted.room)]
    taken = [{"of": of, "to": to, "lane": lane, "until": wanted.until, "by": wanted.holder} for lane in sorted(found)]
    _TAKE.each(tx, taken)
    for lane in found:
        waiting = tuple(Waiting(*row) for row in _FIRST.all(tx, of=of, to=to, lane=lane))
        if waiting:
            yield Lane(endpoint, lane, wanted.holder, waiting)
        else:
            _close(tx, of, to, lane, wanted.holder)


def keep_lanes(tx: Tx, held: Sequence[Lane], until: int) -> None:
    """Holds lanes longer, where their tries take long."""
    rows = [
        {"of": one.endpoint.account, "to": one.endpoint.id, "lane": one.conversation, "until": until, "by": one.holder}
        for one in held
    ]
    _KEEP.each(tx, sorted(rows, key=lambda row: (row["of"], row["to"], row["lane"])))


def settle_lanes(tx: Tx, settled: Sequence[Settling]) -> list[None]:
    """Writes down what became of tries, and lets the lanes go: to what is next, or away where nothing is.

    What a holder says who was too late counts where it was told, and not where it failed: somebody else is at it.
    """
    for one in sorted(settled, key=lambda one: (one.account, one.endpoint, one.conversation)):
        lane = {"of": one.account, "to": one.endpoint, "lane": one.conversation, "by": one.holder}
        _lock(tx, one.account, one.endpoint, one.conversation)
        for result in one.results:
            row = {
                **lane,
                "event": result.event,
                "became": result.state,
                "tries": result.attempts,
                "due": result.next_at,
                "said": result.status,
                "why": result.error,
                "at": one.at if result.state != WAITING else None,
            }
            (_TOLD if result.state == DELIVERED else _FAILED).run(tx, **row)
        _CLOSE.run(tx, **lane)
        _FREE.run(tx, **lane, due=one.next_at)
    return [None] * len(settled)


def bury_deliveries(tx: Tx, account: int, endpoint: str, why: str, at: int, most: int = 500) -> int:
    """Gives up what waits for an endpoint that is told nothing more, at most so many; how many there were."""
    query = (
        select(deliveries.c.event, deliveries.c.conversation, deliveries.c.attempts)
        .where(deliveries.c.account == account, deliveries.c.endpoint == endpoint, UNSETTLED)
        .order_by(deliveries.c.conversation, deliveries.c.event)
        .limit(most)
    )
    rows = tx.execute(query).all()
    talks = sorted({row.conversation for row in rows})
    for conversation in talks:  # before its deliveries, as everybody does: or two wait for one another
        _lock(tx, account, endpoint, conversation)
    for event, _, tries in rows:
        _TOLD.run(
            tx, of=account, to=endpoint, event=event, became=DEAD, tries=tries, due=None, said=None, why=why, at=at
        )
    for conversation in talks:
        _close(tx, account, endpoint, conversation, "")
    if not rows:
        tx.execute(delete(lanes).where(lanes.c.account == account, lanes.c.endpoint == endpoint))
    return len(rows)


def find_strays(tx: Tx, most: int) -> list[Due]:
    """Endpoints that are there no more and for which something waits: its event was on its way into the store when
    they were taken away."""
    gone = ~exists().where(endpoints.c.account == lanes.c.account, endpoints.c.id == lanes.c.endpoint)
    query = select(lanes.c.account, lanes.c.endpoint).where(gone).distinct().limit(most)
    return [Due(account, endpoint, buried=True) for account, endpoint in tx.execute(query)]


def _close(tx: Tx, account: int, endpoint: str, conversation: str, holder: str) -> None:
    """Takes a lane away in which nothing waits, and which nobody else holds."""
    _lock(tx, account, endpoint, conversation)
    _CLOSE.run(tx, of=account, to=endpoint, lane=conversation, by=holder)


def _lock(tx: Tx, account: int, endpoint: str, conversation: str) -> None:
    """Waits for who adds to the lane just now, so that the statement after this one sees what they added."""
    if tx.dialect.name != "sqlite":
        _LOCK.run(tx, of=account, to=endpoint, lane=conversation)
