"""Statements of the filing path: written as SQLAlchemy Core, compiled once a database, run on the driver's own cursor.

Executing a Core statement costs several times what SQLite needs to run it, and a mail takes some twenty of them. What
is prepared here skips that cost and nothing else: the connection, the transaction and the dialect stay SQLAlchemy's.
Only values that the driver takes as they are may be bound: text, numbers, bytes, None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    LargeBinary,
    Table,
    bindparam,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.compiler import SQLCompiler

Values = Mapping[str, Any]
_Form = tuple[str, Callable[[Values], Any]]


class Prepared:
    """One statement, compiled at its first use on each kind of database."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._forms: dict[str, _Form] = {}

    def all(self, tx: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """Every row a SELECT gives."""
        sql, bind = self._form(tx)
        cursor = tx.connection.cursor()
        try:
            cursor.execute(sql, bind(values))
            return list(cursor.fetchall())
        finally:
            cursor.close()

    def run(self, tx: Connection, **values: Any) -> None:
        """Runs it for its effect. Rows it gives are not waited for: on PostgreSQL it costs no round trip of its own."""
        sql, bind = self._form(tx)
        cursor = tx.connection.cursor()
        try:
            cursor.execute(sql, bind(values))
        finally:
            cursor.close()

    def each(self, tx: Connection, rows: Sequence[Values]) -> None:
        """Runs an INSERT, UPDATE or DELETE once a row."""
        if not rows:
            return
        sql, bind = self._form(tx)
        cursor = tx.connection.cursor()
        try:
            cursor.executemany(sql, [bind(row) for row in rows])
        finally:
            cursor.close()

    def _form(self, tx: Connection) -> _Form:
        form = self._forms.get(tx.dialect.name)
        if form is None:
            compiled = self._statement.compile(dialect=tx.dialect)  # type: ignore[attr-defined]
            form = self._forms[tx.dialect.name] = (str(compiled), _binder(compiled))
        return form


class Insert(Prepared):
    """Rows into one table: a row each on SQLite, all of them as one value on PostgreSQL, unless they hold bytes.

    There, each row of its own would cost the driver and the server more than all that is in it.
    """

    def __init__(self, table: Table, made: Mapping[str, ColumnElement[Any]] | None = None) -> None:
        """made: columns that the database fills, by an expression over those that are given."""
        values: dict[str, ColumnElement[Any]] = {one.name: bindparam(one.name) for one in table.columns}
        super().__init__(insert(table).values(values | dict(made or {})))
        in_one = not any(isinstance(column.type, LargeBinary) for column in table.columns)
        self._at_once = Prepared(_from_document(table, made or {})) if in_one else None

    def each(self, tx: Connection, rows: Sequence[Values]) -> None:
        """Writes the rows, in order."""
        if self._at_once is None or not rows or tx.dialect.name == "sqlite":
            super().each(tx, rows)
        else:
            self._at_once.run(tx, rows=_document(rows))


def _from_document(table: Table, made: Mapping[str, ColumnElement[Any]]) -> Executable:
    """The statement that takes a table's rows from one JSON document."""
    names = [one.name for one in table.columns if one.name not in made]
    given = func.jsonb_to_recordset(bindparam("rows", type_=JSONB)).table_valued(
        *(column(name, table.columns[name].type) for name in names), name="given"
    )
    return insert(table).from_select([*names, *made], select(*given.render_derived(with_types=True).c, *made.values()))


def _document(rows: Sequence[Values]) -> str:
    """Rows as JSON. PostgreSQL has no U+0000 in a text, and JSON no half of a character: U+FFFD stands for them."""
    try:
        text = orjson.dumps(rows)
    except TypeError:
        text = b""
    if text and b"\\u0000" not in text:
        return text.decode()
    return orjson.dumps([{name: _storable(value) for name, value in row.items()} for row in rows]).decode()


def _storable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def storable(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL can't keep."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


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
