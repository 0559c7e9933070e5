"""Stores for tests, of either kind: a file, or a database on the one server of the run."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from gateway.store.engine import Place
from gateway.store.tables import metadata
from tests.postgresql import Server

_serial = itertools.count(1)


class Stores(Protocol):
    """Where stores of one kind are made."""

    def new(self, folder: Path) -> Place:
        """A place for a store that isn't there yet."""

    def copy(self, place: Place, folder: Path) -> Place:
        """A copy of a store that nobody has open."""

    def forget(self, place: Place) -> None:
        """Takes a store away that nobody needs any more."""


class Files:
    """SQLite: every store is a file in the test's folder."""

    def new(self, folder: Path) -> Place:
        return folder / f"store{next(_serial)}.db"

    def copy(self, place: Place, folder: Path) -> Place:
        with closing(sqlite3.connect(place)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        made = folder / "store.db"
        shutil.copyfile(place, made)
        return made

    def forget(self, place: Place) -> None:
        """The test's folder goes as a whole."""


class Databases:
    """PostgreSQL: every store is a database. Copying one costs ten times what a test does, so copies are used again."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._free: dict[str, list[str]] = {}
        self._copies: dict[str, str] = {}

    def new(self, folder: Path) -> Place:
        return self.server.url(self.server.make())

    def copy(self, place: Place, folder: Path) -> Place:
        template = _database(place)
        free = self._free.setdefault(template, [])
        if not free:
            free.append(self.server.make(template))
            self.server.run("".join(_KEEP.format(table) for table in _TABLES), free[0])
        name = free.pop()
        self._copies[name] = template
        return self.server.url(name)

    def forget(self, place: Place) -> None:
        name = _database(place)
        template = self._copies.pop(name, None)
        if template is None:
            self.server.drop(name)
            return
        self.server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        self.server.run("".join(_RESTORE.format(table) for table in _TABLES), name)
        self._free[template].append(name)


_TABLES = [table.name for table in metadata.sorted_tables]
_KEEP = "CREATE SCHEMA IF NOT EXISTS kept; CREATE TABLE kept.{0} AS TABLE {0};"
_RESTORE = "DELETE FROM {0}; INSERT INTO {0} SELECT * FROM kept.{0};"


def _database(place: Place) -> str:
    return urlsplit(str(place)).path.strip("/")
