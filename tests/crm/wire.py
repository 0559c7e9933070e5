"""A real HTTP server of ours that fails on demand: before it does what it was asked, after, or in the middle."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11

BEFORE, AFTER, SILENT, SLOW = "lost before it took effect", "lost after", "never answered", "answered drop by drop"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def asked(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Late:
    """It took effect, and then this was answered."""

    reply: Reply


Handler = Callable[[Request], Reply | Awaitable[Reply]]


@dataclass
class Fault:
    """What goes wrong at the next request of this method and path (its beginning). how: one of these, or a reply."""

    how: str | Reply | Late
    method: str = "POST"
    path: str = "/"
    times: int = 1


class Wire:
    """Listens on a free port of this machine. Every connection and every fault is accounted for when it closes."""

    def __init__(self, handle: Handler, tls: ssl.SSLContext | None = None) -> None:
        self._handle, self._tls = handle, tls
        self.faults: list[Fault] = []
        self.each: str | Reply | Late | None = None
        self.met: set[str] = set()
        self.seen: list[Request] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def fail(self, how: str | Reply | Late, method: str = "POST", path: str = "/", times: int = 1) -> None:
        self.faults.append(Fault(how, method, path, times))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = h11.Connection(h11.SERVER)
        try:
            while (request := await _next(talk, reader)) is not None:
                if not await self._answer(talk, writer, request):
                    break
                if talk.our_state is not h11.DONE:
                    break
                talk.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError):
            pass
        finally:
            writer.close()

    async def _answer(self, talk: h11.Connection, writer: asyncio.StreamWriter, request: Request) -> bool:
        self.seen.append(request)
        fault = self._fault(request)
        if fault == BEFORE:
            return False
        if isinstance(fault, Reply):
            reply = fault
        else:
            made = self._handle(request)
            reply = made if isinstance(made, Reply) else await made
        if fault == AFTER:
            return False
        if isinstance(fault, Late):
            reply = fault.reply
        if fault == SILENT:
            await asyncio.Event().wait()
        body = b"" if reply.data is None else json.dumps(reply.data).encode()
        headers = [("content-length", str(len(body))), *reply.headers.items()]
        writer.write(talk.send(h11.Response(status_code=reply.status, headers=headers)) or b"")
        if fault == SLOW:
            writer.write(body[:1])
            await asyncio.Event().wait()
        writer.write((talk.send(h11.Data(data=body)) or b"") + (talk.send(h11.EndOfMessage()) or b""))
        await writer.drain()
        return True

    def _fault(self, request: Request) -> str | Reply | Late | None:
        for fault in self.faults:
            if fault.method == request.method and request.path.startswith(fault.path):
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                return fault.how
        if self.each is not None and request.method != "GET" and (what := self.name(request)) not in self.met:
            self.met.add(what)
            return self.each
        return None

    def name(self, request: Request) -> str:
        """What a request is about: with `each`, everything that writes fails the first time."""
        return f"{request.method} {request.path}"


async def _next(talk: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    head: h11.Request | None = None
    body = b""
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65_536)
            if not data and head is None:
                return None
            talk.receive_data(data)
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            target = urlsplit(head.target.decode())
            headers = {name.decode().lower(): value.decode() for name, value in head.headers}
            query = tuple(parse_qsl(target.query, keep_blank_values=True))
            return Request(head.method.decode(), target.path, query, headers, bytes(body))
        else:
            return None
