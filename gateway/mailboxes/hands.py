"""Threads for what blocks: a session waits for its server up to a minute, and the event loop may not."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Work = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Hands:
    """So many threads at most, made as they are needed. They end with the process, whatever they still wait for: a
    server that says nothing keeps nobody from leaving."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._made = 0

    async def do(self, function: Callable[..., T], *arguments: Any) -> T:
        """Runs it in a thread, and gives or raises what it does."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._work.put((partial(function, *arguments), future, loop))
        if not self._idle.acquire(blocking=False) and self._made < self._most:
            self._made += 1
            threading.Thread(target=self._run, name=f"mailboxes-{self._made}", daemon=True).start()
        return await future

    def stop(self) -> None:
        """Lets the threads end that have nothing to do."""
        for _ in range(self._made):
            self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            function, future, loop = work
            try:
                tell: Callable[[], None] = partial(_tell, future, function(), None)
            except BaseException as fault:  # it belongs to who asked
                tell = partial(_tell, future, None, fault)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell)
            self._idle.release()


def _tell(future: asyncio.Future[Any], result: Any, fault: BaseException | None) -> None:
    if future.done():
        return
    if fault is not None:
        future.set_exception(fault)
    else:
        future.set_result(result)
