"""Every page and every call, asked by every kind of reader: who gets past which wall, and that no wall leaks (E2, F)."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx2
import pytest
from starlette.routing import Match

from gateway.web.app import API, PAGES
from tests.web.roles import LOCKED, MAY_OPEN, OPEN, PASS, READERS, Row, rows
from tests.web.site import Site
from tests.web.test_walls import routes
from tests.web.things import OURS, PERSONAL, SHARED, Things

HIDDEN = {
    "admin": (PERSONAL,),
    "team": (PERSONAL,),
    "owner": (SHARED,),
    "user": (PERSONAL, SHARED),
    "stranger": (OURS, PERSONAL, SHARED),
    "nobody": (OURS, PERSONAL, SHARED),
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
    wrong = []
    for row in rows():
        wanted = row.outcome(who)
        fresh = wanted == PASS and row.method != "GET"
        names = await there.named(row.path, row.kind, fresh=fresh)
        answer = await ask(site, asking[row.is_api], row, names)
        if wanted == OPEN:
            wanted = str((await ask(site, anybody, row, names)).status_code)
            assert wanted not in ("401", "403"), row
        leaks = [word for word in forbidden(who, wanted) if word in answer.text.lower()]
        if outcome(answer, row) != wanted or leaks:
            wrong.append(f"{row}: {outcome(answer, row)} {answer.status_code}, not {wanted} {leaks or ''}")
    assert wrong == []
    for thing in SURVIVORS:
        for names in [made for key, made in there.cached.items() if key.partition(" ")[0] == thing]:
            assert (await site.api.get(f"/v1/{thing}/{names['id']}")).status_code == 200, "what was denied was done"


def forbidden(who: str, wanted: str) -> tuple[str, ...]:
    return HIDDEN[who] if wanted == PASS else (OURS, PERSONAL, SHARED)


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


async def ask(site: Site, reader: httpx2.AsyncClient, row: Row, names: dict[str, str]) -> httpx2.Response:
    """The answer to a row; of a stream what comes at once."""
    path = in_place(row.path, names)
    if row.method == "GET" and (path == "/feed" or path.endswith("/live")):
        return await overhear(site, reader, path)
    if row.method in ("GET", "HEAD", "DELETE"):
        return await reader.request(row.method, path)
    body = {field: in_place(text, names) if isinstance(text, str) else text for field, text in row.body.items()}
    given: dict[str, Any] = {"json" if row.is_api else "data": body}
    return await reader.request(row.method, path, **given)


def in_place(text: str, names: dict[str, str]) -> str:
    """A path with the ids of what is there."""
    return _NAME.sub(lambda found: {"n": "1", **names}[found[0][1:-1]], text)


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
