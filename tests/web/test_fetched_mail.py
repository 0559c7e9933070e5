"""What synchronising files and what readers see of it, together: roads, notes that come again, what was removed."""

from __future__ import annotations

import time

from sqlalchemy import delete as delete_rows

from gateway.core.envelope import Envelope
from gateway.core.facts import Origin
from gateway.core.mail import read_mail
from gateway.store.bodies import pack
from gateway.store.engine import Tx
from gateway.store.tables import search_walks
from gateway.usecases.accounts import _now
from gateway.usecases.filing import file
from gateway.usecases.filing_facts import Handing
from tests.web.boxes import add_reader, connect, number
from tests.web.site import Site, letter
from tests.web.test_disconnecting import purge
from tests.web.test_removed_sources import delete, rows

CLIENT = "bob@bluefin.example"


async def fetch(site: Site, box: str, mail: bytes, folder: str = "sent") -> str:
    """A mail is found in a folder of a mailbox and filed; its id."""

    def add(tx: Tx) -> str:
        now = _now()
        envelope = Envelope("imap", "imap.acme.example", "", "", (), now)
        origin = Origin(box, folder, "off", now)
        read, body = read_mail(mail), pack(b"", mail)
        handing = Handing(number(tx), envelope, read, body, now, time.monotonic_ns(), origin=origin)
        [filing] = file(site.app.state.services.filing, tx, [handing])
        assert filing.message is not None
        return filing.message

    return await site.store.write(add)


async def index(site: Site) -> None:
    """What was filed is found from then on; the process that did so before has ended."""
    ended = delete_rows(search_walks).where(search_walks.c.kind == "lease")
    await site.store.write(lambda tx: tx.execute(ended).rowcount)
    await site.index()


async def test_e13_a_private_mail_that_also_reaches_a_smart_address_is_everybodys_by_that_copy_only(site: Site) -> None:
    dimas, umar = [await add_reader(site, f"{name}@acme.example") for name in ("dimas", "umar")]
    await site.api.post("/v1/contacts", json={"emails": [CLIENT]})
    box = await connect(site, dimas.email, dimas.id)
    private = letter("Offer", text="turquoise and private", id="<1@x.example>")
    id = await fetch(site, box, private)
    await index(site)
    assert [one["id"] for one in await rows(site, dimas, q="turquoise")] == [id]
    assert await rows(site, umar, q="turquoise") == await rows(site, umar) == []
    assert (await site.hand(letter("Offer", text="turquoise and public", id="<1@x.example>"))).startswith("250")
    await index(site)
    for reader, said, unsaid, roads in ((dimas, "private", "public", 2), (umar, "public", "private", 1)):
        [row] = await rows(site, reader)
        assert (row["id"], row["snippet"], len(row["sources"])) == (id, f"turquoise and {said}", roads)
        assert [one["id"] for one in await rows(site, reader, q=f"turquoise {said}")] == [id]
        assert await rows(site, reader, q=unsaid) == []
        assert len(await rows(site, reader, "threads")) == roads
        opened = (await site.client(reader.token).get(f"/v1/messages/{id}")).json()
        assert (opened["text"].strip(), bool(opened["note"])) == (f"turquoise and {said}", roads == 2)


async def test_e9_a_note_is_the_mail_again_when_its_mailbox_is_connected_again(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    contact = (await site.api.post("/v1/contacts", json={"emails": [CLIENT]})).json()["id"]
    box = await connect(site, dimas.email, dimas.id)
    mail = letter("Offer", text="turquoise")
    await fetch(site, box, mail)
    await index(site)
    await purge(site, box)
    [line] = await rows(site, dimas, f"contacts/{contact}/messages")
    assert line["locked"]
    await fetch(site, box, mail)
    await index(site)
    [row] = await rows(site, dimas, f"contacts/{contact}/messages")
    assert (row["locked"], row["subject"]) == (False, "Offer")
    assert [one["id"] for one in await rows(site, dimas, q="turquoise")] == [row["id"]]
    assert [one["count"] for one in await rows(site, dimas, "threads")] == [1]


async def test_e9_one_of_two_owners_disconnects_and_connects_again(site: Site) -> None:
    dimas, umar = [await add_reader(site, f"{name}@acme.example") for name in ("dimas", "umar")]
    boxes = [await connect(site, reader.email, reader.id) for reader in (dimas, umar)]
    mail = letter("Offer", text="turquoise")
    ids = [await fetch(site, box, mail) for box in boxes]
    await purge(site, boxes[0])
    assert await rows(site, dimas) == []
    ids.append(await fetch(site, boxes[0], mail))
    assert len(set(ids)) == 1
    await index(site)
    for reader in (dimas, umar):
        [row] = await rows(site, reader)
        assert (row["snippet"], len(row["sources"])) == ("turquoise", 1)
        assert [one["id"] for one in await rows(site, reader, q="turquoise")] == ids[:1]


async def test_e8_what_its_owner_deleted_does_not_come_back_by_a_later_look(site: Site) -> None:
    dimas, umar = [await add_reader(site, f"{name}@acme.example") for name in ("dimas", "umar")]
    boxes = [await connect(site, reader.email, reader.id) for reader in (dimas, umar)]
    mail = letter("Offer", text="turquoise")
    [id, _] = [await fetch(site, box, mail) for box in boxes]
    assert await delete(site, dimas, id) == 204
    assert await fetch(site, boxes[0], mail) == id
    assert await rows(site, dimas) == []
    assert await delete(site, umar, id) == 204
    for box in boxes:
        assert await fetch(site, box, mail) == id
    assert await rows(site, dimas) == await rows(site, umar) == []
