"""Connections to one place, over which requests are sent: HTTP/1.1 by h11, on sockets that we open ourselves.

The address is one that was judged beforehand (`targets`), the name stays in TLS and in the Host field. Nothing else is
followed: no proxy of the environment, no redirect, no cookie. A request of a general client costs three times as much.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import h11

from crm_adapter.targets import Target

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 3.0
"""So long the other side may take for the words behind its status."""
ANSWER_BYTES = 2_048
"""So much of an answer is read; what was said is kept for who looks for a fault."""
HEAD_BYTES = 32 * 1024
"""So large the head of an answer may be."""
IDLE_SECONDS = 15.0
MOST_IDLE = 32
_PIECE = 16 * 1024

Fields = Sequence[tuple[str, str]]


class LineError(Exception):
    """The connection couldn't be made, or broke; the text says how."""


class NoConnectionError(LineError):
    """There is no connection at this address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status: of HTTP. fields: header fields, names in lower case. said: the first words behind them."""

    status: int
    fields: dict[str, str]
    said: bytes


class _Line:
    """One connection. used: a request was answered on it before, so its other end may have closed it meanwhile."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
        self.used = False

    @property
    def ended(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    async def post(self, path: str, fields: Fields, body: bytes) -> Answer:
        """Sends a request and reads its answer, as much of it as is kept. Raises LineError, OSError."""
        talk = self._talk
        request = h11.Request(method="POST", target=path, headers=[*fields, ("Content-Length", str(len(body)))])
        sent = [talk.send(request), talk.send(h11.Data(data=body)), talk.send(h11.EndOfMessage())]
        self._writer.write(b"".join(piece for piece in sent if piece))
        await self._writer.drain()
        head = await self._event()
        while isinstance(head, h11.InformationalResponse):
            head = await self._event()
        if not isinstance(head, h11.Response):
            raise LineError("it ended without an answer")
        said = bytearray()
        with suppress(TimeoutError, LineError, OSError):  # the status has said what matters
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._listen(said)
        fields_of = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        return Answer(head.status_code, fields_of, bytes(said[:ANSWER_BYTES]))

    def go_on(self) -> bool:
        """Whether it may be used again."""
        if self.ended or self._talk.our_state is not h11.DONE or self._talk.their_state is not h11.DONE:
            return False
        self._talk.start_next_cycle()
        self.used = True
        return True

    def close(self) -> None:
        self._writer.transport.abort()

    async def _listen(self, said: bytearray) -> None:
        while isinstance(event := await self._event(), h11.Data):
            said += event.data
            if len(said) >= ANSWER_BYTES:
                return

    async def _event(self) -> object:
        """The next thing that the other side says."""
        try:
            while (event := self._talk.next_event()) is h11.NEED_DATA:
                self._talk.receive_data(await self._reader.read(_PIECE))
        except h11.RemoteProtocolError as fault:
            raise LineError(str(fault)) from fault
        return event


class Lines:
    """Connections to one target; a free one is used again, the last first."""

    def __init__(self, target: Target, tls: ssl.SSLContext) -> None:
        self._target, self._tls = target, tls
        self._free: deque[tuple[float, str, _Line]] = deque()

    async def post(self, address: str, fields: Fields, body: bytes) -> Answer:
        """One request to an address of the target. Raises LineError, OSError.

        Where a connection that was used before breaks, the request is sent once more on a new one: the other end may
        have closed it in that moment.
        """
        line = self._take(address)
        if line is not None:
            with suppress(LineError, OSError):
                return await self._ask(address, line, fields, body)
        return await self._ask(address, await self._open(address), fields, body)

    async def close(self) -> None:
        """Closes those that are free."""
        while self._free:
            self._free.pop()[2].close()

    async def _ask(self, address: str, line: _Line, fields: Fields, body: bytes) -> Answer:
        try:
            answer = await line.post(self._target.path, fields, body)
        except BaseException:
            line.close()
            raise
        if line.go_on():
            self._free.append((time.monotonic(), address, line))
        else:
            line.close()
        return answer

    def _take(self, address: str) -> _Line | None:
        """A free line to the address; what was idle for too long, or leads elsewhere by now, is closed."""
        oldest = time.monotonic() - IDLE_SECONDS
        while self._free and (self._free[0][0] < oldest or len(self._free) > MOST_IDLE):
            self._free.popleft()[2].close()
        while self._free:
            _, there, line = self._free.pop()
            if there == address and not line.ended:
                return line
            line.close()
        return None

    async def _open(self, address: str) -> _Line:
        secure = self._target.scheme == "https"
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    address,
                    self._target.port,
                    ssl=self._tls if secure else None,
                    server_hostname=self._target.host if secure else None,
                )
        except TimeoutError:
            raise NoConnectionError(f"no connection within {CONNECT_SECONDS:.0f} s") from None
        except OSError as fault:
            raise NoConnectionError(f"no connection: {_words(fault)}") from fault
        return _Line(reader, writer)


def _words(fault: OSError) -> str:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {fault.verify_message}"
    return " ".join(str(fault).split())[:300] or type(fault).__name__
