"""The HTTP listener and peers that take their time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.web import server
from gateway.web.server import WebServer
from tests.web.site import Site

STORES = ("sqlite",)
"""What is tried here lies above the store."""


@pytest.fixture
async def port(site: Site) -> AsyncIterator[int]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    web = WebServer(site.app, 1.0)
    task = asyncio.create_task(web.serve([sock]))
    await web.accepts.wait()
    yield sock.getsockname()[1]
    web.should_exit = True
    await task


SLOW = {
    # story: what is sent and then no more, how the answer begins
    "nothing at all": (b"", b"HTTP/1.1 408"),
    "half a head": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"HTTP/1.1 408"),
    "half a head after a request": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n",
        b"HTTP/1.1 200",
    ),
    "half a body": (b"POST /v1/explain HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", b""),
}


async def ask_and_never_read(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        await writer.drain()


async def test_a_peer_that_never_reads_its_answers_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 0.05)

    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(ask_and_never_read(writer), 30)
    writer.close()


@pytest.mark.parametrize(("sent", "answer"), SLOW.values(), ids=SLOW)
async def test_a_peer_that_never_ends_its_request_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch, sent: bytes, answer: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.05)
    monkeypatch.setattr(server, "BODY_SECONDS", 0.05)

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    said = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert said.startswith(answer)
