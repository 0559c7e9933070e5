"""The authorisation server of the tests keeps to the rules of real ones, and tells mail servers whose token it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from gateway.mailboxes.oauth import challenge
from tests.mailboxes.authorisation_server import AuthorisationServer

VERIFIER, BACK = "v" * 43, "http://127.0.0.1/back"
ASKED = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": BACK,
    "state": "s",
    "code_challenge": challenge(VERIFIER),
    "code_challenge_method": "S256",
    "login_hint": "anna@example.com",
}


@pytest.fixture
async def server() -> AsyncIterator[AuthorisationServer]:
    async with AuthorisationServer({"app": "secret"}) as made:
        yield made


async def consent(server: AuthorisationServer, **changes: str) -> dict[str, list[str]]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{server.url}/authorize?{urlencode({**ASKED, **changes})}")
    return parse_qs(urlsplit(answer.headers.get("location", "")).query)


async def tokens(server: AuthorisationServer, **form: str) -> dict[str, str]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{server.url}/token", data={"client_id": "app", "client_secret": "secret", **form})
    found: dict[str, str] = json.loads(answer.content)
    return found


async def signed_in(server: AuthorisationServer) -> dict[str, str]:
    code = (await consent(server))["code"][0]
    return await tokens(server, grant_type="authorization_code", code=code, redirect_uri=BACK, code_verifier=VERIFIER)


async def test_without_a_challenge_there_is_no_code(server: AuthorisationServer) -> None:
    assert await consent(server, code_challenge_method="plain") == {"state": ["s"], "error": ["invalid_request"]}
    assert await consent(server, client_id="another") == {}
    server.refuses = True
    assert await consent(server) == {"state": ["s"], "error": ["access_denied"]}


async def test_mail_servers_learn_whose_token_it_is_by_any_of_three_ways(server: AuthorisationServer) -> None:
    token = (await signed_in(server))["access_token"]
    place = f"{server.url}/introspect"
    async with httpx2.AsyncClient(trust_env=False) as http:
        for answer in (
            await http.get(f"{place}?token={token}"),
            await http.post(place, data={"token": token}),
            await http.get(place, headers={"Authorization": f"Bearer {token}"}),
        ):
            said = json.loads(answer.content)
            assert (said["active"], said["username"]) == (True, "anna@example.com")
        server.expire()
        assert json.loads((await http.get(f"{place}?token={token}")).content) == {"active": False}
        assert (await http.get(place, headers={"Authorization": f"Bearer {token}"})).status_code == 401


async def test_a_refresh_token_that_is_used_twice_ends_all_of_its_consent(server: AuthorisationServer) -> None:
    first = await signed_in(server)
    second = await tokens(server, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert server.holder(second["access_token"]) == "anna@example.com"
    again = await tokens(server, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again == {"error": "invalid_grant"}
    assert server.holder(second["access_token"]) is None


async def test_refreshes_that_are_under_way_together_are_counted(server: AuthorisationServer) -> None:
    first, other = await signed_in(server), await signed_in(server)
    assert server.most_at_once == 1
    server.gate, server.arrived = asyncio.Event(), asyncio.Semaphore(0)
    both = [
        asyncio.create_task(tokens(server, grant_type="refresh_token", refresh_token=one["refresh_token"]))
        for one in (first, other)
    ]
    for _ in both:
        await server.arrived.acquire()
    assert server.most_at_once == 2
    server.gate.set()
    assert all("access_token" in found for found in await asyncio.gather(*both))
