"""The connection to the store: one face for both databases, and what differs behind it, in `sqlite` and `postgresql`.

Every write of the process goes through its one writer, which commits all that is ready at once; reads go beside it. The
same plain functions over a connection run on either database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, make_url

from gateway.store import sqlite
from gateway.store.jobs import Batch
from gateway.store.locks import EVERYWHERE as EVERYWHERE
from gateway.store.sqlite import sync_engine as sync_engine

T = TypeVar("T")
U = TypeVar("U")

Tx = Connection
"""A connection with a transaction open on it."""

Place = Path | str
"""Where a store is: a SQLite file, or a URL."""


class StoreError(Exception):
    """The store can't be used as it is; the text says why and what to do."""


class Database(Protocol):
    """What a store needs of its database. Nothing is opened before `start`, and all of it in one event loop."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def read(self, function: Callable[[Connection], T]) -> T: ...

    async def empty_log(self) -> bool: ...

    def peek(self, batch: Batch, item: object) -> Awaitable[Any]: ...

    def submit(self, batch: Batch, item: object, alone: int | None) -> asyncio.Future[Any]: ...


class Store:
    """A store at one place. Open it with `start`, once the schema is current, and close it with `stop`."""

    def __init__(self, place: Place) -> None:
        self.url = read_url(place)
        self.path = Path(self.url.database or "")
        self._database: Database = _database(self.url)
        self._open = False
        self.wrote: Callable[[], None] = _nobody
        """Called in the event loop after something was written here, so that whoever acts on it needn't wait."""

    def start(self) -> None:
        """Opens it, in the event loop that will use it; a process that forks does so before."""
        self._database.start()
        self._open = True

    async def stop(self) -> None:
        """Commits what was handed in, then closes."""
        self._open = False
        await self._database.stop()

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Runs a function on one snapshot of the store."""
        self._require_open()
        return await self._database.read(function)

    async def peek(self, batch: Callable[[Connection, Sequence[U]], list[T]], item: U) -> T:
        """Hands one item to a function that looks things up, in the shortest way; items of one moment may share a look.

        For the hot path: SQLite answers at once, in the loop's thread; nobody waits for a network there.
        """
        self._require_open()
        found: T = await self._database.peek(batch, item)
        return found

    async def write(self, function: Callable[[Connection], T], *, account: int = EVERYWHERE) -> T:
        """Runs a function in a transaction of the writer; returns once it is durable.

        account: the only one whose rows it reads and changes. Nothing else writes there meanwhile, on any machine, so a
        check holds until the change that follows it.
        """
        self._require_open()
        result: T = await self._database.submit(_call_each, function, account)
        self.wrote()
        return result

    async def write_each(self, batch: Callable[[Connection, Sequence[Any]], list[Any]], item: object) -> Any:
        """Hands one item to a batch function; items ready at the same moment share a transaction.

        Other machines may run the function at the same time: it takes the locks it needs (`locks`).
        """
        self._require_open()
        result = await self._database.submit(batch, item, None)
        self.wrote()
        return result

    async def empty_log(self) -> bool:
        """Empties the log of what was written, which holds what was overwritten, a forgotten credential say, for a
        while longer. False where a reader stood in the way. A server of a database keeps its log as it is set up to."""
        self._require_open()
        return await self._database.empty_log()

    def _require_open(self) -> None:
        if not self._open:
            raise StoreError("the store is not open")


def _nobody() -> None:
    """Nobody acts on it."""


def _call_each(tx: Connection, functions: Sequence[Callable[[Connection], T]]) -> list[T]:
    return [function(tx) for function in functions]


def read_url(place: Place) -> URL:
    """The URL of a place, naming the driver we use."""
    if isinstance(place, Path):
        return URL.create("sqlite", database=str(place))
    url = make_url(place)
    if url.get_backend_name() in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    return url


def is_postgresql(url: URL) -> bool:
    """Whether it names a PostgreSQL database, and not a file."""
    return url.drivername.startswith("postgresql")


def engine_of(url: URL) -> Engine:
    """An engine for commands: one connection a transaction."""
    if is_postgresql(url):
        from gateway.store import postgresql  # a program that works on a file does without its cost

        return postgresql.sync_engine(url)
    return sync_engine(Path(url.database or ""))


def _database(url: URL) -> Database:
    if is_postgresql(url):
        from gateway.store.postgresql import Postgresql

        return Postgresql(url)
    return sqlite.Sqlite(url)
