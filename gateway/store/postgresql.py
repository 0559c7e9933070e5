"""PostgreSQL: how we connect to it, and the two roads of a server: reads on the event loop, writes by a thread.

Every connection sets what we rely on (`_SESSION`), whatever the server's or the role's own settings are. Our reads see
one snapshot; our writes see what others committed before each statement (READ COMMITTED), under locks (`locks`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from gateway.store import postgresql_writer
from gateway.store.jobs import Batch, Job, by_batch
from gateway.store.postgresql_writer import PATIENCE_SECONDS, PostgresqlWriter, is_ended
from gateway.store.prepared import storable

T = TypeVar("T")

READERS = 8

# How soon we notice that the server, or the way to it, is gone; what the URL says of these wins.
_CONNECT: dict[str, str | int] = {
    "application_name": "smartgate",
    "client_encoding": "utf8",
    "connect_timeout": int(PATIENCE_SECONDS),
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": int(PATIENCE_SECONDS * 1000),
}

# lock_timeout: a lock that is not to be had is told like a SQLite file that another program holds.
# idle_in_transaction_session_timeout: the server lets go of the locks of a gateway that was stopped or cut off.
# random_page_cost: what we ask for are few rows by an index, and disks have no arm to move; as for one with an arm, a
# table of 100,000 rows is read whole to find the mails of fifty threads.
# synchronous_commit: a 250 stands for what is on the disk; a role or database that says "off" is overruled.
_SESSION = """
SELECT set_config('lock_timeout', %s, false),
       set_config('idle_in_transaction_session_timeout', '30s', false),
       set_config('default_transaction_isolation', 'read committed', false),
       set_config('random_page_cost', '1.1', false),
       set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                  ELSE current_setting('synchronous_commit') END, false)
"""


class Postgresql:
    """A store in a PostgreSQL database, as one process works on it."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._writer: PostgresqlWriter | None = None
        self._reader: AsyncEngine | None = None
        self._peeker: AsyncEngine | None = None
        self._asked: list[Job] = []
        self._sought: list[Job] = []
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._writer = PostgresqlWriter(lambda: sync_engine(self._url))
        self._reader = create_async_engine(
            self._url,
            isolation_level="REPEATABLE READ",
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=PATIENCE_SECONDS,
            connect_args=_arguments(self._url),
            use_native_hstore=False,
            hide_parameters=True,
        )
        event.listen(self._reader.sync_engine, "connect", _prepare)
        self._reader = self._reader.execution_options(postgresql_readonly=True)
        self._peeker = self._reader.execution_options(isolation_level="AUTOCOMMIT")

    async def stop(self) -> None:
        if self._writer is not None:
            await self._writer.stop()
            self._writer = None
        if self._looking is not None:
            await asyncio.wait([self._looking])
        if self._reader is not None:
            await self._reader.dispose()
            self._reader = self._peeker = None

    async def read(self, function: Callable[[Connection], T]) -> T:
        assert self._reader is not None
        return await _run(self._reader, function)

    async def empty_log(self) -> bool:
        return True

    def peek(self, batch: Batch, item: object) -> asyncio.Future[Any]:
        """What is asked while a look is under way shares the next one."""
        job = Job(batch, item, asyncio.get_running_loop())
        self._asked.append(job)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._looked)
        return job.future

    async def _look(self) -> None:
        while self._asked:
            self._sought, self._asked = self._asked, []
            for some in by_batch(self._sought):
                await self._look_for(some)
            for job in self._sought:
                job.tell()
            self._sought = []

    def _looked(self, looking: asyncio.Task[None]) -> None:
        """Nobody is left waiting where a look was called off, or failed beside its statement."""
        if not looking.cancelled() and looking.exception() is None:
            return
        left, self._sought, self._asked = [*self._sought, *self._asked], [], []
        for job in left:
            job.outcome = (None, psycopg.OperationalError("the look-up came to nothing"))
            job.tell()

    async def _look_for(self, jobs: list[Job]) -> None:
        """One statement needs no transaction around it, which would cost two more round trips."""
        assert self._peeker is not None
        items = [job.item for job in jobs]
        try:
            found = await _run(self._peeker, lambda tx: jobs[0].batch(tx, items))
        except Exception as fault:  # told to each who asked
            for job in jobs:
                job.outcome = (None, fault)
        else:
            for job, result in zip(jobs, found, strict=True):
                job.outcome = (result, None)

    def submit(self, batch: Batch, item: object, alone: int | None) -> asyncio.Future[Any]:
        assert self._writer is not None
        return self._writer.submit(batch, item, alone)


async def _run(engine: AsyncEngine, function: Callable[[Connection], T]) -> T:
    """Runs a function that only reads. Where the server has left the connections of before, once more on a new one."""
    try:
        async with engine.connect() as connection:
            return await _read(connection, function)
    except _GoneError:
        await engine.dispose()
    async with engine.connect() as connection:
        try:
            return await _read(connection, function)
        except _GoneError as gone:
            raise gone.fault from None


class _GoneError(Exception):
    """The connection's server has left it. fault: how that showed."""

    def __init__(self, fault: Exception) -> None:
        super().__init__(str(fault))
        self.fault = fault


async def _read(connection: AsyncConnection, function: Callable[[Connection], T]) -> T:
    try:
        return await connection.run_sync(function)
    except DBAPIError as fault:
        if fault.connection_invalidated:
            raise _GoneError(fault) from fault
        raise
    except psycopg.Error as fault:  # of a prepared statement: SQLAlchemy doesn't know of it
        raw = (await connection.get_raw_connection()).driver_connection
        if is_ended(fault) or (raw is not None and raw.closed):
            await connection.invalidate()
            raise _GoneError(fault) from fault
        raise


def sync_engine(url: URL) -> Engine:
    """An engine for one connection at a time, that of the writer or a command."""
    engine = create_engine(
        url,
        poolclass=NullPool,
        connect_args=_arguments(url),
        use_native_hstore=False,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _arguments(url: URL) -> dict[str, str | int]:
    return {name: value for name, value in _CONNECT.items() if name not in url.query}


def _prepare(connection: Any, _record: object) -> None:
    """Sets up a new connection. It is SQLAlchemy's for the event loop, or psycopg's own."""
    driver: psycopg.BaseConnection[Any] = getattr(connection, "driver_connection", connection)
    driver.adapters.register_dumper(str, _TextDumper)
    cursor = connection.cursor()
    cursor.execute(_SESSION, (f"{postgresql_writer.PATIENCE_SECONDS * 1000:.0f}ms",))
    cursor.close()
    connection.commit()


class _TextDumper(StrDumperUnknown):
    """Hands over any text. U+FFFD stands for what can't be kept: U+0000, and half a character that stands alone."""

    def dump(self, obj: str) -> bytes:
        try:
            data = obj.encode()
        except UnicodeEncodeError:
            data = b"\0"
        return storable(obj).encode() if b"\0" in data else data
