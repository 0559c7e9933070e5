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

EVERY_SECONDS = 1.0
LONGEST_SECONDS = 600.0
"""After this a stream ends and the browser opens a new one, so that a session that ended isn't served for ever."""
QUIET_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Part:
    """html: what stands in the part now. said: a sentence for those who listen, empty for none. over: nothing changes
    any more."""

    html: str
    said: str = ""
    over: bool = False


class Live:
    """The open streams of this process."""

    def __init__(self) -> None:
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Ends every stream; the server can then stop."""
        self._closing.set()

    def answer(self, render: Callable[[], Awaitable[Part]], every: float = EVERY_SECONDS) -> Response:
        """The stream of one part. render: makes it as it is now, with the rights its reader has now."""
        return StreamingResponse(self._stream(render, every), media_type="text/event-stream")

    async def _stream(self, render: Callable[[], Awaitable[Part]], every: float) -> AsyncIterator[str]:
        loop, last, silent = asyncio.get_running_loop(), "", 0.0
        ends = loop.time() + LONGEST_SECONDS
        yield "retry: 2000\n\n"
        while not self._closing.is_set() and loop.time() < ends:
            try:
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


def live_of(request: Request) -> Live:
    """The streams of the application a request came to."""
    live: Live = request.app.state.live
    return live
