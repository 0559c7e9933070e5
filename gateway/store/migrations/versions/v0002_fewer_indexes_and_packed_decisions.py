"""Revision 0002: fewer indexes and packed decisions.

An identity begins with a hash of the Message-ID from now on (`core.mail`); decisions that are there already stay plain
JSON, which `decisions` reads as well.
"""

from __future__ import annotations

from hashlib import blake2b

import sqlalchemy as sa
from alembic import op

from gateway.core.subject import subject_key

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_MESSAGES = sa.table("messages", *map(sa.column, ("account", "id", "message_id", "identity", "date", "base_subject")))
_PARTICIPANTS = sa.table("participants", *map(sa.column, ("account", "message", "role", "key", "kind", "waiting")))
_AT_ONCE = 1_000


def upgrade() -> None:
    """Takes a store forward to this revision."""
    _add_tables()
    op.drop_index("ix_messages_account_message_id", "messages")
    op.drop_index("ix_participants_account_key", "participants")
    op.drop_index("ix_receipts_account_message_id", "receipts")
    op.add_column("participants", sa.Column("waiting", sa.Integer(), nullable=False, server_default="0"))
    op.execute(_PARTICIPANTS.update().where(_PARTICIPANTS.c.kind == "client").values(waiting=1))
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.alter_column(
            "decision",
            existing_type=sa.TEXT(),
            type_=sa.LargeBinary(),
            existing_nullable=False,
            postgresql_using="convert_to(decision, 'UTF8')",
        )
    where = sa.text("waiting = 1")
    op.create_index(
        "ix_participants_account_key", "participants", ["account", "key"], sqlite_where=where, postgresql_where=where
    )
    where = sa.text("message IS NULL")
    op.create_index(
        "ix_receipts_account_message_id",
        "receipts",
        ["account", "message_id"],
        sqlite_where=where,
        postgresql_where=where,
    )
    _identify()


def _add_tables() -> None:
    """Whom an account never logs (B8a), and what outsiders caused (B8b); for one day revision 0001 had them as well."""
    op.create_table(
        "never_log",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("entry", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "entry"),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "quotas",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "key", "hour"),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )


def _identify() -> None:
    """Gives every message the identity that it would have today (rule B9)."""
    connection, last = op.get_bind(), ""
    authors = sa.select(_PARTICIPANTS.c.key).where(
        _PARTICIPANTS.c.account == _MESSAGES.c.account,
        _PARTICIPANTS.c.message == _MESSAGES.c.id,
        _PARTICIPANTS.c.role == "from",
    )
    query = sa.select(_MESSAGES, authors.scalar_subquery().label("author")).order_by(_MESSAGES.c.id).limit(_AT_ONCE)
    while rows := connection.execute(query.where(_MESSAGES.c.id > last)).all():
        for row in rows:
            mine = (_MESSAGES.c.account == row.account, _MESSAGES.c.id == row.id)
            connection.execute(_MESSAGES.update().where(*mine).values(identity=_identity(row)))
        last = rows[-1].id


def _identity(row: sa.Row[*tuple[object, ...]]) -> str:
    if row.message_id is None:
        return f"-{row.identity}"
    parts = "\0".join((row.message_id, row.author or "", str(row.date), subject_key(row.base_subject)))
    return _hash(row.message_id, 8) + _hash(parts, 12)


def _hash(text: str, size: int) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def downgrade() -> None:
    """There is no way back: the identities of before can't be made of what is kept."""
    raise NotImplementedError("a store is not taken back behind revision 0002; restore a backup")
