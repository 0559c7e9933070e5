"""The tables of search. Which words stand where is the database's own index: FTS5 of SQLite, GIN of PostgreSQL.

Terms carry the account and the kind of what they stand in (`searching`), so one index serves all accounts and shows
none another's; `docs/decisions/0020-search-beside-the-mail.md` says why it is made so.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    event,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from gateway.store import columns
from gateway.store.columns import metadata

# number: where it stands among its kind, newest last; on SQLite, its row in the index. words: what stands in it, as the
# index wants it back when it is taken out (SQLite), or as it is looked up (PostgreSQL).
search_entries = Table(
    "search_entries",
    metadata,
    columns.account(),
    columns.text("kind"),
    columns.text("id"),
    Column("number", BigInteger, nullable=False),
    Column("words", LargeBinary().with_variant(TSVECTOR(), "postgresql"), nullable=False),
    PrimaryKeyConstraint("account", "kind", "id"),
    UniqueConstraint("account", "kind", "number"),
    Index(None, "number"),
)

# How far an account was gone through from its first row on, for what no look at the newest rows finds.
search_walks = Table(
    "search_walks",
    metadata,
    columns.account(),
    columns.text("kind"),
    columns.text("after"),
    Column("complete", Integer, nullable=False),
    PrimaryKeyConstraint("account", "kind"),
    sqlite_with_rowid=False,
)

ON_SQLITE = (
    """CREATE VIRTUAL TABLE search_words USING fts5
       (words, content='', columnsize=0, tokenize="ascii tokenchars '_'", prefix='8 9')""",
    "CREATE VIRTUAL TABLE search_terms USING fts5vocab(search_words, instance)",
)
ON_POSTGRESQL = ("CREATE INDEX ix_search_entries_words ON search_entries USING gin (words) WITH (fastupdate = off)",)
for _dialect, _texts in (("sqlite", ON_SQLITE), ("postgresql", ON_POSTGRESQL)):
    for _text in _texts:
        event.listen(search_entries, "after_create", DDL(_text).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
