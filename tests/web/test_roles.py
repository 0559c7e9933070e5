"""Every page and every call, asked by every kind of reader: who gets past which wall, and no wall leaks (E2, F)."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from starlette.routing import Match

from gateway.store import tables
from gateway.web.app import API, PAGES
from tests.web.roles import LOCKED, MAY_OPEN, OPEN, PASS, READERS, Row, rows
from tests.web.site import Site
from tests.web.test_walls import routes
from tests.web.things import BOXES, OURS, PERSONAL, SHARED, Things

ALL = frozenset((OURS, PERSONAL, SHARED, *BOXES.values()))
HIDDEN = {
    "admin": frozenset((PERSONAL,)),
    "team": frozenset((PERSONAL, BOXES["personal"])),
    "owner": frozenset((SHARED, BOXES["shared"])),
    "user": ALL - {OURS},
    "stranger": ALL,
    "nobody": ALL,
}
"""Words that stand in no answer that a reader gets, whatever they ask."""
SURVIVORS = ("contacts", "customers", "endpoints", "fields", "leads", "templates", "tokens", "users")
_NAME = re.compile(r"\{\w+\}")


def route_of(method: str, path: str) -> tuple[str, str]:
    """The route that answers a row, as the application finds it."""
    bare = _NAME.sub("1", path.partition("?")[0])
    for prefix, parts in (("/v1", API), ("", PAGES)):
        scope = {"type": "http", "method": method, "path": bare.removeprefix(prefix), "root_path": "", "headers": []}
        for part in parts if bare.startswith(prefix) else ():
            for route in part.router.routes:
                if route.matches(scope)[0] == Match.FULL:
                    return method, prefix + route.path
    return method, path


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    assert {route_of(row.method, row.path) for row in rows()} == set(routes())


@pytest.mark.parametrize("who", READERS)
async def test_each_reader_gets_past_their_own_walls_and_no_other(site: Site, who: str) -> None:
    there = await Things(site).open()
    for kind in MAY_OPEN:
        await there.named("/mail/{id}", kind, fresh=False)
    await site.index()
    asking = {True: there.api(who), False: await there.browser(who)}
    anybody = site.client(Accept="text/html")
    wrong, seen = [], set[str]()
    for row in rows():
        wanted = row.outcome(who)
        fresh = wanted == PASS and row.method != "GET"
        names = await there.named(row.path, row.kind, fresh=fresh)
        answer = await ask(site, asking[row.is_api], row.method, row.path, row.body, names)
        if wanted == OPEN:
            wanted = str((await ask(site, anybody, row.method, row.path, row.body, names)).status_code)
            assert wanted not in ("401", "403"), row
        told = {word for word in ALL if word in answer.text.lower()}
        leaks, seen = sorted(told & forbidden(who, wanted)), seen | told
        if outcome(answer, row) != wanted or leaks:
            wrong.append(f"{row}: {outcome(answer, row)} {answer.status_code}, not {wanted} {leaks or ''}")
    assert wrong == []
    assert seen == ALL - HIDDEN[who]
    for thing in SURVIVORS:
        for names in [made for key, made in there.cached.items() if key.partition(" ")[0] == thing]:
            assert (await site.api.get(f"/v1/{thing}/{names['id']}")).status_code == 200, "what was denied was done"


def forbidden(who: str, wanted: str) -> frozenset[str]:
    return HIDDEN[who] if wanted == PASS else ALL


def outcome(answer: httpx2.Response, row: Row) -> str:
    """What an answer is, in the words of the table."""
    if answer.headers.get("location") == "/sign-in" and row.path != "/sign-out":
        return "sign-in"
    if answer.status_code in (401, 403, 404) or OPEN in row.gets.values():
        return str(answer.status_code)
    assert answer.status_code < 500, f"{row}: {answer.text}"
    if row.gets.get("user") == LOCKED or row.gets.get("admin") == LOCKED:
        return PASS if any(word in answer.text.lower() for word in (OURS, PERSONAL, SHARED)) else LOCKED
    return PASS


async def ask(
    site: Site, reader: httpx2.AsyncClient, method: str, path: str, body: dict[str, Any], names: dict[str, str]
) -> httpx2.Response:
    """The answer to a request; of a stream what comes at once."""
    path = in_place(path, names)
    if method == "GET" and (path == "/feed" or path.endswith("/live")):
        return await overhear(site, reader, path)
    if method in ("GET", "HEAD", "DELETE"):
        return await reader.request(method, path)
    sent = {field: in_place(text, names) if isinstance(text, str) else text for field, text in body.items()}
    given: dict[str, Any] = {"json" if path.startswith("/v1/") else "data": sent}
    return await reader.request(method, path, **given)


def in_place(text: str, names: dict[str, str]) -> str:
    """A path with the ids of what is there."""
    return _NAME.sub(lambda found: names[found[0][1:-1]], text)


async def overhear(site: Site, reader: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """How a stream begins: it is hung up on after what comes at once."""
    heard: list[Any] = []
    come, asked = asyncio.Event(), False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await come.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        heard.append(message)
        if message["type"] == "http.response.body" and len(heard) > 2:
            come.set()

    headers = [(name.lower(), value) for name, value in reader.build_request("GET", path).headers.raw]
    scope: dict[str, Any] = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1"}
    scope |= {"method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    scope |= {"scheme": "http", "root_path": "", "client": ("127.0.0.1", 9), "server": ("crm.example", 80)}
    talking = asyncio.create_task(site.app(scope, receive, send))
    await asyncio.wait([talking], timeout=0.3 if path == "/feed" else 2)
    come.set()
    await talking
    body = b"".join(one.get("body", b"") for one in heard[1:])
    return httpx2.Response(heard[0]["status"], headers=heard[0]["headers"], content=body)


@pytest.mark.parametrize("who", ["admin", "user", "team", "owner", "stranger"])
async def test_deleting_many_deletes_what_its_reader_may_open_and_no_more(site: Site, who: str) -> None:
    there = await Things(site).open()
    ids = {kind: await there.mail(kind) for kind in MAY_OPEN}
    browser = await there.browser(who)
    done = await browser.post("/mail/bulk", data={"do": "delete", "id": list(ids.values())})
    assert done.status_code == 303
    left = {kind for kind, id in ids.items() if await there.is_filed(id)}
    assert left == {kind for kind in MAY_OPEN if who not in MAY_OPEN[kind]}
    told = (await browser.get(done.headers["location"])).text.lower()
    assert [word for word in HIDDEN[who] if word in told] == []


SECOND = (
    "POST /contacts/{own}/notes/{note} text=quartz",
    "POST /contacts/{own}/notes/{note} do=delete",
    "GET /contacts/{own}?note={note}",
    "GET /contacts/{own}/merge?other={card}",
    "POST /contacts/{own}/merge other={card}",
    "POST /v1/contacts/{own}/merge other={card}",
    "POST /leads/{lead}/people contact={card} link=add",
    "POST /leads/{lead}/people contact={card} link=main",
    "POST /leads/{lead} main_contact={card}",
    "PATCH /v1/leads/{lead} main_contact={card}",
    "POST /customers/{customer}/people contact={card} link=add",
    "GET /v1/templates/{template}/render?contact={card}",
    "POST /compose/fill template={template} contact={card}",
    "POST /compose do=fill template={template} contact={card}",
    "GET /compose?contact={card}",
    "GET /templates/preview?who={card}",
    "GET /mail?did={undo}",
    "GET /held?done={held}",
    "GET /held?did={undo}",
    "GET /threads/{own}?before={mail}",
    "POST /mail/bulk do=delete id={mail}",
    "POST /mail/bulk do=delete thread={thread}",
    "POST /mail/bulk do=restore id={deleted}",
    "POST /mail/bulk do=purge id={deleted} sure=1",
    "POST /mail/bulk do=release id={held}",
    "POST /mail/bulk do=refuse id={held} sure=1",
    "GET /settings/deliveries?endpoint={endpoint}",
    "GET /v1/deliveries?endpoint={endpoint}",
    "GET /v1/leads?contact={card}",
    "GET /v1/messages?thread={thread}",
    "GET /trace?q={mail}",
    "PATCH /v1/account link_mailbox={box}",
    "POST /settings link_mailbox={box} name=Other",
)
"""What an admin of another account asks with ids of ours where the first one is theirs."""


async def test_a_second_id_reaches_nothing_of_another_account(site: Site) -> None:
    there = await Things(site).open()
    names = await there.named("/contacts/{id}/notes/{note}", "", fresh=True)
    for path in ("/v1/messages/{deleted}", "/held/{held}", "/settings/deliveries/retry?of={endpoint}"):
        names |= await there.named(path, "", fresh=True)
    names |= {"undo": (await there.named("/undo/{id}", "", fresh=True))["id"]}
    mail = await there.named("/threads/{thread}", "shared", fresh=True)
    names |= {"mail": mail["id"], "thread": mail["thread"], "box": there.boxes["shared"]}
    api, browser = there.api("stranger"), await there.browser("stranger")
    for name, kind, fields in (
        ("own", "contacts", {"name": "Mine", "emails": ["mine@own.example"]}),
        ("lead", "leads", {"name": "Mine"}),
        ("customer", "customers", {"name": "Mine"}),
        ("template", "templates", {"name": "Mine", "body": "Hello {{ contact.name }}"}),
    ):
        names[name] = (await api.post(f"/v1/{kind}", json=fields)).json()["id"]
    before = await as_it_is(site)
    for line in SECOND:
        method, path, *given = line.split()
        body: dict[str, Any] = dict(field.split("=", 1) for field in given)
        answer = await ask(site, api if path.startswith("/v1/") else browser, method, path, body, names)
        assert answer.status_code < 500, line
        assert [word for word in ALL if word in answer.text.lower()] == [], line
        assert (await as_it_is(site)) == before, line


async def as_it_is(site: Site) -> dict[str, Any]:
    """All that our admin sees of what is there."""
    kinds = ("contacts", "leads", "customers", "messages", "messages?folder=held", "messages?folder=deleted")
    notes = await site.store.read(lambda tx: [tuple(row) for row in tx.execute(select(tables.notes))])
    return {kind: (await site.api.get(f"/v1/{kind}")).json() for kind in kinds} | {"notes": notes}
