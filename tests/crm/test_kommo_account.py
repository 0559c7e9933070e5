"""The account behind the cards: who lets us in, how fast we may go, and what state it is in when something is wrong."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from crm_adapter import kommo_connect
from crm_adapter.kommo_auth import PAIR, LongLived, OAuth, Pair
from crm_adapter.kommo_connect import ConnectError, Wish, authority_of, connect
from crm_adapter.kommo_http import http_client
from crm_adapter.kommo_wire import akin
from crm_adapter.port import Dead, Delivered, Outcome, Retry
from tests.crm.kommo_rig import Rig, adapter, rig
from tests.crm.kommo_server import Kommo
from tests.crm.wire import AFTER, BEFORE, Reply
from tests.stores import Stores
from tests.web.site import Made

OURS = OAuth("client", "secret", "https://crm.example/oauth")


def state(outcome: Outcome) -> tuple[str | None, bool]:
    """The state of the whole back end, and whether a time was named at which it is worth another look."""
    assert isinstance(outcome, Retry), outcome
    return outcome.state, outcome.after is not None


@pytest.fixture
async def oauth(stores: Stores, made: Made, tmp_path: Path, _at_full_speed: None) -> AsyncIterator[Rig]:
    """An account that lets us in by OAuth, whose access token has run out."""
    async with rig(stores, made, tmp_path, OURS) as opened:
        await opened.book.save(PAIR, Pair("access-0", "refresh-0", time.time() + 86_400).dump())
        yield opened


async def test_a_token_that_is_refused_is_a_state_and_a_new_one_goes_on(kommo: Rig) -> None:
    await kommo.hand()
    kommo.server.expire()
    assert state(await kommo.try_once("contact.created")) == ("unauthorised", True)
    kommo.server.account.token = "long-lived"
    await kommo.tell()
    assert len(kommo.notes) == 1


async def test_an_account_that_is_not_paid_is_a_state(kommo: Rig) -> None:
    await kommo.hand()
    kommo.server.account.paid = False
    assert state(await kommo.try_once("contact.created")) == ("unpaid", True)


async def test_an_account_that_is_gone_is_told_nothing_more(kommo: Rig) -> None:
    await kommo.hand()
    kommo.server.account.gone = True
    outcome = await kommo.try_once("contact.created")
    assert isinstance(outcome, Dead)
    assert outcome.state == "gone"


async def test_a_403_that_follows_a_429_opens_the_breaker_for_five_minutes_and_for_all_processes(kommo: Rig) -> None:
    account = kommo.server.account
    account.limit, account.patience = 0, 2
    await kommo.hand()
    first = await kommo.try_once("contact.created")
    assert isinstance(first, Retry)
    assert (first.status, first.state) == (429, "blocked")
    seen = len(kommo.server.seen)
    assert state(await kommo.try_once("contact.created")) == ("blocked", True)
    assert len(kommo.server.seen) == seen, "while we are to slow down nothing is sent at all"
    await _let_the_pause_pass(kommo)
    await kommo.try_once("contact.created")
    await _let_the_pause_pass(kommo)
    shut = await kommo.try_once("contact.created")
    assert isinstance(shut, Retry)
    assert (shut.status, shut.state) == (403, "blocked")
    assert shut.after is not None
    assert shut.after >= 300
    seen = len(kommo.server.seen)
    other = adapter(kommo.server, LongLived("long-lived"))
    (event,) = await kommo.events(["contact.created"])
    assert state(await other.deliver(event, kommo.book)) == ("blocked", True)
    assert len(kommo.server.seen) == seen
    await other.close()
    account.limit, kommo.server._shut_until = None, 0.0
    await _let_the_pause_pass(kommo)
    await kommo.tell()
    assert len(kommo.notes) == 1
    assert await kommo.book.load("pause") is None


async def _let_the_pause_pass(kommo: Rig) -> None:
    known = json.loads(await kommo.book.load("pause") or "{}")
    await kommo.book.save("pause", json.dumps(known | {"until": 0}))


async def test_who_goes_on_being_shut_out_asks_less_and_less(kommo: Rig) -> None:
    await kommo.hand()
    kommo.server.fail(Reply(403), "GET", "/", times=20)
    waits = []
    for _ in range(6):
        outcome = await kommo.try_once("contact.created")
        assert isinstance(outcome, Retry)
        waits.append(round(outcome.after or 0))
        await _let_the_pause_pass(kommo)
    assert waits == [300, 600, 1200, 2400, 3600, 3600]


async def test_a_403_for_one_thing_alone_is_a_right_the_token_lacks(kommo: Rig) -> None:
    await kommo.hand()
    kommo.server.fail(Reply(403, {"title": "Forbidden"}), "GET", "/api/v4/contacts")
    outcome = await kommo.try_once("contact.created")
    assert state(outcome) == ("unauthorised", True)
    assert "does not let this token do that" in str(outcome)


@pytest.mark.parametrize("asked", ["7", "soon", "9" * 400])
async def test_the_time_that_a_429_names_is_kept(kommo: Rig, asked: str) -> None:
    await kommo.hand()
    kommo.server.fail(Reply(429, None, {"retry-after": asked}), "GET")
    outcome = await kommo.try_once("contact.created")
    assert isinstance(outcome, Retry)
    assert outcome.after == {"7": 7, "9" * 400: 86_400}.get(asked, 2)


async def test_two_processes_together_never_send_more_than_kommo_takes(
    stores: Stores, made: Made, tmp_path: Path
) -> None:
    async with rig(stores, made, tmp_path) as kommo:
        kommo.server.account.limit = 7
        for n in range(3):
            await kommo.hand(subject=f"Offer {n}", to=f"p{n}@x.example")
        other = adapter(kommo.server, LongLived("long-lived"))
        events = await kommo.events(["contact.created"])
        told = [crm.deliver(event, kommo.book) for event in events for crm in (kommo.crm, other)]
        assert all(isinstance(one, Delivered) for one in await asyncio.gather(*told))
        assert len(kommo.names) == 3
        await other.close()


async def test_tokens_are_refreshed_once_and_durable_before_they_are_used(oauth: Rig) -> None:
    await oauth.hand()
    await oauth.tell()
    assert oauth.calls("POST", "/oauth2/access_token") == 1
    kept = Pair.read(await oauth.book.load(PAIR) or "")
    assert (kept.access, kept.refresh) == ("access-1", "refresh-1")
    assert len(oauth.notes) == 1


async def test_tokens_that_run_out_soon_are_refreshed_before_they_do(oauth: Rig) -> None:
    oauth.server.account.token = "access-0"
    await oauth.book.save(PAIR, Pair("access-0", "refresh-0", time.time() + 60).dump())
    await oauth.hand()
    await oauth.tell("contact.created")
    assert oauth.server.seen[0].path == "/oauth2/access_token"


async def test_many_deliveries_of_two_processes_refresh_once_among_them(oauth: Rig) -> None:
    for n in range(4):
        await oauth.hand(subject=f"Offer {n}", to=f"p{n}@x.example")
    other = adapter(oauth.server, OURS)
    events = await oauth.events(["contact.created"])
    told = [crm.deliver(event, oauth.book) for event in events for crm in (oauth.crm, other)]
    outcomes = await asyncio.gather(*told)
    assert oauth.calls("POST", "/oauth2/access_token") == 1
    assert all(isinstance(one, Delivered) or one.state is None for one in outcomes if not isinstance(one, Dead))
    await oauth.tell()
    assert len(oauth.names) == 4
    await other.close()


async def test_a_refresh_that_was_lost_on_its_way_is_tried_once_more(oauth: Rig) -> None:
    await oauth.hand()
    oauth.server.fail(BEFORE, "POST", "/oauth2/access_token")
    assert state(await oauth.try_once("contact.created"))[0] is None
    await oauth.tell()
    assert oauth.calls("POST", "/oauth2/access_token") == 2


async def test_a_refresh_whose_answer_was_lost_needs_somebody_to_connect_anew(oauth: Rig) -> None:
    await oauth.hand()
    oauth.server.fail(AFTER, "POST", "/oauth2/access_token")
    assert state(await oauth.try_once("contact.created"))[0] is None
    outcome = await oauth.try_once("contact.created")
    assert state(outcome) == ("unauthorised", True)
    assert "Token has been revoked" in str(outcome)


async def test_a_second_refresh_in_a_row_that_is_never_answered_is_not_followed_by_a_third(oauth: Rig) -> None:
    await oauth.hand()
    oauth.server.fail(BEFORE, "POST", "/oauth2/access_token", times=2)
    await oauth.try_once("contact.created")
    assert state(await oauth.try_once("contact.created")) == ("unauthorised", True)


async def test_an_account_that_got_another_address_is_followed_there_and_remembered(kommo: Rig) -> None:
    new = Kommo()
    await new.open()
    new.account = kommo.server.account
    kommo.server.moved = new.url
    await kommo.hand()
    await kommo.tell()
    assert len(kommo.notes) == 1
    assert len(kommo.server.seen) == 1
    await new.close()


@pytest.mark.parametrize("where", ["http://192.0.2.1", "https://kommo.com.evil.example", "https://evil.example", ""])
async def test_a_redirect_to_somebody_else_gets_no_token(kommo: Rig, where: str) -> None:
    kommo.server.moved = where
    await kommo.hand()
    outcome = await kommo.try_once("contact.created")
    assert isinstance(outcome, Retry), "it may be a page of somebody who repairs something; nothing is given up for it"
    assert await kommo.book.load("site") is None


async def test_a_next_page_at_somebody_elses_gets_no_token(kommo: Rig) -> None:
    other = Kommo()
    await other.open()
    page = {"_links": {"next": {"href": other.url.replace("127.0.0.1", "localhost") + "/api/v4/contacts?page=2"}}}
    kommo.server.fail(Reply(200, page), "GET", "/api/v4/contacts")
    await kommo.hand()
    assert isinstance(await kommo.try_once("contact.created"), Retry)
    assert other.seen == []
    await other.close()


async def test_what_is_under_way_stops_as_well_when_kommo_asked_somebody_else_for_fewer_requests(kommo: Rig) -> None:
    await kommo.hand()
    take, told = kommo.book.take, len(kommo.server.seen)

    async def meet(bucket: str, per_second: float) -> float:
        known = {"slow": 1, "at": time.time(), "until": time.time() + 60}
        if len(kommo.server.seen) - told == 1:
            await kommo.book.save("pause", json.dumps(known))
        return await take(bucket, per_second)

    kommo.book.take = meet  # type: ignore[method-assign]
    assert state(await kommo.try_once("contact.created")) == ("blocked", True)
    assert len(kommo.server.seen) - told == 1
    kommo.book.take = take  # type: ignore[method-assign]
    await _let_the_pause_pass(kommo)
    await kommo.tell()
    assert len(kommo.names) == 1


AKIN = {
    "another account of Kommo": ("https://a.kommo.com", "https://b.kommo.com", True),
    "its files": ("https://a.kommo.com", "https://drive-b.kommo.com/v1.0", True),
    "its other names": ("https://a.amocrm.ru", "https://a.kommo.com", True),
    "without TLS": ("https://a.kommo.com", "http://b.kommo.com", False),
    "another port": ("https://a.kommo.com", "https://b.kommo.com:8443", False),
    "a name that ends like it": ("https://a.kommo.com", "https://evilkommo.com", False),
    "a name that begins like it": ("https://a.kommo.com", "https://a.kommo.com.evil.example", False),
    "an address of ours": ("https://a.kommo.com", "https://127.0.0.1", False),
    "a house of one's own": ("https://crm.example", "https://crm.example:8443", True),
    "from one's own to Kommo": ("https://crm.example", "https://a.kommo.com", False),
}


@pytest.mark.parametrize(("site", "other", "same"), AKIN.values(), ids=AKIN)
def test_tokens_go_to_the_same_house_only(site: str, other: str, same: bool) -> None:
    assert akin(site, other) is same


async def test_a_long_lived_token_and_oauth_connect_an_account_that_lets_them_in() -> None:
    server = Kommo()
    await server.open()
    by_token = await connect(Wish(f"{server.url}/", "long-lived"), private=True)
    assert (by_token.url, by_token.auth, by_token.name) == (server.url, "token", "Acme Coffee")
    assert authority_of(by_token.credentials) == LongLived("long-lived")
    oauth = Wish(server.url, client_id="client", client_secret="secret", redirect_uri=OURS.redirect_uri, code="code-0")
    by_code = await connect(oauth, private=True)
    assert authority_of(by_code.credentials) == OURS
    assert by_code.pair is not None
    assert by_code.pair.refresh == "refresh-1"
    with pytest.raises(ConnectError, match="a code works once"):
        await connect(oauth, private=True)
    await server.close()


WRONG = {
    # story                  what is given                         what is said
    "no address": (("acme.kommo.com", "t"), "^'acme.kommo.com' is no URL; allowed: https://SUBDOMAIN.kommo.com$"),
    "a page of the account": (("https://acme.kommo.com/leads", "t"), "more than an account's address"),
    "a user in it": (("https://a:b@acme.kommo.com", "t"), "user or password"),
    "without TLS": (("http://192.0.2.1", "t"), "is not https"),
    "an address of our own network": (("https://127.0.0.1", "t"), "not on the public internet"),
    "a name of our own network": (("https://localhost", "t"), "not on the public internet"),
    "no token": (("https://acme.kommo.com", ""), "no token was given"),
    "a token with a line break": (("https://acme.kommo.com", "a\nb"), "copied wrongly"),
}


@pytest.mark.parametrize(("given", "words"), WRONG.values(), ids=WRONG)
async def test_what_can_not_be_connected_is_told_by_its_name(given: tuple[str, str], words: str) -> None:
    with pytest.raises(ConnectError, match=words):
        await connect(Wish(*given), private=False)


ANSWERS = {
    "another program": (Reply(404), "there is no Kommo account at"),
    "a page": (Reply(200, "hello"), "there is no Kommo account at"),
    "a wrong token": (Reply(401, {"title": "Unauthorized"}), "does not know the token: 401 Unauthorized"),
    "an unpaid account": (Reply(402), "is not paid"),
    "a token without rights": (Reply(403), "does not let this token in"),
    "trouble": (Reply(500), "there is no Kommo account at"),
}


@pytest.mark.parametrize(("answer", "words"), ANSWERS.values(), ids=ANSWERS)
async def test_what_the_other_side_says_is_told(answer: Reply, words: str) -> None:
    server = Kommo()
    await server.open()
    server.fail(answer, "GET", "/api/v4/account")
    with pytest.raises(ConnectError, match=words) as told:
        await connect(Wish(server.url, "long-lived"), private=True)
    assert "long-lived" not in str(told.value)
    await server.close()


async def test_secrets_stand_in_no_representation() -> None:
    shown = [repr(one) for one in (LongLived("s3cret"), OAuth("id", "s3cret", "uri"), Pair("s3cret", "s3cret", 1.0))]
    shown.append(repr(Wish("https://a.kommo.com", "s3cret")))
    shown.append(repr(kommo_connect.Connected("u", "token", "1", "n", "s3cret", None)))
    assert "s3cret" not in "".join(shown)


async def test_the_way_out_judges_every_address_by_which_a_name_is_reached() -> None:
    async def inside(host: str, port: int) -> tuple[str, ...]:
        return ("10.0.0.7",)

    async with http_client(private=False, resolve=inside) as http:
        with pytest.raises(httpx2.ConnectError, match=r"leads to 10\.0\.0\.7"):
            await http.get("https://acme.kommo.com/api/v4/account")
    async with http_client(private=False) as http:
        with pytest.raises(httpx2.ConnectError, match="allowed: https"):
            await http.get("http://acme.kommo.com/api/v4/account")


async def test_over_tls_the_certificate_has_to_be_the_names_and_of_somebody_we_trust() -> None:
    authority = trustme.CA()
    ours, theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("acme.kommo.example").configure_cert(ours)
    authority.configure_trust(theirs)

    async def here(host: str, port: int) -> tuple[str, ...]:
        return ("127.0.0.1",)

    server = Kommo()
    server._tls = ours
    await server.open()
    port = server.url.rpartition(":")[2]
    outcomes: list[Any] = []
    for tls, host in ((theirs, "acme.kommo.example"), (theirs, "other.kommo.example"), (None, "acme.kommo.example")):
        async with http_client(private=True, tls=tls, resolve=here) as http:
            try:
                headers = {"authorization": "Bearer long-lived"}
                outcomes.append((await http.get(f"https://{host}:{port}/api/v4/account", headers=headers)).status_code)
            except httpx2.ConnectError as fault:
                outcomes.append("certificate" in str(fault).lower())
    assert outcomes == [200, True, True]
    assert server.seen[0].headers["host"] == f"acme.kommo.example:{port}"
    await server.close()


async def test_an_account_that_can_not_be_reached_costs_nothing_but_time(kommo: Rig) -> None:
    await kommo.hand()
    await kommo.server.close()
    outcome = await kommo.try_once("lead.created")
    assert isinstance(outcome, Retry)
    assert outcome.state is None
    assert "can't be reached" in outcome.why
    (lead,) = await kommo.events(["lead.created"])
    assert await kommo.book.load(f"lead/{lead.subject}") is None
