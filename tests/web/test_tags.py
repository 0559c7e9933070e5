"""Who polls is told in a few bytes that nothing changed; who changes what somebody else has changed is stopped."""

from __future__ import annotations

import asyncio

import pytest

from tests.web.site import Site, letter
from tests.web.test_walls import fill

POLLED = ("account", "contacts", "leads", "customers", "messages", "threads", "receipts", "events", "users", "egress")


@pytest.mark.parametrize("path", POLLED)
async def test_what_has_not_changed_is_answered_without_a_body(site: Site, path: str) -> None:
    await fill(site)
    first = await site.api.get(f"/v1/{path}")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        same = await site.api.get(f"/v1/{path}", headers={"If-None-Match": held})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert "content-type" not in same.headers
    changed = await site.api.get(f"/v1/{path}", headers={"If-None-Match": '"other"'})
    assert (changed.status_code, changed.content) == (200, first.content)


async def test_a_change_changes_the_tag(site: Site) -> None:
    await site.hand(letter())
    before = (await site.api.get("/v1/messages")).headers["etag"]
    await site.hand(letter("Another"))
    after = await site.api.get("/v1/messages", headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.headers["etag"] != before


BODIES = {
    "contacts": {"first_name": "Robert"},
    "leads": {"price": 100},
    "customers": {"name": "Bluefin Ltd"},
    "users": {"name": "Ana Putri"},
    "tokens": {"name": "sync"},
}


@pytest.mark.parametrize("kind", [*BODIES, "account"])
async def test_a_change_is_made_to_what_was_seen_only(site: Site, kind: str) -> None:
    ids = await fill(site)
    path, body = f"/v1/{kind}/{ids[kind]}" if kind in ids else f"/v1/{kind}", BODIES.get(kind, {"name": "Acme"})
    seen = (await site.api.get(path)).headers["etag"]
    changed = await site.api.patch(path, json=body, headers={"If-Match": seen})
    assert changed.status_code == 200
    assert changed.headers["etag"] == (await site.api.get(path)).headers["etag"] != seen
    late = await site.api.patch(path, json=body, headers={"If-Match": seen})
    assert (late.status_code, late.json()["type"]) == (412, "/v1/docs#changed-meanwhile")
    assert (await site.api.patch(path, json=body, headers={"If-Match": f'"x", {changed.headers["etag"]}'})).is_success
    assert (await site.api.patch(path, json=body, headers={"If-Match": "*"})).is_success


async def test_of_two_who_change_the_same_at_once_one_is_stopped(site: Site) -> None:
    lead = (await site.api.post("/v1/leads", json={"name": "Offer"})).json()["id"]
    seen = {"If-Match": (await site.api.get(f"/v1/leads/{lead}")).headers["etag"]}

    async def change(price: int) -> int:
        return (await site.api.patch(f"/v1/leads/{lead}", json={"price": price}, headers=seen)).status_code

    assert sorted(await asyncio.gather(change(1), change(2))) == [200, 412]
