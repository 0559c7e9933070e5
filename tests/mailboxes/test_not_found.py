"""Where no provider is found (rule E1): what is said, and what strangers' servers may try in vain."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.providers import built_in
from gateway.core.refusals import Wrong
from gateway.mailboxes.discovery import Discovery, Pace
from gateway.mailboxes.network import Network
from tests.mailboxes.conftest import Secure
from tests.mailboxes.files import file, incoming
from tests.mailboxes.strangers import AUTOCONFIG, CONFIG, EXAMPLE, HERE, NO_GUESS, WELL_KNOWN, Pages, service, world
from tests.mailboxes.web_server import Said
from tests.name_server import TIMEOUT, Zones

AUTO = {**EXAMPLE, "autoconfig.example.com": HERE}
REFUSED = {
    # what the strangers say                                                                      in words
    "no server anywhere": ({}, {}, "no mail servers of example.com were found"),
    "POP3 alone, by autoconfig": (
        {"autoconfig.example.com": HERE},
        {("autoconfig.example.com", AUTOCONFIG): Said(200, file(incoming("pop.example.com", 995, kind="pop3")))},
        "by POP3 alone",
    ),
    "POP3 alone, by services": ({"_pop3s._tcp.example.com": service("pop.example.com", 995)}, {}, "by POP3 alone"),
    "Exchange alone": (
        {"autoconfig.example.com": HERE},
        {("autoconfig.example.com", AUTOCONFIG): Said(200, file(incoming("ex.example.com", 443, kind="exchange")))},
        "by Exchange (EWS or MAPI) alone",
    ),
    "IMAP without TLS": (
        {"autoconfig.example.com": HERE},
        {("autoconfig.example.com", AUTOCONFIG): Said(200, file(incoming("imap.example.com", 143, "plain")))},
        "no TLS",
    ),
    "a null exchanger": ({"example.com": [("MX", (0, "."))]}, {}, "no mail servers"),
    "a service that is none": ({"_imaps._tcp.example.com": service(".", 0)}, {}, "no mail servers"),
    "a service at port 25": (
        {**EXAMPLE, "_imaps._tcp.example.com": service("imap.example.com", 25)},
        {},
        "no mail servers",
    ),
    "a provider without IMAP": ({"example.com": [("MX", (5, "mail.protonmail.ch"))]}, {}, "Bridge"),
    "an exchanger below a public suffix": ({"example.com": [("MX", (5, "mx.co.uk"))]}, {}, "no mail servers"),
}
TRAPS: Mapping[str, Said | None] = {
    "a redirect to http": Said(302, b"", {"Location": "http://elsewhere.example/mail/config-v1.1.xml"}),
    "a redirect to an IP address": Said(302, b"", {"Location": "https://127.0.0.1/"}),
    "a redirect without a place": Said(302),
    "a redirect to a file": Said(302, b"", {"Location": "file:///etc/passwd"}),
    "a redirect to itself": Said(302, b"", {"Location": AUTOCONFIG}),
    "a megabyte": Said(200, CONFIG + b" " * 1_000_000),
    "a body that never ends": Said(drip=True),
    "no answer": None,
    "an error with a file": Said(500, CONFIG),
    "an entity": Said(200, b'<!DOCTYPE a [<!ENTITY x "imap.example.com">]>' + CONFIG[21:]),
    "a file that is compressed": Said(200, gzip.compress(CONFIG), {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize(("zones", "pages", "says"), REFUSED.values(), ids=REFUSED)
async def test_e1_where_there_is_no_imap_it_is_said(
    zones: Zones, pages: Pages, says: str, secure: Secure, authorities: Path
) -> None:
    async with world(zones, pages, secure, authorities) as there:
        there.greeting[0] = NO_GUESS
        wrong = await there.discovery(step=0.6).discover("anna@example.com")
    assert isinstance(wrong, Wrong)
    assert wrong.field == "address"
    assert says in wrong.detail


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
async def test_a_trap_of_a_web_server_leads_nowhere(trap: Said | None, secure: Secure, authorities: Path) -> None:
    zones = {**AUTO, "elsewhere.example": HERE}
    async with world(zones, {("autoconfig.example.com", AUTOCONFIG): trap}, secure, authorities) as there:
        there.greeting[0] = NO_GUESS
        assert isinstance(await there.discovery(step=0.6).discover("anna@example.com"), Wrong)
        assert {asked.host for asked in there.web.asked} == {"autoconfig.example.com"}


async def test_e1_nothing_of_our_own_network_is_asked_or_found(secure: Secure, authorities: Path) -> None:
    zones = {
        **AUTO,
        "example.com": HERE,
        "mail.example.com": HERE,
        "_imaps._tcp.example.com": service("imap.example.com", 993),
    }
    pages = {("autoconfig.example.com", AUTOCONFIG): Said(200, CONFIG)}
    async with world(zones, pages, secure, authorities) as there:
        assert isinstance(await there.discovery(private=False).discover("anna@example.com"), Wrong)
        assert there.web.asked == []


async def test_a_site_whose_certificate_is_not_trusted_is_not_believed(secure: Secure) -> None:
    pages = {("autoconfig.example.com", AUTOCONFIG): Said(200, CONFIG)}
    async with world(AUTO, pages, secure, Path()) as there:
        network = Network(private=True, name_servers=[there.names.address])
        pace = Pace(https=there.web.port, imaps=there.mail_port, submissions=there.mail_port)
        assert isinstance(await Discovery(network, built_in(), pace).discover("anna@example.com"), Wrong)


SILENT: Zones = {
    "example.com": [*HERE, ("MX", (10, "mx1.hoster.example"))],
    "autoconfig.example.com": TIMEOUT,
    "hoster.example": HERE,
    "imap.example.com": TIMEOUT,
}


@pytest.mark.parametrize(("step", "whole"), [(0.3, 600), (600, 0.3)], ids=["a step ends it", "the whole ends it"])
async def test_e1_the_search_ends_in_its_time_whoever_says_nothing(
    step: float, whole: float, secure: Secure, authorities: Path
) -> None:
    pages = {("example.com", WELL_KNOWN): None, ("hoster.example", WELL_KNOWN): None}
    async with world(SILENT, pages, secure, authorities) as there:
        wrong = await there.discovery(step=step, whole=whole).discover("anna@example.com")
    assert isinstance(wrong, Wrong)
    assert "no mail servers" in wrong.detail


def test_a_step_and_the_whole_take_what_the_rule_allows() -> None:
    pace = Pace()
    assert (pace.step_seconds, pace.whole_seconds) == (3.0, 10.0)
    assert 3 * pace.step_seconds < pace.whole_seconds


@pytest.mark.parametrize(
    "address", ["anna", "anna@[127.0.0.1]", "anna@bücher.example", "anna@xn--bcher-kva.example", "anna@proton.me"]
)
async def test_an_address_that_can_t_be_connected_asks_nobody(address: str, secure: Secure, authorities: Path) -> None:
    async with world({}, {}, secure, authorities) as there:
        assert isinstance(await there.find(address), Wrong)
        assert (there.names.asked, there.web.asked) == ([], [])
