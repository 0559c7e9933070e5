"""Connections to a receiver: used again while they hold, and whatever the other side says is told in words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from crm_adapter.lines import ANSWER_BYTES, HEAD_BYTES, LineError, Lines, NoConnectionError
from crm_adapter.targets import read_url

FIELDS, BODY = (("Host", "crm.example"),), b'{"type":"message.filed"}'
GOOD = b"HTTP/1.1 204 No Content\r\n\r\n"
HERE = "127.0.0.1"


class Place:
    """Answers each request with the next of `says`, then with the last. hangs_up: closes after each answer."""

    def __init__(self, *says: bytes, hangs_up: bool = False) -> None:
        self.says, self.hangs_up = list(says), hangs_up
        self.connections = 0
        self.heard: list[bytes] = []
        self.gone = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Lines]:
        server = await asyncio.start_server(self._serve, HERE, 0)
        port = server.sockets[0].getsockname()[1]
        lines = Lines(read_url(f"http://crm.example:{port}/hook?a=1"), ssl.create_default_context())
        try:
            yield lines
        finally:
            await lines.close()
            if self.connections:
                await self.gone.wait()
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heard.append(head + await reader.readexactly(len(BODY)))
                writer.write(self.says.pop(0) if len(self.says) > 1 else self.says[0])
                await writer.drain()
                if self.hangs_up:
                    break
        writer.close()
        self.gone.set()


async def test_a_connection_is_used_for_one_request_after_the_other() -> None:
    place = Place(GOOD)
    async with place.open() as lines:
        for _ in range(3):
            assert (await lines.post(HERE, FIELDS, BODY)).status == 204
    assert place.connections == 1
    assert len(place.heard) == 3
    assert place.heard[0].startswith(b"POST /hook?a=1 HTTP/1.1\r\nHost: crm.example\r\n")
    assert place.heard[0].endswith(BODY)


async def test_one_that_was_closed_meanwhile_is_replaced() -> None:
    place = Place(GOOD, hangs_up=True)
    async with place.open() as lines:
        for _ in range(3):
            assert (await lines.post(HERE, FIELDS, BODY)).status == 204
    assert len(place.heard) == 3


async def test_one_to_another_address_is_not_used_again() -> None:
    place = Place(GOOD)
    async with place.open() as lines:
        await lines.post(HERE, FIELDS, BODY)
        with pytest.raises(NoConnectionError):
            await lines.post("127.0.0.2", FIELDS, BODY)
        await place.gone.wait()
    assert place.connections == 1


async def test_of_a_long_answer_the_first_words_are_kept_and_the_connection_is_left() -> None:
    place = Place(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
    async with place.open() as lines:
        answer = await lines.post(HERE, FIELDS, BODY)
        await place.gone.wait()
    assert (answer.status, answer.said) == (200, b"x" * ANSWER_BYTES)


async def test_what_comes_before_an_answer_is_passed_over() -> None:
    place = Place(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 202 Accepted\r\nRetry-After: 7\r\n\r\n")
    async with place.open() as lines:
        answer = await lines.post(HERE, FIELDS, BODY)
    assert (answer.status, answer.fields) == (202, {"retry-after": "7"})


NONSENSE: dict[str, Callable[[], bytes]] = {
    "another protocol": lambda: b"220 mail.example ESMTP\r\n\r\n",
    "a head without an end": lambda: b"HTTP/1.1 200 OK\r\nX: " + b"x" * (2 * HEAD_BYTES),
    "a header line without a colon": lambda: b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "nothing at all": lambda: b"",
}


@pytest.mark.parametrize("says", NONSENSE.values(), ids=NONSENSE)
async def test_what_is_no_answer_breaks_the_connection(says: Callable[[], bytes]) -> None:
    place = Place(says(), hangs_up=True)
    async with place.open() as lines:
        with pytest.raises((LineError, OSError)):
            await lines.post(HERE, FIELDS, BODY)
