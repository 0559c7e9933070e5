"""Rights are those of the moment: a page that is open goes by them too, and what is sent goes by its mailbox (E2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.web.boxes import change_box
from tests.web.post import Post
from tests.web.site import Site
from tests.web.things import Things

WRITTEN = {"subject": "Offer", "text": "quartz", "to": ["Bob <bob@bluefin.example>"]}


async def open_stream(site: Site, browser: Any, path: str, heard: list[str], begun: asyncio.Event) -> None:
    """Listens until the stream ends."""
    never = asyncio.Event()

    async def receive() -> Any:
        await never.wait()

    async def send(message: Any) -> None:
        heard.extend(one for one in message.get("body", b"").decode().splitlines() if one.startswith("data: "))
        if heard:
            begun.set()

    headers = [(name.lower(), value) for name, value in browser.build_request("GET", path).headers.raw]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    await site.app(scope | {"http_version": "1.1", "raw_path": b"", "root_path": "", "scheme": "http"}, receive, send)


@pytest.mark.parametrize("path", ["/settings/deliveries/{id}/live", "/setup/mail/live"])
async def test_a_part_of_an_admins_page_ends_once_they_are_no_admin(site: Site, path: str) -> None:
    there = await Things(site).open()
    where = path.format(**await there.named("/settings/deliveries/{id}", "", fresh=True))
    boss = there.readers["team"]
    assert (await site.api.patch(f"/v1/users/{boss.id}", json={"role": "admin"})).status_code == 200
    heard: list[str] = []
    begun = asyncio.Event()
    stream = asyncio.create_task(open_stream(site, await there.browser("team"), where, heard, begun))
    await asyncio.wait_for(begun.wait(), 20)
    assert (await site.api.patch(f"/v1/users/{boss.id}", json={"role": "user"})).status_code == 200
    so_far = list(heard)
    await asyncio.wait_for(stream, 20)
    assert heard == so_far


async def test_how_sending_goes_on_is_told_no_longer_than_the_mail_may_be_opened(site: Site) -> None:
    post, there = await Post(site).open(), await Things(site).open()
    made = await post.write()
    heard: list[str] = []
    begun = asyncio.Event()
    where = f"/mail/{made['id']}/live"
    stream = asyncio.create_task(open_stream(site, await there.browser("team"), where, heard, begun))
    await asyncio.wait_for(begun.wait(), 20)
    assert "<" in heard[0]
    await site.api.patch(f"/v1/users/{there.readers['team'].id}", json={"shared_mail": False})
    await asyncio.wait_for(stream, 20)
    assert [line for line in heard[1:] if "html" in line and '"html": ""' not in line] == []


MAY = [201, 303, 200, 202, 303, 303]
KNOWN, UNKNOWN, ELSEWHERE = [403] * 6, [422, 422, 403, 403, 403, 403], [422, 422, 404, 404, 404, 404]
"""What is answered to sending, by the API and a page; then to taking back and trying again, each by both."""
SENDING = {
    # from whose mailbox     who gets what
    "personal": {"owner": MAY, "admin": KNOWN, "team": UNKNOWN, "user": UNKNOWN, "stranger": ELSEWHERE},
    "lent": {"owner": MAY, "admin": KNOWN, "team": UNKNOWN, "user": UNKNOWN, "stranger": ELSEWHERE},
    "shared": {"admin": MAY, "team": MAY, "owner": UNKNOWN, "user": UNKNOWN, "stranger": ELSEWHERE},
}
"""lent: a personal one that its owner lets admins read."""


@pytest.mark.parametrize("kind", SENDING)
async def test_e2_who_sends_from_a_mailbox_takes_back_and_tries_again(site: Site, kind: str) -> None:
    post, there = await Post(site).open(), await Things(site).open()
    await site.api.post("/v1/contacts", json={"name": "Bob", "emails": ["bob@bluefin.example"]})
    owner = site.acme.owner.id if kind == "shared" else there.readers["owner"].id
    box = await post.connect("out@acme.example", owner, kind="shared" if kind == "shared" else "personal")
    await change_box(site, box, share_with_admins=kind == "lent")
    chief = there.api("admin" if kind == "shared" else "owner")
    for who, gets in SENDING[kind].items():
        made = (await chief.post("/v1/messages", json={"mailbox": box, **WRITTEN})).json()["id"]
        api, browser = there.api(who), await there.browser(who)
        sent = await api.post("/v1/messages", json={"mailbox": box, **WRITTEN})
        typed = await browser.post("/compose", data={"mailbox": box, "to": "bob@bluefin.example", "body": "quartz"})
        after = [await api.post(f"/v1/messages/{made}/{verb}") for verb in ("cancel", "retry")]
        after += [await browser.post(f"/mail/{made}/{verb}") for verb in ("cancel", "retry")]
        assert [one.status_code for one in (sent, typed, *after)] == gets, who
        assert (await chief.get(f"/v1/messages/{made}")).json()["sending"]["state"] == "queued", who


async def test_e2_nobody_answers_or_hands_on_what_they_may_not_open(site: Site) -> None:
    post, there = await Post(site).open(), await Things(site).open()
    tried = {}
    for kind in ("personal", "alone", "shared", "smart"):
        mail = await there.mail(kind)
        for field in ("answers", "forwards"):
            wish = {"mailbox": post.box, **WRITTEN, field: mail}
            tried[kind, field] = (await there.api("team").post("/v1/messages", json=wish)).status_code
    assert tried == {
        (kind, field): status
        for kind, status in {"personal": 403, "alone": 422, "shared": 201, "smart": 201}.items()
        for field in ("answers", "forwards")
    }
