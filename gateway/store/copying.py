"""Rows of whole tables as text, and back: what a backup holds of a store, the same of either database.

The words of search aren't copied: the next server makes them anew from the mail.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from gateway.store.bodies import FILE
from gateway.store.tables import bodies, metadata, search_entries, search_walks

_LEFT_OUT = {search_entries.name, search_walks.name}
_AT_ONCE = 500
_PIECE_BYTES = 4 * 1024 * 1024
_TYPES: dict[str, Any] = {"int": sa.BigInteger, "text": sa.Text, "bytes": sa.LargeBinary, "bool": sa.Boolean}

Shape = list[tuple[str, str]]
"""The columns of a table: name, and kind of value."""


def shapes() -> dict[str, Shape]:
    """The tables that are copied, in the order of their names."""
    tables = sorted(metadata.tables.values(), key=lambda table: table.name)
    return {
        str(table.name): [(str(column.name), _kind(column.type)) for column in table.columns]
        for table in tables
        if table.name not in _LEFT_OUT
    }


def count(tx: Connection, table: str) -> int:
    """How many rows a table has."""
    return int(tx.execute(select(func.count()).select_from(metadata.tables[table])).scalar() or 0)


def dump(tx: Connection, table: str) -> Iterator[tuple[int, bytes]]:
    """A table in pieces: how many rows, and the rows, each a line."""
    shape = shapes()[table]
    binary = [at for at, (_, kind) in enumerate(shape) if kind == "bytes"]
    lines: list[bytes] = []
    size = 0
    query = select(metadata.tables[table]).execution_options(stream_results=True, yield_per=_AT_ONCE)
    for row in tx.execute(query):
        values = list(row)
        for at in binary:
            values[at] = None if values[at] is None else base64.b64encode(values[at]).decode()
        lines.append(orjson.dumps(values))
        size += len(lines[-1])
        if size >= _PIECE_BYTES:
            yield len(lines), b"\n".join(lines)
            lines, size = [], 0
    if lines:
        yield len(lines), b"\n".join(lines)


def load(tx: Connection, name: str, shape: Shape, data: bytes) -> int:
    """Puts the rows of a piece into a table as it was when they were written; how many."""
    table = sa.table(name, *(sa.column(column, _TYPES[kind]) for column, kind in shape))
    binary = [at for at, (_, kind) in enumerate(shape) if kind == "bytes"]
    names = [column for column, _ in shape]
    rows: list[dict[str, Any]] = []
    for line in data.split(b"\n"):
        values = orjson.loads(line)
        for at in binary:
            values[at] = None if values[at] is None else base64.b64decode(values[at])
        rows.append(dict(zip(names, values, strict=True)))
    try:
        for start in range(0, len(rows), _AT_ONCE):
            tx.execute(insert(table), rows[start : start + _AT_ONCE])
    except (IntegrityError, DataError) as error:
        raise ValueError(f"the table {name} takes no such row, or has it already") from error
    return len(rows)


def know(tx: Connection) -> None:
    """Tells PostgreSQL's planner what stands in tables that were filled; else, until its own look a minute later, it
    reads them whole. SQLite plans by the indexes alone."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("ANALYZE")


def blobs_named(tx: Connection) -> Sequence[tuple[int, str]]:
    """Account and name of each large mail that is kept outside of the rows."""
    query = select(bodies.c.account, bodies.c.data).where(bodies.c.codec == FILE).distinct()
    return sorted((row.account, bytes(row.data).decode("ascii")) for row in tx.execute(query))


def _kind(type: Any) -> str:
    for kind, of in (("bool", sa.Boolean), ("int", sa.Integer), ("bytes", sa.LargeBinary)):
        if isinstance(type, of):
            return kind
    return "text"
