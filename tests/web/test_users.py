"""Users and tokens over the API: who they are, what a token may do, and that it ends with its user."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

import config
from gateway.store import tables
from gateway.web.app import build
from gateway.wiring import egress
from tests.web.site import URL, Site, letter


async def ask(site: Site, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    answer = await site.api.request(method, f"/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


async def test_a_user_is_made_read_changed_and_removed(site: Site) -> None:
    made = await ask(site, "POST", "users", {"email": "Dimas@Partner.example"}, 201)
    assert (made["email"], made["name"], made["role"], made["shared_mail"]) == (
        "dimas@partner.example",
        "Dimas",
        "user",
        False,
    )
    assert await ask(site, "GET", f"users/{made['id']}") == made
    changed = await ask(site, "PATCH", f"users/{made['id']}", {"role": "admin", "shared_mail": True})
    assert changed == made | {"role": "admin", "shared_mail": True}
    assert [user["id"] for user in (await ask(site, "GET", "users"))["data"]] == [made["id"], site.acme.owner.id]
    await ask(site, "DELETE", f"users/{made['id']}", status=204)
    await ask(site, "GET", f"users/{made['id']}", status=404)
    await ask(site, "DELETE", f"users/{made['id']}", status=404)


async def test_a_users_address_is_team_from_the_next_mail_on(site: Site) -> None:
    await ask(site, "POST", "users", {"email": "bob@bluefin.example"}, 201)
    assert "550" in await site.hand(letter())
    assert (await ask(site, "GET", "contacts"))["data"] == []


WRONG = {
    # story                  body                                                status  pointer
    "no address": ({"email": "dimas"}, 422, "#/email"),
    "a smart address": ({"email": "x@mail.kommo.com"}, 422, "#/email"),
    "a role there isn't": ({"email": "d@x.example", "role": "owner"}, 422, "#/role"),
    "a name without an end": ({"email": "d@x.example", "name": "a" * 201}, 422, "#/name"),
    "nothing": ({}, 422, "#/email"),
    "who is one already": ({"email": "ANA@acme.example"}, 409, None),
}


@pytest.mark.parametrize(("body", "status", "pointer"), WRONG.values(), ids=WRONG)
async def test_a_wrong_user_is_told_field_by_field(site: Site, body: Any, status: int, pointer: str | None) -> None:
    problem = await ask(site, "POST", "users", body, status)
    assert [error["pointer"] for error in problem.get("errors", [])] == ([pointer] if pointer else [])
    assert len((await ask(site, "GET", "users"))["data"]) == 1


async def test_the_last_admin_stays_one(site: Site) -> None:
    own = site.acme.owner.id
    for method, body in (("PATCH", {"role": "user"}), ("DELETE", None)):
        problem = await ask(site, method, f"users/{own}", body, 409)
        assert "last admin" in problem["detail"]
        assert problem["holder"] == own
    await ask(site, "POST", "users", {"email": "dimas@acme.example", "role": "admin"}, 201)
    await ask(site, "PATCH", f"users/{own}", {"role": "user"})
    await ask(site, "GET", "users", status=403)


async def test_a_token_is_made_shown_once_changed_and_revoked(site: Site) -> None:
    before = time.time()
    made = await ask(site, "POST", "tokens", {"name": "sync", "scopes": ["write", "read"], "expires_at": "90d"}, 201)
    secret = made.pop("secret")
    assert (made["name"], made["user"], made["scopes"]) == ("sync", site.acme.owner.id, ["read", "write"])
    assert made["last_used_at"] is None
    assert made["expires_at"] > time.strftime("%Y-%m-%d", time.gmtime(before + 89 * 86_400))
    assert await ask(site, "GET", f"tokens/{made['id']}") == made
    assert "secret" not in str(await ask(site, "GET", "tokens"))
    program = site.client(secret)
    assert (await program.get("/v1/contacts")).status_code == 200
    assert (await program.get("/v1/users")).status_code == 403
    changed = await ask(site, "PATCH", f"tokens/{made['id']}", {"scopes": ["read"], "expires_at": None})
    assert (changed["scopes"], changed["expires_at"], changed["name"]) == (["read"], None, "sync")
    assert (await program.post("/v1/leads", json={"name": "x"})).status_code == 403
    await ask(site, "DELETE", f"tokens/{made['id']}", status=204)
    assert (await program.get("/v1/contacts")).status_code == 401
    await ask(site, "DELETE", f"tokens/{made['id']}", status=404)


async def test_a_token_never_exceeds_its_users_role(site: Site) -> None:
    user = await ask(site, "POST", "users", {"email": "dimas@acme.example"}, 201)
    problem = await ask(site, "POST", "tokens", {"user": user["id"], "scopes": ["admin"]}, 422)
    assert problem["errors"][0]["pointer"] == "#/scopes"
    made = await ask(site, "POST", "tokens", {"user": user["id"]}, 201)
    assert made["scopes"] == ["read", "write"]
    await ask(site, "PATCH", f"users/{user['id']}", {"role": "admin"})
    assert (await site.client(made["secret"]).get("/v1/users")).status_code == 403
    full = await ask(site, "POST", "tokens", {"user": user["id"]}, 201)
    assert (await site.client(full["secret"]).get("/v1/users")).status_code == 200
    await ask(site, "PATCH", f"users/{user['id']}", {"role": "user"})
    assert (await site.client(full["secret"]).get("/v1/users")).status_code == 403


async def test_a_token_gives_nobody_more_than_it_has(site: Site) -> None:
    narrow = await ask(site, "POST", "tokens", {"scopes": ["write", "admin"]}, 201)
    program = site.client(narrow["secret"])
    assert (await program.post("/v1/tokens", json={"scopes": ["read"]})).status_code == 422
    assert (await program.post("/v1/tokens", json={})).json()["scopes"] == ["write", "admin"]
    assert (await program.patch(f"/v1/tokens/{narrow['id']}", json={"scopes": ["read"]})).status_code == 422


async def test_a_token_ends_with_its_user_and_at_its_time(site: Site) -> None:
    user = await ask(site, "POST", "users", {"email": "dimas@acme.example"}, 201)
    secrets = [(await ask(site, "POST", "tokens", {"user": user["id"]}, 201))["secret"] for _ in range(2)]
    await site.store.write(lambda tx: tx.execute(update(tables.tokens).where(_newest(tx)).values(expires_at=1)))
    assert [(await site.client(secret).get("/v1/leads")).status_code for secret in secrets] == [200, 401]
    await ask(site, "DELETE", f"users/{user['id']}", status=204)
    assert (await site.client(secrets[0]).get("/v1/leads")).status_code == 401


def _newest(tx: Any) -> Any:
    newest = tx.execute(select(tables.tokens.c.id).order_by(tables.tokens.c.id.desc())).first()
    return tables.tokens.c.id == newest.id


TOKENS = {
    # story                       body                                      pointer
    "a user there isn't": ({"user": "x"}, "#/user"),
    "a scope there isn't": ({"scopes": ["root"]}, "#/scopes"),
    "no scope": ({"scopes": []}, "#/scopes"),
    "an end that has passed": ({"expires_at": "2020-01-01"}, "#/expires_at"),
    "an end that is none": ({"expires_at": "soon"}, "#/expires_at"),
    "a name without an end": ({"name": "a" * 201}, "#/name"),
}


@pytest.mark.parametrize(("body", "pointer"), TOKENS.values(), ids=TOKENS)
async def test_a_wrong_token_is_told_field_by_field(site: Site, body: Any, pointer: str) -> None:
    problem = await ask(site, "POST", "tokens", body, 422)
    assert problem["errors"][0]["pointer"] == pointer


async def test_when_a_token_was_last_used_is_written_now_and_then(site: Site) -> None:
    """Not a write a request: the second request within ten minutes writes nothing."""

    async def used() -> str | None:
        await site.store.write(lambda tx: None)  # what was handed in before is written by then
        row = await ask(site, "GET", f"tokens/{id}")
        seen: str | None = row["last_used_at"]
        return seen

    id = (await ask(site, "GET", "tokens"))["data"][0]["id"]
    first = await used()
    assert first is not None
    await ask(site, "GET", "contacts")
    assert await used() == first


async def test_e12_the_addresses_we_connect_from_are_listed(site: Site) -> None:
    assert await ask(site, "GET", "egress") == {"addresses": []}
    settings = config.load({"SMARTGATE_EGRESS_ADDRESSES": "192.0.2.10, 198.51.100.0/28, 2001:db8::1"})
    services = replace(site.app.state.services, egress=egress(settings))
    transport = httpx2.ASGITransport(build(services))
    headers = {"Authorization": f"Bearer {site.acme.token}"}
    async with httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers) as api:
        answer = await api.get("/v1/egress")
    assert answer.json() == {"addresses": ["192.0.2.10", "198.51.100.0/28", "2001:db8::1"]}
