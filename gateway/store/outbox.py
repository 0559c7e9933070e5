"""The outbox: what happened, who wants to be told, and what of it is still on its way (docs/webhooks.md).

All events are written by `add_events`, in the transaction of what they tell of, with a delivery for each endpoint that
wants them. The deliveries of one conversation to one endpoint are a lane: they go one after the other, and only the
lane has a time at which it is due. However many wait behind a dead endpoint, looking for work reads one row a lane.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    bindparam,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store import columns
from gateway.store.columns import metadata
from gateway.store.ids import moment_of, new_id
from gateway.store.lists import among, listed
from gateway.store.positions import hold_positions, next_position
from gateway.store.prepared import Insert, Prepared

DISABLED = "disabled"
"""State of an endpoint that is told nothing any more. In all other states its deliveries are kept."""

TEST = "endpoint.test"
"""The event by which an endpoint is tried out; only that endpoint is told."""

events = Table(
    "events",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("type"),
    columns.time("at"),
    columns.text("subject"),
    columns.text("conversation", null=True),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "position"),
    sqlite_with_rowid=False,
)

endpoints = Table(
    "endpoints",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("kind"),
    columns.text("url"),
    columns.text("types"),
    columns.text("options"),
    Column("secret", LargeBinary, nullable=True),
    Column("former_secret", LargeBinary, nullable=True),
    columns.time("former_until", null=True),
    columns.text("state"),
    columns.text("reason"),
    columns.time("paused_until", null=True),
    columns.time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

deliveries = Table(
    "deliveries",
    metadata,
    columns.account(),
    columns.text("event"),
    columns.text("endpoint"),
    columns.text("conversation"),
    columns.text("state"),
    Column("attempts", Integer, nullable=False),
    columns.time("next_at", null=True),
    Column("status", Integer, nullable=True),
    columns.text("error"),
    columns.time("settled_at", null=True),
    PrimaryKeyConstraint("account", "event", "endpoint"),
    sqlite_with_rowid=False,
)

# What is still to be told, in its order, and what was given up.
UNSETTLED = deliveries.c.state == literal_column("'waiting'")
GIVEN_UP = deliveries.c.state == literal_column("'dead'")
Index(
    "ix_deliveries_queue",
    deliveries.c.account,
    deliveries.c.endpoint,
    deliveries.c.conversation,
    deliveries.c.event,
    sqlite_where=UNSETTLED,
    postgresql_where=UNSETTLED,
)
Index(
    "ix_deliveries_dead",
    deliveries.c.account,
    deliveries.c.endpoint,
    deliveries.c.event,
    sqlite_where=GIVEN_UP,
    postgresql_where=GIVEN_UP,
)

# One row for each conversation of which an endpoint has still to be told something. next_at: when that is tried, or,
# while somebody is at it, until when they have it to themselves. holder: who is at it.
lanes = Table(
    "lanes",
    metadata,
    columns.account(),
    columns.text("endpoint"),
    columns.text("conversation"),
    columns.time("next_at"),
    columns.text("holder", null=True),
    PrimaryKeyConstraint("account", "endpoint", "conversation"),
    Index("ix_lanes_due", "account", "endpoint", "next_at"),
    sqlite_with_rowid=False,
)

ledger = Table(
    "ledger",
    metadata,
    columns.account(),
    columns.text("endpoint"),
    columns.text("key"),
    Column("value", LargeBinary, nullable=True),
    columns.text("holder", null=True),
    columns.time("until", null=True),
    PrimaryKeyConstraint("account", "endpoint", "key"),
    sqlite_with_rowid=False,
)

Row = Mapping[str, Any]
"""An event's columns."""

_EVENTS, _DELIVERIES = Insert(events, {"position": next_position()}), Insert(deliveries)
_WHO_WANTS = Prepared(
    select(endpoints.c.account, endpoints.c.id, endpoints.c.types).where(
        among(endpoints.c.account, "of"), endpoints.c.state != literal_column(f"'{DISABLED}'")
    )
)


def _open_lane(dialect: Any) -> Prepared:
    """Makes a lane, or holds the one that is there: nobody may find it empty and close it before we have committed."""
    insert = dialect.insert(lanes).values(
        {name: bindparam(name) for name in ("account", "endpoint", "conversation", "next_at")}
    )
    return Prepared(
        insert.on_conflict_do_update(
            index_elements=[lanes.c.account, lanes.c.endpoint, lanes.c.conversation], set_={"next_at": lanes.c.next_at}
        )
    )


_OPEN_LANE = {"sqlite": _open_lane(sqlite), "postgresql": _open_lane(postgresql)}


def add_event(tx: Connection, account: int, type: str, subject: str, at: int, conversation: str | None = None) -> str:
    """Notes one thing that happened, in the transaction in which it does; its id."""
    id = new_id()
    row = {"account": account, "id": id, "type": type, "at": at, "subject": subject, "conversation": conversation}
    add_events(tx, [row])
    return id


def add_events(tx: Connection, rows: Sequence[Row]) -> None:
    """Notes what happened, in order, and to whom it is to be told. Accounts without endpoints cost one look-up a call.

    What belongs to no conversation is told in the order in which it happened to its subject.
    """
    if not rows:
        return
    hold_positions(tx)
    _EVENTS.each(tx, rows)
    wanting: dict[int, list[tuple[str, tuple[str, ...]]]] = {}
    for account, endpoint, types in _WHO_WANTS.all(tx, of=listed({row["account"] for row in rows})):
        wanting.setdefault(account, []).append((endpoint, tuple(json.loads(types))))
    if wanting:
        add_deliveries(
            tx,
            [
                (row, endpoint)
                for row in rows
                for endpoint, types in wanting.get(row["account"], ())
                if row["type"] != TEST and (not types or row["type"] in types)
            ],
        )


def add_deliveries(tx: Connection, wanted: Sequence[tuple[Row, str]]) -> None:
    """Puts events on their way, each to an endpoint."""
    waiting = [
        {
            "account": row["account"],
            "event": row["id"],
            "endpoint": endpoint,
            "conversation": row["conversation"] or row["subject"],
            "state": "waiting",
            "attempts": 0,
            "next_at": min(row["at"], moment_of(row["id"])),
            "status": None,
            "error": "",
            "settled_at": None,
        }
        for row, endpoint in wanted
    ]
    _DELIVERIES.each(tx, waiting)
    open_lanes(tx, waiting)


def open_lanes(tx: Connection, waiting: Sequence[Row]) -> None:
    """Sees to it that what waits has its lane, in an order that is the same for all who do so at one time."""
    due: dict[tuple[int, str, str], int] = {}
    for row in waiting:
        due.setdefault((row["account"], row["endpoint"], row["conversation"]), row["next_at"])
    opened = [
        {"account": account, "endpoint": endpoint, "conversation": conversation, "next_at": at}
        for (account, endpoint, conversation), at in sorted(due.items())
    ]
    _OPEN_LANE[tx.dialect.name].each(tx, opened)
