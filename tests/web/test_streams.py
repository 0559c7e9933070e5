"""Streams that browsers keep open end with the rights they began with, and one person has only so many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.store.access import end_sessions
from gateway.usecases.edit_session import COOKIE
from gateway.web.live import Live, Part
from gateway.web.streams import MOST_STREAMS
from tests.web.boxes import number
from tests.web.site import Site, letter
from tests.web.test_walls import new_link


async def demote(site: Site) -> None:
    """The reader is no admin any more."""
    await site.add_user("eve@acme.example", "Eve", "admin")
    answer = await site.api.patch(f"/v1/users/{site.acme.owner.id}", json={"role": "user"})
    assert answer.status_code == 200, answer.text


async def sign_out(site: Site) -> None:
    """All sessions of the reader are ended."""
    await site.store.write(lambda tx: end_sessions(tx, number(tx), site.acme.owner.id) and None)


def part_of(site: Site, session: str | None) -> AsyncIterator[str]:
    """A live part that is another one each time."""
    count = iter(range(1_000))

    async def render() -> Part:
        return Part(f"<p>{next(count)}</p>")

    live: Live = site.app.state.live
    return live.stream(session, render, 0.01)


async def session_of(site: Site) -> str:
    browser = await site.console(await new_link(site))
    return str(browser.cookies[COOKIE])


@pytest.mark.parametrize("change", [demote, sign_out])
async def test_a_live_part_ends_with_the_rights_it_began_with(
    site: Site, change: Callable[[Site], Awaitable[None]]
) -> None:
    stream = part_of(site, await session_of(site))
    assert [(await anext(stream))[:5] for _ in range(3)] == ["retry", "event", "event"]
    await change(site)
    async with asyncio.timeout(20):
        rest = [text async for text in stream]
    assert len(rest) <= 1, "at most what was under way"


@pytest.mark.parametrize("change", [demote, sign_out])
async def test_the_feed_ends_with_the_rights_it_began_with(
    site: Site, change: Callable[[Site], Awaitable[None]]
) -> None:
    account = await site.store.read(number)
    stream = site.app.state.feed.stream(account, "", await session_of(site))
    assert (await anext(stream)).startswith("retry")
    await site.hand(letter("Before"))
    async with asyncio.timeout(20):
        assert "Before" in await anext(stream)
        await change(site)
        await site.hand(letter("After"))
        assert [text async for text in stream] == []


async def test_one_person_has_only_so_many_and_gets_the_next_when_one_ends(site: Site) -> None:
    session = await session_of(site)
    streams = [part_of(site, session) for _ in range(MOST_STREAMS)]
    assert {await anext(one) for one in streams} == {"retry: 2000\n\n"}
    assert [text async for text in part_of(site, session)] == ["retry: 60000\n\n"]
    await streams[0].aclose()  # type: ignore[attr-defined]
    assert await anext(part_of(site, session)) == "retry: 2000\n\n"


@pytest.mark.parametrize("session", [None, "", "sgs_1_x"])
async def test_nobody_who_is_not_signed_in_is_streamed_to(site: Site, session: str | None) -> None:
    assert [text async for text in part_of(site, session)] == ["retry: 60000\n\n"]
