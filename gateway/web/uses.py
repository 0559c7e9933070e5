"""Notes now and then that a token, or a session, is in use, beside the request that shows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import structlog

from gateway.usecases.edit_session import USE_NOTED_EVERY, Principal, note_use

_MOST_TOKENS = 10_000
_log = structlog.get_logger(__name__)


class Uses:
    """What this process has noted."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._noted: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, reader: Principal) -> None:
        """Somebody asks."""
        now = time.monotonic()
        if now - self._noted.get(reader.token, -1e9) < USE_NOTED_EVERY / 1000:
            return
        if len(self._noted) > _MOST_TOKENS:
            self._noted.clear()
        self._noted[reader.token] = now
        task = asyncio.create_task(self._write(note_use(self._store, reader)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, noting: Awaitable[None]) -> None:
        try:
            await noting
        except Exception as fault:  # nobody is refused because this can't be written down
            _log.info("token.use_not_noted", fault=type(fault).__name__)
