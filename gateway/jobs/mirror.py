"""Has the contacts of connected CRMs looked into, a few times a minute; what is due is the use case's to know."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

import structlog

from gateway.jobs.troubles import Troubles

EVERY_SECONDS = 20.0
_log = structlog.get_logger(__name__)


class Looker(Protocol):
    """The use case behind it (`usecases.mirror_contacts`)."""

    async def look(self) -> int: ...

    async def close(self) -> None: ...


class MirrorClock:
    """Runs from `start` to `stop`. A look that fails is logged; the next one comes anyway."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker
        self._troubles = Troubles("mirror")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """What is broken off goes on at its page the next time."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._looker.close()

    async def _run(self) -> None:
        while True:
            try:
                if count := await self._looker.look():
                    _log.info("mirror.done", contacts=count)
                self._troubles.over()
            except Exception as fault:
                if not self._troubles.is_known(fault):
                    _log.exception("mirror.failed")
            await asyncio.sleep(EVERY_SECONDS)
