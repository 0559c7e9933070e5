"""Group commit: one thread writes, and all that is ready at the same moment shares one transaction.

Each caller gets its answer only after the commit it is part of is durable. When a batch fails, it is rolled back and
each of its jobs is tried alone, so that one bad mail never takes its neighbours along.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

MAX_BATCH = 256
IDLE_SECONDS = 0.25
CHECKPOINT_BYTES = 16 * 1024 * 1024
LOOK_EVERY = 16

Batch = Callable[[Connection, Sequence[Any]], list[Any]]


class _Job:
    __slots__ = ("batch", "future", "item", "loop", "outcome")

    def __init__(self, batch: Batch, item: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.batch = batch
        self.item = item
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.outcome: tuple[Any, BaseException | None] = (None, None)

    def tell(self) -> None:
        result, fault = self.outcome
        if self.future.done():
            return
        if fault is not None:
            self.future.set_exception(fault)
        else:
            self.future.set_result(result)


class Writer(threading.Thread):
    """The one writer of a store in this process."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="store-writer", daemon=True)
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._wal = Path(f"{engine.url.database}-wal")
        self._unflushed = False
        self._since_look = 0

    def submit(self, batch: Batch, item: Any) -> asyncio.Future[Any]:
        """Queues an item for `batch(tx, items)`, which answers with one result an item, in order."""
        job = _Job(batch, item, asyncio.get_running_loop())
        self._jobs.put(job)
        return job.future

    def stop(self) -> None:
        """Writes what is queued, then ends the thread."""
        self._jobs.put(None)
        self.join()
        self._engine.dispose()

    def run(self) -> None:
        with self._engine.connect() as connection:
            going = True
            while going:
                jobs, going = self._take()
                if jobs:
                    self._write(connection, jobs)
                    _tell(jobs)
                    self._unflushed = True
                self._checkpoint(connection, idle=not jobs)

    def _take(self) -> tuple[list[_Job], bool]:
        """Waits for a job and takes all others that are ready; False once the writer was told to stop."""
        jobs: list[_Job] = []
        try:
            job = self._jobs.get(timeout=IDLE_SECONDS if self._unflushed else None)
            while True:
                if job is None:
                    return jobs, False
                jobs.append(job)
                if len(jobs) == MAX_BATCH:
                    break
                job = self._jobs.get_nowait()
        except queue.Empty:
            pass
        return jobs, True

    def _write(self, connection: Connection, jobs: list[_Job]) -> None:
        try:
            with connection.begin():
                for batch, group in _groups(jobs):
                    results = batch(connection, [job.item for job in group])
                    for job, result in zip(group, results, strict=True):
                        job.outcome = (result, None)
        except BaseException as fault:
            if len(jobs) == 1:
                jobs[0].outcome = (None, fault)
                return
            for job in jobs:
                self._write(connection, [job])

    def _checkpoint(self, connection: Connection, *, idle: bool) -> None:
        """Moves the write-ahead log into the file when nobody waits, or when the log has grown large.

        PASSIVE never waits for a reader; a checkpoint that could not be made is tried again at the next chance.
        """
        if not self._unflushed or not (idle or self._log_is_large()):
            return
        raw = connection.connection.dbapi_connection
        if raw is not None:
            with contextlib.suppress(sqlite3.Error):
                raw.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._unflushed = False

    def _log_is_large(self) -> bool:
        self._since_look += 1
        if self._since_look < LOOK_EVERY:
            return False
        self._since_look = 0
        try:
            return self._wal.stat().st_size > CHECKPOINT_BYTES
        except OSError:
            return False


def _groups(jobs: list[_Job]) -> Iterator[tuple[Batch, list[_Job]]]:
    for batch, group in groupby(jobs, key=lambda job: job.batch):
        yield batch, list(group)


def _tell(jobs: list[_Job]) -> None:
    """One wake-up a loop for the whole batch."""
    for loop in {job.loop for job in jobs}:
        mine = [job for job in jobs if job.loop is loop]
        try:
            loop.call_soon_threadsafe(_tell_each, mine)
        except RuntimeError:
            continue  # the loop was closed; its callers are gone


def _tell_each(jobs: list[_Job]) -> None:
    for job in jobs:
        job.tell()
