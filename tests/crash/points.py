"""Every place on the way of a mail where something can fail, found by watching one mail pass, struck one at a time.

Watched are the statements and commits of the writer, the calls of the operating system, each await at which the session
gives way, and each entry into a function of the product, in the event loop as in its threads.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from asyncio.base_events import BaseEventLoop
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import dbapi2
from types import FrameType
from typing import Any
from unittest.mock import patch

import gateway

_PRODUCT = str(Path(gateway.__file__).parent) + os.sep
_FILE_CALLS = ("open", "write", "fsync", "link", "mkdir", "pread")


@dataclass(frozen=True, slots=True)
class Point:
    """One place: the nth time something of a kind is done. Ids such as `statement INSERT INTO messages`."""

    kind: str
    name: str
    nth: int


class Points:
    """Notes each point that is passed while armed; with a target, raises its fault there, once."""

    def __init__(self) -> None:
        self.seen: list[Point] = []
        self.struck = False
        self._counts: Counter[tuple[str, str]] = Counter()
        self._armed = False
        self._target: Point | None = None
        self._fault: Callable[[], BaseException] = MemoryError

    @contextmanager
    def armed(self, target: Point | None = None, fault: Callable[[], BaseException] = MemoryError) -> Iterator[None]:
        """One mail passes: notes the points, or strikes one."""
        self.seen, self.struck, self._target, self._fault = [], False, target, fault
        self._counts.clear()
        before = sys.gettrace()
        sys.settrace(self.trace)
        self._armed = True
        try:
            yield
        finally:
            self._armed = False
            sys.settrace(before)

    def hit(self, kind: str, name: str) -> None:
        """Passes a point. Raises the fault where it is the target."""
        if not self._armed:
            return
        point = Point(kind, name, self._counts[kind, name])
        self._counts[kind, name] += 1
        self.seen.append(point)
        if point == self._target:
            self.struck = True
            raise self._fault()

    def trace(self, frame: FrameType, event: str, arg: object) -> None:
        """For sys.settrace: what it raises is raised in the function that was entered."""
        code = frame.f_code
        if self._armed and event == "call" and code.co_filename.startswith(_PRODUCT):
            self.hit("call", f"{code.co_filename.removeprefix(_PRODUCT)} {code.co_qualname}")


@contextmanager
def watching(points: Points, tap: Callable[[Points, ExitStack], None] | None = None) -> Iterator[None]:
    """While this is entered, whatever the product does passes `points`; begin its event loop and its store inside.

    tap: of another driver than SQLite's.
    """
    connect, run = dbapi2.connect, BaseEventLoop.run_in_executor
    factory = _tapped(points)

    def tapped_connect(*args: Any, **rest: Any) -> sqlite3.Connection:
        return connect(*args, **rest, factory=factory)

    def tapped_run(loop: BaseEventLoop, pool: Any, function: Callable[..., Any], *args: Any) -> Any:
        def traced() -> Any:
            before = sys.gettrace()
            sys.settrace(points.trace)
            try:
                return function(*args)
            finally:
                sys.settrace(before)

        return run(loop, pool, traced)

    with ExitStack() as stack:
        stack.enter_context(patch.object(dbapi2, "connect", tapped_connect))
        stack.enter_context(patch.object(BaseEventLoop, "run_in_executor", tapped_run))
        if tap is not None:
            tap(points, stack)
            threading.settrace(points.trace)  # of the writer's thread, which begins with the store
            stack.callback(threading.settrace, None)
        for name in _FILE_CALLS:
            stack.enter_context(patch.object(os, name, _around(points, name)))
        yield


def _around(points: Points, name: str) -> Callable[..., Any]:
    """A call of the operating system that may fail before or after it took effect."""
    call = getattr(os, name)

    def tapped(*args: Any, **rest: Any) -> Any:
        points.hit("file", name)
        result = call(*args, **rest)
        points.hit("file done", name)
        return result

    return tapped


def _tapped(points: Points) -> type[sqlite3.Connection]:
    """A connection whose statements may fail before or after they took effect."""

    class Cursor(sqlite3.Cursor):
        def execute(self, *statement: Any) -> Any:
            return _do(statement[0], lambda: super(Cursor, self).execute(*statement))

        def executemany(self, *statement: Any) -> Any:
            return _do(statement[0], lambda: super(Cursor, self).executemany(*statement))

        def fetchall(self) -> Any:
            return _do("fetchall", super().fetchall)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> sqlite3.Cursor:  # type: ignore[override]
            return super().cursor(Cursor)

        def commit(self) -> None:
            _do("COMMIT", super().commit)

        def rollback(self) -> None:
            _do("ROLLBACK", super().rollback)

    def _do(sql: str, act: Callable[[], Any]) -> Any:
        name = " ".join(sql.split())[:48]
        points.hit("statement", name)
        result = act()
        points.hit("statement done", name)
        return result

    return Connection


def watch_awaits(points: Points, loop: asyncio.AbstractEventLoop) -> None:
    """Lets each await of a task of the product at which it gives way pass the points."""

    def make(loop: asyncio.AbstractEventLoop, work: Any, **rest: Any) -> asyncio.Task[Any]:
        code = getattr(work, "cr_code", None)
        ours = code is not None and code.co_filename.startswith(_PRODUCT)
        return asyncio.Task(_Watched(points, work) if ours else work, loop=loop, **rest)

    loop.set_task_factory(make)


class _Watched(Coroutine[Any, Any, Any]):
    """A coroutine in which a fault can be raised where it waits."""

    def __init__(self, points: Points, work: Any) -> None:
        self._points, self._work, self._begun = points, work, False

    def send(self, value: Any) -> Any:
        if self._begun:
            try:
                self._points.hit("await", self._where())
            except BaseException as fault:
                return self._work.throw(fault)
        self._begun = True
        return self._work.send(value)

    def throw(self, *fault: Any) -> Any:
        return self._work.throw(*fault)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._work.__await__()  # type: ignore[no-any-return]

    def _where(self) -> str:
        """The innermost function of the product that waits, and its line."""
        found, work = "", self._work
        while work is not None and (frame := getattr(work, "cr_frame", None)) is not None:
            if frame.f_code.co_filename.startswith(_PRODUCT):
                found = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
            work = work.cr_await
        return found
