"""Deleted mail is nowhere but in Deleted, comes back whole, is dropped in time, and never comes again (E8, B9, F)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from gateway.store import tables
from gateway.store.blobs import BlobStore
from gateway.usecases.delete_mail import DAY_MS, purge_deleted, purge_files
from tests.web.site import Site, check_page, letter
from tests.web.test_held import hold


async def rows(site: Site, path: str, token: str | None = None) -> list[dict[str, Any]]:
    answer = await site.client(token or site.acme.token).get(f"/v1/{path}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def file(site: Site, subject: str = "Offer", text: str = "Hello Bob", **more: Any) -> dict[str, Any]:
    """Files a mail; the message."""
    assert (await site.hand(letter(subject, text=text, **more))).startswith("250")
    return (await rows(site, "messages"))[0]


async def delete(site: Site, id: str, status: int = 204, query: str = "") -> None:
    answer = await site.api.delete(f"/v1/messages/{id}{query}")
    assert answer.status_code == status, answer.text


async def age(site: Site, days: int) -> None:
    """Everything that was deleted was deleted so many days earlier."""
    earlier = tables.deletions.c.at - days * DAY_MS
    await site.store.write(lambda tx: tx.execute(update(tables.deletions).values(at=earlier)))


async def everywhere(site: Site) -> dict[str, Any]:
    """What can be seen of mail, by where."""
    contact, lead = (await rows(site, "contacts"))[0]["id"], (await rows(site, "leads"))[0]["id"]
    paths = (
        "messages",
        "messages?folder=sent",
        "messages?q=Offer",
        f"messages?contact={contact}&lead={lead}",
        f"contacts/{contact}/messages",
        f"leads/{lead}/messages",
        "threads",
    )
    return {path: await rows(site, path) for path in paths}


async def test_e8_a_deleted_message_is_nowhere_and_restoring_brings_all_of_it_back(site: Site) -> None:
    message = await file(site, files=[("a.txt", "text/plain", b"x")])
    before = await everywhere(site)
    raw = (await site.api.get(f"/v1/messages/{message['id']}/raw")).content
    await delete(site, message["id"])
    assert set(map(len, (await everywhere(site)).values())) == {0}
    assert (await site.api.get(f"/v1/threads/{message['thread']}")).status_code == 404
    assert (await rows(site, "messages?folder=deleted")) == [message]
    assert (await site.api.get(f"/v1/messages/{message['id']}")).status_code == 200
    restored = await site.api.post(f"/v1/messages/{message['id']}/restore")
    assert (restored.status_code, restored.json()) == (200, message)
    assert await everywhere(site) == before
    assert (await site.api.get(f"/v1/messages/{message['id']}/raw")).content == raw
    assert await rows(site, "messages?folder=deleted") == []


async def test_the_event_is_told_in_order_of_its_conversation(site: Site) -> None:
    message = await file(site)
    await delete(site, message["id"])
    await site.api.post(f"/v1/messages/{message['id']}/restore")
    events = [event for event in await rows(site, "events") if event["subject"] == message["id"]]
    assert [event["type"] for event in events] == ["message.filed", "message.deleted", "message.restored"]

    def talks(tx: Any) -> list[str]:
        mine = tables.events.c.subject == message["id"]
        return list(tx.execute(select(tables.events.c.conversation).where(mine).distinct()).scalars())

    assert len(await site.store.read(talks)) == 1


async def test_e8_a_thread_counts_what_stands_in_it(site: Site) -> None:
    first = await file(site, text="one", id="<1@acme.example>")
    second = await file(site, text="two", id="<2@acme.example>")
    third = await file(site, text="three", id="<3@acme.example>")
    assert {one["thread"] for one in (first, second, third)} == {first["thread"]}

    async def thread() -> tuple[int, str]:
        row = (await site.api.get(f"/v1/threads/{first['thread']}")).json()
        return row["count"], row["last_at"]

    came = [one["sources"][0]["at"] for one in (first, second, third)]
    assert await thread() == (3, came[2])
    await delete(site, third["id"])
    assert await thread() == (2, came[1])
    await delete(site, first["id"])
    assert await thread() == (1, came[1])
    await delete(site, second["id"])
    assert await rows(site, "threads") == []
    fourth = await file(site, text="four", id="<4@acme.example>")
    assert fourth["thread"] == first["thread"]
    assert await thread() == (1, fourth["sources"][0]["at"])
    await site.api.post(f"/v1/messages/{third['id']}/restore")
    assert await thread() == (2, fourth["sources"][0]["at"])


async def test_the_deleted_is_the_admins(site: Site) -> None:
    message = await file(site, files=[("a.txt", "text/plain", b"x")])
    user = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    assert (await user.delete(f"/v1/messages/{message['id']}")).status_code == 204
    for path in ("", "/raw", "/attachments/1"):
        assert (await user.get(f"/v1/messages/{message['id']}{path}")).status_code == 404
    assert (await user.get("/v1/messages?folder=deleted")).status_code == 403
    assert (await user.post(f"/v1/messages/{message['id']}/restore")).status_code == 403
    assert (await user.delete(f"/v1/messages/{message['id']}")).status_code == 404
    assert (await user.delete(f"/v1/messages/{message['id']}?purge=true")).status_code == 403
    assert (await site.api.get(f"/v1/messages/{message['id']}/raw")).status_code == 200


async def test_a_trace_names_no_card_of_a_deleted_message(site: Site) -> None:
    message = await file(site)
    await delete(site, message["id"])
    receipt = (await rows(site, "receipts"))[0]["id"]
    browser = await site.console()
    page = check_page(await browser.get(f"/trace/{receipt}"))
    assert not [link for link in page.links if link.startswith(("/contacts/", "/leads/"))]
    assert (await rows(site, f"receipts?message_id={message['message_id'][1:-1]}"))[0]["message"] == message["id"]


@pytest.mark.parametrize("gone", [False, True], ids=["in Deleted", "dropped for good"])
async def test_e8_a_mail_that_comes_again_stays_deleted(site: Site, gone: bool) -> None:
    mail = letter(id="<1@acme.example>")
    await site.hand(mail)
    message = (await rows(site, "messages"))[0]
    await delete(site, message["id"])
    if gone:
        await delete(site, message["id"], query="?purge=true")
    reply = await site.hand(mail)
    assert "stays removed" in reply
    assert await rows(site, "messages") == []
    assert len(await rows(site, "messages?folder=deleted")) == (0 if gone else 1)


async def test_e8_after_thirty_days_nothing_is_left_but_a_tombstone(site: Site) -> None:
    message = await file(site, "Confidential", text="secret words", files=[("a.txt", "text/plain", b"x")])
    await delete(site, message["id"])
    await age(site, 29)
    assert await purge_deleted(site.store, 30) == 0
    await age(site, 2)
    assert await purge_deleted(site.store, 30) == 1
    assert await purge_deleted(site.store, 30) == 0
    assert (await site.api.get(f"/v1/messages/{message['id']}")).status_code == 404
    assert (await site.api.post(f"/v1/messages/{message['id']}/restore")).status_code == 404
    assert await rows(site, "messages?folder=deleted") == []

    def left(tx: Any) -> list[int]:
        holding = (tables.bodies, tables.participants, tables.sources, tables.cards, tables.deletions)
        return [len(tx.execute(select(table)).all()) for table in holding]

    assert await site.store.read(left) == [0, 0, 0, 0, 0]
    [tombstone] = await site.store.read(lambda tx: tx.execute(select(tables.messages)).all())
    assert tombstone.state == "gone"
    assert "Confidential" not in str(tombstone)
    assert "secret words" not in str(tombstone)


@pytest.mark.parametrize("how", ["deleted", "refused"])
async def test_e8_the_file_of_a_large_mail_goes_with_it(site: Site, how: str) -> None:
    blobs: BlobStore = site.app.state.services.blobs
    if how == "deleted":
        message = (await file(site, text="large words\n" * 30_000))["id"]
    else:
        message = await hold(site, text="large words\n" * 30_000)
    [kept] = [path for path in blobs.root.rglob("*") if path.is_file()]
    if how == "deleted":
        await delete(site, message)
        assert await purge_files(site.store, blobs) == 0
        await delete(site, message, query="?purge=true")
    else:
        await site.api.post(f"/v1/messages/{message}/refuse")
    assert kept.exists()
    assert await purge_files(site.store, blobs) == 1
    assert not kept.exists()
    assert await purge_files(site.store, blobs) == 0
    assert await site.store.read(lambda tx: tx.execute(select(tables.bodies)).all()) == []


async def test_held_mail_is_refused_and_not_deleted(site: Site) -> None:
    held = await hold(site)
    await delete(site, held, 409)
    user = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    assert (await user.delete(f"/v1/messages/{held}")).status_code == 404
    filed = (await site.api.post(f"/v1/messages/{held}/release")).json()["id"]
    for verb in ("release", "refuse", "restore"):
        answer = await site.api.post(f"/v1/messages/{filed}/{verb}")
        assert (answer.status_code, answer.json()["holder"]) == (409, filed), verb


async def test_e8_a_contact_made_meanwhile_gets_the_mail_that_is_restored(site: Site) -> None:
    assert (await site.hand(letter(cc="acme@mail.kommo.com"), "acme@mail.kommo.com")).startswith("250")
    message = (await rows(site, "messages"))[0]
    await delete(site, message["id"])
    contact = (await site.api.post("/v1/contacts", json={"emails": ["bob@bluefin.example"]})).json()["id"]
    assert await rows(site, f"contacts/{contact}/messages") == []
    await site.api.post(f"/v1/messages/{message['id']}/restore")
    assert [one["id"] for one in await rows(site, f"contacts/{contact}/messages")] == [message["id"]]
