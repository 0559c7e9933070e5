"""The tables of people's own mailboxes: what is connected, how far each is synced, and what stands on their servers."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    null,
)

from gateway.store import columns
from gateway.store.columns import metadata

# owner: a user's id. servers: JSON (`core.mailboxes.Servers`). credential: sealed JSON (`core.mailboxes.Credential`).
# state: importing, ready, paused, auth_failed or disconnected. failures: passes that failed one after the other for a
# reason that passes; tries: log-ins refused with this credential. done, total: of the import. wanted_at: when somebody
# asked for a pass. holder, epoch, lease_until: who may write, and by which claim; a holder without an end has a
# connection open there on which he waits for news (IDLE). day, moved: bytes fetched then.
mailboxes = Table(
    "mailboxes",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("address"),
    columns.text("provider"),
    columns.text("kind"),
    columns.text("owner"),
    Column("share_with_admins", Boolean, nullable=False),
    columns.text("state"),
    columns.text("error"),
    columns.text("servers"),
    columns.text("host"),
    Column("credential", LargeBinary, nullable=True),
    Column("can_send", Boolean, nullable=False),
    Column("threads", Boolean, nullable=False),
    columns.text("auto_create"),
    Column("keep_attachments", Boolean, nullable=False),
    Column("purging", Boolean, nullable=False, default=False),
    columns.text("sent_path", null=True),
    columns.text("proposals"),
    columns.time("created_at"),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=True),
    Column("failures", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    columns.time("last_sync_at", null=True),
    columns.time("next_sync_at", null=True),
    columns.time("wanted_at", null=True),
    columns.text("holder", null=True),
    Column("epoch", BigInteger, nullable=False),
    columns.time("lease_until", null=True),
    Column("day", Integer, nullable=False),
    Column("moved", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "address"),
    sqlite_with_rowid=False,
)

# Only mailboxes that are looked into have a next time.
DUE = mailboxes.c.next_sync_at.is_not(null())
Index("ix_mailboxes_due", mailboxes.c.next_sync_at, sqlite_where=DUE, postgresql_where=DUE)
# Those that a poller has a connection to: few among many, counted by host before more are claimed.
HELD = mailboxes.c.holder.is_not(null())
Index("ix_mailboxes_held", mailboxes.c.holder, sqlite_where=HELD, postgresql_where=HELD)

# Addresses and confirmed aliases of connected mailboxes: they are team (rules, Words, E14).
mailbox_addresses = Table(
    "mailbox_addresses",
    metadata,
    columns.account(),
    columns.text("email"),
    columns.text("mailbox"),
    PrimaryKeyConstraint("account", "email", "mailbox"),
    sqlite_with_rowid=False,
)

# role: inbox or sent. last_uid: all up to it were looked at. floor: the import began above it; 0 before it was planned.
# imported: the import is over. compared_at: when all UIDs were last compared with the server's. present: so many
# messages stood there after the last look.
mailbox_folders = Table(
    "mailbox_folders",
    metadata,
    columns.account(),
    columns.text("mailbox"),
    columns.text("role"),
    columns.text("path"),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("last_uid", BigInteger, nullable=False),
    Column("uidnext", BigInteger, nullable=True),
    Column("modseq", BigInteger, nullable=True),
    Column("floor", BigInteger, nullable=False),
    Column("imported", Boolean, nullable=False),
    columns.time("compared_at", null=True),
    Column("present", Integer, nullable=True),
    PrimaryKeyConstraint("account", "mailbox", "role"),
    sqlite_with_rowid=False,
)

# message: None where it could not be read; error says why then, and tries how often it was tried alone. parts: JSON,
# where each file stands there (`core.remote.RemoteFile`). gone_at: since when it is no longer on the server.
remote_messages = Table(
    "remote_messages",
    metadata,
    columns.account(),
    columns.text("mailbox"),
    columns.text("role"),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    columns.text("message", null=True),
    columns.text("parts"),
    columns.text("error"),
    Column("tries", Integer, nullable=False),
    columns.time("gone_at", null=True),
    PrimaryKeyConstraint("account", "mailbox", "role", "uidvalidity", "uid"),
    Index(None, "account", "message"),
    sqlite_with_rowid=False,
)

# Those that could not be read: few, looked for at every look into a mailbox.
UNREAD = remote_messages.c.message.is_(null())
Index(
    "ix_remote_messages_unread",
    remote_messages.c.account,
    remote_messages.c.mailbox,
    remote_messages.c.role,
    sqlite_where=UNREAD,
    postgresql_where=UNREAD,
)
