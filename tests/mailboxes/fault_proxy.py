"""A line to a server that can be made bad: TCP below TLS, cut, silent, slow, held or refused, as a test says.

What is set holds for lines that are there and for those to come. `down` is what came from the server, `up` what went to
it, in bytes as they are on the wire.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")
_CHUNK = 65_536
_PATIENCE = 20.0


@dataclass(slots=True)
class Line:
    """One connection through the proxy. open: until either side or the proxy ends it."""

    down: int = 0
    up: int = 0
    open: bool = True


class FaultProxy:
    """Start it with `with`; clients connect to `port` of localhost.

    cut_after: so many bytes from the server reach each line's client, then the line ends. silent_after: so many, then
    nothing more comes, and the line stays. delay: seconds before each piece from the server goes on. lines: all there
    ever were.
    """

    host = "localhost"

    def __init__(self, port: int) -> None:
        self.cut_after: int | None = None
        self.silent_after: int | None = None
        self.delay = 0.0
        self.lines: list[Line] = []
        self.port = 0
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    @property
    def down(self) -> int:
        return sum(line.down for line in self.lines)

    @property
    def up(self) -> int:
        return sum(line.up for line in self.lines)

    @property
    def open(self) -> int:
        """How many lines there are now."""
        return sum(line.open for line in self.lines)

    def hold(self) -> None:
        """Nothing goes either way until `resume`; lines are taken and stay."""
        self._call(self._flowing.clear)

    def resume(self) -> None:
        """Takes back everything: lines of all kinds are good again, but those that were cut."""
        self.cut_after = self.silent_after = None
        self.delay = 0.0
        self._call(self._flowing.set)
        if self._server is None:
            self._do(self._listen())

    def refuse(self) -> None:
        """Nobody listens at the port any more; lines that are there stay."""
        self._do(self._stop_listening())

    def cut(self) -> None:
        """Ends all lines now."""
        self._do(self._cut())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _cut(self) -> None:
        for end in list(self._ends):
            end.close()

    async def _close(self) -> None:
        await self._stop_listening()
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        line = Line()
        self.lines.append(line)
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        self._ends.add(to_client)
        to_server: asyncio.StreamWriter | None = None
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
            self._ends.add(to_server)
            pumps = [
                asyncio.create_task(self._pump_up(client, to_server, line)),
                asyncio.create_task(self._pump_down(server, to_client, line)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # asyncio's streams tell of a task that was cancelled as of a fault
        finally:
            line.open = False
            for end in (to_client, to_server):
                if end is not None:
                    self._ends.discard(end)
                    end.close()
            self._pumps.discard(task)

    async def _pump_up(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, line: Line) -> None:
        while piece := await client.read(_CHUNK):
            await self._flowing.wait()
            line.up += len(piece)
            to_server.write(piece)
            await to_server.drain()

    async def _pump_down(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, line: Line) -> None:
        while piece := await server.read(_CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._flowing.wait()
            cut, silent = self.cut_after, self.silent_after
            left = [limit - line.down for limit in (cut, silent) if limit is not None]
            piece = piece[: max(min(left), 0)] if left else piece
            line.down += len(piece)
            to_client.write(piece)
            await to_client.drain()
            if cut is not None and line.down >= cut:
                return

    def _call(self, what: Callable[[], Any]) -> None:
        async def once() -> None:
            what()

        self._do(once())

    def _do(self, what: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(_PATIENCE)
