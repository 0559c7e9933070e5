"""Lists that are bound as one value, so that a statement stays the same for any length, on either database.

A list travels as JSON (`listed`). SQLite reads it by json_each; PostgreSQL makes an array of it, which an index serves.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, FunctionElement, Integer, Text, bindparam, column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import NullType


def listed(values: Collection[str] | Collection[int] | Collection[tuple[int | str, ...]]) -> str:
    """A list as the statements of this module take it."""
    return orjson.dumps(list(values)).decode()


class among(FunctionElement[Any]):  # noqa: N801 - reads as the condition it is
    """`among(column, "keys")`: the column's value is in the list that is bound under this name."""

    type = NullType()  # of a Boolean, SQLite would be asked whether it is 1, which no index serves
    inherit_cache = True

    def __init__(self, of: Column[Any], name: str) -> None:
        self.kind = "INTEGER" if isinstance(of.type, Integer) else "TEXT"
        super().__init__(of, bindparam(name, type_=Text))


@compiles(among, "sqlite")
def _among_on_sqlite(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    of, values = (compiler.process(one, **kw) for one in element.clauses)
    return f"{of} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - made of our own words


@compiles(among, "postgresql")
def _among_on_postgresql(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    of, values = (compiler.process(one, **kw) for one in element.clauses)
    return f"{of} = ANY (ARRAY(SELECT value::{element.kind} FROM jsonb_array_elements_text({values}::JSONB)))"  # noqa: S608


class _Texts(FunctionElement[str]):
    """The texts of a list, a row each."""

    inherit_cache = True


class _Lists(FunctionElement[str]):
    """The lists in a list, a row each; `item` takes one apart."""

    inherit_cache = True


@compiles(_Texts, "sqlite")
@compiles(_Lists, "sqlite")
def _rows_on_sqlite(element: FunctionElement[str], compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(_Texts, "postgresql")
def _texts_on_postgresql(element: _Texts, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements_text({compiler.process(element.clauses, **kw)}::JSONB)"


@compiles(_Lists, "postgresql")
def _lists_on_postgresql(element: _Lists, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements({compiler.process(element.clauses, **kw)}::JSONB)"


def texts(name: str, alias: str) -> TableValuedAlias:
    """The texts of the list bound under a name, as a table with the column `value`."""
    return _Texts(bindparam(name, type_=Text)).table_valued(column("value", Text), name=alias)


def lists(name: str, alias: str) -> TableValuedAlias:
    """As `texts`, of a list of lists: `item(table.c.value, n)` is what stands in the n-th place of each."""
    return _Lists(bindparam(name, type_=Text)).table_valued(column("value", Text), name=alias)


class item(FunctionElement[Any]):  # noqa: N801 - reads as the value it is
    """What stands in the n-th place of a list, as a text, or as a number where that is said."""

    inherit_cache = False

    def __init__(self, of: ColumnElement[Any], n: int, *, number: bool = False) -> None:
        self.n = n
        self.kind = "INTEGER" if number else "TEXT"
        self.type = Integer() if number else Text()
        super().__init__(of)


@compiles(item, "sqlite")
def _item_on_sqlite(element: item, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **kw)}, '$[{element.n}]')"


@compiles(item, "postgresql")
def _item_on_postgresql(element: item, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)} ->> {element.n})::{element.kind}"
