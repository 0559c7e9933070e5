"""The tables of what is kept for a while only: answers that may be asked for again, and which mail was deleted when."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table

from gateway.store import columns
from gateway.store.columns import metadata

# key: a hash of the Idempotency-Key. body: sealed, as an answer may hold a secret that is shown once.
answers = Table(
    "answers",
    metadata,
    columns.account(),
    Column("key", LargeBinary, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    columns.time("at"),
    PrimaryKeyConstraint("account", "key"),
    Index(None, "at"),
    sqlite_with_rowid=False,
)

# A row from the moment a message is deleted until its content is gone; a table of its own, so that filing writes none.
deletions = Table(
    "deletions",
    metadata,
    columns.account(),
    columns.text("message"),
    columns.time("at"),
    PrimaryKeyConstraint("account", "message"),
    Index(None, "at"),
    sqlite_with_rowid=False,
)
