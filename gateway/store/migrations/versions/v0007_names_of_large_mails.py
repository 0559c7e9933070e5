"""Revision 0007: large mails are found by the name they are kept under."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.planning import tell_planner

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None

_IN_FILE = sa.text("codec = 'file'")


def upgrade() -> None:
    """Takes a store forward to this revision."""
    op.create_index("ix_bodies_file", "bodies", ["account", "data"], sqlite_where=_IN_FILE, postgresql_where=_IN_FILE)
    tell_planner(op.get_bind())


def downgrade() -> None:
    """Takes a store back by one revision: what a bucket holds and no row names can't be looked for."""
    op.drop_index("ix_bodies_file", "bodies")
    tell_planner(op.get_bind())
