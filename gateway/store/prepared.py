"""Statements of the filing path: written as SQLAlchemy Core, compiled once, run on the driver's own cursor.

Executing a Core statement costs several times what SQLite needs to run it, and a mail takes some twenty of them. What
is prepared here skips that cost and nothing else: the connection, the transaction and the dialect stay SQLAlchemy's.
Only values that the driver takes as they are may be bound: text, numbers, bytes, None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Executable, Select, bindparam, func, select
from sqlalchemy.sql.compiler import SQLCompiler

Values = Mapping[str, Any]


def one_of(name: str) -> Select[Any]:
    """A list that is bound as one value, for `column.in_(one_of("keys"))`: the statement stays the same for any length.

    Bind it with `listed`.
    """
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)


def listed(values: Collection[str] | Collection[int] | Collection[tuple[int, str, str]]) -> str:
    """A list as `one_of` takes it."""
    return orjson.dumps(list(values)).decode()


class Prepared:
    """One statement, compiled at its first use."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._sql = ""
        self._bind: Callable[[Values], Any] = dict

    def all(self, tx: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """Every row a SELECT gives."""
        cursor = tx.connection.cursor()
        try:
            cursor.execute(self._text(tx), self._bind(values))
            return list(cursor.fetchall())
        finally:
            cursor.close()

    def each(self, tx: Connection, rows: Sequence[Values]) -> None:
        """Runs an INSERT, UPDATE or DELETE once a row."""
        if not rows:
            return
        cursor = tx.connection.cursor()
        try:
            cursor.executemany(self._text(tx), [self._bind(row) for row in rows])
        finally:
            cursor.close()

    def _text(self, tx: Connection) -> str:
        if not self._sql:
            compiled = self._statement.compile(dialect=tx.dialect)  # type: ignore[attr-defined]
            self._bind = _binder(compiled)
            self._sql = str(compiled)
        return self._sql


def _binder(compiled: SQLCompiler) -> Callable[[Values], Any]:
    """How named values become what the driver takes: a tuple in the statement's order, or the names themselves."""
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    names = compiled.positiontup
    if names is None:
        return lambda values: {**constants, **values}
    if constants:
        return lambda values: tuple(values[name] if name in values else constants[name] for name in names)
    if len(names) == 1:
        return lambda values: (values[names[0]],)
    return itemgetter(*names)
