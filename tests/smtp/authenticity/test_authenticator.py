"""From the settings to the facts of rule B5: who is evaluated, within which time, and the same for `explain`."""

from __future__ import annotations

from typing import Any

import pytest

import config
from gateway import app
from gateway.core.facts import Auth
from gateway.core.mail import read_mail
from gateway.smtp.authenticity.evaluation import Asked, evaluate
from gateway.smtp.authenticity.resolver import Resolver
from tests.name_server import SERVFAIL, TIMEOUT, NameServer
from tests.smtp.authenticity.letters import message, sign, wire, zones

PEER = "192.0.2.10"
ZONES: dict[str, Any] = {
    "example.net": [("TXT", f"v=spf1 ip4:{PEER} -all")],
    "_dmarc.example.net": [("TXT", "v=DMARC1; p=reject")],
    **zones(),
}
SPARED = "it comes from this machine or a trusted relay, which is trusted to have checked"


async def explained(raw: bytes, peer: str, *, sender: str | None = None, **settings: str) -> Auth:
    """What `explain` finds with these settings."""
    async with NameServer(ZONES) as server:
        host, port = server.address
        environ = {"DNS_SERVERS": f"{host}:{port}", **settings}
        chosen = config.load({f"SMARTGATE_{name}": value for name, value in environ.items()})
        return await app.look_into(app.authenticator(chosen), read_mail(raw), raw, sender, peer)


async def test_explain_evaluates_a_mail_of_the_peer_it_is_given() -> None:
    found = await explained(wire(sign()), PEER)

    assert (found.spf, found.dkim, found.dmarc, found.authentic) == ("pass", "pass", "pass", True)
    assert found.detail == "DKIM passes for example.net"


async def test_explain_takes_a_file_with_plain_line_ends_for_what_the_wire_would_carry() -> None:
    found = await explained(sign().replace(b"\r\n", b"\n"), PEER)

    assert found.dkim == "pass"


async def test_a_forged_mail_is_found_out_with_the_policy_its_domain_asks_for() -> None:
    found = await explained(sign(domain="evil.example"), "198.51.100.7", sender="x@evil.example")

    assert (found.authentic, found.policy, found.enforced) == (False, "reject", True)


SETTINGS = {
    # story: (peer, settings, detail)
    "loopback": ("127.0.0.1", {}, SPARED),
    "loopback of version 6": ("::1", {}, SPARED),
    "a trusted relay": (PEER, {"TRUSTED_RELAYS": "192.0.2.0/24"}, SPARED),
    "a trusted relay as version 6 writes it": (f"::ffff:{PEER}", {"TRUSTED_RELAYS": "192.0.2.0/24"}, SPARED),
    "switched off": (PEER, {"AUTHENTICITY": "off"}, "the setting AUTHENTICITY is off"),
}


@pytest.mark.parametrize(("peer", "settings", "detail"), SETTINGS.values(), ids=SETTINGS)
async def test_who_is_spared(peer: str, settings: dict[str, str], detail: str) -> None:
    found = await explained(wire("From: eve@example.net\n\n"), peer, **settings)

    assert found == Auth(detail=detail)


async def test_a_mail_without_an_author_is_not_looked_into() -> None:
    assert (await explained(wire("Subject: x\n\n"), PEER)).evaluated is False


async def test_an_author_at_an_address_literal_is_never_proven() -> None:
    found = await explained(wire("From: eve@[192.0.2.7]\n\n"), PEER, sender="x@example.net")

    assert (found.authentic, found.policy) == (False, "none")


SLOW = {
    # story: (names that never answer, words of spf, dkim, dmarc, arc)
    "SPF": (("example.net",), ("temperror", "none", "temperror", "none")),
    "the policy": (("_dmarc.example.net",), ("fail", "none", "temperror", "none")),
    "all": (("example.net", "_dmarc.example.net", "_dmarc.net"), ("temperror", "none", "temperror", "none")),
}


@pytest.mark.parametrize(("names", "words"), SLOW.values(), ids=SLOW)
async def test_what_takes_too_long_is_a_temporary_error(names: tuple[str, ...], words: tuple[str, ...]) -> None:
    asked = Asked("198.51.100.7", "mx.example.net", "eve@example.net", "example.net", "mx.example")
    async with NameServer(ZONES | dict.fromkeys(names, TIMEOUT)) as server:
        resolver = Resolver([server.address], query_seconds=5)
        found = await evaluate(resolver, asked, message("From: eve@example.net\n\n"), frozenset(), seconds=0.4)

    assert (found.spf, found.dkim, found.dmarc, found.arc) == words
    assert found.undecided


async def test_a_failed_question_that_could_change_nothing_leaves_nothing_open() -> None:
    asked = Asked("198.51.100.7", "mx.example.net", "x@broken.example", "example.net", "mx.example")
    async with NameServer(ZONES | {"broken.example": SERVFAIL}) as server:
        resolver = Resolver([server.address], query_seconds=1)
        found = await evaluate(resolver, asked, message("From: eve@example.net\n\n"), frozenset())

    assert (found.spf, found.dmarc, found.undecided) == ("temperror", "fail", False)
