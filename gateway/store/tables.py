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
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    literal_column,
    null,
    text,
)

from gateway.store import columns
from gateway.store.columns import metadata as metadata
from gateway.store.console_tables import audit as audit
from gateway.store.console_tables import field_values as field_values
from gateway.store.console_tables import fields as fields
from gateway.store.console_tables import former_contacts as former_contacts
from gateway.store.console_tables import notes as notes
from gateway.store.console_tables import outgoing as outgoing
from gateway.store.console_tables import picture_senders as picture_senders
from gateway.store.console_tables import setups as setups
from gateway.store.console_tables import templates as templates
from gateway.store.console_tables import undoings as undoings
from gateway.store.mailbox_tables import mailbox_addresses as mailbox_addresses
from gateway.store.mailbox_tables import mailbox_folders as mailbox_folders
from gateway.store.mailbox_tables import mailboxes as mailboxes
from gateway.store.mailbox_tables import remote_messages as remote_messages
from gateway.store.outbox import deliveries as deliveries
from gateway.store.outbox import endpoints as endpoints
from gateway.store.outbox import events as events
from gateway.store.outbox import lanes as lanes
from gateway.store.outbox import ledger as ledger
from gateway.store.search_tables import search_entries as search_entries
from gateway.store.search_tables import search_walks as search_walks
from gateway.store.short_lived import answers as answers
from gateway.store.short_lived import deletions as deletions

# link_mailbox: the mailbox that sends sign-in links (E11), empty for none.
accounts = Table(
    "accounts",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    columns.text("id"),
    columns.text("slug"),
    columns.text("name"),
    columns.text("copy_policy"),
    columns.text("strangers"),
    Column("rename_grace_days", Integer, nullable=False),
    columns.time("created_at"),
    columns.text("link_mailbox", default=""),
    UniqueConstraint("slug"),
    UniqueConstraint("id"),
)

slugs = Table(
    "slugs",
    metadata,
    columns.text("slug"),
    columns.account(),
    columns.time("retired_at", null=True),
    PrimaryKeyConstraint("slug"),
    Index(None, "account"),
    sqlite_with_rowid=False,
)

own_domains = Table(
    "own_domains",
    metadata,
    columns.account(),
    columns.text("domain"),
    PrimaryKeyConstraint("account", "domain"),
    sqlite_with_rowid=False,
)

never_log = Table(
    "never_log",
    metadata,
    columns.account(),
    columns.text("entry"),
    PrimaryKeyConstraint("account", "entry"),
    sqlite_with_rowid=False,
)

quotas = Table(
    "quotas",
    metadata,
    columns.account(),
    columns.text("key"),
    Column("hour", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("account", "key", "hour"),
    sqlite_with_rowid=False,
)

# password: an argon2id hash, empty for none. language: empty for the browser's. By email somebody is found who signs in
# elsewhere, which names no account.
users = Table(
    "users",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("email"),
    columns.text("name"),
    columns.text("role"),
    Column("shared_mail", Boolean, nullable=False),
    columns.time("created_at"),
    columns.text("password", default=""),
    columns.text("language", default=""),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "email"),
    Index(None, "email"),
    sqlite_with_rowid=False,
)

tokens = Table(
    "tokens",
    metadata,
    columns.account(),
    columns.text("id"),
    Column("hash", LargeBinary, nullable=False),
    columns.text("user"),
    columns.text("kind"),
    columns.time("created_at"),
    columns.time("expires_at", null=True),
    columns.time("used_at", null=True),
    columns.text("name", default=""),
    columns.text("scopes", default="read,write,admin"),
    columns.time("last_used_at", null=True),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "hash"),
    sqlite_with_rowid=False,
)

contacts = Table(
    "contacts",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("name"),
    columns.text("first_name"),
    columns.text("last_name"),
    columns.text("source"),
    columns.time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

contact_emails = Table(
    "contact_emails",
    metadata,
    columns.account(),
    columns.text("email"),
    columns.text("contact"),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("account", "email"),
    Index(None, "account", "contact"),
    sqlite_with_rowid=False,
)

leads = Table(
    "leads",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("name"),
    Column("price", BigInteger, nullable=False),
    columns.text("status"),
    columns.text("main_contact", null=True),
    columns.time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    Index(None, "account", "status", "id"),
    sqlite_with_rowid=False,
)

lead_contacts = Table(
    "lead_contacts",
    metadata,
    columns.account(),
    columns.text("lead"),
    columns.text("contact"),
    PrimaryKeyConstraint("account", "lead", "contact"),
    Index(None, "account", "contact"),
    sqlite_with_rowid=False,
)

customers = Table(
    "customers",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("name"),
    columns.text("main_contact", null=True),
    columns.time("created_at"),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

customer_contacts = Table(
    "customer_contacts",
    metadata,
    columns.account(),
    columns.text("customer"),
    columns.text("contact"),
    PrimaryKeyConstraint("account", "customer", "contact"),
    Index(None, "account", "contact"),
    sqlite_with_rowid=False,
)

conversations = Table(
    "conversations",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("lead", null=True),
    PrimaryKeyConstraint("account", "id"),
    sqlite_with_rowid=False,
)

threads = Table(
    "threads",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.text("mailbox"),
    columns.text("client"),
    columns.text("subject_key"),
    columns.text("subject"),
    Column("count", Integer, nullable=False),
    columns.time("last_at"),
    columns.text("conversation"),
    columns.text("answers", null=True),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "mailbox", "client", "subject_key"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.time("at"),
    columns.text("state"),
    columns.text("direction"),
    columns.text("action"),
    Column("automatic", Boolean, nullable=False),
    columns.text("message_id", null=True),
    columns.text("identity"),
    columns.text("subject"),
    columns.text("base_subject"),
    columns.time("date", null=True),
    columns.text("snippet"),
    columns.text("attachments"),
    columns.text("auth"),
    columns.text("unread"),
    columns.text("primary", null=True),
    columns.text("conversation", null=True),
    Column("size", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "id"),
    UniqueConstraint("account", "identity"),
    Index(None, "account", "at", "id"),
)

# What waits for an admin, or was deleted: few among many, found without going through the others.
ASIDE = messages.c.state.in_((literal_column("'held'"), literal_column("'deleted'")))
columns.index_of_some("ix_messages_aside", ASIDE, *(messages.c[name] for name in ("account", "state", "at", "id")))

participants = Table(
    "participants",
    metadata,
    columns.account(),
    columns.text("message"),
    Column("n", Integer, nullable=False),
    columns.text("role"),
    columns.text("address"),
    columns.text("key"),
    columns.text("name"),
    columns.text("kind"),
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
    columns.account(),
    columns.text("card"),
    columns.time("at"),
    columns.text("message"),
    columns.text("kind"),
    PrimaryKeyConstraint("account", "card", "at", "message"),
    Index(None, "account", "message"),
    sqlite_with_rowid=False,
)

# n: that of its body. view: JSON of what its content shows otherwise than the message's row, which is that of n 0
# (subject, snippet, attachments, from, to, cc, auth). removed_at: since when it is taken away by who may open it (E8).
sources = Table(
    "sources",
    metadata,
    columns.account(),
    columns.text("message"),
    Column("n", Integer, nullable=False),
    columns.text("road"),
    columns.text("mailbox", null=True),
    columns.text("folder"),
    columns.text("thread", null=True),
    columns.time("at"),
    columns.text("view", null=True),
    columns.time("removed_at", null=True),
    PrimaryKeyConstraint("account", "message", "n"),
    Index(None, "account", "thread"),
    # Mail of people's own mailboxes is found by the mailbox; that of the smart addresses, which has none, is not in it.
    columns.index_of_some("ix_sources_mailbox", text("mailbox IS NOT NULL"), "account", "mailbox", "message"),
    # A message's second source and those after it, which are few, are looked through for what search lacks.
    columns.index_of_some("ix_sources_later", text("n > 0"), "account", "message", "n"),
    sqlite_with_rowid=False,
)

bodies = Table(
    "bodies",
    metadata,
    columns.account(),
    columns.text("message"),
    Column("n", Integer, nullable=False),
    columns.text("codec"),
    Column("trace", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("account", "message", "n"),
)

# Only bodies that stand elsewhere are found by what they hold, their name there.
IN_FILE = bodies.c.codec == literal_column("'file'")
Index("ix_bodies_file", bodies.c.account, bodies.c.data, sqlite_where=IN_FILE, postgresql_where=IN_FILE)

receipts = Table(
    "receipts",
    metadata,
    columns.account(),
    columns.text("id"),
    columns.time("at"),
    columns.text("road"),
    columns.text("peer"),
    columns.text("helo"),
    columns.text("tls", null=True),
    columns.text("sender"),
    columns.text("recipients"),
    Column("size", BigInteger, nullable=False),
    columns.text("verdict"),
    columns.text("rule"),
    columns.text("reply"),
    columns.text("author", null=True),
    columns.text("subject", null=True),
    columns.text("message_id", null=True),
    columns.text("message", null=True),
    Column("decision", LargeBinary, nullable=False),
    Column("took_ms", Integer, nullable=False),
    PrimaryKeyConstraint("account", "id"),
    Index(None, "account", "message"),
)

# Receipts of what was kept are found by their message, those of what was refused by its Message-ID.
NO_MESSAGE = receipts.c.message.is_(null())
Index(None, receipts.c.account, receipts.c.message_id, sqlite_where=NO_MESSAGE, postgresql_where=NO_MESSAGE)

# What was refused or is held: few among many, as ASIDE.
AMISS = receipts.c.verdict.in_((literal_column("'refuse'"), literal_column("'hold'")))
columns.index_of_some("ix_receipts_amiss", AMISS, *(receipts.c[name] for name in ("account", "verdict", "id")))
