"""What is done by the clock, such as refusing held mail that nobody looked at in time, or indexing what was filed.

What is due stands in the store, so it does not matter which process looks, or how often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.jobs.troubles import Troubles

EVERY_SECONDS = 3600.0
_log = structlog.get_logger(__name__)


class Clock:
    """Looks at once when it is started, then every so many seconds.

    A look that fails is logged; the next one comes anyway. While the store is away that is said once.

    duties: by name; each does a bounded piece of what is due and says how much it was.
    """

    def __init__(self, every: float | None = None, **duties: Callable[[], Awaitable[int]]) -> None:
        self._every = EVERY_SECONDS if every is None else every
        self._duties = duties
        self._troubles = Troubles("clock")
        self._say = _log.info if every is None else _log.debug
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self) -> None:
        """Does all that is due now. A duty that fails keeps no other from being done."""
        well = True
        for name, duty in self._duties.items():
            try:
                while count := await duty():
                    self._say("clock.done", duty=name, count=count)
            except Exception as fault:
                well = False
                if not self._troubles.is_known(fault):
                    _log.exception("clock.failed", duty=name)
        if well:
            self._troubles.over()

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every)
