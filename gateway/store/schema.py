"""Whether a store has the schema this program needs, and bringing it there.

Looking costs one SELECT; alembic is imported only when a store is made or brought forward. A store that isn't there is
made at once; an older one is changed only when somebody says so (`smartgate db upgrade`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from gateway.store.engine import StoreError, sync_engine
from gateway.store.folders import make_folder

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
_NUMBER = re.compile(r"v([0-9]{4})_")


def head() -> str | None:
    """The newest revision this program knows, read from the names of the files."""
    numbers = [match[1] for path in (MIGRATIONS / "versions").glob("v*.py") if (match := _NUMBER.match(path.name))]
    return max(numbers, default=None)


def current(tx: Connection) -> str | None:
    """The revision of a store; None for one without a schema of ours."""
    try:
        number = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as error:
        if "no such table" not in str(error.orig):
            raise
        return None
    return None if number is None else str(number)


@contextmanager
def transaction(path: Path, *, reading: bool = False) -> Iterator[Connection]:
    """One transaction on the store at `path`, made first where it isn't there; what commands work in.

    reading: nothing is written, so no server has to wait for it to end. Raises StoreError where the store can't be used
    as it is.
    """
    _make_folder(path)
    engine = sync_engine(path)
    try:
        with plainly(path), engine.begin() as tx:
            _require_current(tx, path)
            if reading:
                tx.exec_driver_sql("COMMIT")
                tx.exec_driver_sql("BEGIN")
            yield tx
    finally:
        engine.dispose()


def ensure_schema(path: Path) -> None:
    """Makes a store that isn't there; raises StoreError for one that is behind, ahead, or not ours."""
    with transaction(path):
        pass


def upgrade(path: Path) -> tuple[str | None, str]:
    """Brings a store to the newest revision: where it was, where it is now."""
    _make_folder(path)
    engine = sync_engine(path)
    try:
        with plainly(path), engine.begin() as tx:
            before = current(tx)
            _refuse_foreign(tx, path, before)
            _upgrade(tx)
            return before, str(current(tx))
    finally:
        engine.dispose()


def check(path: Path) -> str:
    """The revision of a store that is sound and current. Raises StoreError where it isn't, or isn't there."""
    if not path.exists():
        raise StoreError(
            f"the store {path} isn't there yet; `smartgate db upgrade` makes it, and so does `smartgate serve`"
        )
    engine = sync_engine(path)
    try:
        with plainly(path), engine.begin() as tx:
            revision = current(tx)
            _refuse_foreign(tx, path, revision)
            _refuse_old(path, revision)
            tx.exec_driver_sql("COMMIT")  # looking at all of it takes long: nobody has to wait for it
            tx.exec_driver_sql("BEGIN")
            damage = [row[0] for row in tx.execute(text("PRAGMA integrity_check(5)"))]
            if damage != ["ok"]:
                raise StoreError(f"the store {path} is damaged: {'; '.join(damage)}; restore a backup")
            return str(revision)
    finally:
        engine.dispose()


def alembic_config(tx: Connection) -> Config:
    """What alembic needs to know, to work inside the caller's transaction."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    config.attributes["connection"] = tx
    return config


@contextmanager
def plainly(path: Path) -> Iterator[None]:
    """Turns what SQLite says of a store it can't use into one line for whoever runs it."""
    try:
        yield
    except DBAPIError as error:
        for sign, words in _TROUBLES.items():
            if sign in str(error.orig):
                raise StoreError(f"the store {path} {words}") from error
        raise


_TROUBLES = {
    "unable to open database file": "can't be opened: check that the folder is there and may be written to",
    "readonly database": "may only be read by this user: give it write access to the file and its folder",
    "file is not a database": "is no SQLite database: name another file in SMARTGATE_DATABASE_URL",
    "database or disk is full": "can't grow: the disk is full",
    "disk I/O error": "can't be read or written: the disk reports an error",
    "database is locked": "is held by another program for too long: try again, or end that program",
    "malformed": "is damaged: restore a backup",
}


def _make_folder(path: Path) -> None:
    try:
        make_folder(path.parent)
    except OSError as error:
        raise StoreError(f"the folder {path.parent} of the store can't be made: {error.strerror}") from error
    if os.path.isdir(path):
        raise StoreError(f"the store {path} is a folder; name a file in SMARTGATE_DATABASE_URL")
    _make_private(path)


def _make_private(path: Path) -> None:
    """A new store is its owner's alone: it holds everybody's mail. Its log files take their mode from it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(f"the store {path} can't be made: {error.strerror}") from error


def _require_current(tx: Connection, path: Path) -> None:
    revision = current(tx)
    if revision == head():
        return
    _refuse_foreign(tx, path, revision)
    if revision is None:
        _upgrade(tx)
    else:
        _refuse_old(path, revision)


def _refuse_foreign(tx: Connection, path: Path, revision: str | None) -> None:
    if revision is None and set(inspect(tx).get_table_names()) - {"alembic_version"}:
        raise StoreError(
            f"the store {path} holds another program's tables: name another file in SMARTGATE_DATABASE_URL"
        )
    if revision is not None and revision > str(head()):
        raise StoreError(
            f"the store {path} has schema {revision}, made by a newer smartgate than this, which knows {head()}"
        )


def _refuse_old(path: Path, revision: str | None) -> None:
    if revision != head():
        raise StoreError(f"the store {path} has schema {revision}, and {head()} is needed: run `smartgate db upgrade`")


def _upgrade(tx: Connection) -> None:
    from alembic import command

    command.upgrade(alembic_config(tx), "head")
