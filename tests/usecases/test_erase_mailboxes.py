"""People's own mailboxes in what is erased, backed up and restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.core.remote import RemoteFile
from gateway.store import copying, schema
from gateway.store.blobs import BlobStore
from gateway.store.engine import Place
from gateway.store.tables import metadata
from gateway.usecases import accounts
from gateway.usecases import erase_person as erasing
from gateway.usecases.back_up import back_up, restore
from tests.stores import Stores
from tests.usecases.test_erase_person import ADDRESS, NAME, TRACES, dump
from tests.web.boxes import add_reader, also, bring, connect, leave
from tests.web.site import Made, Site, letter, make_store, open_site

OURS = ("mailboxes", "mailbox_folders", "remote_messages")


@pytest.fixture
def place(stores: Stores, tmp_path: Path) -> Any:
    made = stores.new(tmp_path)
    yield made
    stores.forget(made)


async def fill(made: Made, folder: Path) -> Site:
    """A person's mail in two mailboxes; a mail that names them only in the copy of one; and one of somebody else."""
    site = open_site(made, made.place, folder)
    dimas = await add_reader(site, "dimas@acme.example")
    boxes = [await connect(site, f"{name}@acme.example", dimas.id) for name in ("dimas", "sales")]
    person = f"{NAME} <{ADDRESS}>"
    mail = letter("Offer", to=person, text="Hello Tweety", files=[("canary.txt", "text/plain", b"")])
    first = await bring(site, boxes[0], mail)
    await leave(site, first, boxes[0], [RemoteFile(1, "2", "7bit", 3, 3)])
    await also(site, first, boxes[1], mail)
    await bring(site, boxes[0], letter("Bob's own"))
    other = await bring(site, boxes[0], letter("Forged", to="zoe@z.example"))
    n = await also(site, other, boxes[1], letter("Forged", to="zoe@z.example"))
    view = f'{{"subject":"Forged","snippet":"","attachments":[],"from":[],"to":[{{"address":"{ADDRESS}","name":""}}],'
    named = f"UPDATE sources SET view = '{view}\"cc\":[],\"auth\":{{}}}}' WHERE message = '{other}' AND n = {n}"
    told = f"UPDATE mailboxes SET proposals = '[\"d@old.example\", \"{ADDRESS}\"]' WHERE id = '{boxes[0]}'"
    for statement in (named, told):
        await site.store.write(lambda tx, one=statement: tx.exec_driver_sql(one).rowcount)  # type: ignore[misc]
    await site.index()
    return site


async def test_an_erased_person_is_in_no_copy_of_any_mailbox(place: Place, tmp_path: Path) -> None:
    made = make_store(place)
    site = await fill(made, tmp_path)
    await site.close()
    assert all(trace in dump(place) for trace in TRACES[:1])
    with schema.transaction(place) as tx:
        done = erasing.erase_person(tx, "acme", ADDRESS)
    assert done.counts["messages"] == 2
    assert schema.sweep(place)
    assert [trace for trace in TRACES if trace in dump(place)] == []
    with schema.transaction(place, reading=True) as tx:
        entries = tx.exec_driver_sql("SELECT count(*) FROM search_entries WHERE kind = 'm'").scalar_one()
        states = sorted(tx.exec_driver_sql("SELECT state FROM messages").scalars())
        assert '["d@old.example"]' in tx.exec_driver_sql("SELECT proposals FROM mailboxes").scalars().all()
    assert (entries, states) == (1, ["filed", "gone", "gone"])


async def test_an_account_that_is_erased_leaves_no_mailbox(place: Place, tmp_path: Path) -> None:
    site = await fill(make_store(place), tmp_path)
    await site.close()
    with schema.transaction(place) as tx:
        accounts.erase_account(tx, "acme")
    with schema.transaction(place, reading=True) as tx:
        left = {table.name: len(tx.execute(table.select()).all()) for table in metadata.sorted_tables}
    assert [name for name in (*OURS, "mailbox_addresses", "sources", "search_entries") if left[name]] == []


async def test_a_backup_holds_mailboxes_with_their_credentials_as_they_are_sealed(place: Place, tmp_path: Path) -> None:
    site = await fill(make_store(place), tmp_path)
    await site.close()
    blobs, file, there = BlobStore(tmp_path / "blobs"), tmp_path / "store.backup", tmp_path / "restored.db"
    kept = back_up(place, blobs, file, "1")
    assert all(kept.rows[name] for name in OURS)
    restore(there, BlobStore(tmp_path / "restored"), file, lambda *_: None)

    def rows(of: Place) -> dict[str, list[bytes]]:
        with schema.transaction(of, reading=True) as tx:
            return {name: sorted(piece for _, piece in copying.dump(tx, name)) for name in (*OURS, "sources")}

    assert {name: sorted(b"".join(found)) for name, found in rows(there).items()} == {
        name: sorted(b"".join(found)) for name, found in rows(place).items()
    }
    assert b"sesame" not in dump(place)
