"""Setting a domain up, as a browser without script meets it; and the policy that is served for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.checks.door import Door
from gateway.checks.machine import MachineChecks
from gateway.checks.names import Names
from gateway.core.dns_records import Machine, policy, policy_id
from gateway.core.encryption import Shown
from gateway.store.accounts import find_account
from gateway.store.audit import list_entries
from tests.name_server import NameServer, Zones
from tests.web.site import DOMAINS, URL, Site, check_page, letter

HOST, DOMAIN, V4 = "gate.acme.example", DOMAINS[0], "203.0.113.80"
ID = policy_id(Machine(HOST))
RIGHT: Zones = {
    DOMAIN: [("MX", (10, HOST)), ("TXT", "v=spf1 -all")],
    HOST: [("A", V4)],
    "80.113.0.203.in-addr.arpa": [("PTR", HOST)],
    f"_dmarc.{DOMAIN}": [("TXT", "v=DMARC1; p=reject")],
    f"_mta-sts.{DOMAIN}": [("TXT", f"v=STSv1; id={ID}")],
    f"mta-sts.{DOMAIN}": [("A", V4)],
    f"_smtp._tls.{DOMAIN}": [("TXT", f"v=TLSRPTv1; rua=mailto:postmaster@{DOMAIN}")],
}


@asynccontextmanager
async def known(site: Site, zones: Zones) -> AsyncIterator[NameServer]:
    """The site with a name server that has these zones."""
    async with NameServer(zones) as server:
        checks = MachineChecks(HOST, (), Names([server.address], 2.0), Door(lambda: None, HOST))
        site.app.state.services = replace(site.app.state.services, checks=checks)
        yield server


async def go(site: Site, *steps: str) -> None:
    browser = await site.console() if not site.clients else site.clients[0]
    for step in steps:
        answer = await browser.post(f"/setup/{step}", data={"domain": DOMAIN})
        assert answer.status_code == 303, step


async def test_the_way_is_walked_left_and_taken_up_again(site: Site) -> None:
    browser = await site.console()
    assert check_page(await browser.get("/setup")).h1 == f"Set up {DOMAIN}"
    assert (await browser.get("/setup/tls")).headers["location"] == "/setup"
    answer = await browser.post("/setup/domain", data={"domain": DOMAINS[1]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/setup/dns")
    assert check_page(await browser.get("/setup")).h1 == f"Set up {DOMAINS[1]}"
    for step, following in (("dns", "tls"), ("tls", "mail"), ("mail", "crm")):
        page = check_page(await browser.get(f"/setup/{step}"))
        assert "/setup/domain" in page.links
        answer = await browser.post(f"/setup/{step}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/setup/{following}")
    assert (await browser.post("/setup/dns")).headers["location"] == "/setup/tls"
    page = check_page(await browser.get("/setup"))
    assert {"/settings/crm", "/settings/endpoints"} <= set(page.links)
    assert (await browser.post("/setup/crm")).headers["location"] == "/setup"
    assert f"{DOMAINS[1]} is set up" in check_page(await browser.get("/setup")).text

    def entries(tx: object) -> list[tuple[str, str, object]]:
        account = find_account(tx, "acme")  # type: ignore[arg-type]
        assert account is not None
        rows = list_entries(tx, account.number, None, 10).rows  # type: ignore[arg-type]
        return [(one.what, one.who, one.about["name"]) for one in rows if one.what.startswith("setup.")]

    assert await site.store.read(entries) == [
        ("setup.finished", "ana@acme.example", DOMAINS[1]),
        ("setup.domain", "ana@acme.example", DOMAINS[1]),
    ]


async def test_another_domain_begins_anew(site: Site) -> None:
    browser = await site.console()
    await go(site, "domain", "dns", "tls")
    await browser.post("/setup/domain", data={"domain": DOMAINS[1]})
    assert (await browser.get("/setup/tls")).headers["location"] == "/setup"


@pytest.mark.parametrize("domain", ["", "acme.example", "<b>"])
async def test_only_a_domain_of_the_server_can_be_set_up(site: Site, domain: str) -> None:
    browser = await site.console()
    answer = await browser.post("/setup/domain", data={"domain": domain})
    page = check_page(answer)
    assert answer.status_code == 422
    assert "Choose one of these domains." in page.text
    assert 'aria-invalid="true"' in answer.text
    assert (await browser.get("/setup/nothing")).status_code == 422


async def test_it_is_the_admins(site: Site) -> None:
    link = await site.add_user("dimas@acme.example", "Dimas", kind="sign_in")
    browser = await site.console(f"{URL}/sign-in/{link}")
    for path in ("/setup", "/setup/dns", "/setup/dns/live", "/setup/mail/live"):
        assert (await browser.get(path)).status_code == 403, path
    assert (await browser.post("/setup/domain", data={"domain": DOMAIN})).status_code == 403
    assert "/setup" not in check_page(await browser.get("/")).links


async def test_the_records_are_shown_with_what_was_found(site: Site) -> None:
    await go(site, "domain")
    browser = site.clients[0]
    zones = {**RIGHT, DOMAIN: [("MX", (10, HOST)), ("TXT", "v=spf1 +all")], f"_dmarc.{DOMAIN}": []}
    async with known(site, zones):
        answer = await browser.get("/setup/dns?check=now")
        page = check_page(answer)
        assert "2 of 8 still to do." in page.text
        assert "different TXT mail.kommo.com says who may send for it (SPF) v=spf1 -allCopy v=spf1 -all" in page.text
        assert "missing TXT _dmarc.mail.kommo.com" in page.text
        assert 'data-copy="v=spf1 -all"' in answer.text
        assert f"right MX mail.kommo.com where mail for it goes 10 {HOST}. 10 {HOST}." in page.text
        assert f"right PTR {V4} the way back, at your hoster {HOST}." in page.text
        assert "Continue with 2 open" in page.text
        assert "What is still open protects mail on the way and can wait." in page.text


async def test_all_records_that_are_right_are_told_so(site: Site) -> None:
    await go(site, "domain")
    async with known(site, RIGHT):
        page = check_page(await site.clients[0].get("/setup/dns?check=now"))
        assert "All records are right." in page.text
        assert "Copy" not in page.text


async def test_without_an_mx_no_mail_arrives(site: Site) -> None:
    await go(site, "domain")
    async with known(site, {}):
        page = check_page(await site.clients[0].get("/setup/dns?check=now"))
        assert "Mail arrives once MX and the address of this machine are right." in page.text
        assert "this machine’s public address" in page.text


async def test_a_dns_that_is_silent_keeps_nobody(site: Site) -> None:
    await go(site, "domain")
    page = check_page(await site.clients[0].get("/setup/dns?check=now"))
    assert "No DNS server answers." in page.text
    assert "we don’t know" in page.text
    assert "Continue with" in page.text


TLS = {
    # story                    what is shown                                                      says
    "no door": (Shown(reached=False), "Our own door for mail can’t be looked at from here"),
    "no STARTTLS": (Shown(reached=True), f"to a certificate for {HOST}, and start again."),
    "unreadable": (Shown(True, offered=True), "The certificate can’t be read"),
    "another's": (Shown(True, True, ("x.example",), 2**42), f"The certificate doesn’t name {HOST}"),
    "run out": (Shown(True, True, (HOST,), 1), "The certificate has run out"),
    "its own": (Shown(True, True, (HOST,), 2**42, own_sign=True), "The certificate is signed by itself"),
    "good": (Shown(True, True, (HOST,), 2**42), "It is good for"),
}


class Showing(Door):
    """A door that shows what a story says."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(lambda: None, HOST)
        self._shown = shown

    async def look(self) -> Shown:
        return self._shown


@pytest.mark.parametrize(("shown", "says"), TLS.values(), ids=TLS)
async def test_what_our_door_shows_is_told_with_its_fix(site: Site, shown: Shown, says: str) -> None:
    await go(site, "domain", "dns")
    checks = MachineChecks(HOST, (), Names([("127.0.0.1", 9)], 0.1), Showing(shown))
    site.app.state.services = replace(site.app.state.services, checks=checks)
    assert says in check_page(await site.clients[0].get("/setup/tls")).text


MAILS = {
    # story      mail                      says
    "filed": (letter("Test"), "Your mail came in and was filed."),
    "hidden": (letter("Test", cc=""), "Ask for it to be sent again with the address in Cc."),
}


@pytest.mark.parametrize(("mail", "says"), MAILS.values(), ids=MAILS)
async def test_a_test_mail_is_waited_for_from_now_on(site: Site, mail: bytes, says: str) -> None:
    await site.hand(letter("Before", text="Another"))
    await go(site, "domain", "dns", "tls")
    browser = site.clients[0]
    waiting = check_page(await browser.get("/setup/mail"))
    assert "Waiting for your mail" in waiting.text
    assert f"acme+lead@{DOMAIN}" in waiting.text
    await site.hand(mail)
    came = await browser.get("/setup/mail")
    assert says in check_page(came).text
    assert "data-live" not in came.text
    lines = [line async for line in (await browser.get("/setup/mail/live")).aiter_lines()]
    assert "event: over" in lines
    assert says in "".join(lines)


POLICIES = {
    # story                host                       shown                                        mode
    "no TLS": (f"mta-sts.{DOMAIN}", Shown(reached=True), "testing"),
    "a sound certificate": (f"MTA-STS.{DOMAIN}", Shown(True, True, (HOST,), 2**42), "enforce"),
    "another's certificate": (f"mta-sts.{DOMAIN}", Shown(True, True, ("x.example",), 2**42), "testing"),
    "another domain of ours": (f"mta-sts.{DOMAINS[1]}", Shown(reached=False), "testing"),
    "a domain that isn't ours": ("mta-sts.x.example", Shown(reached=True), None),
    "not the policy's host": (DOMAIN, Shown(reached=True), None),
}


@pytest.mark.parametrize(("host", "shown", "mode"), POLICIES.values(), ids=POLICIES)
async def test_the_policy_of_encryption_is_served_to_senders(
    site: Site, host: str, shown: Shown, mode: str | None
) -> None:
    checks = MachineChecks(HOST, (), Names(), Showing(shown))
    site.app.state.services = replace(site.app.state.services, checks=checks)
    answer = await site.client(Host=host).get("/.well-known/mta-sts.txt")
    if mode is None:
        assert answer.status_code == 404
    else:
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text == policy(Machine(HOST, (), mode))
