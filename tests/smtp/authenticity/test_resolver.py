"""The resolver: what it remembers and for how long, and what becomes of servers that don't answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.smtp.authenticity.resolver import NO_NAME, Answer, LookupFailedError, Resolver
from tests.name_server import SERVFAIL, TIMEOUT, NameServer

ZONES: dict[str, Any] = {
    "example.net": [
        ("TXT", ["one ", "two"]),
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("MX", (10, "MX.example.net")),
    ],
    "empty.example.net": [],
    "alias.example.net": [("CNAME", "example.net")],
    "1.2.0.192.in-addr.arpa": [("PTR", "mx.example.net")],
    "long.example.net": [("TXT", "x" * 3000)],
    "broken.example.net": SERVFAIL,
    "silent.example.net": TIMEOUT,
}

ANSWERS = {
    # story: (name, type, answer)
    "strings of a text are joined": ("example.net", "TXT", Answer(("one two",))),
    "an address": ("example.net", "A", Answer(("192.0.2.1",))),
    "an address of version 6": ("example.net", "AAAA", Answer(("2001:db8::1",))),
    "a mail server": ("example.net", "MX", Answer(("MX.example.net",))),
    "the name of an address": ("1.2.0.192.in-addr.arpa", "PTR", Answer(("mx.example.net",))),
    "capitals and a last dot": ("EXAMPLE.net.", "A", Answer(("192.0.2.1",))),
    "an alias": ("alias.example.net", "A", Answer(("192.0.2.1",))),
    "a name without such records": ("empty.example.net", "TXT", Answer()),
    "a name that is not there": ("no.example.net", "TXT", NO_NAME),
    "an answer too long for one packet": ("long.example.net", "TXT", Answer(("x" * 3000,))),
    "a label that is too long": (f"{'a' * 64}.example.net", "TXT", NO_NAME),
    "a name that is too long": ("a." * 130 + "net", "TXT", NO_NAME),
    "an empty label": ("a..example.net", "TXT", NO_NAME),
    "no name": ("", "TXT", NO_NAME),
    "a letter outside ASCII": ("bücher.example", "TXT", NO_NAME),
    "a backslash is a sign like others": ("\\101.example.net", "TXT", NO_NAME),
}


@pytest.mark.parametrize(("name", "kind", "answer"), ANSWERS.values(), ids=ANSWERS)
async def test_an_answer(name: str, kind: str, answer: Answer) -> None:
    async with NameServer(ZONES) as server:
        assert await Resolver([server.address]).lookup(name, kind) == answer


@pytest.mark.parametrize("name", ["broken.example.net", "silent.example.net"])
async def test_a_server_that_fails_or_is_silent_owes_the_answer_and_is_asked_again(name: str) -> None:
    async with NameServer(ZONES) as server:
        resolver = Resolver([server.address], query_seconds=0.2)
        for _ in range(2):
            with pytest.raises(LookupFailedError):
                await resolver.lookup(name, "TXT")
        asked = len(server.asked)
        server.publish({name: [("TXT", "now")]})

        assert await resolver.lookup(name, "TXT") == Answer(("now",))
        assert asked >= 2


async def test_a_second_server_is_asked_where_the_first_is_silent() -> None:
    async with NameServer({"example.net": TIMEOUT}) as silent, NameServer(ZONES) as server:
        resolver = Resolver([silent.address, server.address], query_seconds=1)

        assert await resolver.lookup("example.net", "A") == Answer(("192.0.2.1",))


class Clock:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_an_answer_is_remembered_for_its_time_to_live_and_no_longer() -> None:
    clock = Clock()
    async with NameServer(ZONES, ttl=60) as server:
        resolver = Resolver([server.address], clock=clock)
        for clock.now in (0.0, 59.0, 61.0):
            await resolver.lookup("example.net", "TXT")

        assert server.asked == [("example.net", "TXT")] * 2


async def test_an_answer_is_believed_for_an_hour_at_most() -> None:
    clock = Clock()
    async with NameServer(ZONES, ttl=1_000_000) as server:
        resolver = Resolver([server.address], clock=clock)
        for clock.now in (0.0, 3599.0, 3601.0):
            await resolver.lookup("example.net", "TXT")

        assert len(server.asked) == 2


@pytest.mark.parametrize("name", ["no.example.net", "empty.example.net"])
async def test_that_there_is_nothing_is_remembered_for_as_long_as_the_zone_says(name: str) -> None:
    clock = Clock()
    async with NameServer(ZONES, ttl=30) as server:
        resolver = Resolver([server.address], clock=clock)
        for clock.now in (0.0, 29.0, 31.0):
            await resolver.lookup(name, "TXT")

        assert len(server.asked) == 2


async def test_the_memory_is_bounded_and_forgets_what_was_not_asked_for_longest() -> None:
    async with NameServer(ZONES) as server:
        resolver = Resolver([server.address], cache_size=2)
        for kind in ("A", "TXT", "A", "MX", "A", "TXT"):
            await resolver.lookup("example.net", kind)

        assert [kind for _, kind in server.asked] == ["A", "TXT", "MX", "TXT"]


async def test_the_same_question_is_asked_once_at_a_time() -> None:
    async with NameServer(ZONES) as server:
        resolver = Resolver([server.address])

        answers = await asyncio.gather(*(resolver.lookup("example.net", "A") for _ in range(20)))

        assert set(answers) == {Answer(("192.0.2.1",))}
        assert len(server.asked) == 1


async def test_one_who_gives_up_takes_no_answer_from_the_others() -> None:
    async with NameServer(ZONES) as server:
        resolver = Resolver([server.address])
        hasty = asyncio.create_task(resolver.lookup("example.net", "A"))
        patient = asyncio.create_task(resolver.lookup("example.net", "A"))
        await asyncio.sleep(0)
        hasty.cancel()

        assert await patient == Answer(("192.0.2.1",))
