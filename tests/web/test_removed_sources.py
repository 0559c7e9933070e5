"""Who deletes mail takes away the sources that they may open; it goes to Deleted with the last one (E8)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from gateway.store import tables
from gateway.usecases.delete_mail import purge_deleted
from tests.web.boxes import Reader, add_reader, also, bring, connect
from tests.web.site import Site, letter
from tests.web.test_deleted import age

MAIL = letter("Offer", text="turquoise", id="<1@x.example>")


async def rows(site: Site, reader: Reader, path: str = "messages", **params: str) -> list[dict[str, Any]]:
    answer = await site.client(reader.token).get(f"/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def delete(site: Site, reader: Reader, id: str) -> int:
    return (await site.client(reader.token).delete(f"/v1/messages/{id}")).status_code


async def told(site: Site, id: str) -> list[str]:
    """The events of a message after that it was filed."""
    events = (await site.api.get("/v1/events")).json()["data"]
    return [event["type"] for event in events if event["subject"] == id and event["type"] != "message.filed"]


async def two_owners(site: Site) -> tuple[Reader, Reader, str]:
    """A mail in the personal mailboxes of two users."""
    dimas, umar = [await add_reader(site, f"{name}@acme.example") for name in ("dimas", "umar")]
    id = await bring(site, await connect(site, dimas.email, dimas.id), MAIL)
    await also(site, id, await connect(site, umar.email, umar.id), MAIL)
    await site.index()
    return dimas, umar, id


async def test_e8_it_is_gone_for_the_one_who_deletes_and_stays_for_the_other(site: Site) -> None:
    dimas, umar, id = await two_owners(site)
    [contact] = await rows(site, dimas, "contacts")
    [thread] = await rows(site, dimas, "threads")
    assert await delete(site, dimas, id) == 204
    assert await told(site, id) == []
    assert await rows(site, dimas) == await rows(site, dimas, "threads") == await rows(site, dimas, q="turquoise") == []
    assert (await site.client(dimas.token).get(f"/v1/threads/{thread['id']}")).status_code == 404
    [line] = await rows(site, dimas, f"contacts/{contact['id']}/messages")
    assert (line["id"], line["locked"], line["owner"]) == (id, True, umar.email)
    assert (await site.client(dimas.token).get(f"/v1/messages/{id}/raw")).status_code == 403
    assert await delete(site, dimas, id) == 403
    [row] = await rows(site, umar)
    assert (row["id"], row["locked"], len(row["sources"])) == (id, False, 1)
    assert [one["id"] for one in await rows(site, umar, q="turquoise")] == [id]
    assert [one["count"] for one in await rows(site, umar, "threads")] == [1]


async def test_e8_with_the_last_one_it_goes_to_deleted_and_comes_back_with_all_of_them(site: Site) -> None:
    dimas, umar, id = await two_owners(site)
    before = [await rows(site, reader) for reader in (dimas, umar)]
    for reader in (dimas, umar):
        assert await delete(site, reader, id) == 204
    assert await told(site, id) == ["message.deleted"]
    [deleted] = (await site.api.get("/v1/messages", params={"folder": "deleted"})).json()["data"]
    assert (deleted["id"], deleted["locked"], deleted["owner"]) == (id, True, dimas.email)
    assert await rows(site, umar) == []
    assert (await site.api.post(f"/v1/messages/{id}/restore")).status_code == 200
    assert [await rows(site, reader) for reader in (dimas, umar)] == before
    assert [[one["count"] for one in await rows(site, reader, "threads")] for reader in (dimas, umar)] == [[1], [1]]
    assert await told(site, id) == ["message.deleted", "message.restored"]


async def test_e8_what_a_smart_address_brought_stays_with_the_owner_of_the_mailbox(
    site: Site,
) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    umar = await add_reader(site, "umar@acme.example")
    id = await bring(site, None, MAIL)
    await also(site, id, await connect(site, dimas.email, dimas.id), MAIL)
    assert await delete(site, umar, id) == 204
    [row] = await rows(site, dimas)
    assert [source["mailbox"] is None for source in row["sources"]] == [False]
    assert await rows(site, umar) == []
    assert await told(site, id) == []
    assert await delete(site, dimas, id) == 204
    assert await told(site, id) == ["message.deleted"]


async def test_e8_what_was_deleted_by_all_is_dropped_in_time_and_leaves_a_tombstone(site: Site) -> None:
    dimas, umar, id = await two_owners(site)
    for reader in (dimas, umar):
        await delete(site, reader, id)
    await age(site, 31)
    assert await purge_deleted(site.store, 30) == 1

    def left(tx: Any) -> list[int]:
        holding = (tables.participants, tables.sources, tables.bodies, tables.cards, tables.search_entries)
        mine = [table.c.message == id if "message" in table.c else table.c.kind == "m" for table in holding]
        return [len(tx.execute(select(table).where(one)).all()) for table, one in zip(holding, mine, strict=True)]

    assert await site.store.read(left) == [0, 0, 0, 0, 0]
