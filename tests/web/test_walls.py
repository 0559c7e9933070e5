"""Accounts are walls, pages of lists are exact, and every error is a problem in the same form."""

from __future__ import annotations

import asyncio
import io
import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from itertools import count
from typing import Any

import httpx2
import pytest
import structlog
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from gateway import logs
from gateway.store.access import Principal, find_principal, find_token, issue_token, set_token
from gateway.store.accounts import find_account
from gateway.usecases.accounts import _now
from gateway.web.app import API, PAGES
from gateway.web.openapi import READS
from gateway.web.problems import KINDS
from tests.web.site import URL, Site, letter

OPEN = {
    "/.well-known/mta-sts.txt",
    "/healthz",
    "/readyz",
    "/metrics",
    "/sign-in",
    "/sign-in/link",
    "/sign-in/openid",
    "/sign-in/openid/account",
    "/sign-in/openid/back",
    "/sign-in/{token}",
    "/sign-out",
    "/why/{what}",
    "/v1/docs",
    "/files/{link}",
}
"""Paths that need nobody to be signed in."""


def routes() -> list[tuple[str, str]]:
    """Every (method, path) of the application."""
    table = [("/v1", part.router) for part in API] + [("", page.router) for page in PAGES]
    return sorted(
        (method, prefix + route.path)
        for prefix, router in table
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    )


async def test_the_table_of_routes_is_whole(site: Site) -> None:
    seen = routes()
    document = (await site.client().get("/v1/openapi.json")).json()["paths"]
    assert {path for _, path in seen if path.startswith("/v1/") and path != "/v1/docs"} == set(document)
    for wanted in (("GET", "/v1/messages/{id}"), ("POST", "/v1/leads"), ("GET", "/trace/{id}"), ("GET", "/feed")):
        assert wanted in seen


CONSOLE = {
    "mail": "messages",
    "held": "messages",
    "trace": "receipts",
    "undo": "messages",
    "sessions": "tokens",
}


async def fill(site: Site) -> dict[str, str]:
    """A mail with everything that comes of it, for Acme; ids by the resource's path."""
    await site.api.post("/v1/endpoints", json={"url": "https://1.1.1.1/hook"})
    await site.hand(letter(files=[("a.txt", "text/plain", b"x")]))
    await site.api.post("/v1/customers", json={"name": "Bluefin"})
    await site.api.post("/v1/templates", json={"name": "Hello", "body": "Hello {{ contact.name }}"})
    await site.api.post("/v1/fields", json={"kind": "contact", "name": "Company"})
    site.servers.passwords["sales@acme.example"] = "secret"
    shared = {"address": "sales@acme.example", "kind": "shared", "password": "secret"}
    assert (await site.api.post("/v1/mailboxes", json=shared)).status_code == 201
    kinds = {path.split("/")[2] for method, path in routes() if method == "GET" and path.startswith("/v1/")}
    kinds &= {path.split("/")[2] for _, path in routes() if path.startswith("/v1/") and "{id}" in path}
    return {kind: (await site.api.get(f"/v1/{kind}")).json()["data"][0]["id"] for kind in sorted(kinds)}


def at(path: str, ids: dict[str, str]) -> str:
    """The path with ids of things that are there. A new resource finds its id in its own list (`fill`)."""
    kind = path.partition("/{id}")[0].rpartition("/")[2]
    id = ids[CONSOLE.get(kind, kind)] if "{id}" in path else ""
    path += "?address=ana@acme.example" if path.endswith("/discover") else ""
    return path.replace("{id}", id).replace("{n}", "1").replace("{action}", "lead").replace("{token}", "x")


async def test_another_account_finds_nothing_of_ours_on_any_route(site: Site) -> None:
    ids = await fill(site)
    stranger, browser = site.client(site.other.token), await site.console(site.other.sign_in_url)
    tried = 0
    for method, path in routes():
        if path in OPEN or "{id}" not in path:
            continue
        reader = stranger if path.startswith("/v1/") else browser
        body: dict[str, str] | None = {} if method in ("PATCH", "POST") else None
        answer = await reader.request(method, at(path, ids), json=body)
        assert answer.status_code == 404, f"{method} {path}"
        assert "bluefin" not in answer.text.lower()
        tried += 1
        if method == "GET" and not path.endswith("/live"):
            own = site.api if path.startswith("/v1/") else await site.console(await new_link(site))
            assert (await own.get(at(path, ids))).status_code == 200, path
    assert tried > 20


async def new_link(site: Site) -> str:
    def link(tx: Any) -> str:
        account = find_account(tx, "acme")
        assert account is not None
        return issue_token(tx, account.number, site.acme.owner.id, "sign_in", _now())

    return f"{URL}/sign-in/{await site.store.write(link)}"


async def test_another_account_lists_nothing_of_ours(site: Site) -> None:
    ids = await fill(site)
    stranger = site.client(site.other.token)
    for kind in (*ids, "events"):
        seen = {row["id"] for row in (await stranger.get(f"/v1/{kind}")).json()["data"]}
        assert seen.isdisjoint(ids.values()), kind
        assert seen == set() or kind in ("tokens", "users"), kind
    for query in (f"contact={ids['contacts']}", f"lead={ids['leads']}", f"thread={ids['threads']}", "q=offer"):
        assert (await stranger.get(f"/v1/messages?{query}")).json()["data"] == [], query
    refused = await stranger.post("/v1/leads", json={"name": "x", "contacts": [ids["contacts"]]})
    assert refused.status_code == 422
    same = await stranger.post("/v1/contacts", json={"emails": ["bob@bluefin.example"]})
    assert same.status_code == 201
    assert (await stranger.get(f"/v1/contacts/{same.json()['id']}/messages")).json()["data"] == []


async def test_nobody_reads_anything_without_a_token(site: Site) -> None:
    ids = await fill(site)
    session = (await site.client().get(site.acme.sign_in_url)).cookies["smartgate_session"]
    wrong = {
        "none": None,
        "a wrong one": "sga_1_" + "x" * 43,
        "a session": session,
        "nonsense": "?",
    }
    for name, token in wrong.items():
        reader = site.client(token)
        for method, path in routes():
            if path.startswith("/v1/") and path not in OPEN:
                answer = await reader.request(method, at(path, ids))
                assert answer.status_code == 401, f"{name}: {method} {path}"
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.json()["type"] == "/v1/docs#not-signed-in"


async def test_the_console_leads_strangers_to_the_sign_in_page(site: Site) -> None:
    ids = await fill(site)
    reader = site.client(Accept="text/html")
    for method, path in routes():
        if path.startswith("/v1/") or path in OPEN:
            continue
        answer = await reader.request(method, at(path, ids))
        if path == "/feed" or path.endswith("/live"):
            assert answer.status_code == 401, path
            continue
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), f"{method} {path}"


def calls() -> list[tuple[str, str, set[str]]]:
    """Method, path and guards of every call of the API that needs a token: which of `access` its route asks."""
    found = []
    for part in API:
        for route in part.router.routes:
            assert isinstance(route, APIRoute), f"{route} is no call whose guard can be told"
            found += [(method, f"/v1{route.path}", _guards(route.dependant)) for method in route.methods or ()]
    return sorted(found)


def _guards(dependant: Dependant) -> set[str]:
    asked = {str(getattr(dependant.call, "__name__", ""))} & set(GUARDS)
    return asked.union(*(_guards(one) for one in dependant.dependencies))


GUARDS = {"_reader": "read", "_writer": "write", "_admin": "admin"}
"""The guards of `gateway.web.api.access`, and the scope each asks for."""


def test_every_call_of_the_api_stands_behind_one_guard_that_fits_what_it_does() -> None:
    for method, path, guards in calls():
        assert len(guards) == 1, f"{method} {path} asks {guards or 'nobody'}: name Reader, Writer or Admin"
        changes = method != "GET" and (method.lower(), path) not in READS
        assert guards <= ({"_writer", "_admin"} if changes else {"_reader", "_admin"}), f"{method} {path}"


async def test_a_token_does_no_more_than_its_scopes_and_a_user_nothing_that_is_an_admins(site: Site) -> None:
    """Each call is asked by four who lack something; whoever lacks nothing gets through to what the call is about."""
    ids = await fill(site)

    async def token(scopes: str, role: str = "admin") -> httpx2.AsyncClient:
        user = await site.add_user(f"{role}-{scopes.replace(',', '-')}@acme.example", role, role)
        who = await site.store.read(lambda tx: find_principal(tx, user, "api", _now()))
        assert who is not None
        await site.store.write(lambda tx: set_scopes(tx, who, scopes))
        return site.client(user)

    asking = await token("read,admin")
    changing = await token("write,admin")
    plain = await token("read,write")
    own = next(one for one in (await site.api.get("/v1/users")).json()["data"] if one["email"] != "ana@acme.example")
    await site.api.patch(f"/v1/users/{own['id']}", json={"shared_mail": True})
    user = await token("read,write,admin", "user")
    for method, path, guards in calls():
        changes = method != "GET" and (method.lower(), path) not in READS
        lacking = {"asking": asking} if changes else {"changing": changing}
        if "_admin" in guards:
            lacking |= {"plain": plain, "user": user}
        for name, reader in lacking.items():
            answer = await reader.request(method, at(path, ids))
            assert answer.status_code == 403, f"{name}: {method} {path}"
            assert answer.json()["type"] == "/v1/docs#not-allowed"
        if "_admin" not in guards and not changes and method == "GET":
            assert (await plain.get(at(path, ids))).status_code == 200, path


def set_scopes(tx: Any, who: Principal, scopes: str) -> None:
    known = find_token(tx, who.account, who.token, _now())
    assert known is not None
    set_token(tx, who.account, replace(known, scopes=tuple(scopes.split(","))))


async def pages(api: httpx2.AsyncClient, path: str, limit: int, between: Any = None) -> list[list[str]]:
    """All pages of a list, as ids; `between` runs after each."""
    gathered, after = [], ""
    while True:
        page = (await api.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{after}")).json()
        gathered.append([row["id"] for row in page["data"]])
        if page["next"] is None:
            return gathered
        assert page["data"]
        assert set(page["next"]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        after = f"&after={page['next']}"
        if between is not None:
            await between()


@pytest.mark.parametrize("kind", ["contacts", "leads", "messages", "threads", "receipts", "events"])
async def test_a_row_there_when_paging_began_comes_exactly_once(site: Site, kind: str) -> None:
    async def more(n: int) -> None:
        mail = letter(f"Subject {n}", to=f"client{n}@x.example", text=str(n))
        await site.hand(mail)

    await asyncio.gather(*(more(n) for n in range(11)))
    there = [id for page in await pages(site.api, f"/v1/{kind}", 200) for id in page]
    numbers = count(100)

    async def a_few_more() -> None:
        if (n := next(numbers)) < 104:
            await more(n)

    walked = await pages(site.api, f"/v1/{kind}", 3, a_few_more)
    seen = [id for page in walked for id in page]
    assert [id for id in seen if id in there] == there
    assert len(seen) == len(set(seen))
    assert all(len(page) == 3 for page in walked[:-1])
    assert there == sorted(there, reverse=kind != "events")


def packed(position: object) -> str:
    """A position in the form of our cursors."""
    return urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


CURSORS = ["x", "!!", "W10", "WyJhIiwiYiJd", "WzFd", "e30", "A" * 501, "WyJhIl0=", "WyJhIiBd"]
CURSORS += [packed(position) for position in ([10**30, "x"], [2**63, "x"], [-(2**63) - 1, "x"], [1, "\ud800"])]
CURSORS += [packed(["\ud800"]), packed([True, "x"])]


@pytest.mark.parametrize("cursor", CURSORS)
async def test_a_cursor_that_is_not_ours_is_a_wrong_field(site: Site, cursor: str) -> None:
    for kind in ("contacts", "messages"):
        answer = await site.api.get(f"/v1/{kind}", params={"after": cursor})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/after"), kind


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many"])
async def test_a_page_has_1_to_200_rows(site: Site, limit: str) -> None:
    answer = await site.api.get("/v1/contacts", params={"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/limit")


@pytest.mark.parametrize("kind", ["contacts", "leads", "customers", "messages"])
async def test_words_to_look_for_are_at_most_200_characters(site: Site, kind: str) -> None:
    assert (await site.api.get(f"/v1/{kind}", params={"q": "%" * 200})).json()["data"] == []
    for length in (201, 50_001):
        answer = await site.api.get(f"/v1/{kind}", params={"q": "a" * length})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/q"), kind
    document = (await site.client().get("/v1/openapi.json")).json()["paths"][f"/v1/{kind}"]["get"]
    assert next(one for one in document["parameters"] if one["name"] == "q")["schema"]["maxLength"] == 200


async def test_events_are_asked_for_by_a_few_types(site: Site) -> None:
    answer = await site.api.get("/v1/events", params={"type": ["x"] * 51})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/type")


ERRORS = {
    # story                  method    path                     status
    "no such resource": ("GET", "/v1/nothing", 404),
    "the bare root": ("GET", "/v1", 404),
    "no such id": ("GET", "/v1/contacts/none", 404),
    "a wrong method": ("PUT", "/v1/contacts", 405),
    "a body that is no JSON": ("POST", "/v1/contacts", 422),
    "a wrong folder": ("GET", "/v1/messages?folder=spam", 422),
    "a wrong verdict": ("GET", "/v1/receipts?verdict=maybe", 422),
    "an attachment by name": ("GET", "/v1/messages/x/attachments/one", 422),
    "an id of another alphabet": ("GET", "/v1/leads/%F0%9F%92%A9%00'", 404),
}


@pytest.mark.parametrize(("method", "path", "status"), ERRORS.values(), ids=ERRORS)
async def test_every_error_of_the_api_is_problem_json(site: Site, method: str, path: str, status: int) -> None:
    for accept in ("text/html", "*/*", "application/json"):
        body = b"{" if method == "POST" else None
        headers = {"Accept": accept, "Content-Type": "application/json"}
        answer = await site.api.request(method, path, content=body, headers=headers)
        problem = answer.json()
        assert answer.status_code == problem["status"] == status
        assert answer.headers["content-type"] == "application/problem+json"
        name, title = KINDS[status]
        assert (problem["type"], problem["title"]) == (f"/v1/docs#{name}", title)
        assert problem["detail"]
        assert bool(problem.get("errors")) == (status == 422)
    if status == 405:
        assert answer.headers["allow"]


async def test_a_fault_of_ours_is_told_without_our_insides(site: Site) -> None:
    log = io.StringIO()
    logs.configure(stream=log)
    await site.store.stop()
    for path, kind in (("/v1/contacts", "application/problem+json"), ("/why/01KAQ7M2", "text/html; charset=utf-8")):
        answer = await site.api.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (500, kind)
        for word in ("Traceback", "StoreError", "gateway", "sqlite", "not open"):
            assert word not in answer.text
    assert log.getvalue().count("web.failed") == 2
    structlog.reset_defaults()
    site.store.start()


async def test_it_says_whether_it_is_alive_ready_and_how_much_it_did(site: Site) -> None:
    watcher = site.client()
    assert (await watcher.get("/healthz")).text == "ok\n"
    assert (await watcher.get("/readyz")).json() == {"ready": True, "large_mails": True}
    assert "smartgate_mails_total" in (await watcher.get("/metrics")).text
    await site.store.stop()
    assert (await watcher.get("/healthz")).status_code == 200
    assert (await watcher.get("/readyz")).status_code == 503
    site.store.start()


async def test_the_openapi_document_names_every_call(site: Site) -> None:
    document = (await site.client().get("/v1/openapi.json")).json()
    assert set(document["paths"]) >= {"/v1/account", "/v1/contacts/{id}/messages", "/v1/explain", "/v1/events"}
    message = document["components"]["schemas"]["Message"]["properties"]
    assert list(message)[:6] == ["id", "message_id", "direction", "subject", "from", "to"]


async def test_the_openapi_document_is_enough_for_a_generator_of_clients(site: Site) -> None:
    """Each call has a name of its own, a tag that is told, the token it needs, and its errors as problem JSON."""
    document = (await site.client().get("/v1/openapi.json")).json()
    named = [call for methods in document["paths"].values() for call in methods.values()]
    assert len({call["operationId"] for call in named}) == len(named)
    assert {tag for call in named for tag in call["tags"]} == {tag["name"] for tag in document["tags"]}
    schemes = set(document["components"]["securitySchemes"])
    for call in named:
        assert [set(needed) for needed in call["security"]] == [schemes], call["operationId"]
        assert {"401", "403", "429", "503"} <= set(call["responses"]), call["operationId"]
        for status, answer in call["responses"].items():
            if status >= "400":
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, call["operationId"]
                assert list(answer["content"]) == ["application/problem+json"]
