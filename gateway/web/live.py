"""Live parts of pages: a part is made anew every so often, and sent when it is another one (Server-Sent Events).

A page marks the part with `data-live="PATH"`; the script replaces what is in it. Without the script it stays as it was
when the page was made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.usecases.edit_session import COOKIE
from gateway.web.streams import BEGIN, LATER, Holds, Streams

EVERY_SECONDS = 1.0
LONGEST_SECONDS = 600.0
"""After this a stream ends and the browser opens a new one, so that none is served for ever."""
QUIET_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Part:
    """html: what stands in the part now. said: a sentence for those who listen, empty for none. over: nothing changes
    any more."""

    html: str
    said: str = ""
    over: bool = False


class Live:
    """The open streams of this process. streams: counts them, and tells whether they may go on."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Ends every stream; the server can then stop."""
        self._closing.set()

    async def stream(
        self, session: str | None, render: Callable[[], Awaitable[Part]], every: float
    ) -> AsyncIterator[str]:
        """The stream of one part, as long as its reader's session has the rights it began with."""
        async with self._streams.opened(session) as holds:
            yield LATER if holds is None else BEGIN
            if holds is not None:
                async for text in self._parts(holds, render, every):
                    yield text

    async def _parts(self, holds: Holds, render: Callable[[], Awaitable[Part]], every: float) -> AsyncIterator[str]:
        loop, last, silent = asyncio.get_running_loop(), "", 0.0
        ends = loop.time() + LONGEST_SECONDS
        while not self._closing.is_set() and loop.time() < ends:
            try:
                if not await holds():
                    return
                part = await render()
            except Exception as fault:
                structlog.get_logger().warning("web.live_failed", reason=str(fault)[:200])
                return
            if part.html != last:
                last, silent = part.html, 0.0
                yield f"event: part\ndata: {json.dumps({'html': part.html, 'said': part.said})}\n\n"
            if part.over:
                yield "event: over\ndata:\n\n"
                return
            silent += every
            if silent >= QUIET_SECONDS:
                silent = 0.0
                yield ": still here\n\n"
            try:
                await asyncio.wait_for(self._closing.wait(), every)
            except TimeoutError:
                continue


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for one part. session: the secret of whoever asks."""

    live: Live
    session: str | None

    def answer(self, render: Callable[[], Awaitable[Part]], every: float = EVERY_SECONDS) -> Response:
        """The stream of one part. render: makes it as it is now."""
        return StreamingResponse(self.live.stream(self.session, render, every), media_type="text/event-stream")


def live_of(request: Request) -> Asked:
    """The streams of the application a request came to, for whoever asks."""
    return Asked(request.app.state.live, request.cookies.get(COOKIE))
