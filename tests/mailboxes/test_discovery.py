"""Every way of finding a provider, in its order, and what strangers' servers do on the way (rule E1)."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.providers import built_in
from gateway.core.mailboxes import Found, Server, Servers
from gateway.core.refusals import Wrong
from gateway.mailboxes.discovery import Discovery, Pace
from gateway.mailboxes.network import Network
from tests.mailboxes.conftest import Secure
from tests.mailboxes.files import file, incoming, outgoing
from tests.mailboxes.web_server import Asked, Said, WebServer
from tests.name_server import SERVFAIL, TIMEOUT, NameServer, Zones

HERE = [("A", "127.0.0.1")]
AUTOCONFIG, WELL_KNOWN = "/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"
NAMES = (
    "*.example.com",
    "example.com",
    "*.hoster.example",
    "hoster.example",
    "*.mail.hoster.example",
    "mail.hoster.example",
    "elsewhere.example",
)
CONFIG = file(incoming("imap.example.com"), outgoing("smtp.example.com"))
HOSTED = file(incoming("imap.hoster.example"), outgoing("smtp.hoster.example"))
EXAMPLE = {"imap.example.com": HERE, "smtp.example.com": HERE}
HOSTER = {"imap.hoster.example": HERE, "smtp.hoster.example": HERE}
MX = {"example.com": [("MX", (10, "mx1.mail.hoster.example")), ("MX", (20, "other.example"))]}
NO_GUESS = b"220 sending only\r\n"
"""What a server greets with that is no IMAP server."""
Pages = Mapping[tuple[str, str], Said | None]


def service(target: str, port: int) -> list[tuple[str, str]]:
    return [("SRV", f"0 1 {port} {target}")]


@dataclass
class World:
    """Servers of strangers on loopback. greeted: how the mail server answers; None: with silence."""

    names: NameServer
    web: WebServer
    mail_port: int
    authorities: Path
    greeting: list[bytes] = field(default_factory=lambda: [b"* OK ready\r\n"])

    def discovery(self, *, private: bool = True, step: float = 1.5, whole: float = 10.0) -> Discovery:
        network = Network(
            private=private, name_servers=[self.names.address], authorities=self.authorities, look_up_seconds=step / 2
        )
        pace = Pace(step, whole, self.web.port, self.mail_port, self.mail_port)
        return Discovery(network, built_in(), pace)

    async def find(self, address: str = "anna@example.com") -> Found | Wrong:
        return await self.discovery().discover(address)


@asynccontextmanager
async def world(zones: Zones, pages: Pages, secure: Secure, authorities: Path) -> AsyncIterator[World]:
    async def answer(asked: Asked) -> Said | None:
        return pages.get((asked.host, asked.path), Said(404))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(made.greeting[0])
        await reader.read()
        writer.transport.abort()

    tls = secure(*NAMES)
    mail = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    async with NameServer(zones) as names, WebServer(answer, tls) as web:
        made = World(names, web, mail.sockets[0].getsockname()[1], authorities)
        yield made
        mail.close()


@dataclass(frozen=True)
class Way:
    """One way to a provider. zones, pages: what the strangers' servers say."""

    by: str
    imap: Server
    sure: bool
    zones: Zones = field(default_factory=dict)
    pages: Pages = field(default_factory=dict)
    smtp: Server | None = None
    provider: str = "example.com"
    auth: str = "password"
    address: str = "anna@example.com"


GMAIL = (Server("imap.gmail.com", 993), Server("smtp.gmail.com", 465))
OWN = (Server("imap.example.com", 993), Server("smtp.example.com", 465))
HOSTERS = (Server("imap.hoster.example", 993), Server("smtp.hoster.example", 465))
AUTO = {**EXAMPLE, "autoconfig.example.com": HERE}
WAYS = {
    "the table knows the domain": Way(
        "table", GMAIL[0], True, smtp=GMAIL[1], provider="gmail", auth="google", address="anna@gmail.com"
    ),
    "the table knows the mail exchanger": Way(
        "table",
        GMAIL[0],
        True,
        {"example.com": [("MX", (5, "alt1.aspmx.l.google.com"))], "autoconfig.example.com": HERE},
        {("autoconfig.example.com", AUTOCONFIG): Said(200, CONFIG)},
        GMAIL[1],
        "gmail",
        "google",
    ),
    "a log-in name that is not the address": Way(
        "table",
        Server("imap.mail.me.com", 993, "tls", "anna"),
        True,
        smtp=Server("smtp.mail.me.com", 587, "starttls", "anna"),
        provider="icloud",
        address="anna@icloud.com",
    ),
    "its own autoconfig host": Way(
        "autoconfig", OWN[0], True, AUTO, {("autoconfig.example.com", AUTOCONFIG): Said(200, CONFIG)}, OWN[1]
    ),
    "its own site": Way(
        "autoconfig",
        OWN[0],
        True,
        {**EXAMPLE, "example.com": HERE},
        {("example.com", WELL_KNOWN): Said(200, CONFIG)},
        OWN[1],
    ),
    "the autoconfig host goes before the site": Way(
        "autoconfig",
        OWN[0],
        True,
        {**AUTO, **HOSTER, "example.com": HERE},
        {
            ("autoconfig.example.com", AUTOCONFIG): Said(200, CONFIG),
            ("example.com", WELL_KNOWN): Said(200, HOSTED),
        },
        OWN[1],
    ),
    "its own autoconfig names another's servers": Way(
        "autoconfig",
        HOSTERS[0],
        True,
        {**HOSTER, "autoconfig.example.com": HERE},
        {("autoconfig.example.com", AUTOCONFIG): Said(200, HOSTED)},
        HOSTERS[1],
        "hoster.example",
    ),
    "autoconfig goes before services": Way(
        "autoconfig",
        OWN[0],
        True,
        {**AUTO, **HOSTER, "_imaps._tcp.example.com": service("imap.hoster.example", 993)},
        {("autoconfig.example.com", AUTOCONFIG): Said(200, CONFIG)},
        OWN[1],
    ),
    "services at its own hosts": Way(
        "srv",
        OWN[0],
        True,
        {
            **EXAMPLE,
            "_imaps._tcp.example.com": service("imap.example.com", 993),
            "_imap._tcp.example.com": service("old.example.com", 143),
            "_submissions._tcp.example.com": service("smtp.example.com", 465),
        },
        smtp=OWN[1],
    ),
    "services with STARTTLS": Way(
        "srv",
        Server("imap.example.com", 143, "starttls"),
        True,
        {
            **EXAMPLE,
            "_imaps._tcp.example.com": service(".", 0),
            "_imap._tcp.example.com": service("imap.example.com", 143),
            "_submission._tcp.example.com": service("smtp.example.com", 587),
        },
        smtp=Server("smtp.example.com", 587, "starttls"),
    ),
    "the service that comes first": Way(
        "srv",
        OWN[0],
        True,
        {
            **EXAMPLE,
            "_imaps._tcp.example.com": [
                ("SRV", "10 9 993 third.example.com"),
                ("SRV", "0 1 993 second.example.com"),
                ("SRV", "0 5 993 imap.example.com"),
            ],
        },
    ),
    "services at another's hosts have to be looked at": Way(
        "srv",
        HOSTERS[0],
        False,
        {**HOSTER, "_imaps._tcp.example.com": service("imap.hoster.example", 993)},
        provider="hoster.example",
    ),
    "services at a provider that the table knows": Way(
        "srv",
        GMAIL[0],
        False,
        {"imap.gmail.com": HERE, "_imaps._tcp.example.com": service("imap.gmail.com", 993)},
        provider="gmail",
        auth="google",
    ),
    "the exchanger's domain stands in the table": Way(
        "mx",
        Server("mx.freenet.de", 993),
        True,
        {"example.com": [("MX", (5, "emig.freenet.de"))]},
        smtp=Server("mx.freenet.de", 587, "starttls"),
        provider="freenet",
    ),
    "autoconfig of the exchanger less its first label": Way(
        "mx",
        HOSTERS[0],
        False,
        {**MX, **HOSTER, "autoconfig.mail.hoster.example": HERE},
        {("autoconfig.mail.hoster.example", AUTOCONFIG): Said(200, HOSTED)},
        HOSTERS[1],
        "hoster.example",
    ),
    "autoconfig of the exchanger's domain": Way(
        "mx",
        HOSTERS[0],
        False,
        {**MX, **HOSTER, "hoster.example": HERE},
        {("hoster.example", WELL_KNOWN): Said(200, HOSTED)},
        HOSTERS[1],
        "hoster.example",
    ),
    "services of the exchanger's domain": Way(
        "mx",
        HOSTERS[0],
        False,
        {**MX, **HOSTER, "_imaps._tcp.hoster.example": service("imap.hoster.example", 993)},
        provider="hoster.example",
    ),
    "a server for sending that is not allowed is left out": Way(
        "autoconfig",
        OWN[0],
        True,
        {"imap.example.com": HERE, "autoconfig.example.com": HERE},
        {("autoconfig.example.com", AUTOCONFIG): Said(200, CONFIG)},
    ),
    "a redirect to another of its https places": Way(
        "autoconfig",
        OWN[0],
        True,
        {**AUTO, "example.com": HERE},
        {
            ("autoconfig.example.com", AUTOCONFIG): Said(301, b"", {"Location": "/mail/../other.xml?v=2"}),
            ("autoconfig.example.com", "/other.xml"): Said(200, CONFIG),
        },
        OWN[1],
    ),
    "an autoconfig host that says nothing holds nobody up": Way(
        "autoconfig",
        OWN[0],
        True,
        {**AUTO, "example.com": HERE},
        {("autoconfig.example.com", AUTOCONFIG): None, ("example.com", WELL_KNOWN): Said(200, CONFIG)},
        OWN[1],
    ),
    "name servers that fail for mail exchangers": Way(
        "srv",
        OWN[0],
        True,
        {"example.com": SERVFAIL, **EXAMPLE, "_imaps._tcp.example.com": service("imap.example.com", 993)},
    ),
    "name servers that say nothing of mail exchangers": Way(
        "srv",
        OWN[0],
        True,
        {"example.com": TIMEOUT, **EXAMPLE, "_imaps._tcp.example.com": service("imap.example.com", 993)},
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_provider_is_found(way: Way, secure: Secure, authorities: Path) -> None:
    async with world(way.zones, way.pages, secure, authorities) as there:
        found = await there.find(way.address)
    assert isinstance(found, Found), found
    assert found.servers == Servers(way.imap, way.smtp)
    assert (found.by, found.sure, found.provider, found.auth) == (way.by, way.sure, way.provider, way.auth)
    assert found.address == way.address


@pytest.mark.parametrize("host", ["imap.example.com", "mail.example.com"])
async def test_a_usual_name_that_speaks_imap_is_a_guess_to_be_looked_at(
    host: str, secure: Secure, authorities: Path
) -> None:
    async with world({host: HERE}, {}, secure, authorities) as there:
        found = await there.find()
        port = there.mail_port
    assert isinstance(found, Found)
    assert (found.by, found.sure, found.servers) == ("guess", False, Servers(Server(host, port)))
    assert (found.name, found.page) == ("example.com", None)


async def test_what_greets_otherwise_or_has_another_s_certificate_is_no_guess(
    secure: Secure, authorities: Path
) -> None:
    async with world({"imap.example.com": HERE, "imap.stranger.example": HERE}, {}, secure, authorities) as there:
        assert isinstance(await there.find("anna@stranger.example"), Wrong)
        there.greeting[0] = NO_GUESS
        assert isinstance(await there.find(), Wrong)


async def test_the_name_and_the_page_are_what_people_need_next(secure: Secure, authorities: Path) -> None:
    pages = {("autoconfig.example.com", AUTOCONFIG): Said(200, CONFIG)}
    async with world(AUTO, pages, secure, authorities) as there:
        own, yahoo = await there.find(), await there.find("anna@yahoo.com")
    assert isinstance(own, Found)
    assert (own.name, own.page) == ("Example Mail", None)
    assert isinstance(yahoo, Found)
    assert (yahoo.name, yahoo.page) == ("Yahoo Mail", "https://login.yahoo.com/account/security/app-passwords")


async def test_the_address_is_told_to_the_domains_own_hosts_alone(secure: Secure, authorities: Path) -> None:
    zones: Zones = {
        "example.com": [*HERE, ("MX", (10, "mx1.mail.hoster.example"))],
        "autoconfig.example.com": HERE,
        "autoconfig.mail.hoster.example": HERE,
        "autoconfig.hoster.example": HERE,
        "mail.hoster.example": HERE,
        "hoster.example": HERE,
    }
    async with world(zones, {}, secure, authorities) as there:
        await there.find("anna.very-private@example.com")
        told = {asked.host for asked in there.web.asked if "very-private" in repr(asked)}
        heard = {asked.host for asked in there.web.asked}
    assert told == {"autoconfig.example.com"}
    assert heard == set(zones)


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
async def test_where_there_is_no_imap_it_is_said(
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


async def test_nothing_of_our_own_network_is_asked_or_found(secure: Secure, authorities: Path) -> None:
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
async def test_the_search_ends_in_its_time_whoever_says_nothing(
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
