"""The columns that every table has the same, and where all tables are known."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, MetaData, Text, TextClause

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)


TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared and ordered by its bytes on every store: keys, ranges of keys, the order of lists."""


def account() -> Column[int]:
    """The number of the account a row belongs to; every key begins with it."""
    return Column("account", Integer, nullable=False)


def text(name: str, *, null: bool = False, default: str | None = None) -> Column[str]:
    """A text."""
    return Column(name, TEXT, nullable=null, server_default=default)


def time(name: str, *, null: bool = False) -> Column[int]:
    """A moment, in milliseconds since 1970."""
    return Column(name, BigInteger, nullable=null)


def index_of_some(name: str, where: ColumnElement[bool] | TextClause, *of: Column[Any] | str) -> Index:
    """An index of those rows only for which a condition holds."""
    return Index(name, *of, sqlite_where=where, postgresql_where=where)
