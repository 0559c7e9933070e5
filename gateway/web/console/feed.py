"""The live feed: new attempts as Server-Sent Events, within a second of their commit.

One look at the store a second for each account that somebody watches, however many watch it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

import structlog

from gateway.usecases.show_receipts import Outcome, Search, list_outcomes
from gateway.web import words
from gateway.web.pages import Pages
from gateway.web.services import Store
from gateway.web.streams import BEGIN, LATER, Holds, Streams
from gateway.web.tongues import in_each, spoken

EVERY_SECONDS = 1.0
WINDOW = 50
"""The newest receipts that are looked at; more within a second are left to the trace."""
LONGEST_SECONDS = 600.0
"""After this a stream ends and the browser opens a new one, so that none is served for ever."""
QUIET_SECONDS = 15.0
_EVERYTHING = Search()


@dataclass(eq=False, slots=True)
class _Listener:
    """One open stream. last: the newest receipt it was told of; ids rise in the order of commits."""

    last: str
    language: str
    queue: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)


class Feed:
    """The open streams of this process, by account. streams: counts them, and tells whether they may go on."""

    def __init__(self, store: Store, pages: Pages, streams: Streams) -> None:
        self._store, self._pages, self._streams = store, pages, streams
        self._listeners: dict[int, set[_Listener]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    def close(self) -> None:
        """Ends every stream; the server can then stop."""
        self._closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.queue.put_nowait(None)
        if self._poller is not None:
            self._poller.cancel()

    async def stream(self, account: int, after: str, session: str | None) -> AsyncIterator[str]:
        """Events for one listener, beginning with what came after a receipt (its id, or empty), as long as their
        session has the rights it began with."""
        async with self._streams.opened(session) as holds:
            if holds is None:
                yield LATER
                return
            async for text in self._heard(account, after, holds):
                yield text

    async def _heard(self, account: int, after: str, holds: Holds) -> AsyncIterator[str]:
        listener = _Listener(after, spoken())
        self._listeners.setdefault(account, set()).add(listener)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            yield BEGIN
            async for text in self._until_end(listener.queue, holds):
                yield text
        finally:
            self._listeners[account].discard(listener)

    async def _until_end(self, queue: asyncio.Queue[str | None], holds: Holds) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + LONGEST_SECONDS
        while not self._closed and loop.time() < ends:
            text: str | None = ": still here\n\n"
            with contextlib.suppress(TimeoutError):
                text = await asyncio.wait_for(queue.get(), QUIET_SECONDS)
            if text is None or not await holds():
                return
            yield text

    async def _poll(self) -> None:
        """Looks once a second for as long as somebody listens."""
        while self._listeners and not self._closed:
            for account, listeners in list(self._listeners.items()):
                if not listeners:
                    del self._listeners[account]
                    continue
                try:
                    page = await list_outcomes(self._store, account, None, WINDOW, _EVERYTHING)
                except Exception as fault:
                    structlog.get_logger().warning("web.feed_failed", account=account, reason=str(fault))
                    continue
                self._tell(listeners, page.rows)
            await asyncio.sleep(EVERY_SECONDS)

    def _tell(self, listeners: set[_Listener], newest: tuple[Outcome, ...]) -> None:
        for outcome in reversed(newest):
            id = outcome.attempt.receipt.id
            waiting = [listener for listener in listeners if listener.last < id]
            event = in_each(partial(self._event, outcome))
            for listener in waiting:
                listener.last = id
                listener.queue.put_nowait(event(listener.language))

    def _event(self, outcome: Outcome) -> str:
        attempt = outcome.attempt
        html = self._pages.text("part_attempt.html", outcome=outcome, new=True)
        data = json.dumps({"html": html, "said": words.sentence(attempt, outcome.cards)})
        return f"id: {attempt.receipt.id}\nevent: attempt\ndata: {data}\n\n"
