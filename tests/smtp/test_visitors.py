"""What is counted by address (A8): sessions, rates, and what a network may learn about who exists here."""

from __future__ import annotations

import tracemalloc

import pytest

from gateway import metrics
from gateway.counting import Buckets
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.visitors import Presence, Visitors
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import FrontDesk, Peer


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def come(dial: Dial, address: tuple[str, int], source: str) -> tuple[Peer, str]:
    """A connection from anywhere in the world, as a load balancer tells of it; what it is greeted with."""
    peer = await dial(address, greeting=False)
    family, own = ("TCP6", "2001:db8::1") if ":" in source else ("TCP4", "192.0.2.1")
    await peer.send(f"PROXY {family} {source} {own} 4711 25\r\n".encode())
    return peer, await peer.hear()


async def begun(dial: Dial, address: tuple[str, int], source: str) -> Peer:
    peer, greeting = await come(dial, address, source)
    assert greeting.startswith("220 ")
    await peer.ask("EHLO client.example")
    assert (await peer.ask("MAIL FROM:<bob@client.example>")).startswith("250 ")
    return peer


async def test_a8_one_address_holds_so_many_sessions_and_no_more(serve: Serve, dial: Dial) -> None:
    address = await serve(proxies=["127.0.0.1"], sessions_per_address=2)
    first, _ = await come(dial, address, "198.51.100.7")
    await come(dial, address, "198.51.100.7")
    refused, told = await come(dial, address, "198.51.100.7")
    assert told.startswith("421 4.7.0 ")
    assert await refused.hear() == ""
    assert (await come(dial, address, "198.51.100.8"))[1].startswith("220 ")
    assert (await first.ask("QUIT")).startswith("221 ")
    assert await first.hear() == ""
    assert (await come(dial, address, "198.51.100.7"))[1].startswith("220 ")


async def test_a8_a_flood_from_one_address_takes_nobody_elses_room_even_where_it_does_not_hang_up(
    serve: Serve, dial: Dial
) -> None:
    address = await serve(proxies=["127.0.0.1"], sessions_per_address=1, max_sessions=8)
    await come(dial, address, "198.51.100.7")
    told = [(await come(dial, address, "198.51.100.7"))[1][:9] for _ in range(20)]
    assert told == ["421 4.7.0"] * 20
    assert (await come(dial, address, "198.51.100.8"))[1].startswith("220 ")


async def test_a8_an_ipv6_host_counts_with_its_whole_64(serve: Serve, dial: Dial) -> None:
    address = await serve(proxies=["127.0.0.1"], sessions_per_address=1)
    await come(dial, address, "2001:db8:7:7::1")
    assert (await come(dial, address, "2001:db8:7:7:ffff::2"))[1].startswith("421 4.7.0 ")
    assert (await come(dial, address, "2001:db8:7:8::1"))[1].startswith("220 ")


async def test_a8_connections_a_minute_are_bounded_and_come_back(serve: Serve, dial: Dial) -> None:
    clock = Clock()
    address = await serve(proxies=["127.0.0.1"], connections_per_minute=3, clock=clock)
    told = [(await come(dial, address, "198.51.100.7"))[1][:3] for _ in range(5)]
    assert told == ["220", "220", "220", "421", "421"]
    clock.now = 20
    assert [(await come(dial, address, "198.51.100.7"))[1][:3] for _ in range(2)] == ["220", "421"]


async def test_a8_mails_a_minute_are_bounded_and_the_session_goes_on(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    clock = Clock()
    peer, _ = await come(dial, await serve(proxies=["127.0.0.1"], mails_per_minute=2, clock=clock), "198.51.100.7")
    for _ in range(2):
        assert (await peer.deliver(b".\r\n")).startswith("250 ")
    assert (await peer.ask("MAIL FROM:<bob@client.example>")).startswith("450 4.7.1 ")
    assert (await peer.ask("RCPT TO:<acme@mail.kommo.com>")).startswith("503 ")
    clock.now = 30
    assert (await peer.deliver(b".\r\n")).startswith("250 ")
    assert len(desk.filed) == 3


SPARED = {"loopback": ("127.0.0.9", ()), "a trusted relay": ("198.51.100.7", ("198.51.100.0/24",))}


@pytest.mark.parametrize(("source", "trusted"), SPARED.values(), ids=SPARED)
async def test_a8_loopback_and_trusted_relays_are_spared(
    serve: Serve, dial: Dial, source: str, trusted: tuple[str, ...]
) -> None:
    address = await serve(
        proxies=["127.0.0.1"],
        trusted=trusted,
        sessions_per_address=1,
        connections_per_minute=1,
        mails_per_minute=1,
        names_per_hour=1,
    )
    for _ in range(3):
        peer = await begun(dial, address, source)
        assert (await peer.ask("RCPT TO:<nobody@mail.kommo.com>")).startswith("550 5.1.1 ")
        assert (await peer.ask("RCPT TO:<acme@mail.kommo.com>")).startswith("250 ")


async def harvest(dial: Dial, address: tuple[str, int], sources: list[str], guesses: list[str]) -> dict[str, str]:
    """Asks for one name after another, from one address after another; what was said of each."""
    said: dict[str, str] = {}
    peer: Peer | None = None
    for number, name in enumerate(guesses):
        while name not in said:
            if peer is None:
                peer = await begun(dial, address, sources[number % len(sources)])
            answer = await peer.ask(f"RCPT TO:<{name}@mail.kommo.com>")
            if not answer or answer.startswith("421"):
                peer.leave()
                peer = None
            said.setdefault(name, answer)
            if peer is not None and number % 20 == 19:
                peer.leave()
                peer = None
    return said


async def test_a8_a_thousand_guesses_from_a_block_learn_no_more_than_ten_names(
    serve: Serve, dial: Dial, desk: FrontDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.unknown = frozenset(f"guess{number}" for number in range(0, 1000, 2))
    address = await serve(
        proxies=["127.0.0.1"], tarpit_seconds=0.0, connections_per_minute=10_000, max_unknown_recipients=10_000
    )
    sources = [f"198.51.100.{host}" for host in range(1, 250)]
    said = await harvest(dial, address, sources, [f"guess{number}" for number in range(1000)])
    answers = [answer[:9] for answer in said.values()]
    assert set(answers) == {"550 5.1.1", "250 2.1.5", "452 4.5.3", "450 4.7.1"}
    assert len(answers) - answers.count("450 4.7.1") <= 10
    assert len(set(list(said.values())[10:])) == 1, "known and unknown names are answered alike"
    assert "".join(capsys.readouterr()).count("smtp.harvest_stopped") == 1
    assert b"smartgate_harvests_stopped_total" in metrics.exposition()
    elsewhere = await begun(dial, address, "203.0.113.1")
    assert (await elsewhere.ask("RCPT TO:<acme@mail.kommo.com>")).startswith("250 ")


async def test_a8_a_name_that_is_asked_for_without_a_mail_counts_as_learned(serve: Serve, dial: Dial) -> None:
    address = await serve(proxies=["127.0.0.1"], names_per_hour=3, tarpit_seconds=0.0)
    for _ in range(3):
        peer = await begun(dial, address, "198.51.100.7")
        assert (await peer.ask("RCPT TO:<acme@mail.kommo.com>")).startswith("250 ")
        assert (await peer.ask("RSET")).startswith("250 ")
    peer = await begun(dial, address, "198.51.100.8")
    assert (await peer.ask("RCPT TO:<acme@mail.kommo.com>")).startswith("450 4.7.1 ")
    assert (await peer.ask("DATA")).startswith("451 4.5.1 ")


async def test_a8_a_second_account_of_a_transaction_counts_as_learned_at_once(serve: Serve, dial: Dial) -> None:
    peer = await begun(dial, await serve(proxies=["127.0.0.1"], names_per_hour=3, tarpit_seconds=0.0), "198.51.100.7")
    answers = [await peer.ask(f"RCPT TO:<{name}@mail.kommo.com>") for name in ("acme", *["bolt"] * 4)]
    assert [answer[:9] for answer in answers] == ["250 2.1.5"] + ["452 4.5.3"] * 2 + ["450 4.7.1"] * 2


async def test_a8_who_brings_mail_is_told_of_every_recipient(serve: Serve, dial: Dial) -> None:
    address = await serve(proxies=["127.0.0.1"], names_per_hour=3, tarpit_seconds=0.0)
    peer, _ = await come(dial, address, "198.51.100.7")
    for _ in range(10):
        assert (await peer.deliver(b".\r\n")).startswith("250 ")


async def test_a8_a_suspect_waits_for_every_answer_the_good_and_the_bad(
    serve: Serve, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    peer = await begun(dial, await serve(proxies=["127.0.0.1"], names_per_hour=10), "198.51.100.7")
    monkeypatch.setattr("gateway.smtp.session.asyncio.sleep", note)
    for _ in range(5):
        assert (await peer.ask("RCPT TO:<nobody@mail.kommo.com>")).startswith("550 ")
    assert waits == []
    for name, code in (("nobody", "550"), ("acme", "250"), ("nobody", "550")):
        assert (await peer.ask(f"RCPT TO:<{name}@mail.kommo.com>")).startswith(code)
    assert waits == [1.0] * 3


async def test_a8_a_session_of_unknown_recipients_ends_wherever_it_comes_from(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_unknown_recipients=3))
    await peer.ask("EHLO client.example")
    await peer.ask("MAIL FROM:<bob@client.example>")
    await peer.send(b"RCPT TO:<nobody@mail.kommo.com>\r\n" * 9)
    assert [reply[:9] for reply in await peer.hear_all()] == ["550 5.1.1", "550 5.1.1", "421 4.7.0"]


async def test_a8_a_mail_that_is_taken_forgives_unknown_recipients(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_unknown_recipients=3))
    for _ in range(3):
        await peer.ask("EHLO client.example")
        await peer.ask("MAIL FROM:<bob@client.example>")
        for _ in range(2):
            assert (await peer.ask("RCPT TO:<nobody@mail.kommo.com>")).startswith("550 ")
        await peer.ask("RSET")
        assert (await peer.deliver(b".\r\n")).startswith("250 ")


def test_a8_a_flood_of_addresses_takes_bounded_memory() -> None:
    tracemalloc.start()
    try:
        buckets = Buckets(10, 3600, Clock(), kept=1000)
        for number in range(1000):
            buckets.take(f"a{number}")
        before, _ = tracemalloc.get_traced_memory()
        for number in range(100_000):
            buckets.take(f"b{number}")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(buckets) == 1000
    assert after - before < 200_000


def test_a8_a_bucket_refills_evenly_and_never_beyond_its_brim() -> None:
    clock = Clock()
    buckets = Buckets(10, 100, clock)
    assert [buckets.take("a") for _ in range(11)] == [*range(9, -2, -1)]
    clock.now = 20
    assert buckets.level("a") == 1
    clock.now = 1000
    assert buckets.level("a") == 10
    assert buckets.level("b") == 10


def test_a8_sessions_that_were_refused_are_not_counted_as_left() -> None:
    visitors = Visitors(SmtpLimits(sessions_per_address=1))
    inside, outside = visitors.visitor("198.51.100.7"), visitors.visitor("198.51.100.7")
    assert inside.enter() is None
    assert outside.enter() is not None
    outside.leave()
    sessions = visitors.counts.sessions
    assert isinstance(sessions, Presence)
    assert sessions == {"198.51.100.7": 1}
    inside.leave()
    inside.leave()
    assert sessions == {}
