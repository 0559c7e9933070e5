"""SPF (RFC 7208): the public suite through a real name server, and what hostile records get."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.smtp.authenticity.resolver import Resolver
from gateway.smtp.authenticity.spf import Spf, check_spf
from tests.name_server import TIMEOUT, NameServer, Zones
from tests.vectors import load, needs

SUITE = "rfc7208-tests.yml"
CASES = [
    pytest.param(part["zonedata"], case, id=f"{part['description']}: {name}")
    for part in load(SUITE)
    for name, case in part["tests"].items()
]
PEER = "192.0.2.1"


async def check(
    zones: Zones, sender: str, *, peer: str = PEER, helo: str = "mx.example.net", seconds: float = 5
) -> Spf:
    silent = any(TIMEOUT in str(entry) for entry in zones.values())
    async with NameServer(zones) as server:
        resolver = Resolver([server.address], query_seconds=0.2 if silent else 5)
        return await check_spf(resolver, peer, sender, helo, hostname="mx.example", seconds=seconds)


@needs(SUITE)
@pytest.mark.parametrize(("zonedata", "case"), CASES)
async def test_the_public_suite(zonedata: dict[str, Any], case: dict[str, Any]) -> None:
    found = await check(_zones(zonedata), case["mailfrom"], peer=case["host"], helo=case["helo"])

    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert found.word in wanted


def _zones(zonedata: dict[str, Any]) -> dict[str, Any]:
    """The suite's own notation: an SPF entry stands for TXT too where the name has no TXT of its own."""
    zones = {}
    for name, entries in zonedata.items():
        pairs: list[tuple[str, Any]] = []
        for entry in entries:
            pairs += [("TIMEOUT", "")] if entry == TIMEOUT else [next(iter(entry.items()))]
        has_text = any(kind == "TXT" for kind, _ in pairs)
        texts = [(kind, value) for kind, value in pairs if kind == "TXT" and value != "NONE"]
        texts += [("TXT", value) for kind, value in pairs if kind == "SPF" and not has_text and value != "NONE"]
        zones[name] = [*texts, *((kind, value) for kind, value in pairs if kind not in {"SPF", "TXT"})]
    return zones


HOSTILE = {
    # story: (record, word)
    "a digit of five thousand figures": (f"v=spf1 exists:%{{d{'9' * 5000}}}.example.net -all", "permerror"),
    "an include of itself": ("v=spf1 include:example.net -all", "permerror"),
    "a redirect to itself": ("v=spf1 redirect=example.net", "permerror"),
    "eleven names to ask": ("v=spf1 " + " ".join(f"a:h{n}.example.net" for n in range(11)) + " -all", "permerror"),
    "three names that have nothing": ("v=spf1 a:n1.example.net a:n2.example.net a:n3.example.net -all", "permerror"),
    "macros that grow": ("v=spf1 exists:" + "%{s}" * 60 + ".example.net ?all", "permerror"),
}


@pytest.mark.parametrize(("record", "word"), HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_record_ends_in_a_word(record: str, word: str) -> None:
    zones: dict[str, Any] = {f"h{n}.example.net": [("A", "192.0.2.9")] for n in range(12)}
    zones["example.net"] = [("TXT", record)]

    assert (await check(zones, "bob@example.net")).word == word


async def test_a_bounce_is_judged_by_the_name_that_the_peer_gives_itself() -> None:
    zones = {"mx.example.net": [("TXT", f"v=spf1 ip4:{PEER} -all")]}

    assert await check(zones, "") == Spf("pass", "mx.example.net")


async def test_a_sender_at_an_international_domain_is_asked_for_in_its_ascii_form() -> None:
    zones = {"xn--bcher-kva.example": [("TXT", f"v=spf1 ip4:{PEER} -all")]}

    assert await check(zones, "info@bücher.example") == Spf("pass", "xn--bcher-kva.example")


async def test_a_zone_that_never_answers_ends_at_the_time_limit() -> None:
    zones: dict[str, Any] = {
        "example.net": [("TXT", "v=spf1 include:slow.example.net -all")],
        "slow.example.net": TIMEOUT,
    }

    assert (await check(zones, "bob@example.net", seconds=0.1)).word == "temperror"
