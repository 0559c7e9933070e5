"""Programs are told of mail as an admin sees it: nothing that an admin may not open leaves the house (F, E2)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.remote import RemoteFile
from gateway.store.blobs import BlobStore
from gateway.store.outbox import add_event
from gateway.store.reading_events import find_subjects
from gateway.usecases.event_data import Telling, data_of
from gateway.usecases.ledger import Library
from gateway.web.api.told import ToldMessage
from tests.web.boxes import FakeServers, add_reader, bring, change_box, connect, leave, number
from tests.web.site import DOMAINS, KEYRING, URL, Site, letter
from tests.web.test_disconnecting import NOTE, purge

FILE = ("plan.txt", "text/plain", b"the plan")
NOW = 1_900_000_000_000


async def told(site: Site, id: str) -> dict[str, Any]:
    """The data of an event of this message, now."""
    telling = Telling(site.app.state.services.blobs, lambda: KEYRING, lambda: URL, DOMAINS[0])
    account = await site.store.read(number)
    subjects = await site.store.read(lambda tx: find_subjects(tx, account, [("message.filed", id)]))
    data: dict[str, Any] = await data_of(telling, account, subjects, "message.filed", id, NOW)
    return data


KINDS: dict[str, tuple[dict[str, Any], bool]] = {
    # the mailbox                     an admin may open it
    "personal": ({"kind": "personal"}, False),
    "personal, shown to admins": ({"kind": "personal", "share": True}, True),
    "shared": ({"kind": "shared"}, True),
}


@pytest.mark.parametrize(("kind", "open_to"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("carded", [True, False])
async def test_an_event_carries_what_an_admin_may_open(
    site: Site, kind: dict[str, Any], open_to: bool, carded: bool
) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    box = await connect(site, dimas.email, dimas.id, **kind)
    id = await bring(site, box, letter("Offer", text="turquoise", files=[FILE]), carded=carded)
    data = await told(site, id)
    if not (open_to or carded):
        assert data == {"id": id, "gone": True}, "as over the API, where it is not there for an admin"
        return
    ToldMessage.model_validate(data)
    assert (data["id"], data["locked"]) == (id, not open_to)
    if open_to:
        assert (data["subject"], data["text"].strip(), len(data["attachments"])) == ("Offer", "turquoise", 1)
    else:
        assert (data["owner"], data["direction"]) == (dimas.email, "outgoing")
        assert [name for name in ("turquoise", "Offer", "bluefin", "plan") if name in str(data)] == []


async def test_an_event_of_mail_that_is_a_note_by_now_carries_nothing(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    box = await connect(site, dimas.email, dimas.id, share=True)
    id = await bring(site, box, letter("Offer", text="turquoise"))
    await purge(site, box)
    data = await told(site, id)
    ToldMessage.model_validate(data)
    assert (data["locked"], data["note"], data["text"]) == (True, NOTE, "")


async def test_a_link_to_a_file_ends_where_the_admins_may_no_longer_open_it(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    box = await connect(site, dimas.email, dimas.id, share=True)
    id = await bring(site, box, letter(files=[FILE]))
    link = (await told(site, id))["attachments"][0]["url"]
    anybody = site.client()
    assert (await anybody.get(link)).content == b"the plan"
    await change_box(site, box, share_with_admins=False)
    refused = await anybody.get(link)
    assert (refused.status_code, b"the plan" in refused.content) == (404, False)


async def test_a_link_leads_to_a_file_that_was_left_on_its_server(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    box = await connect(site, dimas.email, dimas.id, kind="shared")
    id = await bring(site, box, letter(files=[("plan.txt", "text/plain", b"")]))
    await leave(site, id, box, [RemoteFile(1, "2", "7bit", 8, 8)])
    link = (await told(site, id))["attachments"][0]["url"]
    servers = FakeServers({("Sent", 1, "2"): b"the plan"})
    object.__setattr__(site.app.state.services, "mail_servers", servers)
    assert (await site.client().get(link)).content == b"the plan"
    servers.there.clear()
    assert (await site.client().get(link)).status_code == 410
    assert (await told(site, id))["attachments"][0]["available"] is False


async def test_an_adapter_gets_no_file_that_an_admin_may_not_open(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    box = await connect(site, dimas.email, dimas.id, share=True)
    id = await bring(site, box, letter(files=[FILE]))
    blobs: BlobStore = site.app.state.services.blobs
    book = Library(site.store, blobs, KEYRING).book(await site.store.read(number), "K1")
    assert await book.file(id, 1) == b"the plan"
    await change_box(site, box, share_with_admins=False)
    assert await book.file(id, 1) is None


async def test_who_owns_a_mailbox_is_removed_once_it_is_disconnected(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    boxes = [await connect(site, f"{name}@acme.example", dimas.id) for name in ("dimas", "d2", "d3", "d4")]
    answer = await site.api.delete(f"/v1/users/{dimas.id}")
    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        "dimas@acme.example owns the mailbox d2@acme.example, d3@acme.example, d4@acme.example and 1 more; "
        "disconnect it first"
    )
    for box in boxes:
        await change_box(site, box, state="disconnected", credential=None)
    assert (await site.api.delete(f"/v1/users/{dimas.id}")).status_code == 204


@pytest.mark.parametrize("carded", [True, False])
async def test_f_events_of_mail_and_mailboxes_that_are_not_there_for_their_reader_are_left_out(
    site: Site, carded: bool
) -> None:
    dimas, umar = [await add_reader(site, f"{name}@acme.example") for name in ("dimas", "umar")]
    box = await connect(site, dimas.email, dimas.id)
    private = await bring(site, box, letter("Offer", text="turquoise"), carded=carded)
    public = await bring(site, None, letter("Other", to="z@z.example"), carded=False)

    def note(tx: Any) -> None:
        add_event(tx, number(tx), "mailbox.connected", box, NOW)
        add_event(tx, number(tx), "message.deleted", "01ERASED000000000000000000", NOW)

    await site.store.write(note)
    every = {private, public, box, "01ERASED000000000000000000"}
    hidden = set() if carded else {private}
    for api, missing in (
        (site.client(dimas.token), set[str]()),
        (site.client(umar.token), {box} | hidden),
        (site.api, hidden),
    ):
        told = [one["subject"] for one in (await api.get("/v1/events")).json()["data"]]
        assert every - set(told) == missing
    await change_box(site, box, share_with_admins=True)
    assert private in {one["subject"] for one in (await site.api.get("/v1/events")).json()["data"]}
