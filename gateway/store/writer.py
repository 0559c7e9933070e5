"""Group commit: all writes that are ready in one turn of the event loop share one transaction.

SQL runs in the loop's own thread: for statements of microseconds, handing each over to a thread costs more than the
statements do, and two Python threads that both want the processor keep each other waiting. A caller gets its answer
only after the commit it is part of is durable. When a batch fails, it is rolled back and each of its jobs is tried
alone, so that one bad mail never takes its neighbours along.

A disk that is busy with large mails may take tens of milliseconds for a commit, and the loop would stand still as long.
Once a commit was slow, the next transactions are therefore done in a thread, until commits are quick again.

Another process may hold the write lock (a command of the command line). The loop never waits for it: the batch comes
back a little later, and gives up after `PATIENCE_SECONDS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
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
SLOW_SECONDS = 0.005
"""A commit that takes longer than this is slow."""
TURNS_AWAY = 64
"""After a slow commit so many transactions are done in a thread."""
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
        self._turns_away = 0
        self._away: asyncio.Future[list[Job]] | None = None
        self._sent: list[Job] = []
        self._log = WriteAheadLog(engine, self._restart_log)
        self._log_is_to_restart = False

    def submit(self, batch: Batch, item: Any) -> asyncio.Future[Any]:
        """Queues an item for `batch(tx, items)`, which answers with one result an item, in order."""
        job = Job(batch, item, self._loop)
        self._ready.append(job)
        overdue = job.since - self._asked > OVERDUE_SECONDS
        if self._away is not None:
            if overdue and self._away.done():
                self._asked = job.since
                self._loop.call_soon(self._came_back, self._away)
        elif self._scheduled is None or overdue:
            self._asked = job.since
            self._scheduled = self._loop.call_soon(self._gather, 0, LOOKS)
        return job.future

    async def stop(self) -> None:
        """Writes what is queued, then closes."""
        while waiting := self._pending():
            await asyncio.wait(waiting)
        await self._log.stop()
        if waiting := self._pending():
            await asyncio.wait(waiting)
        self._connection.close()
        self._engine.dispose()

    def _pending(self) -> list[asyncio.Future[Any]]:
        """What is queued, and what a thread is writing."""
        pending: list[asyncio.Future[Any]] = [job.future for job in self._ready]
        return pending if self._away is None else [*pending, self._away]

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
        try:
            if self._turns_away or self._log_is_to_restart:
                self._go_away(jobs)
            else:
                self._ended(jobs, self._write(jobs), None)
        except Exception as fault:  # in the work around a transaction: nobody may be left waiting, or be told too much
            self._ended(jobs, [], fault)

    def _go_away(self, jobs: list[Job]) -> None:
        """Writes them in a thread. The connection is the thread's until it has come back."""
        self._turns_away = max(0, self._turns_away - 1)
        self._sent = jobs
        self._away = self._loop.run_in_executor(None, self._write_away, jobs)
        self._away.add_done_callback(self._came_back)

    def _write_away(self, jobs: list[Job]) -> list[Job]:
        late = self._write(jobs) if jobs else []
        if self._log_is_to_restart:
            self._log_is_to_restart = False
            restart_log(self._connection)
        return late

    def _came_back(self, away: asyncio.Future[list[Job]]) -> None:
        if self._away is not away:
            return
        self._away, jobs = None, self._sent
        fault = asyncio.CancelledError() if away.cancelled() else away.exception()
        try:
            self._ended(jobs, [] if fault is not None else away.result(), fault)
        except Exception as trouble:
            self._ended(jobs, [], trouble)

    def _ended(self, jobs: list[Job], late: list[Job], fault: BaseException | None) -> None:
        """Tells what became of the jobs; those that met a lock, and those that came meanwhile, have their turn."""
        for job in jobs:
            if fault is not None:
                job.outcome = (None, fault)
            if job not in late:
                job.tell()
        self._ready = late + self._ready
        if late:
            self._scheduled = self._loop.call_later(RETRY_SECONDS, self._turn)
        elif self._ready:
            self._scheduled = self._loop.call_soon(self._gather, 0, LOOKS)
        if jobs:
            self._log.grew()

    def _restart_log(self) -> None:
        if self._away is None and not self._turns_away:
            restart_log(self._connection)
            return
        self._log_is_to_restart = True
        if self._away is None and self._scheduled is None:
            self._go_away([])

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
                written = time.monotonic()
            if time.monotonic() - written > SLOW_SECONDS:
                self._turns_away = TURNS_AWAY
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


def restart_log(connection: Connection) -> None:
    """Moves what is left in the write-ahead log and begins it anew, where no reader stands in the way."""
    raw = connection.connection.dbapi_connection
    if raw is not None:
        with contextlib.suppress(sqlite3.Error):
            raw.cursor().execute("PRAGMA wal_checkpoint(RESTART)")


class WriteAheadLog:
    """Moves the write-ahead log into the database file: when nobody writes, or when it has grown large.

    Most of it is moved off the loop by a PASSIVE checkpoint, which never waits for a reader or a writer. The writer,
    who goes on meanwhile, then moves the little that came since and begins the log anew (RESTART, `restart`), so that
    it does not grow without bound under steady load. Where a reader stands in the way, the next checkpoint does it.
    """

    def __init__(self, engine: Engine, restart: Callable[[], None]) -> None:
        self._restart = restart
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
        self._restart()

    def _checkpoint(self) -> None:
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(self._database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
