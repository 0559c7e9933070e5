"""The live feed over a real server: a mail shows without anybody reloading."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest

from gateway.web.app import close_streams
from gateway.web.server import WebServer
from tests.web.site import Page, Site, letter


@pytest.fixture
async def served(site: Site) -> AsyncIterator[str]:
    """The site behind a real listener; its address."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = WebServer(site.app, 1.0)
    task = asyncio.create_task(server.serve([sock]))
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    close_streams(site.app)
    server.should_exit = True
    await task


async def listen(reader: httpx2.AsyncClient, url: str, wanted: int, begun: asyncio.Event) -> list[dict[str, str]]:
    """The data of so many events."""
    heard: list[dict[str, str]] = []
    async with asyncio.timeout(20), reader.stream("GET", url) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            begun.set()
            if line.startswith("data: "):
                heard.append(json.loads(line.removeprefix("data: ")))
                if len(heard) == wanted:
                    break
    return heard


async def sign_in(site: Site, url: str, link: str) -> httpx2.AsyncClient:
    reader = httpx2.AsyncClient(base_url=url)
    site.clients.append(reader)
    assert (await reader.get(link.partition(".example")[2])).status_code == 303
    return reader


async def test_a_mail_shows_to_everyone_of_its_account_and_to_nobody_else(site: Site, served: str) -> None:
    await site.hand(letter("Before"))
    last = (await site.api.get("/v1/receipts")).json()["data"][0]["id"]
    ana, olga = await sign_in(site, served, site.acme.sign_in_url), await sign_in(site, served, site.other.sign_in_url)
    begun = [asyncio.Event() for _ in range(3)]
    one = asyncio.create_task(listen(ana, f"/feed?after={last}", 2, begun[0]))
    two = asyncio.create_task(listen(ana, "/feed", 3, begun[1]))
    other = asyncio.create_task(listen(olga, "/feed", 1, begun[2]))
    await asyncio.gather(*(event.wait() for event in begun))
    await site.hand(letter("Now <b>"))
    await site.hand(letter("Hidden", cc=""))
    first, second = await one
    assert "Now &lt;b&gt;" in first["html"]
    assert first["said"] == "Filed: Now <b>, new lead, on Bob Miller"
    assert second["said"] == "Refused: Hidden, hidden copy: the address was in Bcc"
    assert [Page(event["html"]).faults for event in (first, second)] == [[], []]
    assert [event["said"].split(",")[0] for event in await two] == [
        "Filed: Before",
        "Filed: Now <b>",
        "Refused: Hidden",
    ]
    assert not other.done()
    await site.hand(letter("Theirs", cc="other@mail.kommo.com"), "other@mail.kommo.com")
    assert [event["said"] for event in await other] == ["Filed: Theirs, without a card"]


async def test_open_streams_end_when_the_site_closes(site: Site, served: str) -> None:
    ana = await sign_in(site, served, site.acme.sign_in_url)
    begun = asyncio.Event()
    stream = asyncio.create_task(listen(ana, "/feed", 1, begun))
    await begun.wait()
    close_streams(site.app)
    assert await stream == []


async def test_a_stranger_hears_nothing(site: Site, served: str) -> None:
    async with httpx2.AsyncClient(base_url=served) as stranger:
        assert (await stranger.get("/feed")).status_code == 401
