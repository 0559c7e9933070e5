"""Revision 0005: what tokens may do, answers that are given again, which mail was deleted when, and what is aside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.planning import tell_planner

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_OF_TOKENS = ("name", "scopes", "last_used_at")
_ASIDE = sa.text("state IN ('held', 'deleted')")


def upgrade() -> None:
    """Takes a store forward to this revision."""
    op.add_column("tokens", sa.Column("name", _TEXT, nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("scopes", _TEXT, nullable=False, server_default="read,write,admin"))
    op.add_column("tokens", sa.Column("last_used_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "answers",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_answers_at", "answers", ["at"])
    op.create_table(
        "deletions",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("message", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "message"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_deletions_at", "deletions", ["at"])
    op.create_index(
        "ix_messages_aside",
        "messages",
        ["account", "state", "at", "id"],
        sqlite_where=_ASIDE,
        postgresql_where=_ASIDE,
    )
    tell_planner(op.get_bind())


def downgrade() -> None:
    """Takes a store back by one revision: every token may do again what its user may."""
    op.drop_index("ix_messages_aside", "messages")
    op.drop_table("deletions")
    op.drop_table("answers")
    for column in _OF_TOKENS:
        op.drop_column("tokens", column)
    tell_planner(op.get_bind())
