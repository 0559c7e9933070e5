"""Every way of finding a provider, in its order, and what strangers' servers do on the way (rule E1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.core.mailboxes import Found, Server, Servers
from gateway.core.refusals import Wrong
from tests.mailboxes.conftest import Secure
from tests.mailboxes.strangers import (
    AUTOCONFIG,
    CONFIG,
    EXAMPLE,
    HERE,
    HOSTED,
    HOSTER,
    MX,
    NO_GUESS,
    WELL_KNOWN,
    Pages,
    service,
    world,
)
from tests.mailboxes.web_server import Said
from tests.name_server import SERVFAIL, TIMEOUT, Zones


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
async def test_e1_a_provider_is_found(way: Way, secure: Secure, authorities: Path) -> None:
    async with world(way.zones, way.pages, secure, authorities) as there:
        found = await there.find(way.address)
    assert isinstance(found, Found), found
    assert found.servers == Servers(way.imap, way.smtp)
    assert (found.by, found.sure, found.provider, found.auth) == (way.by, way.sure, way.provider, way.auth)
    assert found.address == way.address


@pytest.mark.parametrize("host", ["imap.example.com", "mail.example.com"])
async def test_e1_a_usual_name_that_speaks_imap_is_a_guess_to_be_looked_at(
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


async def test_e1_the_address_is_told_to_the_domains_own_hosts_alone(secure: Secure, authorities: Path) -> None:
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
