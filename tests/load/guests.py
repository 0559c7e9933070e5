"""Guests: clients of a crowd, thousands in one event loop, each with a script of what it says and what it doesn't."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

PATIENCE = 120.0
CLOSED, RESET, STAYED = "closed without a word", "reset", "still there"
_AT_ONCE = 256
"""So many connections are opened at one time: a crowd that comes, not a flood of connections."""


class Guest(asyncio.Protocol):
    """One connection. It hears every reply unless it is told to be deaf.

    heard: code and enhanced code of each reply. stubborn: it doesn't hang up when it is told to go.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.heard: list[str] = []
        self.stubborn = False
        self.gone = self.loop.create_future()
        self.transport: asyncio.Transport
        self._tail = b""
        self._writable = asyncio.Event()
        self._writable.set()
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._tail = (self._tail + data).split(b"\r\n")
        self.heard += [line.decode("ascii", "replace")[:9] for line in lines if line[3:4] == b" "]
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(RESET if error is not None else CLOSED)
        self._writable.set()
        self._wake()

    def eof_received(self) -> bool:
        return self.stubborn

    def leave(self) -> None:
        if not self.gone.done():
            self.transport.abort()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    async def pour(self, data: bytes, times: int) -> int:
        """The same octets again and again, as fast as they are taken, until it is cut; how many were handed over."""
        for n in range(times):
            await self._writable.wait()
            await asyncio.sleep(0)  # a reply that has come is looked at first
            if self.told_to_go or self.gone.done() or self.transport.is_closing():
                return n * len(data)
            self.transport.write(data)
        return times * len(data)

    @property
    def told_to_go(self) -> bool:
        return bool(self.heard) and self.heard[-1].startswith("421")

    async def hear(self, count: int) -> None:
        """Wait until so many replies were heard in all, or it was sent away."""
        while len(self.heard) < count and not self.gone.done():
            self._waiter = self.loop.create_future()
            await self._waiter

    async def say(self, *commands: str) -> None:
        """Commands one after the other, each when the one before was answered."""
        for command in commands:
            wanted = len(self.heard) + 1
            self.send(command.encode() + b"\r\n")
            await self.hear(wanted)

    async def drip(self, data: bytes, pieces: int, seconds: float) -> None:
        """Octets in so many pieces over so long a time."""
        size = -(-len(data) // pieces)
        for at in range(0, len(data), size):
            if self.gone.done():
                return
            self.send(data[at : at + size])
            await asyncio.wait([self.gone], timeout=seconds / pieces)

    async def encrypt(self, trust: ssl.SSLContext) -> None:
        """Take the connection into TLS, after STARTTLS was answered."""
        secured = await self.loop.start_tls(self.transport, self, trust, server_hostname="mx.mail.kommo.com")
        assert secured is not None
        self.transport = secured

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


Script = Callable[[Guest], Awaitable[None]]


@dataclass(slots=True)
class Ended:
    """How guests ended: the last reply each had heard when it was cut, or how it was cut without one."""

    by: Counter[str]

    def but(self, wanted: Iterable[str]) -> dict[str, int]:
        """Those that ended otherwise."""
        return {how: count for how, count in self.by.items() if how not in wanted}


async def call(address: tuple[str, int], source: str = "127.0.0.1", receive: int = 0) -> Guest:
    """A guest that has just connected. receive: octets its own kernel takes for it, where it is to take few."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if receive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        sock.bind((source, 0))
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    _, guest = await loop.create_connection(Guest, sock=sock)
    return guest


class Crowd:
    """So many guests with the same script. `arrive` returns when each has come to where it will stay."""

    def __init__(self, address: tuple[str, int], count: int, script: Script, source: str, receive: int = 0) -> None:
        """Receive: octets that the kernel of each takes for it, where it is to take few."""
        self._address, self._count, self._script = address, count, script
        self._source, self._receive = source, receive
        self._guests: list[Guest] = []
        self._scripts: list[asyncio.Future[None]] = []

    async def arrive(self) -> None:
        """All connect and begin; a script that takes its time goes on by itself."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(n: int) -> None:
            async with gate:
                guest = await call(self._address, self._source, self._receive)
            self._guests.append(guest)
            self._scripts.append(asyncio.ensure_future(self._script(guest)))

        await asyncio.gather(*(one(n) for n in range(self._count)))

    async def end(self, seconds: float) -> Ended:
        """Wait until the server has sent all away, or so long; then they leave."""
        await asyncio.wait([guest.gone for guest in self._guests], timeout=seconds)
        by = Counter(self._how(guest) for guest in self._guests)
        for guest in self._guests:
            guest.leave()
        for script in self._scripts:
            script.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            faults = [fault for fault in await asyncio.gather(*self._scripts, return_exceptions=True) if fault]
            by.update(f"script: {fault!r}" for fault in faults if isinstance(fault, AssertionError))
        return Ended(by)

    @staticmethod
    def _how(guest: Guest) -> str:
        if not guest.gone.done():
            return STAYED
        last = guest.heard[-1] if guest.heard else ""
        return last if last.startswith(("4", "5", "250 2.6.0")) else str(guest.gone.result())
