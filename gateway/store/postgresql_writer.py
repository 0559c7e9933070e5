"""Group commit on PostgreSQL: a thread with one connection writes what came in while it wrote what came before.

The event loop never waits for the network: it hands over and goes on. Statements are pipelined (psycopg): those whose
result nobody waits for travel with the next that somebody does, the writes of a whole batch with their COMMIT. A caller
gets its answer only after that.

What becomes of a batch that fails:
- somebody else was first (a unique key, a deadlock, a serialization): it is decided again on what is there now, a few
  times, then each of its jobs alone;
- the connection is lost, or there is none: it is written on a new one, as long as the jobs have patience;
- the connection is lost while the COMMIT is under way: whether it was done can't be known, so the jobs get the fault.
  A mail then comes again, and rule B9 finds it if it is there;
- anything else: each job alone, so that one bad mail never takes its neighbours along.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any

import psycopg
import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from gateway.store.ids import follow_clock
from gateway.store.jobs import Batch, Job, by_batch
from gateway.store.locks import hold_alone

_log = structlog.get_logger(__name__)
MAX_BATCH = 256
TRIES = 5
PATIENCE_SECONDS = 10.0
RETRY_SECONDS = 0.1
CLOCK_SECONDS = 60.0
OVERDUE_SECONDS = 5.0
"""A turn that was asked for so long ago may have failed before it began; the next job asks anew."""
_CONFLICTS = ("23505", "40001", "40P01")
_READ_ONLY = "25006"
_ENDED = ("08", "57P")
_LOCK_NOT_AVAILABLE = "55P03"
_PROMISES = ("fsync", "full_page_writes")


class _Fate(enum.Enum):
    """What a fault means for the jobs that met it."""

    AGAIN = "somebody else was first"
    LOST = "nothing was written: there is no connection, or none that may write"
    UNKNOWN = "nobody knows whether it was written"
    LATE = "somebody holds what is needed, for longer than a job waits"
    BAD = "it can't be written so"


class PostgresqlWriter:
    """The one writer of a process. connect: makes the engine; called in the writer's thread, when there is work."""

    def __init__(self, connect: Callable[[], Engine]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: list[Job] = []
        self._done: deque[list[Job]] = deque()
        self._busy = False
        self._asked = 0.0
        self._idle = asyncio.Event()
        self._idle.set()
        self._work: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._line = _Line(connect)
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch, item: Any, alone: int | None) -> asyncio.Future[Any]:
        """Queues an item for `batch(tx, items)`, which answers with one result an item, in order."""
        job = Job(batch, item, self._loop, alone)
        self._ready.append(job)
        if not self._busy or job.since - self._asked > OVERDUE_SECONDS:
            self._busy = True
            self._asked = job.since
            self._idle.clear()
            self._loop.call_soon(self._hand_over)
        return job.future

    async def stop(self) -> None:
        """Writes what is queued, then closes."""
        await self._idle.wait()
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        """What is ready now, to the thread. A job that wants to be alone goes alone, in its turn."""
        together = [job.alone is None for job in self._ready[:MAX_BATCH]]
        count = max(1, together.index(False) if False in together else len(together))
        jobs, self._ready = self._ready[:count], self._ready[count:]
        self._work.put(jobs)

    def _tell(self) -> None:
        """Tells those whose outcome is known, also where telling them failed before."""
        while self._done:
            for job in self._done[0]:
                job.tell()
            self._done.popleft()
        self._asked = self._loop.time()
        if self._ready:
            self._hand_over()
        else:
            self._busy = False
            self._idle.set()

    def _run(self) -> None:
        while (jobs := self._work.get()) is not None:
            try:
                self._settle(jobs)
            except Exception as fault:  # in the work around a transaction: nobody may be left waiting
                for job in jobs:
                    job.outcome = (None, fault)
            self._done.append(jobs)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._tell)
        self._line.drop()

    def _settle(self, jobs: list[Job]) -> None:
        """Gives every job its outcome, as the head of this module says."""
        tries = 0
        while jobs and (met := self._line.write(jobs)) is not None:
            fate, fault = met
            tries += fate is _Fate.AGAIN
            if fate in (_Fate.UNKNOWN, _Fate.LATE):
                _fail(jobs, fault)
                return
            if fate is _Fate.LOST:
                jobs = self._patient(jobs, fault)
            elif fate is _Fate.BAD or tries > TRIES:
                if len(jobs) == 1:
                    _fail(jobs, fault)
                else:
                    for job in jobs:
                        self._settle([job])
                return

    def _patient(self, jobs: list[Job], fault: Exception) -> list[Job]:
        """Those that wait a little longer; the others get the fault."""
        now = self._loop.time()
        late = [job for job in jobs if now - job.since >= PATIENCE_SECONDS]
        _fail(late, fault)
        if len(late) < len(jobs):
            time.sleep(RETRY_SECONDS)
        return [job for job in jobs if job not in late]


def _fail(jobs: Iterable[Job], fault: Exception) -> None:
    for job in jobs:
        job.outcome = (None, fault)


class _Line:
    """The writer's connection, in pipeline mode. It is made when it is needed, and made anew when it was lost."""

    def __init__(self, connect: Callable[[], Engine]) -> None:
        self._connect = connect
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._raw: psycopg.Connection[Any] | None = None
        self._pipeline: psycopg.Pipeline | None = None
        self._open = contextlib.ExitStack()
        self._down = self._looked = False
        self._clock_seen = 0.0

    def write(self, jobs: list[Job]) -> tuple[_Fate, Exception] | None:
        """One transaction; None once it is durable, else what was met. Nothing of it is left then."""
        committing = False
        try:
            tx, raw, pipeline = self._take()
            if time.monotonic() - self._clock_seen > CLOCK_SECONDS:
                self._look_at_clock(raw)
            raw.execute("BEGIN")
            if jobs[0].alone is not None:
                hold_alone(tx, jobs[0].alone)
            for some in by_batch(jobs):  # each once: it takes its locks in one go (`locks`)
                results = some[0].batch(tx, [job.item for job in some])
                for job, result in zip(some, results, strict=True):
                    job.outcome = (result, None)
            committing = True
            ended = raw.execute("COMMIT")
            pipeline.sync()
            if ended.statusmessage != "COMMIT":
                raise psycopg.InternalError("a transaction was rolled back where it should have been committed")
            if tx.in_transaction():
                tx.commit()  # SQLAlchemy's own book of it
        except Exception as fault:
            fate = self._judge(fault, committing=committing)
            if fate in (_Fate.LOST, _Fate.UNKNOWN):
                self._lost(fault)
            else:
                self._roll_back()
            return fate, fault
        return None

    def _judge(self, fault: Exception, *, committing: bool) -> _Fate:
        state = sql_state(fault)
        if self._raw is None or state == _READ_ONLY:
            return _Fate.LOST
        if self._raw.closed or is_ended(fault):
            return _Fate.UNKNOWN if committing else _Fate.LOST
        if state == _LOCK_NOT_AVAILABLE:
            return _Fate.LATE
        return _Fate.AGAIN if state in _CONFLICTS else _Fate.BAD

    def _take(self) -> tuple[Connection, psycopg.Connection[Any], psycopg.Pipeline]:
        if self._connection is None or self._raw is None or self._pipeline is None:
            engine = self._engine = self._connect()
            event.listen(engine, "after_cursor_execute", self._await_result)
            self._connection = engine.connect()
            raw = self._connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            raw.autocommit = True
            self._look_at_promises(raw)
            self._look_at_clock(raw)
            self._raw, self._pipeline = raw, self._open.enter_context(raw.pipeline())
            if self._down:
                self._down = False
                _log.info("store.back")
        return self._connection, self._raw, self._pipeline

    def _look_at_promises(self, raw: psycopg.Connection[Any]) -> None:
        """Tells the operator, once, of a server that doesn't keep what it acknowledged when its power fails."""
        if self._looked:
            return
        self._looked = True
        for name in _PROMISES:
            row = raw.execute("SELECT current_setting(%s)", (name,)).fetchone()
            if row == ("off",):
                _log.warning("store.not_durable", setting=name, value="off", remedy=f"set {name} = on on the server")

    def _look_at_clock(self, raw: psycopg.Connection[Any]) -> None:
        """Asks how late it is there, once a minute: machines whose clocks differ make ids by one clock."""
        begun = time.time_ns()
        row = raw.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()
        asked = (begun + time.time_ns()) // 2_000_000
        self._clock_seen = time.monotonic()
        if row is not None:
            follow_clock(int(row[0]) - asked)

    def _await_result(self, *_: object) -> None:
        """SQLAlchemy reads a result's columns as soon as a statement was handed over."""
        if self._pipeline is not None:
            self._pipeline.sync()

    def _roll_back(self) -> None:
        assert self._connection is not None
        assert self._raw is not None
        assert self._pipeline is not None
        try:
            with contextlib.suppress(psycopg.Error):  # what failed is known; this reads what was sent after it
                self._pipeline.sync()
            self._raw.rollback()
            if self._connection.in_transaction():
                self._connection.rollback()
        except Exception:
            self.drop()

    def _lost(self, fault: Exception) -> None:
        if not self._down:
            self._down = True
            _log.warning("store.lost", reason=str(fault).splitlines()[0][:200])
        self.drop()

    def drop(self) -> None:
        """Closes the connection, whatever state it is in."""
        raw, connection, engine = self._raw, self._connection, self._engine
        self._engine = self._connection = self._raw = self._pipeline = None
        if raw is not None:
            raw.close()
        with contextlib.suppress(Exception):
            self._open.close()
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.invalidate()
                connection.close()
        if engine is not None:
            engine.dispose()


def sql_state(fault: Exception) -> str:
    """The five characters by which PostgreSQL says what is wrong; "" for a fault of another kind."""
    cause = fault.orig if isinstance(fault, DBAPIError) else fault
    return (cause.sqlstate or "") if isinstance(cause, psycopg.Error) else ""


def is_ended(fault: Exception) -> bool:
    """Whether the server says that it ends the connection."""
    return sql_state(fault).startswith(_ENDED)
