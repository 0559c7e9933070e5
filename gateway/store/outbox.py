"""The tables of whoever wants to be told of events, of each event on its way to them, and of what adapters remember."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    literal_column,
)

from gateway.store import columns
from gateway.store.columns import metadata

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
    columns.text("id"),
    columns.text("endpoint"),
    columns.text("event"),
    columns.text("conversation"),
    columns.text("state"),
    Column("attempts", Integer, nullable=False),
    columns.time("next_at", null=True),
    columns.time("claimed_until", null=True),
    Column("status", Integer, nullable=True),
    columns.text("error"),
    columns.time("settled_at", null=True),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "endpoint", "event"),
    sqlite_with_rowid=False,
)

# What is still to be done: by the clock, and one after the other within a conversation.
UNSETTLED = deliveries.c.state == literal_column("'waiting'")
Index("ix_deliveries_due", deliveries.c.next_at, sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)
Index(
    "ix_deliveries_queue",
    deliveries.c.account,
    deliveries.c.endpoint,
    deliveries.c.conversation,
    deliveries.c.event,
    sqlite_where=UNSETTLED,
    postgresql_where=UNSETTLED,
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
