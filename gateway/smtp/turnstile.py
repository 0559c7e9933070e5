"""Lets those through one after the other who have much to do, so that those who have little come in between."""

from __future__ import annotations

import asyncio
from collections import deque

_AT_ONCE = 8
"""So many pass in one turn of the event loop."""


class Turnstile:
    """A queue before the event loop: first come, first served."""

    def __init__(self) -> None:
        self._queue: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Wait until it is our turn; not at all long where nobody else has much to do."""
        loop = asyncio.get_running_loop()
        ours = loop.create_future()
        self._queue.append(ours)
        if len(self._queue) == 1:
            loop.call_soon(self._let_through, loop)
        await ours

    def _let_through(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(min(_AT_ONCE, len(self._queue))):
            first = self._queue.popleft()
            if not first.done():
                first.set_result(None)
        if self._queue:
            loop.call_soon(self._let_through, loop)
