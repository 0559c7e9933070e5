"""Which CRM an account works in, over the API: connected after a try, shown without its secrets, disconnected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from gateway.store import tables
from tests.crm.kommo_server import Kommo
from tests.web.site import Site


@pytest.fixture(autouse=True)
def _to_this_machine(site: Site) -> None:
    """The Kommo of these tests listens on loopback."""
    object.__setattr__(site.app.state.services, "webhooks_private", True)


EMBEDDED = {
    "id": "embedded",
    "kind": "embedded",
    "url": None,
    "account": None,
    "auth": None,
    "state": "ready",
    "reason": "",
    "connected_at": None,
}


@pytest.fixture
async def server() -> AsyncIterator[Kommo]:
    opened = Kommo()
    await opened.open()
    yield opened
    await opened.close()


def wish(server: Kommo, **more: Any) -> dict[str, Any]:
    return {"kind": "kommo", "url": server.url, "token": "long-lived"} | more


async def test_an_account_works_in_our_own_cards_until_another_crm_is_connected(site: Site, server: Kommo) -> None:
    assert (await site.api.get("/v1/crm")).json() == EMBEDDED
    answer = await site.api.put("/v1/crm", json=wish(server))
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["kind"], shown["url"], shown["account"]) == ("kommo", server.url, "Acme Coffee")
    assert (shown["auth"], shown["state"], shown["reason"]) == ("token", "ready", "")
    assert (await site.api.get("/v1/crm")).json() == shown
    assert (await site.api.delete("/v1/crm")).status_code == 204
    assert (await site.api.get("/v1/crm")).json() == EMBEDDED
    assert (await site.api.delete("/v1/crm")).status_code == 204


async def test_one_may_also_put_our_own_cards_in_its_place(site: Site, server: Kommo) -> None:
    await site.api.put("/v1/crm", json=wish(server))
    assert (await site.api.put("/v1/crm", json={"kind": "embedded"})).json() == EMBEDDED


async def test_oauth_connects_by_the_code_that_kommo_gave(site: Site, server: Kommo) -> None:
    client, secret, uri = server.account.client
    given = {"token": "", "client_id": client, "client_secret": secret, "redirect_uri": uri, "code": "code-0"}
    answer = await site.api.put("/v1/crm", json=wish(server, **given))
    assert answer.json()["auth"] == "oauth"
    for canary in (secret, "access-1", "refresh-1", "code-0"):
        assert canary not in answer.text


async def test_no_credential_is_shown_or_lies_in_the_store_as_it_is(site: Site, server: Kommo) -> None:
    server.account.token = "a-canary-of-a-token"
    answer = await site.api.put("/v1/crm", json=wish(server, token="a-canary-of-a-token"))
    assert "canary" not in answer.text

    def at_rest(tx: Any) -> str:
        return str([tx.execute(select(table)).all() for table in (tables.endpoints, tables.ledger)])

    assert "canary" not in await site.store.read(at_rest)
    await site.api.delete("/v1/crm")
    kept = await site.store.read(lambda tx: tx.execute(select(tables.endpoints.c.secret)).scalars().all())
    assert kept == [None]


WRONG = {
    "a wrong token": ({"token": "wrong"}, "#/token", "does not know the token"),
    "no token": ({"token": ""}, "#/token", "no token was given"),
    "no address": ({"url": "acme"}, "#/url", "allowed: https"),
    "a page": ({"url": "https://acme.kommo.com/leads"}, "#/url", "more than an account's address"),
    "another CRM": ({"kind": "salesforce"}, "#/kind", "embedded"),
    "a field that isn't there": ({"password": "x"}, "#/password", ""),
}


@pytest.mark.parametrize(("change", "pointer", "words"), WRONG.values(), ids=WRONG)
async def test_what_can_not_be_connected_is_422_with_its_field(
    site: Site, server: Kommo, change: dict[str, str], pointer: str, words: str
) -> None:
    answer = await site.api.put("/v1/crm", json=wish(server, **change))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert words in answer.text
    assert (await site.api.get("/v1/crm")).json() == EMBEDDED


async def test_connected_again_it_goes_on_and_another_account_begins_anew(site: Site, server: Kommo) -> None:
    first = (await site.api.put("/v1/crm", json=wish(server))).json()["id"]
    await site.api.delete("/v1/crm")
    assert (await site.api.put("/v1/crm", json=wish(server))).json()["id"] == first
    other = Kommo()
    await other.open()
    same = (await site.api.put("/v1/crm", json=wish(other))).json()
    assert (same["id"], same["url"]) == (first, other.url), "the same account at another address"
    await other.close()


async def test_without_leave_nobody_is_sent_into_our_own_network(site: Site, server: Kommo) -> None:
    object.__setattr__(site.app.state.services, "webhooks_private", False)
    for url in (server.url, server.url.replace("http:", "https:"), "https://localhost", "https://10.0.0.1"):
        answer = await site.api.put("/v1/crm", json=wish(server, url=url))
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "#/url"
    assert server.seen == []


async def test_only_admins_see_or_change_it(site: Site, server: Kommo) -> None:
    user = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    answers = [
        await user.get("/v1/crm"),
        await user.put("/v1/crm", json=wish(server)),
        await user.delete("/v1/crm"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]


async def test_another_accounts_crm_is_its_own(site: Site, server: Kommo) -> None:
    await site.api.put("/v1/crm", json=wish(server))
    assert (await site.client(site.other.token).get("/v1/crm")).json() == EMBEDDED
