"""Revision 0008: people's own mailboxes; a source may show its message otherwise, and may be taken away alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.planning import tell_planner

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_DUE, _HELD = sa.text("next_sync_at IS NOT NULL"), sa.text("holder IS NOT NULL")
_MAILBOX, _UNREAD = sa.text("mailbox IS NOT NULL"), sa.text("message IS NULL")

_LOCK = sa.text(
    "UPDATE messages SET state = 'locked' WHERE state = 'filed' AND NOT EXISTS (SELECT 1 FROM sources"
    " WHERE sources.account = messages.account AND sources.message = messages.id AND sources.mailbox IS NULL)"
)


def upgrade() -> None:
    """Takes a store forward to this revision."""
    op.create_table(
        "mailboxes",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("address", _TEXT, nullable=False),
        sa.Column("provider", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("owner", _TEXT, nullable=False),
        sa.Column("share_with_admins", sa.Boolean(), nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("error", _TEXT, nullable=False),
        sa.Column("servers", _TEXT, nullable=False),
        sa.Column("host", _TEXT, nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=True),
        sa.Column("can_send", sa.Boolean(), nullable=False),
        sa.Column("threads", sa.Boolean(), nullable=False),
        sa.Column("auto_create", _TEXT, nullable=False),
        sa.Column("keep_attachments", sa.Boolean(), nullable=False),
        sa.Column("sent_path", _TEXT, nullable=True),
        sa.Column("proposals", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_sync_at", sa.BigInteger(), nullable=True),
        sa.Column("next_sync_at", sa.BigInteger(), nullable=True),
        sa.Column("wanted_at", sa.BigInteger(), nullable=True),
        sa.Column("holder", _TEXT, nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sa.UniqueConstraint("account", "address", name=op.f("uq_mailboxes_account_address")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_mailboxes_due", "mailboxes", ["next_sync_at"], sqlite_where=_DUE, postgresql_where=_DUE)
    op.create_index("ix_mailboxes_held", "mailboxes", ["holder"], sqlite_where=_HELD, postgresql_where=_HELD)
    op.create_table(
        "mailbox_addresses",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("email", _TEXT, nullable=False),
        sa.Column("mailbox", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "email", "mailbox"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mailbox_folders",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("mailbox", _TEXT, nullable=False),
        sa.Column("role", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("uidnext", sa.BigInteger(), nullable=True),
        sa.Column("modseq", sa.BigInteger(), nullable=True),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("compared_at", sa.BigInteger(), nullable=True),
        sa.Column("present", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("account", "mailbox", "role"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "remote_messages",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("mailbox", _TEXT, nullable=False),
        sa.Column("role", _TEXT, nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("message", _TEXT, nullable=True),
        sa.Column("parts", _TEXT, nullable=False),
        sa.Column("error", _TEXT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account", "mailbox", "role", "uidvalidity", "uid"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_remote_messages_account_message"), "remote_messages", ["account", "message"])
    op.add_column("sources", sa.Column("view", _TEXT, nullable=True))
    op.add_column("sources", sa.Column("removed_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_remote_messages_unread",
        "remote_messages",
        ["account", "mailbox", "role"],
        sqlite_where=_UNREAD,
        postgresql_where=_UNREAD,
    )
    op.create_index(
        "ix_sources_mailbox",
        "sources",
        ["account", "mailbox", "message"],
        sqlite_where=_MAILBOX,
        postgresql_where=_MAILBOX,
    )
    tell_planner(op.get_bind())


def downgrade() -> None:
    """Takes a store back by one revision. Mailboxes are forgotten; mail that came by them alone is shown to nobody any
    more, as the version before would show it to everybody of the account."""
    op.execute(_LOCK)
    op.drop_index("ix_sources_mailbox", "sources")
    with op.batch_alter_table("sources") as sources:
        sources.drop_column("removed_at")
        sources.drop_column("view")
    op.drop_table("remote_messages")
    op.drop_table("mailbox_folders")
    op.drop_table("mailbox_addresses")
    op.drop_table("mailboxes")
    tell_planner(op.get_bind())
