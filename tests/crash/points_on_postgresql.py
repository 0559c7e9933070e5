"""The points of a mail's way through psycopg: each statement, fetch, commit and sync of either kind of connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg import errors

from tests.crash.points import Points

_STATEMENTS = {psycopg.Cursor: ("execute", "executemany", "fetchall"), psycopg.Connection: ("commit", "rollback")}
_AWAITED = {
    psycopg.AsyncCursor: ("execute", "executemany", "fetchall"),
    psycopg.AsyncConnection: ("commit", "rollback"),
}


class CutError(psycopg.OperationalError):
    """The connection is cut where this is raised."""


FAULTS: Mapping[str, Mapping[str, Callable[[], BaseException]]] = {
    "statement": {
        "cut": lambda: CutError("server closed the connection unexpectedly"),
        "shut down": lambda: errors.AdminShutdown("terminating connection due to administrator command"),
        "doubled": lambda: errors.UniqueViolation("duplicate key value violates unique constraint"),
        "deadlock": lambda: errors.DeadlockDetected("deadlock detected"),
        "serialization": lambda: errors.SerializationFailure("could not serialize access"),
        "locked": lambda: errors.LockNotAvailable("canceling statement due to lock timeout"),
        "full": lambda: errors.DiskFull("could not extend file: No space left on device"),
        "no memory": MemoryError,
    },
    "statement done": {"cut": lambda: CutError("server closed the connection unexpectedly")},
}


def tap(points: Points, stack: ExitStack) -> None:
    """While the stack is open, every connection passes `points`."""
    for owner, names in _STATEMENTS.items():
        for name in names:
            stack.enter_context(patch.object(owner, name, _tapped(points, getattr(owner, name))))
    stack.enter_context(patch.object(psycopg.Pipeline, "sync", _tapped(points, psycopg.Pipeline.sync)))
    for awaited, names in _AWAITED.items():
        for name in names:
            stack.enter_context(patch.object(awaited, name, _tapped_await(points, getattr(awaited, name))))


def _tapped(points: Points, call: Callable[..., Any]) -> Callable[..., Any]:
    """A call that may fail before or after it took effect."""

    def tapped(self: Any, *args: Any, **rest: Any) -> Any:
        name = _name(call, args)
        try:
            points.hit("statement", name)
            result = call(self, *args, **rest)
            points.hit("statement done", name)
        except CutError:
            _connection(self).close()
            raise
        return result

    return tapped


def _tapped_await(points: Points, call: Callable[..., Any]) -> Callable[..., Any]:
    async def tapped(self: Any, *args: Any, **rest: Any) -> Any:
        name = _name(call, args)
        try:
            points.hit("statement", name)
            result = await call(self, *args, **rest)
            points.hit("statement done", name)
        except CutError:
            await _connection(self).close()
            raise
        return result

    return tapped


def _name(call: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """The beginning of a statement, or what is done."""
    return " ".join(str(args[0]).split())[:48] if args and call.__name__.startswith("execute") else call.__name__


def _connection(of: Any) -> Any:
    """The connection of a cursor or a pipeline, or itself."""
    return getattr(of, "connection", getattr(of, "_conn", of))
