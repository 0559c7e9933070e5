"""Revision 0010: users are found by their address alone, as whoever signs in elsewhere names no account."""

from __future__ import annotations

from alembic import op

from gateway.store.migrations.planning import tell_planner

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes a store forward to this revision."""
    op.create_index("ix_users_email", "users", ["email"])
    tell_planner(op.get_bind())


def downgrade() -> None:
    """Takes a store back by one revision."""
    op.drop_index("ix_users_email", "users")
    tell_planner(op.get_bind())
