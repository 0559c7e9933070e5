"""Revision 0004: endpoints of CRM back ends, deliveries to them, and what their adapters remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.planning import tell_planner

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WAITING, _DEAD = sa.text("state = 'waiting'"), sa.text("state = 'dead'")


def upgrade() -> None:
    """Takes a store forward to this revision."""
    op.create_table(
        "endpoints",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("url", _TEXT, nullable=False),
        sa.Column("types", _TEXT, nullable=False),
        sa.Column("options", _TEXT, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("former_secret", sa.LargeBinary(), nullable=True),
        sa.Column("former_until", sa.BigInteger(), nullable=True),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("event", _TEXT, nullable=False),
        sa.Column("endpoint", _TEXT, nullable=False),
        sa.Column("conversation", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", _TEXT, nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account", "event", "endpoint"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_deliveries_queue",
        "deliveries",
        ["account", "endpoint", "conversation", "event"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_index(
        "ix_deliveries_dead",
        "deliveries",
        ["account", "endpoint", "event"],
        sqlite_where=_DEAD,
        postgresql_where=_DEAD,
    )
    op.create_table(
        "lanes",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("endpoint", _TEXT, nullable=False),
        sa.Column("conversation", _TEXT, nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("holder", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("account", "endpoint", "conversation"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_lanes_due", "lanes", ["account", "endpoint", "next_at"])
    op.create_table(
        "ledger",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("endpoint", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("holder", _TEXT, nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account", "endpoint", "key"),
        sqlite_with_rowid=False,
    )
    tell_planner(op.get_bind())


def downgrade() -> None:
    """Takes a store back by one revision: nobody is told of anything any more."""
    op.drop_table("ledger")
    op.drop_table("lanes")
    op.drop_table("deliveries")
    op.drop_table("endpoints")
    tell_planner(op.get_bind())
