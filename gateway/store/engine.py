"""The connection to the store: one writer and many readers of one SQLite file (WAL, synchronous=FULL).

Every write of the process goes through its one writer, which commits all that is ready at once (`writer`); reads go
through an async engine. The same plain functions over a connection run on both.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import NullPool

from gateway.store.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

Tx = Connection
"""A connection with a transaction open on it."""

BUSY_MS = 10_000
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA wal_autocheckpoint=0",
    f"PRAGMA journal_size_limit={64 * 1024 * 1024}",
)


class StoreError(Exception):
    """The store can't be used as it is; the text says why and what to do."""


class Store:
    """A store of one URL. Open it with `start`, once the schema is current, and close it with `stop`."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.path = Path(self.url.database or "")
        self._writer: Writer | None = None
        self._reader: AsyncEngine | None = None
        self._peeker: Connection | None = None

    def start(self) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine  # a command that opens no server does without its cost

        self._writer = Writer(sync_engine(self.path, busy_ms=0))
        self._reader = create_async_engine(
            f"sqlite+aiosqlite:///{self.path}", pool_size=4, max_overflow=4, hide_parameters=True
        )
        _prepare(self._reader.sync_engine, "BEGIN")
        peeking = create_engine(f"sqlite:///{self.path}", poolclass=NullPool, hide_parameters=True)
        _prepare(peeking, None)
        self._peeker = peeking.connect().execution_options(isolation_level="AUTOCOMMIT")

    async def stop(self) -> None:
        """Commits what was handed in, then closes."""
        if self._peeker is not None:
            self._peeker.close()
            self._peeker = None
        if self._reader is not None:
            await self._reader.dispose()
            self._reader = None
        if self._writer is not None:
            await self._writer.stop()
            self._writer = None

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Runs a function on one snapshot of the store."""
        if self._reader is None:
            raise StoreError("the store is not open")
        async with self._reader.begin() as connection:
            return await connection.run_sync(function)

    def peek(self, function: Callable[[Connection], T]) -> T:
        """Runs one short look-up at once, in the calling thread: in WAL mode a reader never waits for a writer.

        For the hot path only, where a hop to another thread costs more than the look-up.
        """
        if self._peeker is None:
            raise StoreError("the store is not open")
        return function(self._peeker)

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Runs a function in a transaction of the writer; returns once it is durable."""
        result: T = await self.write_each(_call_each, function)
        return result

    async def write_each(self, batch: Callable[[Connection, Sequence[Any]], list[Any]], item: object) -> Any:
        """Hands one item to a batch function; items ready at the same moment share a transaction (`writer`)."""
        if self._writer is None:
            raise StoreError("the store is not open")
        return await self._writer.submit(batch, item)


def _call_each(tx: Connection, functions: Sequence[Callable[[Connection], T]]) -> list[T]:
    return [function(tx) for function in functions]


def sync_engine(path: Path, *, busy_ms: int = BUSY_MS) -> Engine:
    """An engine whose transactions take the write lock at once, so that none fails half way for want of it.

    busy_ms: how long a transaction waits for another process that holds the lock.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, hide_parameters=True)
    _prepare(engine, "BEGIN IMMEDIATE", busy_ms)
    return engine


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    """Sets the journal mode. While another program sets it too, SQLite says "locked" at once, time limit or not."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as fault:
            if "locked" not in str(fault) or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _prepare(engine: Engine, begin: str | None, busy_ms: int = BUSY_MS) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        _use_write_ahead_log(cursor)
        for pragma in (*_PRAGMAS, f"PRAGMA busy_timeout={busy_ms}"):
            cursor.execute(pragma)
        cursor.close()

    if begin is not None:

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)
