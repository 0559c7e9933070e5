"""What a database says when a store can't be used, in one line for whoever runs it: what is wrong and what to do.

Nothing here shows a password. A fault that is none of these is a fault of ours and stays as it is.
"""

from __future__ import annotations

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


def name_of(url: URL) -> str:
    """The store as it may be shown: its file, or its URL without password and options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return shown.render_as_string()


def is_passing(fault: Exception) -> bool:
    """Whether a fault is trouble with the store that may be over when one tries again: a lock, a full disk, no server.

    A prepared statement raises what the driver does, everything else a DBAPIError.
    """
    if isinstance(fault, PoolTimeoutError):
        return True
    cause = fault.orig if isinstance(fault, DBAPIError) else fault
    known = type(cause).__module__.partition(".")[0] in ("sqlite3", "psycopg")
    return known and cause is not None and _words(cause) is not None


def in_words(error: DBAPIError) -> str | None:
    """What follows after "the store NAME"."""
    return None if error.orig is None else _words(error.orig)


def _words(cause: BaseException) -> str | None:
    state = getattr(cause, "sqlstate", None)
    said = str(cause)
    if state is not None:
        return _POSTGRESQL_STATES.get(state) or _POSTGRESQL_CLASSES.get(state[:2])
    for sign, words in (_SQLITE | _POSTGRESQL_CONNECTING).items():
        if sign in said:
            return words
    if type(cause).__module__.startswith("psycopg"):
        return f"can't be reached: {' '.join(said.split())[:300]}"
    return None


_SQLITE = {
    "unable to open database file": "can't be opened: check that the folder is there and may be written to",
    "readonly database": "may only be read by this user: give it write access to the file and its folder",
    "file is not a database": "is no SQLite database: name another file in SMARTGATE_DATABASE_URL",
    "database or disk is full": "can't grow: the disk is full",
    "disk I/O error": "can't be read or written: the disk reports an error",
    "table is locked": "is held by another program for too long: try again, or end that program",
    "database is locked": "is held by another program for too long: try again, or end that program",
    "malformed": "is damaged: restore a backup",
}
_NO_SUCH_USER = "can't be entered: wrong user or password; check SMARTGATE_DATABASE_URL"
_STARTING = "isn't ready: its server is starting or ending; try again"
# A refusal to connect has no state of its own; servers may say it in another language, which is then told as it is.
_POSTGRESQL_CONNECTING = {
    "password authentication failed": _NO_SUCH_USER,
    "no password supplied": _NO_SUCH_USER,
    "pg_hba.conf": "can't be entered from here: its server's pg_hba.conf doesn't allow this user, host or encryption",
    "Connection refused": "can't be reached: no PostgreSQL server answers at that host and port",
    "No such file or directory": "can't be reached: no PostgreSQL server answers on that unix socket",
    "timeout expired": "can't be reached: no answer within the time; check the host, the port and the network",
    "could not translate host name": "can't be reached: nobody knows its host name",
    "failed to resolve host": "can't be reached: nobody knows its host name",
    "the database system is": _STARTING,
    "remaining connection slots": "takes no more connections: raise max_connections of its server",
    "too many clients": "takes no more connections: raise max_connections of its server",
    'database "': "isn't there: make the database with CREATE DATABASE, or check its name in SMARTGATE_DATABASE_URL",
    'role "': _NO_SUCH_USER,
}
_POSTGRESQL_STATES = {
    "25006": "may only be read: this server is a standby; name the primary in SMARTGATE_DATABASE_URL",
    "3D000": _POSTGRESQL_CONNECTING['database "'],
    "3F000": "has no schema this user may work in: make one, or grant it (GRANT USAGE, CREATE ON SCHEMA)",
    "42501": "lacks a right for this user: make it the owner of the database, or grant it CREATE on the schema",
    "53100": "can't grow: the disk of its server is full",
    "53300": _POSTGRESQL_CONNECTING["too many clients"],
    "55P03": "is held by another program for too long: try again, or end that program",
    "57P03": _STARTING,
}
_POSTGRESQL_CLASSES = {
    "08": "was lost: the connection to its server broke; try again",
    "28": _NO_SUCH_USER,
    "57": "was lost: its server ended the connection; try again",
    "58": "can't be read or written: its server reports an error of the system",
    "XX": "is damaged, or its server is: look into the server's log",
}
