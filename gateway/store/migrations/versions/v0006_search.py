"""Revision 0006: an index of words in messages and of parts of names, filled by the clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from gateway.store.migrations.planning import tell_planner

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_INDEX = {
    "sqlite": (
        """CREATE VIRTUAL TABLE search_words USING fts5
           (words, content='', columnsize=0, tokenize="ascii tokenchars '_'", prefix='8 9')""",
        "CREATE VIRTUAL TABLE search_terms USING fts5vocab(search_words, instance)",
    ),
    "postgresql": ("CREATE INDEX ix_search_entries_words ON search_entries USING gin (words) WITH (fastupdate = off)",),
}


def upgrade() -> None:
    """Takes a store forward to this revision; what it holds is indexed by the clock of the next server."""
    op.create_table(
        "search_entries",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.LargeBinary().with_variant(TSVECTOR(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "id"),
        sa.UniqueConstraint("account", "kind", "number", name="uq_search_entries_account_kind_number"),
    )
    op.create_index("ix_search_entries_number", "search_entries", ["number"])
    op.create_table(
        "search_walks",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("after", _TEXT, nullable=False),
        sa.Column("complete", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind"),
        sqlite_with_rowid=False,
    )
    for statement in _INDEX[op.get_bind().dialect.name]:
        op.execute(statement)
    tell_planner(op.get_bind())


def downgrade() -> None:
    """Takes a store back by one revision: search goes through the rows again."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_terms")
        op.execute("DROP TABLE search_words")
    op.drop_table("search_walks")
    op.drop_table("search_entries")
    tell_planner(op.get_bind())
