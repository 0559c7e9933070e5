"""Group commit: all writes that are ready in one turn of the event loop share one transaction.

SQL runs in the loop's own thread: for statements of microseconds, handing each over to a thread costs more than the
statements do, and two Python threads that both want the processor keep each other waiting. A caller gets its answer
only after the commit it is part of is durable. When a batch fails, it is rolled back and each of its jobs is tried
alone, so that one bad mail never takes its neighbours along.

Another process may hold the write lock (a command of the command line). The loop never waits for it: the batch comes
back a little later, and gives up after `PATIENCE_SECONDS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from gateway.store.jobs import Batch, Job

MAX_BATCH = 256
LOOKS = 8
PATIENCE_SECONDS = 10.0
RETRY_SECONDS = 0.005
OVERDUE_SECONDS = 5.0
"""A turn that was asked for so long ago has failed before it began; the next job asks anew."""
IDLE_SECONDS = 0.25
CHECKPOINT_BYTES = 64 * 1024 * 1024
LOOK_EVERY = 16
_LOCKED = ("database is locked", "database table is locked")


class Writer:
    """The one writer of a store in this process. It lives in one event loop and is used from that loop only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection = engine.connect()
        self._loop = asyncio.get_running_loop()
        self._ready: list[Job] = []
        self._scheduled: asyncio.Handle | None = None
        self._asked = 0.0
        self._last = 1
        self._log = WriteAheadLog(engine, self._connection)

    def submit(self, batch: Batch, item: Any) -> asyncio.Future[Any]:
        """Queues an item for `batch(tx, items)`, which answers with one result an item, in order."""
        job = Job(batch, item, self._loop)
        self._ready.append(job)
        if self._scheduled is None or job.since - self._asked > OVERDUE_SECONDS:
            self._asked = job.since
            self._scheduled = self._loop.call_soon(self._gather, 0, LOOKS)
        return job.future

    async def stop(self) -> None:
        """Writes what is queued, then closes."""
        while self._ready:
            await asyncio.wait([job.future for job in self._ready])
        await self._log.stop()
        self._connection.close()
        self._engine.dispose()

    def _gather(self, seen: int, looks: int) -> None:
        """Looks at the sockets again while mails keep coming in, and a few times more where the last batch was larger.

        A look takes some microseconds. A lone session is not kept waiting: its last batch was itself.
        """
        ready = len(self._ready)
        looks = LOOKS if ready > seen else looks - 1
        if ready < MAX_BATCH and (ready > seen or (ready < self._last and looks > 0)):
            self._scheduled = self._loop.call_soon(self._gather, ready, looks)
        else:
            self._last = ready
            self._turn()

    def _turn(self) -> None:
        """One transaction of what is ready now."""
        self._scheduled = None
        jobs, self._ready = self._ready[:MAX_BATCH], self._ready[MAX_BATCH:]
        late: list[Job] = []
        try:
            late = self._write(jobs)
            for job in jobs:
                if job not in late:
                    job.tell()
        except Exception as fault:  # in the work around a transaction: nobody may be left waiting, or be told too much
            late = []
            for job in jobs:
                job.outcome = (None, fault)
                job.tell()
        self._ready = late + self._ready
        if late:
            self._scheduled = self._loop.call_later(RETRY_SECONDS, self._turn)
        elif self._ready:
            self._scheduled = self._loop.call_soon(self._gather, 0, LOOKS)
        self._log.grew()

    def _write(self, jobs: list[Job]) -> list[Job]:
        """Runs the jobs in one transaction, or each in its own if that fails; gives back those that met a lock."""
        self._clear()
        try:
            with self._connection.begin():
                for batch, group in groupby(jobs, key=lambda job: job.batch):
                    some = list(group)
                    results = batch(self._connection, [job.item for job in some])
                    for job, result in zip(some, results, strict=True):
                        job.outcome = (result, None)
        except Exception as fault:
            if _is_lock(fault):
                return self._come_back(jobs, fault)
            if len(jobs) == 1:
                jobs[0].outcome = (None, fault)
                return []
            return [late for job in jobs for late in self._write([job])]
        return []

    def _clear(self) -> None:
        """Ends what a failed commit left open: SQLAlchemy takes it for over, and every later BEGIN would fail."""
        raw = self._connection.connection.dbapi_connection
        if raw is not None and raw.in_transaction:
            raw.rollback()

    def _come_back(self, jobs: list[Job], fault: Exception) -> list[Job]:
        """Splits jobs that met a lock into those that may wait a little longer and those that give up."""
        now = self._loop.time()
        for job in jobs:
            if now - job.since >= PATIENCE_SECONDS:
                job.outcome = (None, fault)
        return [job for job in jobs if now - job.since < PATIENCE_SECONDS]


def _is_lock(fault: Exception) -> bool:
    return isinstance(fault, OperationalError) and str(fault.orig) in _LOCKED


class WriteAheadLog:
    """Moves the write-ahead log into the database file: when nobody writes, or when it has grown large.

    Most of it is moved off the loop by a PASSIVE checkpoint, which never waits for a reader or a writer. The writer,
    who goes on meanwhile, then moves the little that came since and begins the log anew (RESTART), so that it does not
    grow without bound under steady load. Where a reader stands in the way, the next checkpoint does it.
    """

    def __init__(self, engine: Engine, writer: Connection) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._database = str(engine.url.database)
        self._file = Path(f"{self._database}-wal")
        self._idle: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None
        self._turns = 0

    def grew(self) -> None:
        """A transaction was written."""
        self._turns += 1
        if self._turns % LOOK_EVERY == 0 and self._is_large():
            self._begin()
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self._loop.call_later(IDLE_SECONDS, self._begin)

    async def stop(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._running is not None:
            await self._running

    def _is_large(self) -> bool:
        try:
            return self._file.stat().st_size > CHECKPOINT_BYTES
        except OSError:
            return False

    def _begin(self) -> None:
        if self._running is None or self._running.done():
            self._running = self._loop.create_task(self._move())

    async def _move(self) -> None:
        await asyncio.to_thread(self._checkpoint)
        raw = self._writer.connection.dbapi_connection
        if raw is not None:
            with contextlib.suppress(sqlite3.Error):
                raw.cursor().execute("PRAGMA wal_checkpoint(RESTART)")

    def _checkpoint(self) -> None:
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(self._database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
