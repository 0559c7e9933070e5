"""A proxy between a sender and the server that loses replies, and the connection with them, in a way of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.crash.fleet import Road

_REPLY = re.compile(rb"(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n")
_END = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Loss:
    """How a connection is lost. reply: with which reply, the greeting being 0. passed: how much of it still comes
    through. early: how the server's side is treated as soon as the message has ended, before it could answer:
    "half" closes our half, "close" all of it, "reset" resets it. reset: the sender's side is reset, not closed.
    final: the message had ended by then.
    """

    reply: int
    passed: Callable[[bytes], bytes] = lambda reply: b""
    early: str = ""
    reset: bool = False
    final: bool = True

    @property
    def certain(self) -> bool:
        """The server has surely read the whole message: a reset also destroys what its kernel still kept for it."""
        return self.final and self.early in ("", "half")


def losses(road: Road) -> dict[str, Loss]:
    """All ways in which a reply can be lost on a road: to a command, or to the message, of which LMTP has several."""
    begun = ["the greeting", road.hello, "MAIL", *(f"RCPT of {slug}" for slug in road.accounts), "DATA"]
    found = {f"{what} has no reply": Loss(n, final=False) for n, what in enumerate(begun)}
    for n, slug in enumerate(road.accounts[: road.answers]):
        reply, whose = len(begun) + n, f"the 250 of {slug}"
        found |= {
            f"{whose} never comes": Loss(reply),
            f"half of {whose} comes": Loss(reply, passed=lambda reply: reply[: len(reply) // 2]),
            f"{whose} comes without its line end": Loss(reply, passed=lambda reply: reply[:-2]),
            f"{whose} is a reset": Loss(reply, reset=True),
        }
    first = len(begun)
    return found | {
        "the sender's half is closed before the 250": Loss(first, early="half"),
        "the sender is gone before the 250": Loss(first, early="close"),
        "the sender is reset before the 250": Loss(first, early="reset"),
    }


@dataclass(slots=True)
class Proxy:
    """Listens at `port`. lost: what the server said and the sender never heard."""

    server: tuple[str, int]
    loss: Loss
    port: int = 0
    lost: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listener.close()

    async def _serve(self, sender: asyncio.StreamReader, to_sender: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(*self.server)
        there = asyncio.create_task(self._up(sender, to_server))
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._down(from_server, to_sender)
        there.cancel()
        for side, reset in ((to_sender, self.loss.reset), (to_server, self.loss.early == "reset")):
            _leave(side, reset=reset)

    async def _up(self, sender: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        """Everything the sender says; the server's side may be lost with the end of the message."""
        last = b""
        while piece := await sender.read(1 << 16):
            to_server.write(piece)
            await to_server.drain()
            last = (last + piece)[-len(_END) :]
            if last == _END and self.loss.early:
                if self.loss.early == "half":
                    to_server.write_eof()
                else:
                    _leave(to_server, reset=self.loss.early == "reset")

    async def _down(self, from_server: asyncio.StreamReader, to_sender: asyncio.StreamWriter) -> None:
        """Replies, one by one, up to the one that is lost."""
        number, held = 0, b""
        while piece := await from_server.read(1 << 16):
            held += piece
            while reply := _REPLY.match(held):
                held = held[reply.end() :]
                if number == self.loss.reply:
                    self.lost.append(reply[0])
                    to_sender.write(self.loss.passed(reply[0]))
                    await to_sender.drain()
                    return
                number += 1
                to_sender.write(reply[0])
                await to_sender.drain()


def _leave(side: asyncio.StreamWriter, *, reset: bool) -> None:
    """Closes a connection, with a reset where that is wanted."""
    raw = side.get_extra_info("socket")
    if reset and raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    side.close()
