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
    """PostgreSQL: every store is a database."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def new(self, folder: Path) -> Place:
        return self.server.url(self.server.make())

    def copy(self, place: Place, folder: Path) -> Place:
        return self.server.url(self.server.make(_database(place)))

    def forget(self, place: Place) -> None:
        self.server.drop(_database(place))


def _database(place: Place) -> str:
    return urlsplit(str(place)).path.strip("/")
