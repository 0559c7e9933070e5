"""Revision 0001: the first mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Takes a store forward to this revision."""
    op.create_table(
        "accounts",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("slug", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("copy_policy", _TEXT, nullable=False),
        sa.Column("strangers", _TEXT, nullable=False),
        sa.Column("rename_grace_days", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id", name=op.f("uq_accounts_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_accounts_slug")),
    )
    op.create_table(
        "bodies",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("message", _TEXT, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("codec", _TEXT, nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account", "message", "n"),
    )
    op.create_table(
        "cards",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("card", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("message", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "card", "at", "message"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("cards", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cards_account_message"), ["account", "message"], unique=False)

    op.create_table(
        "contact_emails",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("email", _TEXT, nullable=False),
        sa.Column("contact", _TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "email"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("contact_emails", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_emails_account_contact"), ["account", "contact"], unique=False)

    op.create_table(
        "contacts",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("first_name", _TEXT, nullable=False),
        sa.Column("last_name", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "conversations",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("lead", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_contacts",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("customer", _TEXT, nullable=False),
        sa.Column("contact", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "customer", "contact"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("customer_contacts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_customer_contacts_account_contact"), ["account", "contact"], unique=False)

    op.create_table(
        "customers",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("main_contact", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("conversation", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lead_contacts",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("lead", _TEXT, nullable=False),
        sa.Column("contact", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "lead", "contact"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("lead_contacts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_contacts_account_contact"), ["account", "contact"], unique=False)

    op.create_table(
        "leads",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("main_contact", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "messages",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("direction", _TEXT, nullable=False),
        sa.Column("action", _TEXT, nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("message_id", _TEXT, nullable=True),
        sa.Column("identity", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("base_subject", _TEXT, nullable=False),
        sa.Column("date", sa.BigInteger(), nullable=True),
        sa.Column("snippet", _TEXT, nullable=False),
        sa.Column("attachments", _TEXT, nullable=False),
        sa.Column("auth", _TEXT, nullable=False),
        sa.Column("unread", _TEXT, nullable=False),
        sa.Column("primary", _TEXT, nullable=True),
        sa.Column("conversation", _TEXT, nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sa.UniqueConstraint("account", "identity", name=op.f("uq_messages_account_identity")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_messages_account_at_id"), ["account", "at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_messages_account_message_id"), ["account", "message_id"], unique=False)

    op.create_table(
        "own_domains",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("domain", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "domain"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "participants",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("message", _TEXT, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("role", _TEXT, nullable=False),
        sa.Column("address", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "message", "n"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("participants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_participants_account_key"), ["account", "key"], unique=False)

    op.create_table(
        "receipts",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("road", _TEXT, nullable=False),
        sa.Column("peer", _TEXT, nullable=False),
        sa.Column("helo", _TEXT, nullable=False),
        sa.Column("tls", _TEXT, nullable=True),
        sa.Column("sender", _TEXT, nullable=False),
        sa.Column("recipients", _TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("verdict", _TEXT, nullable=False),
        sa.Column("rule", _TEXT, nullable=False),
        sa.Column("reply", _TEXT, nullable=False),
        sa.Column("author", _TEXT, nullable=True),
        sa.Column("subject", _TEXT, nullable=True),
        sa.Column("message_id", _TEXT, nullable=True),
        sa.Column("message", _TEXT, nullable=True),
        sa.Column("decision", _TEXT, nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
    )
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_receipts_account_message"), ["account", "message"], unique=False)
        batch_op.create_index(batch_op.f("ix_receipts_account_message_id"), ["account", "message_id"], unique=False)

    op.create_table(
        "slugs",
        sa.Column("slug", _TEXT, nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("slug"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("slugs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_slugs_account"), ["account"], unique=False)

    op.create_table(
        "sources",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("message", _TEXT, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("road", _TEXT, nullable=False),
        sa.Column("mailbox", _TEXT, nullable=True),
        sa.Column("folder", _TEXT, nullable=False),
        sa.Column("thread", _TEXT, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "message", "n"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sources_account_thread"), ["account", "thread"], unique=False)

    op.create_table(
        "threads",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("mailbox", _TEXT, nullable=False),
        sa.Column("client", _TEXT, nullable=False),
        sa.Column("subject_key", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("conversation", _TEXT, nullable=False),
        sa.Column("answers", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("account", "id"),
        sa.UniqueConstraint(
            "account", "mailbox", "client", "subject_key", name=op.f("uq_threads_account_mailbox_client_subject_key")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tokens",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("user", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account", "id"),
        sa.UniqueConstraint("account", "hash", name=op.f("uq_tokens_account_hash")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "users",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("email", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("role", _TEXT, nullable=False),
        sa.Column("shared_mail", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sa.UniqueConstraint("account", "email", name=op.f("uq_users_account_email")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Takes a store back to the revision before."""
    op.drop_table("users")
    op.drop_table("tokens")
    op.drop_table("threads")
    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sources_account_thread"))

    op.drop_table("sources")
    with op.batch_alter_table("slugs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_slugs_account"))

    op.drop_table("slugs")
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipts_account_message_id"))
        batch_op.drop_index(batch_op.f("ix_receipts_account_message"))

    op.drop_table("receipts")
    with op.batch_alter_table("participants", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_participants_account_key"))

    op.drop_table("participants")
    op.drop_table("own_domains")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_messages_account_message_id"))
        batch_op.drop_index(batch_op.f("ix_messages_account_at_id"))

    op.drop_table("messages")
    op.drop_table("leads")
    with op.batch_alter_table("lead_contacts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lead_contacts_account_contact"))

    op.drop_table("lead_contacts")
    op.drop_table("events")
    op.drop_table("customers")
    with op.batch_alter_table("customer_contacts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_customer_contacts_account_contact"))

    op.drop_table("customer_contacts")
    op.drop_table("conversations")
    op.drop_table("contacts")
    with op.batch_alter_table("contact_emails", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_emails_account_contact"))

    op.drop_table("contact_emails")
    with op.batch_alter_table("cards", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cards_account_message"))

    op.drop_table("cards")
    op.drop_table("bodies")
    op.drop_table("accounts")
