"""A mailbox is made shared or personal, or gets another owner: who may, who shares it, who is told (E2)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.store.reading_events import find_subjects
from tests.web.boxes import number
from tests.web.site import Site
from tests.web.test_mailboxes import connect, note


async def test_e2_whose_a_mailbox_is_changes_for_all_to_see(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    owner = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    path = f"/v1/mailboxes/{(await connect(owner, site.servers, 'dimas@acme.example'))['id']}"
    people = {one["email"]: one["id"] for one in (await site.api.get("/v1/users")).json()["data"]}
    changes: tuple[tuple[dict[str, Any], int], ...] = (
        ({"auto_create": "contact", "kind": "personal"}, 403),
        ({"kind": "shared"}, 200),
        ({"kind": "shared", "threads": False}, 200),
        ({"owner": people["ana@acme.example"]}, 200),
        ({"kind": "personal", "owner": people["dimas@acme.example"]}, 200),
    )
    for change, status in changes:
        assert (await site.api.patch(path, json=change)).status_code == status
    assert (await owner.patch(path, json={"share_with_admins": True})).status_code == 200
    told = [one["type"] for one in (await site.api.get("/v1/events")).json()["data"]]
    assert told.count("mailbox.kind_changed") == 3
    lines = [line for line in capsys.readouterr().out.splitlines() if "mailbox.kind_changed" in line]
    assert len(lines) == 3
    assert f"by={people['ana@acme.example']}" in lines[0]
    assert "kind=shared" in lines[0]


async def test_e2_an_admin_makes_a_shared_mailbox_their_own_and_shows_it_to_the_admins_at_once(site: Site) -> None:
    path = f"/v1/mailboxes/{(await connect(site.api, site.servers, kind='shared'))['id']}"
    people = {one["email"]: one["id"] for one in (await site.api.get("/v1/users")).json()["data"]}
    wanted = {"kind": "personal", "owner": people["ana@acme.example"], "share_with_admins": True}
    assert (await site.api.patch(path, json=wanted)).json()["share_with_admins"] is True
    await site.add_user("dimas@acme.example", "Dimas")
    people = {one["email"]: one["id"] for one in (await site.api.get("/v1/users")).json()["data"]}
    assert (await site.api.patch(path, json={"kind": "shared"})).json()["share_with_admins"] is False
    wanted["owner"] = people["dimas@acme.example"]
    assert (await site.api.patch(path, json=wanted)).status_code == 403
    stays = await site.api.patch(path, json={"threads": False, "share_with_admins": True})
    assert (stays.status_code, stays.json()["share_with_admins"]) == (200, False)


async def test_e2_admins_know_of_a_mailbox_and_not_of_what_is_in_it(site: Site) -> None:
    """Names of folders and addresses that mail was delivered to are told to who may read it, and to no program else."""
    owner = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    site.servers.folders = ("Divorce", "Outbox")
    path = f"/v1/mailboxes/{(await connect(owner, site.servers, 'dimas@acme.example'))['id']}"
    await note(site, path.rpartition("/")[2], proposals='["secret@shop.example"]')

    async def seen() -> list[bool]:
        shown = await site.api.get(path)
        tagged = await site.api.patch(path, json={"owner": None}, headers={"If-Match": shown.headers["etag"]})
        assert tagged.status_code == 200, "what they were shown is what a change is compared with"
        texts = [shown.text, (await site.api.get("/v1/mailboxes")).text]
        return ["Divorce" in text and "secret@" in text for text in texts]

    assert await seen() == [False, False]
    assert "doesn't say which folder" in (await site.api.get(path)).json()["error"]
    for text in ((await owner.get(path)).text, (await owner.get("/v1/mailboxes")).text):
        assert "Divorce" in text
        assert "secret@" in text
    subjects = [("mailbox.connected", path.rpartition("/")[2])]
    account = await site.store.read(number)
    [told] = (await site.store.read(lambda tx: find_subjects(tx, account, subjects))).found.values()
    assert (told.proposals, "Divorce" in told.error) == ((), False)
    await owner.patch(path, json={"share_with_admins": True})
    assert await seen() == [True, True]
