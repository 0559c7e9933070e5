"""A mailbox that is disconnected with its mail: what was only there is a note, others lose only this source (E9)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Table, func, select, text, update

from gateway.core.remote import RemoteFile
from gateway.store import disconnecting, tables
from gateway.store.disconnecting import Counted, count_mail, purge_some
from gateway.usecases.delete_mail import purge_files
from tests.web.boxes import Reader, add_reader, also, bring, change_box, connect, leave, number
from tests.web.site import Site, check_page, letter
from tests.web.test_removed_sources import MAIL, delete, rows

NOTE = "This mail is available only on the mail server of dimas@acme.example."


async def purge(site: Site, box: str) -> list[int]:
    """Disconnects with the mail, as whoever disconnects does: a piece in each transaction; how much each was."""
    await change_box(site, box, state="disconnected", credential=None)
    pieces = []
    while count := await site.store.write(lambda tx: purge_some(tx, number(tx), box)):
        pieces.append(count)
    return pieces


async def counted(site: Site, box: str) -> Counted:
    return await site.store.read(lambda tx: count_mail(tx, number(tx), box))


async def owner(site: Site) -> tuple[Reader, str]:
    dimas = await add_reader(site, "dimas@acme.example")
    return dimas, await connect(site, dimas.email, dimas.id)


async def holding(site: Site, words: str) -> list[str]:
    """Tables in which these words stand."""

    def find(tx: Any) -> list[str]:
        return [
            table.name
            for table in tables.metadata.sorted_tables
            if any(words in str(row) for row in tx.execute(table.select()))
        ]

    return await site.store.read(find)


async def count(site: Site, table: Table) -> int:
    query = select(func.count()).select_from(table)
    return await site.store.read(lambda tx: tx.execute(query).scalar_one())


async def test_e9_what_was_only_there_becomes_a_note_on_its_card(site: Site) -> None:
    dimas, box = await owner(site)
    id = await bring(site, box, letter("Zebra plans", text="turquoise", files=[("z.txt", "text/plain", b"striped")]))
    await leave(site, id, box, [RemoteFile(1, "2", "7bit", 7, 7)])
    await site.index()
    [contact] = await rows(site, dimas, "contacts")
    [before] = await rows(site, dimas, f"contacts/{contact['id']}/messages")
    assert await counted(site, box) == Counted(1, 1, 2)
    await purge(site, box)
    for reader in (dimas, await add_reader(site, "adi@acme.example", "admin")):
        [line] = await rows(site, reader, f"contacts/{contact['id']}/messages")
        told = ("id", "date", "direction", "locked", "owner", "note")
        assert [line[name] for name in told] == [id, before["date"], "outgoing", True, dimas.email, NOTE]
        assert (line["subject"], line["attachments"], line["sources"], line["to"]) == ("", [], [], [])
        assert await rows(site, reader) == await rows(site, reader, "threads") == []
        assert await rows(site, reader, q="turquoise") == []
        api = site.client(reader.token)
        shown = (await api.get(f"/v1/messages/{id}")).json()
        assert (shown["note"], shown["text"], shown["html"]) == (NOTE, "", None)
        for path in ("raw", "attachments/1"):
            answer = await api.get(f"/v1/messages/{id}/{path}")
            assert (answer.status_code, answer.json()["detail"]) == (403, NOTE)
        assert (await api.delete(f"/v1/messages/{id}")).status_code == 403
    left = (tables.bodies, tables.participants, tables.remote_messages, tables.mailbox_folders, tables.threads)
    for table in left:
        assert await count(site, table) == 0, table.name
    assert set(await holding(site, "Zebra plans")) <= {"leads", "receipts"}, "a lead that it opened keeps its name"
    page = check_page(await (await site.console()).get(f"/contacts/{contact['id']}"))
    assert NOTE in page.text


async def test_e9_others_lose_only_this_source(site: Site) -> None:
    dimas, box = await owner(site)
    umar = await add_reader(site, "umar@acme.example")
    mine = await connect(site, umar.email, umar.id)
    id = await bring(site, box, letter("Offer", text="turquoise of dimas", files=[("d.txt", "text/plain", b"d")]))
    await also(site, id, mine, letter("Offer", text="turquoise of umar", files=[("u.txt", "text/plain", b"u")]))
    await site.index()
    assert await counted(site, box) == Counted(1, 0, 0)
    assert await counted(site, mine) == Counted(1, 0, 0)
    before = await rows(site, umar)
    await purge(site, box)
    assert await rows(site, umar) == before
    assert [one["id"] for one in await rows(site, umar, q='"turquoise of umar"')] == [id]
    api = site.client(umar.token)
    assert (await api.get(f"/v1/messages/{id}")).json()["text"].strip() == "turquoise of umar"
    assert (await api.get(f"/v1/messages/{id}/attachments/1")).content == b"u"
    [contact] = await rows(site, dimas, "contacts")
    [line] = await rows(site, dimas, f"contacts/{contact['id']}/messages")
    assert (line["locked"], line["owner"], line["note"]) == (True, umar.email, "")
    [row] = await site.store.read(lambda tx: tx.execute(select(tables.messages)).all())
    assert (row.state, row.snippet) == ("filed", "turquoise of umar")
    assert "u.txt" in row.attachments
    assert await site.store.read(lambda tx: list(tx.execute(select(tables.bodies.c.n)).scalars())) == [1]
    assert [one["count"] for one in await rows(site, umar, "threads")] == [1]
    await site.index()
    assert [one["id"] for one in await rows(site, umar, q="turquoise")] == [id], "and once"
    assert await counted(site, mine) == Counted(1, 1, 2)
    await purge(site, mine)
    assert (await rows(site, umar, f"contacts/{contact['id']}/messages"))[0]["note"].endswith(f"{umar.email}.")


async def test_c3_who_stands_elsewhere_in_the_copy_that_stays_still_waits_for_a_card(site: Site) -> None:
    dimas, box = await owner(site)
    id = await bring(site, box, letter("Offer", to="Zoe <zoe@z.example>"), carded=False)
    n = await also(site, id, None, letter("Offer", to="Zoe <zoe@z.example>"))

    def wait_in_cc(tx: Any) -> None:
        tx.execute(update(tables.participants).where(tables.participants.c.key == "zoe@z.example").values(waiting=1))
        source = tables.sources.c.n == n
        view = json.loads(tx.execute(select(tables.sources.c.view).where(source)).scalar_one())
        view |= {"to": view["cc"], "cc": view["to"]}
        tx.execute(update(tables.sources).where(source).values(view=json.dumps(view)))

    await site.store.write(wait_in_cc)
    for contact in await rows(site, dimas, "contacts"):
        assert (await site.api.delete(f"/v1/contacts/{contact['id']}")).status_code == 204
    await purge(site, box)
    made = (await site.api.post("/v1/contacts", json={"emails": ["zoe@z.example"]})).json()["id"]
    assert [one["id"] for one in await rows(site, dimas, f"contacts/{made}/messages")] == [id]


async def test_e9_the_smart_addresses_copy_stays_everybodys(site: Site) -> None:
    dimas, box = await owner(site)
    other = await add_reader(site, "umar@acme.example")
    first = await bring(site, box, letter("First", text="turquoise", to="Cleo <c@first.example>"))
    await also(site, first, None, letter("First", text="turquoise", to="Cleo <c@first.example>"))
    second = await bring(site, None, letter("Second", text="turquoise"))
    await also(site, second, box, letter("Second", text="turquoise"))
    await site.index()
    before = await rows(site, other)
    assert await counted(site, box) == Counted(2, 0, 0)
    await purge(site, box)
    assert await rows(site, other) == await rows(site, dimas) == before
    assert {one["id"] for one in await rows(site, other, q="turquoise")} == {first, second}
    assert [one["address"] for one in before[-1]["to"]] == ["c@first.example"]
    people = select(tables.participants.c.key).where(tables.participants.c.message == first)
    assert "c@first.example" in await site.store.read(lambda tx: list(tx.execute(people).scalars()))


async def test_e9_a_source_that_somebody_deleted_keeps_nothing(site: Site) -> None:
    dimas, box = await owner(site)
    umar = await add_reader(site, "umar@acme.example")
    id = await bring(site, box, MAIL)
    await also(site, id, None, MAIL)
    assert await delete(site, umar, id) == 204
    assert await counted(site, box) == Counted(1, 1, 2)
    await purge(site, box)
    [row] = await site.store.read(lambda tx: tx.execute(select(tables.messages)).all())
    assert row.state == "note"
    assert await rows(site, dimas) == []


async def test_e9_mail_that_was_deleted_does_not_come_back_with_the_mailbox(site: Site) -> None:
    dimas, box = await owner(site)
    umar = await add_reader(site, "umar@acme.example")
    alone = await bring(site, box, letter("Alone"))
    both = await bring(site, box, letter("Both", to="z@z.example"))
    await also(site, both, await connect(site, umar.email, umar.id), letter("Both", text="of umar", to="z@z.example"))
    for reader, id in ((dimas, alone), (dimas, both), (umar, both)):
        assert await delete(site, reader, id) == 204
    assert await counted(site, box) == Counted(0, 0, 0)
    await purge(site, box)
    states = select(tables.messages.c.id, tables.messages.c.state)
    assert dict(await site.store.read(lambda tx: [tuple(row) for row in tx.execute(states)])) == {
        alone: "gone",
        both: "deleted",
    }
    assert (await site.api.post(f"/v1/messages/{both}/restore")).status_code == 200
    assert [one["snippet"] for one in await rows(site, umar)] == ["of umar"]
    assert await rows(site, dimas) == []


async def test_e9_a_large_mailbox_goes_in_pieces(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    dimas, box = await owner(site)
    for n in range(5):
        id = await bring(site, box, letter(f"Subject {n}", text=str(n), to=f"c{n}@x.example"))
        for uid in range(3):
            await leave(site, id, box, [], uid=10 * n + uid, role=("inbox", "sent")[n % 2])
    other = await connect(site, "sales@acme.example", dimas.id)
    kept = await bring(site, other, letter("Kept"))
    await leave(site, kept, other, [], uid=1)
    monkeypatch.setattr(disconnecting, "PURGED_AT_ONCE", 2)
    monkeypatch.setattr(disconnecting, "_ROWS_AT_ONCE", 4)
    pieces = await purge(site, box)
    assert pieces[:3] == [2, 2, 1]
    assert sum(pieces[3:]) == 15 + 2 + 5
    assert max(pieces) <= 5 + 2
    assert [one["id"] for one in await rows(site, dimas)] == [kept]
    remotes = select(tables.remote_messages.c.message)
    assert await site.store.read(lambda tx: list(tx.execute(remotes).scalars())) == [kept]


@pytest.mark.parametrize("how", ["alone", "with another", "the same bytes", "deleted"])
async def test_e9_the_files_of_large_mails_go_and_nobody_elses(site: Site, how: str) -> None:
    """A file goes once no source is kept in it, be it that of this message or of another one."""
    dimas, box = await owner(site)
    large = letter("Large", text="large words\n" * 30_000)
    id = await bring(site, box, large)
    if how in ("with another", "the same bytes"):
        await also(site, id, None, letter("Large", text="small"))
    if how == "the same bytes":
        body = select(tables.bodies.c.data).where(tables.bodies.c.n == 0).scalar_subquery()
        same = update(tables.bodies).where(tables.bodies.c.n == 1).values(codec="file", data=body)
        await site.store.write(lambda tx: tx.execute(same))
    if how == "deleted":
        await delete(site, dimas, id)
    blobs = site.app.state.services.blobs
    [kept] = [path for path in blobs.root.rglob("*") if path.is_file()]
    await purge(site, box)
    assert await purge_files(site.store, blobs) == 1
    assert kept.exists() == (how == "the same bytes")
    assert await purge_files(site.store, blobs) == 0
    left = select(func.count()).select_from(tables.bodies)
    assert await site.store.read(lambda tx: tx.execute(left).scalar()) == (how in ("with another", "the same bytes"))
    if how in ("with another", "the same bytes"):
        assert (await site.client(dimas.token).get(f"/v1/messages/{id}/raw")).status_code == 200
        assert await delete(site, dimas, id) == 204
        assert await site.store.read(lambda tx: tx.execute(text("SELECT count(*) FROM deletions")).scalar()) == 1


async def test_e9_a_mail_that_loses_its_file_and_is_deleted_before_it_went_is_purged_in_time(site: Site) -> None:
    dimas, box = await owner(site)
    id = await bring(site, box, letter("Large", text="large words\n" * 30_000))
    await also(site, id, None, letter("Large", text="small"))
    await purge(site, box)
    assert await delete(site, dimas, id) == 204
    blobs = site.app.state.services.blobs
    assert await purge_files(site.store, blobs) == 0, "what may be restored waits"
    assert (await site.api.post(f"/v1/messages/{id}/restore")).status_code == 200
    assert await purge_files(site.store, blobs) == 1
    assert (await site.client(dimas.token).get(f"/v1/messages/{id}")).json()["text"].strip() == "small"


async def test_e9_disconnecting_with_keep_changes_nothing_of_mail(site: Site) -> None:
    dimas, box = await owner(site)
    await bring(site, box, MAIL)
    before = await rows(site, dimas)
    await change_box(site, box, state="disconnected", credential=None)
    assert await rows(site, dimas) == before
    assert (await site.client(dimas.token).get(f"/v1/messages/{before[0]['id']}/raw")).status_code == 200
