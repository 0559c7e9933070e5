"""The streams that browsers keep open: each ends with the rights it began with, and one person has only so many.

A stream outlives what was true when it began: sessions are ended, users lose a role or are removed. The browser opens
a new one, which then sees what its reader may see now, or is told that nobody is signed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from gateway.usecases.edit_session import Principal, who_reads
from gateway.web.services import Store

MOST_STREAMS = 32
"""Of one person in one process; a browser has no more than six with one server."""
BEGIN = "retry: 2000\n\n"
LATER = "retry: 60000\n\n"
"""For whoever has too many: the browser comes back in a minute."""
Holds = Callable[[], Awaitable[bool]]


class Streams:
    """Counts them, and asks for each whether it may go on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: Counter[tuple[int, str]] = Counter()

    @asynccontextmanager
    async def opened(self, session: str | None) -> AsyncIterator[Holds | None]:
        """One stream of a session: gives what tells whether its reader is who they were, with the same rights. None
        where nobody is signed in, or they have too many streams."""
        begun = await self._reader(session)
        if begun is None or self._open[key := (begun.account, begun.user)] >= MOST_STREAMS:
            yield None
            return

        async def holds() -> bool:
            return await self._reader(session) == begun

        self._open[key] += 1
        try:
            yield holds
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    async def _reader(self, session: str | None) -> Principal | None:
        """Whose session it is; nobody's while the store can't be read."""
        try:
            return await who_reads(self._store, session) if session else None
        except Exception as fault:
            structlog.get_logger().warning("web.live_failed", reason=str(fault)[:200])
            return None
