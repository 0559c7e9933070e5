"""The HTTP server: uvicorn, told when it accepts, and no more patient with slow peers than it must be.

uvicorn waits for the rest of a request for ever, so that a few thousand peers who send a byte a minute would take all
connections (CWE-400).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 20.0
"""So long a peer may take to send the head of a request, and after its last one to begin the next."""
BODY_SECONDS = 120.0
READ_SECONDS = 60.0
"""So long a peer may leave an answer unread while there is no more room for it."""
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PatientProtocol(H11Protocol):
    """A connection that is closed when its peer takes too long to send a request."""

    _alarm: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _awaited: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._mind()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._mind()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget()
        self._is_read()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_read()

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _mind(self) -> None:
        """One time limit for the head of a request and one for its body, however many pieces they come in."""
        awaited = self.conn.their_state
        if awaited is self._awaited:
            return
        self._forget()
        self._awaited = awaited
        if awaited is h11.IDLE:
            self._alarm = self.loop.call_later(HEAD_SECONDS, self._close, _TOO_SLOW)
        elif awaited is h11.SEND_BODY:
            self._alarm = self.loop.call_later(BODY_SECONDS, self._close, b"")

    def _forget(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _close(self, last_words: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(last_words)
            self.transport.close()


class WebServer(uvicorn.Server):
    """Leaves signals to its caller and says when it accepts. grace: seconds for requests under way at its stop."""

    def __init__(self, site: Starlette, grace: float) -> None:
        super().__init__(
            uvicorn.Config(
                site,
                http=PatientProtocol,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=int(grace),
            )
        )
        self.accepts = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepts.set()
