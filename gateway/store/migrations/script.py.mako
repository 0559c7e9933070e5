"""Revision ${up_revision}: ${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Takes a store forward to this revision."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Takes a store back to the revision before."""
    ${downgrades if downgrades else "pass"}
