"""Pages of lists: rows in a fixed order, after a position, at most so many (docs/api.md).

A position is the key of the last row that was given, so that a row there when paging began comes exactly once whatever
is added meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, FunctionElement, Row, Select, literal, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType

T = TypeVar("T")
Position = tuple[Any, ...]
PASS = 500
"""Keys bound into one statement; SQLite allows 32,766."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. next: the position after it, None on the last one."""

    rows: tuple[T, ...]
    next: Position | None = None

    def map(self, change: Callable[[T], Any]) -> Page[Any]:
        return Page(tuple(map(change, self.rows)), self.next)


def read_page(
    tx: Connection,
    query: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    after: Position | None,
    limit: int,
    *,
    oldest_first: bool = False,
) -> Page[Row[Any]]:
    """Orders by `keys`, newest first, and cuts out the page after a position. The keys must be unique together."""
    if after is not None:
        whole, position = tuple_(*keys), tuple_(*after)
        query = query.where(whole > position if oldest_first else whole < position)
    order = [key.asc() if oldest_first else key.desc() for key in keys]
    found = tx.execute(query.order_by(*order).limit(limit + 1)).all()
    rows = found[:limit]
    more = len(found) > limit
    return Page(tuple(rows), tuple(rows[-1]._mapping[key] for key in keys) if more else None)


def cut(
    tx: Connection,
    query: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    there: Iterable[Position],
    after: Position | None,
    limit: int,
) -> Page[Row[Any]]:
    """As `read_page`, newest first, of rows whose keys are all known; the last key is theirs alone."""
    places = sorted((one for one in there if after is None or one < tuple(after)), reverse=True)
    wanted = [one[-1] for one in places[:limit]]
    rows = read_page(tx, query.where(keys[-1].in_(wanted)), keys, None, limit).rows if wanted else ()
    return Page(rows, places[limit - 1] if len(places) > limit else None)


def collect(
    tx: Connection, query: Select[Any], column: ColumnElement[Any], keys: Iterable[str], *order: ColumnElement[Any]
) -> dict[str, list[Row[Any]]]:
    """Rows that belong to other rows, by the key whose column is given, those of one key in this order.

    They are ordered here: asked to do it, SQLite prefers an index that has the order to the one that has the keys, and
    reads all rows of the account.
    """
    found: dict[str, list[Row[Any]]] = {}
    wanted = list(dict.fromkeys(keys))
    for start in range(0, len(wanted), PASS):
        for row in tx.execute(query.where(column.in_(wanted[start : start + PASS]))):
            found.setdefault(row._mapping[column], []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: [row._mapping[one] for one in order])
    return found


class contains(FunctionElement[Any]):  # noqa: N801 - reads as the condition it is
    """`contains(column, text)`: the text stands somewhere in the column; capitals of ASCII count as small letters."""

    type = NullType()
    inherit_cache = True

    def __init__(self, of: ColumnElement[Any], text: str) -> None:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        super().__init__(of, literal(f"%{escaped}%"))


@compiles(contains, "sqlite")
def _contains_on_sqlite(element: contains, compiler: SQLCompiler, **kw: Any) -> str:
    of, pattern = (compiler.process(one, **kw) for one in element.clauses)
    return f"{of} LIKE {pattern} ESCAPE '\\'"


@compiles(contains, "postgresql")
def _contains_on_postgresql(element: contains, compiler: SQLCompiler, **kw: Any) -> str:
    of, pattern = (compiler.process(one, **kw) for one in element.clauses)
    return f"{of} ILIKE {pattern}"
