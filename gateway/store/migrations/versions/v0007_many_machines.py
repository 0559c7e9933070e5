"""Revision 0007: for several machines. Events have positions in which they are told; large mails are found by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateSequence, DropSequence

from gateway.store.migrations.planning import tell_planner

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_IN_FILE = sa.text("codec = 'file'")
_POSITIONS = sa.Sequence("event_positions")
_COUNT = sa.text(
    "UPDATE events SET position = counted.n FROM"
    " (SELECT account AS mine, id AS one, row_number() OVER (ORDER BY id) AS n FROM events) AS counted"
    " WHERE account = counted.mine AND id = counted.one"
)


def upgrade() -> None:
    """Takes a store forward to this revision. Events that are there are told in the order of their ids, as before."""
    op.create_index("ix_bodies_file", "bodies", ["account", "data"], sqlite_where=_IN_FILE, postgresql_where=_IN_FILE)
    op.add_column("events", sa.Column("position", sa.BigInteger(), nullable=True))
    op.execute(_COUNT)
    with op.batch_alter_table("events") as events:
        events.alter_column("position", existing_type=sa.BigInteger(), nullable=False)
        events.create_unique_constraint(op.f("uq_events_account_position"), ["account", "position"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(CreateSequence(_POSITIONS))
        op.execute("SELECT setval('event_positions', coalesce(max(position), 0) + 1, false) FROM events")
    tell_planner(op.get_bind())


def downgrade() -> None:
    """Takes a store back by one revision: events are told by their ids, and no object is looked for."""
    with op.batch_alter_table("events") as events:
        events.drop_constraint(op.f("uq_events_account_position"), type_="unique")
        events.drop_column("position")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(DropSequence(_POSITIONS))
    op.drop_index("ix_bodies_file", "bodies")
    tell_planner(op.get_bind())
