"""Signing in: consent, codes, refreshes, and what is said where they fail; nothing secret in any of it."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from config.providers import OAuth as Place
from gateway.core.mailboxes import Credential
from gateway.mailboxes.network import Network
from gateway.mailboxes.oauth import App, OAuth, challenge, oauthbearer, xoauth2
from gateway.mailboxes.web_client import Reply, ask
from gateway.usecases.mail_servers import Trouble
from tests.mailboxes.authorisation_server import AuthorisationServer
from tests.mailboxes.conftest import Secure
from tests.mailboxes.web_server import Asked, Said, WebServer

ANNA, BACK, SECRET = "anna@example.com", "http://127.0.0.1/oauth/google", "our-app's-own-secret"
SCOPE = "offline_access https://mail.example/"
NOW = 1_000_000


@dataclass
class Side:
    """Ours and theirs. trusting: our way to their server."""

    server: AuthorisationServer
    oauth: OAuth
    network: Network
    verifier: str = "v" * 43

    def consent(self, **changes: str) -> dict[str, list[str]]:
        url = self.oauth.consent_url("google", "the-state", self.verifier, BACK, ANNA)
        assert url is not None
        return parse_qs(urlsplit(url).query)

    async def code(self) -> str:
        """What comes back of a consent, as a browser carries it."""
        url = self.oauth.consent_url("google", "the-state", self.verifier, BACK, ANNA)
        assert url is not None
        reply = await ask(self.network, url, seconds=10)
        assert isinstance(reply, Reply)
        back = parse_qs(urlsplit(reply.fields["location"]).query)
        assert back["state"] == ["the-state"]
        return back["code"][0]

    async def credential(self) -> Credential:
        found = await self.oauth.redeem("google", await self.code(), self.verifier, BACK)
        assert isinstance(found, Credential), found
        return found


@pytest.fixture
async def side(secure: Secure, authorities: Path) -> AsyncIterator[Side]:
    async with AuthorisationServer({"our-app": SECRET}, secure("localhost")) as server:
        network = Network(private=True, authorities=authorities)
        place = Place(f"{server.url}/authorize", f"{server.url}/token", SCOPE)
        yield Side(server, OAuth(network, {"google": App("our-app", SECRET, place)}, lambda: NOW), network)


def test_google_is_asked_for_a_lasting_consent_with_a_challenge_and_whose_it_is() -> None:
    place = Place("https://accounts.example/auth", "https://accounts.example/token", SCOPE)
    oauth = OAuth(Network(), {"google": App("our-app", SECRET, place), "microsoft": App("ours", "", place)})
    url = oauth.consent_url("google", "the-state", "a-verifier", BACK, ANNA) or ""
    assert {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} == {
        "response_type": "code",
        "client_id": "our-app",
        "redirect_uri": BACK,
        "scope": SCOPE,
        "state": "the-state",
        "code_challenge": challenge("a-verifier"),
        "code_challenge_method": "S256",
        "login_hint": ANNA,
        "access_type": "offline",
        "prompt": "consent",
    }
    assert "access_type" not in (oauth.consent_url("microsoft", "s", "v", BACK, ANNA) or "access_type")
    assert "a-verifier" not in url
    assert SECRET not in url


def test_the_challenge_is_that_of_the_standard() -> None:
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_without_an_app_of_ours_there_is_no_page_and_no_token() -> None:
    oauth = OAuth(Network(), {})
    assert oauth.consent_url("google", "s", "v", BACK, ANNA) is None
    trouble = await oauth.renew(Credential("microsoft", "a-refresh-token"))
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, "SMARTGATE_OAUTH_MICROSOFT_CLIENT_ID" in trouble.says) == ("refused", True)


async def test_a_consent_gives_tokens_of_the_one_who_consented(side: Side) -> None:
    found = await side.credential()
    assert found.kind == "google"
    assert side.server.holder(found.access) == ANNA
    assert found.expires_at == (NOW + 3600) * 1000


async def test_a_code_is_good_once_and_only_with_its_verifier(side: Side) -> None:
    code = await side.code()
    assert isinstance(await side.oauth.redeem("google", code, side.verifier, BACK), Credential)
    for wrong, verifier in ((code, side.verifier), (await side.code(), "w" * 43), ("none", side.verifier)):
        trouble = await side.oauth.redeem("google", wrong, verifier, BACK)
        assert isinstance(trouble, Trouble)
        assert trouble.kind == "revoked"


async def test_a_refresh_gives_the_token_that_is_to_be_kept_and_the_old_one_ends_everything(side: Side) -> None:
    first = await side.credential()
    second = await side.oauth.renew(first)
    assert isinstance(second, Credential)
    assert second.secret != first.secret
    assert side.server.holder(second.access) == ANNA
    assert isinstance(await side.oauth.renew(first), Trouble)
    trouble = await side.oauth.renew(second)
    assert isinstance(trouble, Trouble)
    assert trouble.kind == "revoked"


async def test_where_the_refresh_token_does_not_change_the_same_one_is_kept(side: Side) -> None:
    side.server.rotates = False
    first = await side.credential()
    second = await side.oauth.renew(first)
    assert isinstance(second, Credential)
    assert (second.secret, second.kind) == (first.secret, "google")
    assert second.access != first.access


async def test_a_consent_that_was_withdrawn_needs_a_new_sign_in(side: Side) -> None:
    found = await side.credential()
    side.server.revoke(ANNA)
    trouble = await side.oauth.renew(found)
    assert trouble == Trouble("revoked", "Google no longer lets us in; sign in there again")


async def test_a_server_that_asks_to_wait_is_obeyed(side: Side) -> None:
    found = await side.credential()
    side.server.failing = 1
    assert await side.oauth.renew(found) == Trouble("busy", "Google asks us to come back later", 7_000)
    assert isinstance(await side.oauth.renew(found), Credential)


async def test_consent_without_mail_is_none(side: Side) -> None:
    side.server.grants = "openid"
    trouble = await side.oauth.redeem("google", await side.code(), side.verifier, BACK)
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, "not allowed" in trouble.says) == ("revoked", True)


async def test_a_wrong_secret_of_our_app_is_the_operators_and_asks_nobody_to_sign_in(side: Side) -> None:
    found = await side.credential()
    side.server.clients["our-app"] = "another"
    trouble = await side.oauth.renew(found)
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, "client id or secret" in trouble.says) == ("protocol", True)


@asynccontextmanager
async def saying(said: Said | None, secure: Secure, authorities: Path) -> AsyncIterator[OAuth]:
    async def answer(asked: Asked) -> Said | None:
        return said

    async with WebServer(answer, secure("localhost")) as web:
        place = Place("https://x.example/", f"https://localhost:{web.port}/token", SCOPE)
        network = Network(private=True, authorities=authorities)
        yield OAuth(network, {"microsoft": App("our-app", SECRET, place)}, lambda: NOW)


def _said(status: int, body: str, **fields: str) -> Said:
    return Said(status, body.encode(), {name.replace("_", "-"): value for name, value in fields.items()})


DATE = "Mon, 12 Jan 1970 13:46:50 GMT"
ANSWERS = {
    # what it says                           its answer                                                kind, after ms
    "interaction is required": (_said(400, '{"error":"interaction_required"}'), ("revoked", None)),
    "too many requests": (_said(429, "", Retry_After="12"), ("busy", 12_000)),
    "a date to come back": (_said(503, "", Retry_After=DATE), ("busy", 10_000)),
    "a date that is none": (_said(502, "", Retry_After="soon"), ("busy", None)),
    "unavailable, with status 400": (_said(400, '{"error":"temporarily_unavailable"}'), ("busy", None)),
    "a scope that is wrong": (_said(400, '{"error":"invalid_scope"}'), ("protocol", None)),
    "a page of HTML": (_said(200, "<html>"), ("protocol", None)),
    "a list": (_said(200, "[]"), ("protocol", None)),
    "deep nonsense": (_said(200, "[" * 60_000), ("protocol", None)),
    "a token that would break a line": (_said(200, '{"access_token":"a\\r\\nb"}'), ("protocol", None)),
    "a refresh token that is a number": (_said(200, '{"access_token":"a","refresh_token":7}'), ("protocol", None)),
    "more than is read": (_said(200, "x" * 70_000), ("protocol", None)),
    "a redirect": (_said(302, "", Location="https://elsewhere.example/"), ("protocol", None)),
}


@pytest.mark.parametrize(("said", "kind"), ANSWERS.values(), ids=ANSWERS)
async def test_whatever_a_server_answers_is_a_trouble_in_words(
    said: Said, kind: tuple[str, int | None], secure: Secure, authorities: Path
) -> None:
    refresh = secrets.token_urlsafe()
    async with saying(said, secure, authorities) as oauth:
        trouble = await oauth.renew(Credential("microsoft", refresh))
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, trouble.after_ms) == kind
    assert refresh not in repr(trouble)
    assert SECRET not in repr(trouble)


async def test_an_access_token_without_an_end_is_soon_renewed(secure: Secure, authorities: Path) -> None:
    async with saying(_said(200, '{"access_token":"a","expires_in":"3599"}'), secure, authorities) as oauth:
        told = await oauth.renew(Credential("microsoft", "r"))
    async with saying(_said(200, '{"access_token":"a"}'), secure, authorities) as oauth:
        silent = await oauth.renew(Credential("microsoft", "r"))
    assert told == Credential("microsoft", "r", "a", (NOW + 3599) * 1000)
    assert silent == Credential("microsoft", "r", "a", (NOW + 300) * 1000)


async def test_a_server_that_says_nothing_is_given_up(
    secure: Secure, authorities: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mailboxes.oauth.ASK_SECONDS", 0.3)
    for said in (None, Said(drip=True)):
        async with saying(said, secure, authorities) as oauth:
            trouble = await oauth.renew(Credential("microsoft", "r"))
        assert isinstance(trouble, Trouble)
        assert trouble.kind == "network"


async def test_tokens_go_to_no_server_without_a_good_certificate_nor_to_our_own_network(
    side: Side, authorities: Path
) -> None:
    place = Place("https://x.example/", f"{side.server.url}/token", SCOPE)
    apps = {"google": App("our-app", SECRET, place)}
    asked = len(side.server.asked)
    for network, kind in ((Network(private=True), "tls"), (Network(authorities=authorities), "refused")):
        trouble = await OAuth(network, apps).renew(Credential("google", "r"))
        assert isinstance(trouble, Trouble)
        assert trouble.kind == kind
    plain = dataclasses.replace(place, token=place.token.replace("https", "http"))
    trouble = await OAuth(Network(private=True), {"google": App("a", "", plain)}).renew(Credential("google", "r"))
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, len(side.server.asked)) == ("refused", asked)


def test_mail_servers_are_shown_a_token_in_their_two_forms() -> None:
    assert xoauth2(ANNA, "token") == b"user=anna@example.com\x01auth=Bearer token\x01\x01"
    assert oauthbearer("a=b,c@x.example", "token", "imap.x.example", 993) == (
        b"n,a=a=3Db=2Cc@x.example,\x01host=imap.x.example\x01port=993\x01auth=Bearer token\x01\x01"
    )


def test_no_representation_shows_a_secret() -> None:
    app = App("our-app", SECRET, Place("https://a.example/", "https://b.example/", SCOPE))
    assert SECRET not in repr(app)
    shown = repr(Credential("google", "the-refresh-token", "the-access-token"))
    assert "the-refresh-token" not in shown
    assert "the-access-token" not in shown
