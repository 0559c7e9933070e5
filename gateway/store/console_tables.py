"""The tables of what people make and do in the console: templates, notes, fields of their own, mail on its way out."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, UniqueConstraint, null

from gateway.store import columns
from gateway.store.columns import metadata

# Who did what (section F). user: their id, empty for the operator's commands. who: their address as of then. what: a
# key of `core.audit.WHAT`. subject: the id of what it was done to. about: JSON of plain details.
audit = Table(
    "audit",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.time("at"),
    columns.text("user"),
    columns.text("who"),
    columns.text("what"),
    columns.text("subject"),
    columns.text("about"),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

# Texts to write mail with (section G). html: the body is HTML.
templates = Table(
    "templates",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("name"),
    columns.text("subject"),
    columns.text("body"),
    Column("html", Boolean, nullable=False),
    columns.time("created_at"),
    columns.time("changed_at"),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "name"),
    sqlite_with_rowid=False,
)

# Fields that an account gives its cards. kind: contact, lead or customer. key: as templates and the API name it.
fields = Table(
    "fields",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("kind"),
    columns.text("key"),
    columns.text("name"),
    columns.time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "kind", "key"),
    sqlite_with_rowid=False,
)

# What stands in those fields, a row a card and field that isn't empty.
field_values = Table(
    "field_values",
    metadata,
    columns.account(),
    columns.text("card"),
    columns.text("field"),
    columns.text("value"),
    PrimaryKeyConstraint("account", "card", "field"),
    sqlite_with_rowid=False,
)

# What people write down on a card. kind: of the card. user: who wrote it.
notes = Table(
    "notes",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("card"),
    columns.text("kind"),
    columns.text("user"),
    columns.text("text"),
    columns.time("at"),
    PrimaryKeyConstraint("account", "id"),
    Index(None, "account", "card", "id"),
    sqlite_with_rowid=False,
)

# A mail that was written here, on its way out (E11). message, message_id: of the message. recipients: JSON list, of the
# envelope; waiting: those of them it has still to reach; refused: those it can't. state: queued, sending, sent or
# failed. error: why, in words. kept: `wanted` until it stands in the folder of sent mail of its server, then `kept`;
# `none` where it has no such folder. next_at: when something is to be done for it, while somebody does it (holder) the
# end of their time. until: how long it is tried. sealed: what it says, where there is no message (a sign-in link).
outgoing = Table(
    "outgoing",
    metadata,
    columns.account(),
    columns.text("message"),
    columns.text("mailbox"),
    columns.text("user"),
    columns.text("message_id"),
    columns.text("recipients"),
    columns.text("waiting"),
    columns.text("refused"),
    columns.text("state"),
    columns.text("error"),
    columns.text("kept"),
    Column("attempts", Integer, nullable=False),
    columns.time("created_at"),
    columns.time("next_at", null=True),
    columns.time("until"),
    columns.time("sent_at", null=True),
    columns.text("holder", null=True),
    Column("sealed", LargeBinary, nullable=True),
    PrimaryKeyConstraint("account", "message"),
    UniqueConstraint("account", "message_id"),
    sqlite_with_rowid=False,
)
TO_DO = outgoing.c.next_at.is_not(null())
Index("ix_outgoing_next", outgoing.c.next_at, sqlite_where=TO_DO, postgresql_where=TO_DO)

# What somebody may take back for a moment. what: of `core.audit.WHAT`. data: JSON of what is needed to do so.
undoings = Table(
    "undoings",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("user"),
    columns.text("what"),
    columns.text("data"),
    columns.time("at"),
    PrimaryKeyConstraint("account", "id"),
    Index(None, "at"),
    sqlite_with_rowid=False,
)

# Authors whose remote pictures a user always wants to see.
picture_senders = Table(
    "picture_senders",
    metadata,
    columns.account(),
    columns.text("user"),
    columns.text("address"),
    PrimaryKeyConstraint("account", "user", "address"),
    sqlite_with_rowid=False,
)

# How far an account is in setting its domain up. step: of `core` of the wizard. done: JSON list of steps.
setups = Table(
    "setups",
    metadata,
    columns.account(),
    columns.text("domain"),
    columns.text("step"),
    columns.text("done"),
    columns.time("at"),
    PrimaryKeyConstraint("account"),
    sqlite_with_rowid=False,
)
