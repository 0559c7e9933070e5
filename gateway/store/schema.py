"""Whether a store has the schema this program needs, and bringing it there.

Looking costs one SELECT; alembic is imported only when a store is made or brought forward. A store that isn't there is
made at once (a PostgreSQL database must be there, empty); an older one is changed only when somebody says so
(`smartgate db upgrade`).
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from gateway.store import sqlite
from gateway.store.engine import Place, StoreError, engine_of, is_postgresql, read_url
from gateway.store.folders import make_folder
from gateway.store.locks import EVERYWHERE, hold_alone
from gateway.store.positions import go_on
from gateway.store.troubles import in_words, name_of

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
OLDEST_SERVER = 14
_NUMBER = re.compile(r"v([0-9]{4})_")


def head() -> str | None:
    """The newest revision this program knows, read from the names of the files."""
    return max(revisions(), default=None)


def revisions() -> set[str]:
    """All the revisions this program knows."""
    return {match[1] for path in (MIGRATIONS / "versions").glob("v*.py") if (match := _NUMBER.match(path.name))}


def current(tx: Connection) -> str | None:
    """The revision of a store; None for one without a schema of ours."""
    if is_postgresql(tx.engine.url) and tx.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None  # asked beforehand: there, a failure would end the transaction
    try:
        number = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as error:
        if "no such table" not in str(error.orig):
            raise
        return None
    return None if number is None else str(number)


@contextmanager
def transaction(place: Place, *, reading: bool = False) -> Iterator[Connection]:
    """One transaction on the store at a place, made first where it isn't there; what commands work in.

    reading: nothing is written, so no server has to wait for it to end. Raises StoreError where the store can't be used
    as it is.
    """
    with _opened(place) as (tx, store):
        _require_current(tx, store)
        if reading:
            _only_read(tx)
        else:
            hold_alone(tx, EVERYWHERE)
        yield tx


@contextmanager
def restoring(place: Place, revision: str) -> Iterator[Connection]:
    """One transaction on a store of that revision, made where it isn't there, which is then brought to the newest.

    Raises StoreError for a store that has accounts, or another revision.
    """
    with _opened(place) as (tx, store):
        hold_alone(tx, EVERYWHERE)
        now = current(tx)
        _refuse_foreign(tx, store, now)
        if revision not in revisions():
            raise StoreError(
                f"the backup has schema {revision}, made by a newer smartgate than this, which knows {head()}"
            )
        if is_postgresql(
            tx.engine.url
        ):  # large mails come behind the rows, and nothing is asked of the server meanwhile
            tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        if now is None:
            _upgrade(tx, revision)
        elif tx.execute(text("SELECT count(*) FROM accounts")).scalar():
            raise StoreError(f"the store {store} has accounts already; a backup is restored into a store without any")
        elif now != revision:
            raise StoreError(
                f"the store {store} has schema {now} and the backup {revision}: name a store that isn't there yet"
            )
        yield tx
        _upgrade(tx)
        go_on(tx)


def sweep(place: Place) -> bool:
    """Writes the store anew without what was erased: until then its pages and its log still hold it.

    On PostgreSQL the server does the like in its own time, and nobody but its administrator reads its files. False:
    another program was at work on a SQLite store for too long; then the next sweep does it.
    """
    with (
        _engine(read_url(place)) as engine,
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        if is_postgresql(engine.url):
            connection.execute(text("VACUUM"))
            return True
        return _write_anew(connection)


def empty_log(place: Place) -> bool:
    """Empties the log of a SQLite store, as `Store.empty_log` does for a server."""
    url = read_url(place)
    return True if is_postgresql(url) else sqlite.empty_log(Path(url.database or ""))


def _write_anew(connection: Connection) -> bool:
    """VACUUM and an empty log; on the driver's own connection, as SQLAlchemy would open a transaction first."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    cursor = raw.cursor()
    try:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(busy, *_)] = cursor.fetchall()
        return not busy
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return False
        raise StoreError(f"what was erased still stands in free pages of the store: {error}") from error
    finally:
        cursor.close()


def ensure_schema(place: Place) -> None:
    """Makes a store that isn't there; raises StoreError for one that is behind, ahead, or not ours."""
    with _opened(place) as (tx, store):
        _require_current(tx, store)


def upgrade(place: Place) -> tuple[str | None, str]:
    """Brings a store to the newest revision: where it was, where it is now."""
    with _opened(place) as (tx, store):
        hold_alone(tx, EVERYWHERE)
        before = current(tx)
        _refuse_foreign(tx, store, before)
        _upgrade(tx)
        return before, str(current(tx))


def require_there(place: Place) -> None:
    """Raises StoreError for a file that isn't there, instead of making it."""
    url = read_url(place)
    if not is_postgresql(url) and not Path(url.database or "").exists():
        raise _not_there(name_of(url))


def check(place: Place) -> str:
    """The revision of a store that is sound and current. Raises StoreError where it isn't, or isn't there.

    What a PostgreSQL database holds is for its own tools to look through (pg_amcheck).
    """
    require_there(place)
    url = read_url(place)
    with _opened(place) as (tx, store):
        revision = current(tx)
        _refuse_foreign(tx, store, revision)
        if revision is None and is_postgresql(url):
            raise _not_there(store)
        _refuse_old(store, revision)
        _only_read(tx)  # looking at all of it takes long: nobody has to wait for it
        damage = [] if is_postgresql(url) else [row[0] for row in tx.execute(text("PRAGMA integrity_check(5)"))]
        if damage not in ([], ["ok"]):
            raise StoreError(f"the store {store} is damaged: {'; '.join(damage)}; restore a backup")
        return str(revision)


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
def _opened(place: Place) -> Iterator[tuple[Connection, str]]:
    """A transaction that may write, and the store's name; what the database says of a store it can't use, in words."""
    url = read_url(place)
    store = name_of(url)
    if not is_postgresql(url):
        _make_folder(Path(url.database or ""))
    with _engine(url) as engine, engine.begin() as tx:
        if is_postgresql(url):
            _refuse_server(tx, store)
        yield tx, store


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    """An engine for as long as this is entered; what the database says of a store it can't use, in words."""
    engine = engine_of(url)
    try:
        yield engine
    except DBAPIError as error:
        words = in_words(error)
        if words is None:
            raise
        raise StoreError(f"the store {name_of(url)} {words}") from error
    finally:
        engine.dispose()


def _only_read(tx: Connection) -> None:
    """Goes over to one moment of the store, and lets others write."""
    tx.exec_driver_sql("COMMIT")
    if is_postgresql(tx.engine.url):
        tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    else:
        tx.exec_driver_sql("BEGIN")


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


def _require_current(tx: Connection, store: str) -> None:
    if current(tx) == head():
        return
    hold_alone(tx, EVERYWHERE)  # others may be making it at this moment
    revision = current(tx)
    _refuse_foreign(tx, store, revision)
    if revision is None:
        _upgrade(tx)
    else:
        _refuse_old(store, revision)


def _refuse_server(tx: Connection, store: str) -> None:
    """A server that lacks what we rely on is told at once, and not by the first mail."""
    version = int(str(tx.execute(text("SHOW server_version_num")).scalar())) // 10_000
    if version < OLDEST_SERVER:
        raise StoreError(f"the store {store} is on PostgreSQL {version}; {OLDEST_SERVER} or newer is needed")
    encoding = tx.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise StoreError(f"the store {store} has the encoding {encoding}: make a database with ENCODING 'UTF8'")


def _not_there(store: str) -> StoreError:
    return StoreError(
        f"the store {store} isn't there yet; `smartgate db upgrade` makes it, and so does `smartgate serve`"
    )


def _refuse_foreign(tx: Connection, store: str, revision: str | None) -> None:
    if revision is None and set(inspect(tx).get_table_names()) - {"alembic_version"}:
        kind = "database" if is_postgresql(tx.engine.url) else "file"
        raise StoreError(
            f"the store {store} holds another program's tables: name another {kind} in SMARTGATE_DATABASE_URL"
        )
    if revision is not None and revision > str(head()):
        raise StoreError(
            f"the store {store} has schema {revision}, made by a newer smartgate than this, which knows {head()}"
        )


def _refuse_old(store: str, revision: str | None) -> None:
    if revision != head():
        raise StoreError(f"the store {store} has schema {revision}, and {head()} is needed: run `smartgate db upgrade`")


def _upgrade(tx: Connection, to: str = "head") -> None:
    from alembic import command

    command.upgrade(alembic_config(tx), to)
