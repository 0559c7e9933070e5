"""Someone else's web server, small: over TLS or not, one request a connection, every one of them remembered."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. host: of the Host field, without a port. fields: names in lower case."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """One answer; drip: the body never ends."""

    status: int = 200
    body: bytes = b""
    fields: Mapping[str, str] = field(default_factory=dict)
    drip: bool = False


Answers = Callable[[Asked], Awaitable[Said | None]]


class WebServer:
    """Start it, then ask `port`. answers: what it says; None: nothing, for as long as somebody waits."""

    def __init__(self, answers: Answers, tls: ssl.SSLContext | None = None) -> None:
        self._answers, self._tls = answers, tls
        self._open: set[asyncio.Task[None]] = set()
        self.asked: list[Asked] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            self._open.discard(task)
            writer.transport.abort() if self._tls else writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await _read(reader)
        self.asked.append(asked)
        said = await self._answers(asked)
        if said is None or said.drip:
            if said is not None:
                writer.write(f"HTTP/1.1 {said.status} Said\r\nContent-Length: 60000\r\n\r\n".encode())
            await reader.read()
            return
        fields = {"Content-Length": str(len(said.body)), "Connection": "close", **said.fields}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.1 {said.status} Said\r\n{head}\r\n".encode() + said.body)
        await writer.drain()
        if self._tls:
            await reader.read()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    parts = urlsplit(target)
    form = dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
    host = fields.get("host", "").partition(":")[0]
    return Asked(method, host, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), form, fields)
