"""The schema. Every key begins with `account`, so that accounts can be spread over machines (docs/architecture.md).

Times are milliseconds since 1970. Ids are ULIDs, so the order of ids is the order of creation. Account 0 is the
operators' own: mail to postmaster and abuse (rule A5).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    null,
)

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)


TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared and ordered by its bytes on every store: keys, ranges of keys, the order of lists."""


def _account() -> Column[int]:
    return Column("account", Integer, nullable=False)


def _text(name: str, *, null: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, TEXT, nullable=null, server_default=default)


def _time(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


accounts = Table(
    "accounts",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    _text("id"),
    _text("slug"),
    _text("name"),
    _text("copy_policy"),
    _text("strangers"),
    Column("rename_grace_days", Integer, nullable=False),
    _time("created_at"),
    UniqueConstraint("slug"),
    UniqueConstraint("id"),
)

slugs = Table(
    "slugs",
    metadata,
    _text("slug"),
    _account(),
    _time("retired_at", null=True),
    PrimaryKeyConstraint("slug"),
    Index(None, "account"),
    sqlite_with_rowid=False,
)

own_domains = Table(
    "own_domains",
    metadata,
    _account(),
    _text("domain"),
    PrimaryKeyConstraint("account", "domain"),
    sqlite_with_rowid=False,
)

never_log = Table(
    "never_log",
    metadata,
    _account(),
    _text("entry"),
    PrimaryKeyConstraint("account", "entry"),
    sqlite_with_rowid=False,
)

quotas = Table(
    "quotas",
    metadata,
    _account(),
    _text("key"),
    Column("hour", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("account", "key", "hour"),
    sqlite_with_rowid=False,
)

users = Table(
    "users",
    metadata,
    _account(),
    _text("id"),
    _text("email"),
    _text("name"),
    _text("role"),
    Column("shared_mail", Boolean, nullable=False),
    _time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "email"),
    sqlite_with_rowid=False,
)

tokens = Table(
    "tokens",
    metadata,
    _account(),
    _text("id"),
    Column("hash", LargeBinary, nullable=False),
    _text("user"),
    _text("kind"),
    _time("created_at"),
    _time("expires_at", null=True),
    _time("used_at", null=True),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "hash"),
    sqlite_with_rowid=False,
)

contacts = Table(
    "contacts",
    metadata,
    _account(),
    _text("id"),
    _text("name"),
    _text("first_name"),
    _text("last_name"),
    _text("source"),
    _time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

contact_emails = Table(
    "contact_emails",
    metadata,
    _account(),
    _text("email"),
    _text("contact"),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("account", "email"),
    Index(None, "account", "contact"),
    sqlite_with_rowid=False,
)

leads = Table(
    "leads",
    metadata,
    _account(),
    _text("id"),
    _text("name"),
    Column("price", BigInteger, nullable=False),
    _text("status"),
    _text("main_contact", null=True),
    _time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

lead_contacts = Table(
    "lead_contacts",
    metadata,
    _account(),
    _text("lead"),
    _text("contact"),
    PrimaryKeyConstraint("account", "lead", "contact"),
    Index(None, "account", "contact"),
    sqlite_with_rowid=False,
)

customers = Table(
    "customers",
    metadata,
    _account(),
    _text("id"),
    _text("name"),
    _text("main_contact", null=True),
    _time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

customer_contacts = Table(
    "customer_contacts",
    metadata,
    _account(),
    _text("customer"),
    _text("contact"),
    PrimaryKeyConstraint("account", "customer", "contact"),
    Index(None, "account", "contact"),
    sqlite_with_rowid=False,
)

conversations = Table(
    "conversations",
    metadata,
    _account(),
    _text("id"),
    _text("lead", null=True),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

threads = Table(
    "threads",
    metadata,
    _account(),
    _text("id"),
    _text("mailbox"),
    _text("client"),
    _text("subject_key"),
    _text("subject"),
    Column("count", Integer, nullable=False),
    _time("last_at"),
    _text("conversation"),
    _text("answers", null=True),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "mailbox", "client", "subject_key"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    _account(),
    _text("id"),
    _time("at"),
    _text("state"),
    _text("direction"),
    _text("action"),
    Column("automatic", Boolean, nullable=False),
    _text("message_id", null=True),
    _text("identity"),
    _text("subject"),
    _text("base_subject"),
    _time("date", null=True),
    _text("snippet"),
    _text("attachments"),
    _text("auth"),
    _text("unread"),
    _text("primary", null=True),
    _text("conversation", null=True),
    Column("size", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "identity"),
    Index(None, "account", "at", "id"),
)

participants = Table(
    "participants",
    metadata,
    _account(),
    _text("message"),
    Column("n", Integer, nullable=False),
    _text("role"),
    _text("address"),
    _text("key"),
    _text("name"),
    _text("kind"),
    Column("waiting", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("account", "message", "n"),
    sqlite_with_rowid=False,
)

# 1 for a client who had no card when the mail was filed: only those are ever looked up by their address, and an entry
# for everybody would be one more page to write a mail.
WAITING = participants.c.waiting == literal_column("1")
Index(None, participants.c.account, participants.c.key, sqlite_where=WAITING, postgresql_where=WAITING)

cards = Table(
    "cards",
    metadata,
    _account(),
    _text("card"),
    _time("at"),
    _text("message"),
    _text("kind"),
    PrimaryKeyConstraint("account", "card", "at", "message"),
    Index(None, "account", "message"),
    sqlite_with_rowid=False,
)

sources = Table(
    "sources",
    metadata,
    _account(),
    _text("message"),
    Column("n", Integer, nullable=False),
    _text("road"),
    _text("mailbox", null=True),
    _text("folder"),
    _text("thread", null=True),
    _time("at"),
    PrimaryKeyConstraint("account", "message", "n"),
    Index(None, "account", "thread"),
    sqlite_with_rowid=False,
)

bodies = Table(
    "bodies",
    metadata,
    _account(),
    _text("message"),
    Column("n", Integer, nullable=False),
    _text("codec"),
    Column("trace", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("account", "message", "n"),
)

receipts = Table(
    "receipts",
    metadata,
    _account(),
    _text("id"),
    _time("at"),
    _text("road"),
    _text("peer"),
    _text("helo"),
    _text("tls", null=True),
    _text("sender"),
    _text("recipients"),
    Column("size", BigInteger, nullable=False),
    _text("verdict"),
    _text("rule"),
    _text("reply"),
    _text("author", null=True),
    _text("subject", null=True),
    _text("message_id", null=True),
    _text("message", null=True),
    Column("decision", LargeBinary, nullable=False),
    Column("took_ms", Integer, nullable=False),
    PrimaryKeyConstraint("account", "id"),
    Index(None, "account", "message"),
)

# Receipts of what was kept are found by their message, those of what was refused by its Message-ID.
NO_MESSAGE = receipts.c.message.is_(null())
Index(None, receipts.c.account, receipts.c.message_id, sqlite_where=NO_MESSAGE, postgresql_where=NO_MESSAGE)

events = Table(
    "events",
    metadata,
    _account(),
    _text("id"),
    _text("type"),
    _time("at"),
    _text("subject"),
    _text("conversation", null=True),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)
