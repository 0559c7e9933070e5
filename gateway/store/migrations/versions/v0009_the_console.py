"""Revision 0009: the console: templates, notes, fields, mail on its way out, passwords, and who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.planning import tell_planner

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_AMISS = sa.text("verdict IN ('refuse', 'hold')")
_TABLES = (
    "audit",
    "field_values",
    "fields",
    "former_contacts",
    "notes",
    "outgoing",
    "picture_senders",
    "setups",
    "templates",
    "undoings",
)


def upgrade() -> None:
    """Takes a store forward to this revision."""
    op.create_table(
        "audit",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user", _TEXT, nullable=False),
        sa.Column("who", _TEXT, nullable=False),
        sa.Column("what", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("about", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_account_user_id", "audit", ["account", "user", "id"])
    op.create_table(
        "field_values",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("card", _TEXT, nullable=False),
        sa.Column("field", _TEXT, nullable=False),
        sa.Column("value", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "card", "field"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_field_values_account_field", "field_values", ["account", "field"])

    op.create_table(
        "fields",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sa.UniqueConstraint("account", "kind", "key", name=op.f("uq_fields_account_kind_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "former_contacts",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("contact", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_former_contacts_account_contact", "former_contacts", ["account", "contact"])

    op.create_table(
        "notes",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("card", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("user", _TEXT, nullable=False),
        sa.Column("text", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_notes_account_card_at_id", "notes", ["account", "card", "at", "id"])

    op.create_table(
        "outgoing",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("message", _TEXT, nullable=False),
        sa.Column("mailbox", _TEXT, nullable=False),
        sa.Column("user", _TEXT, nullable=False),
        sa.Column("message_id", _TEXT, nullable=False),
        sa.Column("recipients", _TEXT, nullable=False),
        sa.Column("waiting", _TEXT, nullable=False),
        sa.Column("refused", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("error", _TEXT, nullable=False),
        sa.Column("kept", _TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("holder", _TEXT, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("account", "message"),
        sa.UniqueConstraint("account", "message_id", name=op.f("uq_outgoing_account_message_id")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_outgoing_next",
        "outgoing",
        ["next_at"],
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )

    op.create_table(
        "picture_senders",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("user", _TEXT, nullable=False),
        sa.Column("address", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "user", "address"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "setups",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("domain", _TEXT, nullable=False),
        sa.Column("step", _TEXT, nullable=False),
        sa.Column("done", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "templates",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.Column("html", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sa.UniqueConstraint("account", "name", name=op.f("uq_templates_account_name")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "undoings",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("user", _TEXT, nullable=False),
        sa.Column("what", _TEXT, nullable=False),
        sa.Column("data", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_undoings_at", "undoings", ["at"])

    op.create_index("ix_leads_account_status_id", "leads", ["account", "status", "id"])
    op.create_index("ix_users_email", "users", ["email"])
    op.create_index(
        "ix_receipts_amiss", "receipts", ["account", "verdict", "id"], sqlite_where=_AMISS, postgresql_where=_AMISS
    )
    op.add_column("accounts", sa.Column("link_mailbox", _TEXT, server_default="", nullable=False))
    op.add_column("users", sa.Column("password", _TEXT, server_default="", nullable=False))
    op.add_column("users", sa.Column("language", _TEXT, server_default="", nullable=False))
    tell_planner(op.get_bind())


def downgrade() -> None:
    """Takes a store back to the revision before."""
    op.drop_index("ix_receipts_amiss", "receipts")
    op.drop_index("ix_users_email", "users")
    op.drop_index("ix_leads_account_status_id", "leads")
    for table, column in (("users", "language"), ("users", "password"), ("accounts", "link_mailbox")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
    for table in _TABLES:
        op.drop_table(table)
