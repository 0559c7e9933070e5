"""A receiver of webhooks, as somebody else's server is: it checks signatures, and answers what a story says."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True, slots=True)
class Heard:
    """One request. genuine: which of the secrets it knows have signed it."""

    id: str
    headers: dict[str, str]
    body: dict[str, Any]
    genuine: tuple[bool, ...]

    @property
    def type(self) -> str:
        return str(self.body["type"])


Answer = int | bytes | Callable[[asyncio.StreamWriter], Any]
"""A status, a whole answer, or what to do with the connection."""


@dataclass
class Receiver:
    """Listens on a free port of loopback. answers: to be given one after the other; then 204."""

    secrets: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}/hook"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def hear(self, count: int, seconds: float = 20) -> list[Heard]:
        """What was heard, once it was so much."""
        async with asyncio.timeout(seconds):
            while len(self.heard) < count:
                self._more.clear()
                await self._more.wait()
        return self.heard

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.heard]

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.heard]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")[1:]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.heard.append(Heard(headers["webhook-id"], headers, json.loads(body), self._genuine(body, headers)))
        self._more.set()
        answer = self.answers.pop(0) if self.answers else 204
        if callable(answer):
            await answer(writer)
            return False
        if isinstance(answer, int):
            answer = f"HTTP/1.1 {answer} Said\r\nContent-Length: 0\r\n\r\n".encode()
        writer.write(answer)
        await writer.drain()
        return True

    def _genuine(self, body: bytes, headers: dict[str, str]) -> tuple[bool, ...]:
        found = []
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body, headers)
                found.append(True)
            except WebhookVerificationError:
                found.append(False)
        return tuple(found)


async def hang(_writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    await asyncio.Event().wait()


async def die(writer: asyncio.StreamWriter) -> None:
    """Breaks the connection off."""
    writer.transport.abort()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Says 200 and then its words, a letter at a time, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


def saying(status: int, *fields: str, body: str = "") -> bytes:
    """An answer with fields and a body."""
    lines = [f"HTTP/1.1 {status} Said", *fields, f"Content-Length: {len(body.encode())}", "", body]
    return "\r\n".join(lines).encode()
