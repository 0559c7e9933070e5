"""How late the event loop is: a tick a few times a second, and by how much each missed its time.

Whoever has something for the loop (a packet, a reply, a page) waits as long as a tick does. A standstill is told once
for each tick that fell into it, so that the share of late ticks is the share of late visitors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway import metrics

EVERY_SECONDS = 0.1


class Pulse:
    """Ticks from `start` to `stop`. told: hears of every tick's lateness, in seconds."""

    def __init__(self, told: Callable[[float], None] = metrics.loop_late) -> None:
        self._told = told
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wind(self._loop.time())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wind(self, now: float) -> None:
        self._due = now + EVERY_SECONDS
        self._timer = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        late = max(0.0, now - self._due)
        while late >= 0:
            self._told(late)
            late -= EVERY_SECONDS
        self._wind(now)
