"""SQLite: one file (WAL, synchronous=FULL) with one writer and many readers in this process."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from gateway.store.jobs import Batch
from gateway.store.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

BUSY_MS = 10_000
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",  # what is overwritten or deleted, such as a credential, is gone from its page
    "PRAGMA wal_autocheckpoint=0",
    f"PRAGMA journal_size_limit={64 * 1024 * 1024}",
)


class Sqlite:
    """A store in a file. Who writes has it alone, so nothing is locked beyond that."""

    def __init__(self, url: URL) -> None:
        self._path = Path(url.database or "")
        self._writer: Writer | None = None
        self._reader: AsyncEngine | None = None
        self._peeker: Connection | None = None

    def start(self) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine  # a command that opens no server does without its cost

        self._writer = Writer(sync_engine(self._path, busy_ms=0, one_thread=False))
        self._reader = create_async_engine(
            f"sqlite+aiosqlite:///{self._path}", pool_size=4, max_overflow=4, hide_parameters=True
        )
        _prepare(self._reader.sync_engine, "BEGIN")
        peeking = create_engine(f"sqlite:///{self._path}", poolclass=NullPool, hide_parameters=True)
        _prepare(peeking, None)
        self._peeker = peeking.connect().execution_options(isolation_level="AUTOCOMMIT")

    async def stop(self) -> None:
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
        assert self._reader is not None
        async with self._reader.begin() as connection:
            return await connection.run_sync(function)

    async def peek(self, batch: Batch, item: object) -> Any:
        """At once, in the loop's thread: in WAL mode a reader never waits for a writer, and a hop costs more."""
        assert self._peeker is not None
        return batch(self._peeker, (item,))[0]

    async def empty_log(self) -> bool:
        return await asyncio.to_thread(empty_log, self._path)

    def submit(self, batch: Batch, item: object, alone: int | None) -> asyncio.Future[Any]:
        assert self._writer is not None
        return self._writer.submit(batch, item)


def empty_log(path: Path) -> bool:
    """Moves the write-ahead log into the file and cuts it to nothing, so that it holds nothing more of what was
    overwritten. False where a reader stood in the way until the end of our patience."""
    with closing(sqlite3.connect(path, timeout=BUSY_MS / 1000)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def sync_engine(path: Path, *, busy_ms: int = BUSY_MS, one_thread: bool = True) -> Engine:
    """An engine whose transactions take the write lock at once, so that none fails half way for want of it.

    busy_ms: how long a transaction waits for another process that holds the lock. one_thread: its connections are used
    in the thread that made them only; else in one after the other.
    """
    arguments = {"check_same_thread": one_thread}
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, hide_parameters=True, connect_args=arguments)
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
