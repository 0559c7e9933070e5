"""Signing in with a provider: who is let in, who is not, and what the page says then."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from gateway.sealing import Keyring, SealError
from gateway.store.ids import shared_time
from gateway.usecases.sign_in_elsewhere import MINUTES
from gateway.usecases.users import remove_user
from gateway.web.console.openid import KEPT
from gateway.web.guesses import ADDRESS_GUESSES
from tests.mailboxes.certificates import Authority
from tests.mailboxes.openid_server import SECRET
from tests.mailboxes.web_server import Said
from tests.web.elsewhere import ACCOUNT, BACK, BEGIN, Firm, open_firm
from tests.web.site import Site, check_page

SESSION = "smartgate_session"


@pytest.fixture
async def firm(site: Site, certificates: Authority, tmp_path: Path) -> AsyncIterator[Firm]:
    async with open_firm(site, certificates, tmp_path) as made:
        yield made


def refused(answer: httpx2.Response, status: int, words: str) -> None:
    """Nobody is let in; the page says why, forgets what was begun, and has the other ways in."""
    assert (answer.status_code, SESSION in answer.cookies) == (status, False), answer.text
    page = check_page(answer)
    assert words in page.text
    assert f"{BEGIN}?other=1" in page.links
    assert "With your password" in page.text
    assert re.search(rf"{KEPT}=\"\".*Max-Age=0.*Path={BEGIN}", answer.headers["set-cookie"])


async def test_a_user_signs_in_with_the_provider_and_is_led_to_the_page_they_asked_for(firm: Firm) -> None:
    browser = firm.browser(**{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    assert (await browser.get("/trace?q=offer")).headers["location"] == "/sign-in"
    page = check_page(await browser.get("/sign-in"))
    assert "Sign in with Firm ID" in page.text
    assert BEGIN in page.links
    opened = await firm.sign_in(browser)
    assert (opened.status_code, opened.headers["location"]) == (303, "/trace?q=offer")
    assert (await browser.get("/")).status_code == 200
    assert KEPT not in browser.cookies
    done = (await firm.site.api.get("/v1/audit")).json()["data"][0]
    assert (done["what"], done["who"], done["about"]) == (
        "session.opened",
        "ana@acme.example",
        {"device": "Firefox on Linux", "by": "provider"},
    )
    assert "with the company’s account" in check_page(await browser.get("/settings/audit")).text


@pytest.mark.parametrize("secure", [False, True])
async def test_what_the_browser_keeps_meanwhile_is_its_own(firm: Firm, secure: bool) -> None:
    firm.site.app.state.services = replace(firm.site.app.state.services, secure_cookies=secure)
    begun = await firm.browser().get(BEGIN)
    cookie = begun.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=lax", f"path={BEGIN}", f"max-age={MINUTES * 60}"):
        assert part in cookie
    assert ("; secure" in cookie) == secure
    query = parse_qs(urlsplit(begun.headers["location"]).query)
    assert query["scope"] == ["openid email"]
    for secret in ("state", "nonce"):
        assert query[secret][0] not in cookie


async def test_without_a_provider_there_is_no_button_and_no_way(site: Site) -> None:
    browser = site.client(Accept="text/html")
    assert BEGIN not in check_page(await browser.get("/sign-in")).links
    for method, path in (("GET", BEGIN), ("GET", BACK), ("GET", ACCOUNT), ("POST", ACCOUNT)):
        assert (await browser.request(method, path)).status_code == 404


async def test_a_provider_without_a_name_is_the_company(firm: Firm) -> None:
    firm.offer(SMARTGATE_OIDC_NAME="")
    assert "Sign in with your company’s account" in check_page(await firm.browser().get("/sign-in")).text


async def test_what_one_browser_began_no_other_one_ends(firm: Firm) -> None:
    """Whoever follows a stranger's link would else work in the stranger's name, and write there what is theirs."""
    stranger, victim = firm.browser(), firm.browser()
    link = await firm.led_back(stranger)
    refused(await victim.get(link), 422, "This sign-in was not begun in this browser")
    await victim.get(BEGIN)
    refused(await victim.get(link), 422, "This sign-in was not begun in this browser")
    assert (await stranger.get(link)).status_code == 303


async def test_a_state_that_is_not_this_ways_is_nobodys(firm: Firm) -> None:
    for change in ("&state=x", "&state=", "&state=%F0%9F%92%A9"):
        browser = firm.browser()
        link = re.sub("&state=[^&]*", change, await firm.led_back(browser))
        refused(await browser.get(link), 422, "Begin it again.")


@pytest.mark.parametrize("kept", ["", "x", "x" * 300, "%F0%9F%92%A9"])
async def test_what_the_browser_brings_back_is_what_it_was_given(firm: Firm, kept: str) -> None:
    link = await firm.led_back(firm.browser())
    refused(await firm.browser(Cookie=f"{KEPT}={kept}").get(link), 422, "Begin it again.")


async def test_a_way_ends_after_ten_minutes(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = firm.browser()
    link, end = await firm.led_back(browser), shared_time() + MINUTES * 60_000 + 1
    monkeypatch.setattr("gateway.usecases.sign_in_elsewhere.now", lambda: end)
    refused(await browser.get(link), 422, "or too long ago")


async def test_a_code_is_good_once(firm: Firm) -> None:
    browser = firm.browser()
    link = await firm.led_back(browser)
    kept = browser.cookies[KEPT]
    assert (await browser.get(link)).status_code == 303
    refused(await firm.browser().get(link), 422, "Begin it again.")
    again = await firm.browser(Cookie=f"{KEPT}={kept}").get(link)
    refused(again, 422, "This sign-in can’t be used a second time.")


async def test_a_look_at_the_way_back_burns_nothing(firm: Firm) -> None:
    browser = firm.browser()
    link = await firm.led_back(browser)
    assert (await browser.head(link)).status_code == 405
    assert (await browser.get(link)).status_code == 303


DOUBTS: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "not verified": ({"email_verified": False}, {}, "Your e-mail address is not verified there."),
    "nothing said": ({"email_verified": None}, {}, "Your e-mail address is not verified there."),
    "no address": ({"email": None}, {}, "We were not told your e-mail address."),
    "another domain": ({}, {"SMARTGATE_OIDC_DOMAINS": "x.example"}, "With this e-mail address you can’t sign in"),
    "no user": ({"email": "eve@evil.example"}, {}, "No account here has a user with your e-mail address."),
    "nearly a user": ({"email": "ann@acme.example"}, {}, "No account here has a user with your e-mail address."),
}


@pytest.mark.parametrize(("claims", "settings", "words"), DOUBTS.values(), ids=DOUBTS)
async def test_who_is_not_known_for_certain_is_not_let_in(
    firm: Firm, claims: dict[str, Any], settings: dict[str, str], words: str
) -> None:
    firm.offer(**settings)
    firm.server.claims |= claims
    refused(await firm.sign_in(firm.browser()), 403, words)
    emails = {one["email"] for one in (await firm.site.api.get("/v1/users")).json()["data"]}
    assert emails == {"ana@acme.example"}  # nobody becomes a user by signing in


async def test_who_was_somebody_else_there_may_choose_the_next_time(firm: Firm) -> None:
    browser = firm.browser()
    for path, prompt in ((BEGIN, None), (f"{BEGIN}?other=1", ["select_account"])):
        begun = await browser.get(path)
        assert parse_qs(urlsplit(begun.headers["location"]).query).get("prompt") == prompt


async def test_a_provider_that_tells_nothing_of_it_is_believed_for_its_own_domains(firm: Firm) -> None:
    firm.offer(SMARTGATE_OIDC_DOMAINS="x.example,acme.example")
    firm.server.claims |= {"email_verified": None, "email": "Ana@acme.example"}
    assert (await firm.sign_in(firm.browser())).headers["location"] == "/"


async def test_a_user_of_two_accounts_chooses_one(firm: Firm) -> None:
    await firm.seat("other", "ana@acme.example")
    browser = firm.browser()
    await browser.get("/trace")
    asked = await firm.sign_in(browser)
    assert (asked.status_code, asked.headers["location"], SESSION in browser.cookies) == (303, ACCOUNT, False)
    for _ in range(2):  # it may be loaded anew
        page = check_page(await browser.get(ACCOUNT))
        assert "ana@acme.example is a user of several." in page.text
        assert "Acme Coffee acme Other Inc other" in page.text
    for stranger in (firm.browser(), firm.browser(Cookie=f"{KEPT}={'x' * 200}")):
        refused(await stranger.get(ACCOUNT), 422, "Begin it again.")
        refused(await stranger.post(ACCOUNT, data={"account": "other"}), 422, "Begin it again.")
    chosen = await browser.post(ACCOUNT, data={"account": "other"})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/trace")
    assert "Other Inc" in (await browser.get("/")).text
    refused(await browser.post(ACCOUNT, data={"account": "acme"}), 422, "Begin it again.")


async def test_nobody_chooses_an_account_that_is_not_theirs_or_no_longer(firm: Firm) -> None:
    await firm.seat("other", "ana@acme.example")
    for account in ("nobody", "", "x" * 100):
        browser = firm.browser()
        await firm.sign_in(browser)
        refused(await browser.post(ACCOUNT, data={"account": account}), 403, "No account here has a user")
    browser = firm.browser()
    await firm.sign_in(browser)
    await firm.site.store.write(lambda tx: remove_user(tx, "other", "ana@acme.example"))
    refused(await browser.post(ACCOUNT, data={"account": "other"}), 403, "No account here has a user")


async def test_what_is_kept_for_one_step_is_of_no_use_for_the_other(firm: Firm) -> None:
    browser = firm.browser()
    link = await firm.led_back(browser)
    refused(await firm.browser(Cookie=f"{KEPT}={browser.cookies[KEPT]}").get(ACCOUNT), 422, "Begin it again.")
    await firm.seat("other", "ana@acme.example")
    await browser.get(link)
    link = await firm.led_back(firm.browser())
    refused(await firm.browser(Cookie=f"{KEPT}={browser.cookies[KEPT]}").get(link), 422, "Begin it again.")


@pytest.mark.parametrize("way", ["https://evil.example/", "//evil.example", "/\\evil.example", "/sign-in/x"])
async def test_nobody_is_led_away_from_here(firm: Firm, way: str) -> None:
    browser = firm.browser()
    browser.cookies.set("smartgate_way", quote(way, safe=""), path="/sign-in")
    link = f"{await firm.led_back(browser)}&next={quote(way, safe='')}&way={quote(way, safe='')}"
    assert (await browser.get(link)).headers["location"] == "/"


async def test_a_provider_that_refuses_or_is_left_again_is_said_so(firm: Firm) -> None:
    firm.server.refuses = "access_denied"
    with capture_logs() as log:
        refused(await firm.sign_in(firm.browser()), 422, "You were not signed in there.")
    assert log == [{"event": "openid.refused", "log_level": "info", "why": "cancelled", "error": "access_denied"}]
    refused(await firm.browser().get(f"{BACK}?error=access_denied"), 422, "Begin it again.")


AWAY: dict[str, tuple[str, Said, str]] = {
    "is not there": (
        "/.well-known/openid-configuration",
        Said(503),
        "The other sign-in page doesn’t answer at the moment.",
    ),
    "is another one": ("/.well-known/openid-configuration", Said(200, b"{}"), "This way in doesn’t work"),
    "gives no tokens": ("/token", Said(500), "The other sign-in page doesn’t answer at the moment."),
    "knows us no more": ("/token", Said(401, b'{"error": "invalid_client"}'), "This way in doesn’t work"),
    "signs with nothing": ("/token", Said(200, b'{"id_token": "e30.e30."}'), "This way in doesn’t work"),
    "has no keys": ("/keys", Said(200, b"{}"), "This way in doesn’t work"),
}


@pytest.mark.parametrize(("path", "answer", "words"), AWAY.values(), ids=AWAY)
async def test_where_a_provider_fails_the_other_ways_are_there_and_the_log_has_why(
    firm: Firm, path: str, answer: Said, words: str
) -> None:
    firm.server.answers = {path: answer}
    browser = firm.browser()
    with capture_logs() as log:
        said = await browser.get(BEGIN)
        if said.status_code == 303:
            said = await firm.sign_in(browser)
    refused(said, 503, words)
    told = [one for one in log if one["event"] == "openid.failed"]
    assert [one["log_level"] for one in told] == ["warning"]
    assert told[0]["reason"]
    assert SECRET not in str(log)


async def test_a_provider_that_nobody_reaches_is_said_so(firm: Firm) -> None:
    firm.offer(SMARTGATE_OIDC_ISSUER="https://localhost:9/realm")
    refused(await firm.browser().get(BEGIN), 503, "The other sign-in page doesn’t answer at the moment.")


async def test_a_lost_key_is_told_to_the_operator(firm: Firm) -> None:
    def lost() -> Keyring:
        raise SealError("the key file can't be used")

    firm.site.app.state.services = replace(firm.site.app.state.services, keyring=lost)
    with capture_logs() as log:
        refused(await firm.browser().get(BEGIN), 503, "This way in doesn’t work")
    assert log[0]["reason"] == "the key file can't be used"


async def test_who_comes_back_in_vain_is_slowed_down_and_a_right_sign_in_is_not_counted(firm: Firm) -> None:
    for _ in range(3):
        assert (await firm.sign_in(firm.browser())).status_code == 303
    browser = firm.browser()
    link, kept = await firm.led_back(browser), browser.cookies[KEPT]
    wrong = re.sub("code=[^&]*", "code=guess", link)
    tries = [firm.browser(Cookie=f"{KEPT}={kept}").get(wrong) for _ in range(ADDRESS_GUESSES)]
    assert {one.status_code for one in await asyncio.gather(*tries)} == {422}
    slowed = await browser.get(link)
    assert (slowed.status_code, slowed.headers["retry-after"]) == (429, "6")
    assert "Too many sign-ins from your network were in vain. Wait 1 minute" in check_page(slowed).text
    assert (await firm.site.console()).cookies[SESSION]
