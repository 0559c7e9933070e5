"""A provider's ID token is taken from the provider alone, for us, for this way there, and while it lasts."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from gateway.mailboxes import openid
from gateway.mailboxes.network import Network
from gateway.mailboxes.openid import KEPT_SECONDS, OpenIdProvider, Registered
from gateway.usecases.mail_servers import Trouble
from gateway.usecases.sign_in_elsewhere import Claims, Trip
from tests.mailboxes.conftest import Secure
from tests.mailboxes.openid_server import CLIENT, SECRET, OpenIdServer, Sign, signed
from tests.mailboxes.web_server import Said

BACK = "https://crm.example/sign-in/openid/back"
TRIP = Trip("state", "nonce", "v" * 43)
ANA = Claims("ana@acme.example", True)
WELL_KNOWN = "/.well-known/openid-configuration"
Ask = Callable[..., Awaitable[Claims | Trouble]]


@pytest.fixture
async def server(secure: Secure) -> AsyncIterator[OpenIdServer]:
    async with OpenIdServer(secure("localhost")) as made:
        yield made


@pytest.fixture
def provider(server: OpenIdServer, authorities: Path) -> OpenIdProvider:
    return asking(server, authorities)


def asking(server: OpenIdServer, authorities: Path, secret: str = SECRET, **changes: Any) -> OpenIdProvider:
    app = Registered(server.issuer, CLIENT, secret)
    return OpenIdProvider(Network(private=True, authorities=authorities), app, **changes)


async def code(server: OpenIdServer, provider: OpenIdProvider, trip: Trip = TRIP) -> str:
    """Somebody signs in there: the code that would come back."""
    page = await provider.page(trip, BACK)
    assert isinstance(page, str), page
    assert page.startswith(f"{server.issuer}/authorize?")
    return server.code(dict(parse_qsl(urlsplit(page).query)))


async def sign_in(server: OpenIdServer, provider: OpenIdProvider, trip: Trip = TRIP) -> Claims | Trouble:
    return await provider.redeem(await code(server, provider, trip), trip, BACK)


async def test_a_provider_says_who_came_back(server: OpenIdServer, provider: OpenIdProvider) -> None:
    assert await sign_in(server, provider) == ANA


@pytest.mark.parametrize("methods", [(), ("client_secret_basic",), ("client_secret_post",)], ids=str)
async def test_a_secret_is_shown_in_the_way_the_provider_wants(
    server: OpenIdServer, provider: OpenIdProvider, methods: tuple[str, ...]
) -> None:
    server.methods = methods
    assert await sign_in(server, provider) == ANA


async def test_an_app_without_a_secret_shows_its_name_alone(server: OpenIdServer, authorities: Path) -> None:
    server.secret, server.methods = "", ("none",)
    assert await sign_in(server, asking(server, authorities, "")) == ANA


async def test_a_key_may_change_at_any_time(server: OpenIdServer, provider: OpenIdProvider) -> None:
    server.keys = [
        {"kty": "new kind", "kid": "x"},
        RSAKey.generate_key(2048).as_dict(use="enc", alg="RSA-OAEP", kid="y"),
    ]
    assert await sign_in(server, provider) == ANA
    server.renew_key()
    assert await sign_in(server, provider) == ANA


def unsigned(server: OpenIdServer, claims: dict[str, Any]) -> str:
    return f"{_part({'alg': 'none', 'kid': server.key.kid})}.{_part(claims)}."


def by_our_secret(server: OpenIdServer, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])


def by_their_public_key(server: OpenIdServer, claims: dict[str, Any]) -> str:
    """As if the public key were a secret both know: whoever takes the algorithm from the token believes it."""
    head = f"{_part({'alg': 'HS256', 'kid': server.key.kid})}.{_part(claims)}"
    mac = hmac.new(server.key.as_pem(private=False), head.encode(), hashlib.sha256).digest()
    return f"{head}.{_text(mac)}"


def by_another_key(server: OpenIdServer, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": server.key.kid}, claims, RSAKey.generate_key(2048))


def by_a_key_it_brings(server: OpenIdServer, claims: dict[str, Any]) -> str:
    own = RSAKey.generate_key(2048, auto_kid=True)
    return jwt.encode({"alg": "RS256", "kid": own.kid, "jwk": own.as_dict(private=False)}, claims, own)


def changed_afterwards(server: OpenIdServer, claims: dict[str, Any]) -> str:
    head, _, mac = signed(server, claims).split(".")
    return f"{head}.{_part(claims | {'email': 'boss@acme.example'})}.{mac}"


def _part(values: dict[str, Any]) -> str:
    return _text(json.dumps(values).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


FORGED: dict[str, Sign] = {
    "unsigned": unsigned,
    "signed with the secret of our app": by_our_secret,
    "signed with the provider's public key": by_their_public_key,
    "signed with another key": by_another_key,
    "signed with a key it brings along": by_a_key_it_brings,
    "changed afterwards": changed_afterwards,
    "no token": lambda server, claims: "ana",
    "nothing": lambda server, claims: "",
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED)
async def test_a_forged_token_is_nobodys(server: OpenIdServer, provider: OpenIdProvider, sign: Sign) -> None:
    server.sign = sign
    said = await sign_in(server, provider)
    assert isinstance(said, Trouble)
    assert (said.kind, said.says[:28]) == ("protocol", "its ID token is not accepted")
    server.sign = signed
    assert await sign_in(server, provider) == ANA


NOT_OURS: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://evil.example"},
    "of none": {"iss": None},
    "for another app": {"aud": "another"},
    "for another app, for which we asked": {"aud": "another", "azp": CLIENT},
    "for others, too, of which one asked": {"aud": [CLIENT, "another"], "azp": "another"},
    "for others, too, and nobody says who asked": {"aud": [CLIENT, "another"]},
    "for nobody": {"aud": None},
    "at its end": {"exp": int(time.time()) - 3600},
    "without an end": {"exp": None},
    "of tomorrow": {"iat": int(time.time()) + 86_400},
    "not good yet": {"nbf": int(time.time()) + 86_400},
    "of another way there": {"nonce": "another"},
    "of no way": {"nonce": None},
    "of nobody": {"sub": None},
    "with another access token": {"at_hash": "x" * 22},
    "with what is no time": {"exp": "soon"},
    "with an audience that is none": {"aud": 7},
}


@pytest.mark.parametrize("claims", NOT_OURS.values(), ids=NOT_OURS)
async def test_a_token_that_is_not_for_this_way_is_nobodys(
    server: OpenIdServer, provider: OpenIdProvider, claims: dict[str, Any]
) -> None:
    server.claims |= claims
    said = await sign_in(server, provider)
    assert isinstance(said, Trouble)
    assert (said.kind, said.says[:28]) == ("protocol", "its ID token is not accepted")


async def test_a_token_may_be_for_others_as_well_where_we_asked(server: OpenIdServer, provider: OpenIdProvider) -> None:
    server.claims |= {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert await sign_in(server, provider) == ANA


async def test_a_code_is_good_once_and_with_its_own_verifier(server: OpenIdServer, provider: OpenIdProvider) -> None:
    once = await code(server, provider)
    assert await provider.redeem(once, TRIP, BACK) == ANA
    for stolen, trip in ((once, TRIP), (await code(server, provider), Trip("state", "nonce", "w" * 43))):
        said = await provider.redeem(stolen, trip, BACK)
        assert isinstance(said, Trouble)
        assert said.kind == "revoked"


async def test_an_address_may_be_told_only_to_whoever_asks_for_it(
    server: OpenIdServer, provider: OpenIdProvider
) -> None:
    server.claims, server.inside = {}, {"email": "ana@acme.example", "email_verified": True}
    assert await sign_in(server, provider) == ANA
    server.inside |= {"sub": "another"}
    said = await sign_in(server, provider)
    assert isinstance(said, Trouble)
    assert said.says == "it tells of somebody else than who signed in"
    server.told = {"userinfo_endpoint": None}
    assert await sign_in(server, asking_anew(provider)) == Claims(None, None)


async def test_whether_an_address_is_verified_may_be_told_only_to_whoever_asks_for_it(
    server: OpenIdServer, provider: OpenIdProvider
) -> None:
    server.claims, server.inside = {"email": "ana@acme.example"}, {"email_verified": True}
    assert await sign_in(server, provider) == ANA
    server.told = {"userinfo_endpoint": "http://localhost/userinfo"}
    said = await sign_in(server, asking_anew(provider))
    assert isinstance(said, Trouble)
    assert said.says == "localhost is asked for over https alone"


def asking_anew(provider: OpenIdProvider) -> OpenIdProvider:
    return OpenIdProvider(provider._network, provider._app)


STRANGE: dict[str, tuple[dict[str, Any], Said | None]] = {
    "another issuer": ({"issuer": "https://evil.example"}, None),
    "no issuer": ({"issuer": None}, None),
    "a page over http": ({"authorization_endpoint": "http://localhost/authorize"}, None),
    "tokens over http": ({"token_endpoint": "http://localhost/token"}, None),
    "no keys": ({"jwks_uri": None}, None),
    "what is no place": ({"token_endpoint": 7}, None),
    "no JSON": ({}, Said(200, b"<html>")),
    "a list": ({}, Said(200, b"[]")),
    "nothing there": ({}, Said(404)),
    "it leads elsewhere": ({}, Said(302, b"", {"Location": "https://evil.example/"})),
    "too much": ({}, Said(200, b" " * 70_000)),
}


@pytest.mark.parametrize(("told", "answer"), STRANGE.values(), ids=STRANGE)
async def test_a_provider_that_tells_strange_things_of_itself_is_not_gone_to(
    server: OpenIdServer, provider: OpenIdProvider, told: dict[str, Any], answer: Said | None
) -> None:
    server.told = told
    server.answers |= {WELL_KNOWN: answer} if answer else {}
    said = await provider.page(TRIP, BACK)
    assert isinstance(said, Trouble)
    assert said.kind == "protocol"
    server.told, server.answers = {}, {}
    assert await sign_in(server, provider) == ANA


ANSWERS: dict[str, tuple[str, Said, str]] = {
    "no tokens now": ("/token", Said(503), "busy"),
    "too many": ("/token", Said(429), "busy"),
    "not our app": ("/token", Said(401, b'{"error": "invalid_client"}'), "protocol"),
    "tokens that are none": ("/token", Said(200, b'{"id_token": {}}'), "protocol"),
    "no keys now": ("/keys", Said(500), "busy"),
    "keys that are none": ("/keys", Said(200, b'{"keys": "x"}'), "protocol"),
    "a key that is none": ("/keys", Said(200, b'{"keys": [{"kty": "RSA", "n": 7}]}'), "protocol"),
    "no set of keys": ("/keys", Said(200, b"{}"), "protocol"),
}


@pytest.mark.parametrize(("path", "answer", "kind"), ANSWERS.values(), ids=ANSWERS)
async def test_what_a_provider_does_wrong_is_a_trouble_with_a_kind(
    server: OpenIdServer, provider: OpenIdProvider, path: str, answer: Said, kind: str
) -> None:
    server.answers = {path: answer}
    said = await sign_in(server, provider)
    assert isinstance(said, Trouble)
    assert said.kind == kind
    assert SECRET not in said.says


async def test_a_provider_that_is_silent_is_waited_for_a_while(
    server: OpenIdServer, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openid, "ASK_SECONDS", 0.5)
    server.answers = {WELL_KNOWN: None}
    said = await asyncio.gather(*(provider.page(TRIP, BACK) for _ in range(20)))
    assert {one.kind for one in said if isinstance(one, Trouble)} == {"network"}
    assert len(server.asked) == 1
    server.answers = {}
    assert await sign_in(server, provider) == ANA


async def test_it_is_asked_of_itself_once_an_hour(server: OpenIdServer, authorities: Path) -> None:
    now = time.time()
    provider = asking(server, authorities, now=lambda: now)
    for _ in range(3):
        await sign_in(server, provider)
    assert [one.path for one in server.asked].count(f"/realm{WELL_KNOWN}") == 1
    now += KEPT_SECONDS + 1
    await provider.page(TRIP, BACK)
    assert [one.path for one in server.asked].count(f"/realm{WELL_KNOWN}") == 2


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(server: OpenIdServer) -> None:
    provider = OpenIdProvider(Network(private=True), Registered(server.issuer, CLIENT))
    said = await provider.page(TRIP, BACK)
    assert isinstance(said, Trouble)
    assert said.kind == "tls"
