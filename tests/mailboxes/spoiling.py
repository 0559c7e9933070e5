"""A mail server that says one thing wrongly: a Dovecot behind TLS of ours, some of whose words are changed."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from anyio.from_thread import start_blocking_portal


class SpoilingServer:
    """Use it with `with`; clients connect to `port` by TLS. wrong: what is said in place of right, wherever a line of
    the server at `target` holds it. spoilt: how often that was."""

    def __init__(self, target: int, tls: ssl.SSLContext, right: bytes, wrong: bytes) -> None:
        self.port, self.spoilt = 0, 0
        self._target, self._tls, self._right, self._wrong = target, tls, right, wrong
        self._stack = ExitStack()
        self._lines: set[asyncio.Task[None]] = set()

    def __enter__(self) -> SpoilingServer:
        portal = self._stack.enter_context(start_blocking_portal())
        self._stack.enter_context(portal.wrap_async_context_manager(self._open()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        yield
        server.close()
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        pumps = [asyncio.create_task(_pump(client, to_server)), asyncio.create_task(self._spoil(server, to_client))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._lines.discard(task)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (to_client, to_server):
                end.transport.abort()

    async def _spoil(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while line := await server.readline():
                self.spoilt += self._right in line
                to_client.write(line.replace(self._right, self._wrong))
                await to_client.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
