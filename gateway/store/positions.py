"""Where an event stands in the order in which its account's events are told, so that who reads on misses none.

Ids rise with the clock of the machine that made them, and machines commit when they can: an event may become visible
after one with a greater id was read already. A position is given when the event is written. On SQLite one writes at a
time, so whoever comes later stands later. On PostgreSQL a sequence gives positions to transactions that run side by
side and may end in any order; each therefore holds, by an advisory lock that ends with it, the last position of before
it took its own. Nothing is told beyond the first that is held (`settled`): what it waits for is a commit under way.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, FunctionElement, Sequence, bindparam, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import BigInteger

from gateway.store.columns import metadata
from gateway.store.prepared import Prepared

SEQUENCE = Sequence("event_positions", metadata=metadata)
_MARK = 0x5347 << 48
"""Locks of this kind are numbers from here on; a position has 48 bits."""
_MOST = (1 << 48) - 1

_HOLD = Prepared(text(f"SELECT pg_advisory_xact_lock_shared({_MARK} + last_value) FROM {SEQUENCE.name}"))  # noqa: S608
_LAST = Prepared(text(f"SELECT last_value FROM {SEQUENCE.name}"))  # noqa: S608
_FIRST_HELD = Prepared(
    text(
        "SELECT min(number) FROM (SELECT classid::bigint << 32 | objid::bigint AS number FROM pg_locks"
        " WHERE locktype = 'advisory' AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS held"
        " WHERE number BETWEEN :least AND :most"
    )
)


class next_position(FunctionElement[int]):  # noqa: N801 - reads as the value it is
    """The position of an event that is being written."""

    type = BigInteger()
    inherit_cache = True

    def __init__(self) -> None:
        super().__init__(bindparam("account"), bindparam("at"))


@compiles(next_position, "sqlite")
def _next_on_sqlite(element: next_position, compiler: SQLCompiler, **kw: Any) -> str:
    """One more than the last, and not less than the time: so no position comes again where the last was erased."""
    account, at = (compiler.process(one, **kw) for one in element.clauses)
    return f"max({at}, (SELECT coalesce(max(position), 0) + 1 FROM events WHERE account = {account}))"  # noqa: S608


@compiles(next_position, "postgresql")
def _next_on_postgresql(element: next_position, compiler: SQLCompiler, **kw: Any) -> str:
    return f"nextval('{SEQUENCE.name}')"


def go_on(tx: Connection) -> None:
    """Lets positions follow those that came with a backup."""
    if tx.dialect.name == postgresql.dialect.name:
        tx.execute(text(f"SELECT setval('{SEQUENCE.name}', max(position)) FROM events HAVING max(position) > 0"))  # noqa: S608


def hold_positions(tx: Connection) -> None:
    """Called before a transaction writes events: readers wait for its end, as far as it may matter to them."""
    if tx.dialect.name == postgresql.dialect.name:
        _HOLD.run(tx)


def settled(tx: Connection) -> int:
    """The last position up to which no event is on its way any more; one that is read on a snapshot made after this.

    The order matters: who comes to hold something after the second look has a position beyond the first.
    """
    if tx.dialect.name != postgresql.dialect.name:
        return _MOST
    ((last,),) = _LAST.all(tx)
    ((held,),) = _FIRST_HELD.all(tx, least=_MARK, most=_MARK + _MOST)
    return int(last) if held is None else min(int(last), int(held) - _MARK)
