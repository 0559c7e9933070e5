"""A person who is erased is nowhere any more: not in the store, its log, its files, its index, nor in a new backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import zstandard
from sqlalchemy import select

from gateway.core.options import AccountError
from gateway.store import schema
from gateway.store.blobs import BlobStore
from gateway.store.decisions import unpack_decision
from gateway.store.engine import Place
from gateway.store.tables import ledger, metadata
from gateway.usecases import erase_person as erasing
from gateway.usecases.back_up import back_up
from gateway.usecases.delete_mail import purge_files
from tests.stores import Stores
from tests.web.site import Site, letter, make_store, open_site

ADDRESS, OTHER, NAME = "canary@yellow.example", "tweety@yellow.example", "Tweety Canarius"
TRACES = (b"canary", b"tweety", b"canarius", b"yellow.example")


async def fill(site: Site) -> None:
    """All the ways in which somebody comes into a store; and somebody who stays."""
    person = f"{NAME} <{ADDRESS}>"
    await site.hand(letter("Offer", to=person, text="Hello Tweety"))
    await site.hand(letter("Large", to=person, text="Dear Canarius " * 40_000))
    await site.hand(letter("Two of them", to=f"{person}, Bob Miller <bob@bluefin.example>"))
    await site.hand(letter("Re: Offer", author=person, to="ana@acme.example"), sender=ADDRESS)
    await site.hand(letter("Hidden", author=person, to="ana@acme.example", cc=""), sender=ADDRESS)  # refused
    await site.hand(letter("Bob's own"))
    await site.hand(letter(f"Re: {NAME}", to=person, text="subject with the name"))
    await site.index()
    [contact] = (await site.api.get("/v1/contacts", params={"email": ADDRESS})).json()["data"]
    await site.api.patch(
        f"/v1/contacts/{contact['id']}", json={"emails": [ADDRESS, OTHER], "name": "Tweety C. Canarius"}
    )
    await write_down(site, contact["id"])
    await site.hand(letter("To the second address", to=f"<{OTHER}>"))
    await site.api.patch("/v1/account", json={"strangers": "hold"})
    await site.index()


async def write_down(site: Site, contact: str) -> None:
    """What people wrote of the person: on their own card, and on that of somebody else."""
    await site.api.post("/v1/fields", json={"kind": "contact", "name": "Partner"})
    await site.api.patch(f"/v1/contacts/{contact}", json={"custom": {"partner": "Tweety's own"}})
    [bob] = (await site.api.get("/v1/contacts", params={"email": "bob@bluefin.example"})).json()["data"]
    await site.api.patch(f"/v1/contacts/{bob['id']}", json={"custom": {"partner": f"see {ADDRESS}"}})
    browser = await site.console()
    for card, text in ((contact, "Tweety pays late"), (bob["id"], f"Asks {OTHER} first"), (bob["id"], "Pays early")):
        answer = await browser.post(f"/contacts/{card}/notes", data={"text": text})
        assert answer.status_code == 303


@pytest.fixture
def place(stores: Stores, tmp_path: Path) -> Any:
    made = stores.new(tmp_path)
    yield made
    stores.forget(made)


def dump(place: Place) -> bytes:
    """All rows of all tables as text, with what is packed in them."""
    found: list[str] = []
    with schema.transaction(place, reading=True) as tx:
        for table in metadata.sorted_tables:
            for row in tx.execute(table.select()):
                found += [f"{value!r}" for value in row]
                found += [str(unpack_decision(row.decision))] if table.name == "receipts" else []
                if table.name == "bodies" and row.codec == "zstd":
                    found.append(zstandard.decompress(row.data).decode("latin-1"))
    return "\n".join(found).encode().lower()


def files(folder: Path, place: Place) -> bytes:
    """Every byte of the store's files and of large mails; a SQLite store with its log."""
    kept = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".backup"]
    if not isinstance(place, Path):
        kept = [path for path in kept if "blobs" in path.parts]
    return b"\n".join(path.read_bytes() for path in kept).lower()


async def test_nothing_of_an_erased_person_is_left_and_all_of_the_others_is(place: Place, tmp_path: Path) -> None:
    made = make_store(place)
    site = open_site(made, place, tmp_path)
    await fill(site)
    await site.close()
    before = dump(place)
    assert all(trace in before for trace in TRACES)
    assert b"bob@bluefin.example" in before
    with schema.transaction(place, reading=True) as tx:
        planned = erasing.look_for_person(tx, "acme", ADDRESS.upper())

    with schema.transaction(place) as tx:
        done = erasing.erase_person(tx, "acme", ADDRESS)
    erasing.drop_blobs(BlobStore(tmp_path / "blobs"), done)
    assert schema.sweep(place)

    assert planned.counts.items() <= done.counts.items()
    assert done.counts | {"receipts": 0, "events": 0, "threads": 0, "leads": 0} == {
        "contacts": 1, "addresses": 2, "messages": 6, "shared_messages": 1, "leads": 0, "customers": 0, "receipts": 0,
        "large_mails": 1, "mentions": 0, "events": 0, "ledger": 0, "threads": 0, "renamed": 0, "notes": 1, "values": 1,
    }  # fmt: skip
    assert done.counts["receipts"] >= 7
    after = dump(place)
    back_up(place, BlobStore(tmp_path / "blobs"), tmp_path / "new.backup", "1")
    copied = zstandard.ZstdDecompressor().stream_reader((tmp_path / "new.backup").read_bytes()).read().lower()
    for trace in TRACES:
        assert (trace, trace in after, trace in files(tmp_path, place), trace in copied) == (trace, False, False, False)
    assert b"bob@bluefin.example" in after
    site = open_site(made, place, tmp_path)
    answer = (await site.api.get("/v1/messages")).json()["data"]
    assert [one["subject"] for one in answer] == ["Bob's own"]
    assert [one["name"] for one in (await site.api.get("/v1/contacts")).json()["data"]] == ["Bob Miller"]
    assert (await site.api.get("/v1/messages", params={"q": "tweety"})).json()["data"] == []
    for one in (await site.api.get("/v1/threads")).json()["data"]:
        assert one["count"] == 1
    await site.close()


async def test_the_files_go_with_the_clock_where_a_crash_cut_erasing_short(place: Place, tmp_path: Path) -> None:
    site = open_site(make_store(place), place, tmp_path)
    await site.hand(letter("Large", to=f"{NAME} <{ADDRESS}>", text="Dear Canarius " * 40_000))
    await site.hand(letter("Bob's own", text="Dear Bob " * 40_000))
    blobs: BlobStore = site.app.state.services.blobs
    await site.store.write(lambda tx: erasing.erase_person(tx, "acme", ADDRESS))  # and here the command is killed
    left = dump(place)
    assert [trace for trace in TRACES if trace in left] == []
    assert await purge_files(site.store, blobs) == 1
    [kept] = [path for path in blobs.root.rglob("*") if path.is_file()]
    assert b"Dear Bob" in kept.read_bytes()
    assert await purge_files(site.store, blobs) == 0
    await site.close()


async def test_a_mail_that_was_erased_does_not_come_back_when_it_is_handed_in_again(
    place: Place, tmp_path: Path
) -> None:
    site = open_site(make_store(place), place, tmp_path)
    mail = letter("Offer", to=f"{NAME} <{ADDRESS}>")
    await site.hand(mail)
    await site.store.write(lambda tx: erasing.erase_person(tx, "acme", ADDRESS))
    assert "it stays removed" in await site.hand(mail)
    assert (await site.api.get("/v1/messages")).json()["data"] == []
    await site.close()


async def test_who_only_names_the_address_is_told_of_and_goes_where_that_is_asked(place: Place, tmp_path: Path) -> None:
    site = open_site(make_store(place), place, tmp_path)
    await site.hand(letter("Offer", to=f"{NAME} <{ADDRESS}>"))
    await site.hand(letter("About", text=f"Please write to {ADDRESS}."))
    await site.hand(letter("Alike", text=f"Please write to not-{ADDRESS}x."))
    early = await site.store.read(lambda tx: erasing.look_for_person(tx, "acme", ADDRESS))
    assert early.mentions is None
    with pytest.raises(AccountError, match="db reindex"):
        await site.store.write(lambda tx: erasing.erase_person(tx, "acme", ADDRESS, mentions=True))
    await site.index()
    found = await site.store.read(lambda tx: erasing.look_for_person(tx, "acme", ADDRESS))
    assert (found.counts["messages"], found.counts["mentions"]) == (1, 1)
    done = await site.store.write(lambda tx: erasing.erase_person(tx, "acme", ADDRESS, mentions=True))
    assert (done.counts["messages"], done.mentions) == (2, ())
    assert [one["subject"] for one in (await site.api.get("/v1/messages")).json()["data"]] == ["Alike"]
    await site.close()


async def test_what_an_adapter_remembers_of_the_person_goes_and_of_others_stays(place: Place, tmp_path: Path) -> None:
    site = open_site(make_store(place), place, tmp_path)
    await site.hand(letter("Offer", to=f"{NAME} <{ADDRESS}>"))
    [contact] = (await site.api.get("/v1/contacts")).json()["data"]
    kept = {
        "contact/0000000000000000000000000A": b"7",
        "site": b"https://crm.example",
        "person/8": b"x" + OTHER.encode(),
    }
    theirs = {f"contact/{contact['id']}": b"5", "person/5": contact["id"].encode(), f"seen/{ADDRESS}": None}

    def remember(tx: Any) -> None:
        [account] = tx.exec_driver_sql("SELECT account FROM contacts").scalars()
        for key, value in (kept | theirs).items():
            tx.execute(ledger.insert().values(account=account, endpoint="E", key=key, value=value))

    await site.store.write(remember)
    done = await site.store.write(lambda tx: erasing.erase_person(tx, "acme", ADDRESS))
    left = await site.store.read(lambda tx: set(tx.execute(select(ledger.c.key)).scalars()))
    assert (done.counts["ledger"], left) == (3, set(kept))
    await site.close()


async def test_an_account_next_door_keeps_what_it_has_of_the_same_person(place: Place, tmp_path: Path) -> None:
    site = open_site(make_store(place), place, tmp_path)
    person = f"{NAME} <{ADDRESS}>"
    await site.hand(letter("Offer", to=person))
    theirs = letter("Theirs", author="olga@other.example", to=person, cc="other+lead@mail.kommo.com")
    await site.hand(theirs, "other+lead@mail.kommo.com", sender="olga@other.example")
    await site.store.write(lambda tx: erasing.erase_person(tx, "acme", ADDRESS))
    other = site.client(site.other.token)
    assert [one["subject"] for one in (await other.get("/v1/messages")).json()["data"]] == ["Theirs"]
    assert [one["name"] for one in (await other.get("/v1/contacts")).json()["data"]] == [NAME]
    await site.close()


@pytest.mark.parametrize(
    ("address", "why"),
    [("no address", "is no e-mail address"), ("ana@acme.example", "is a user"), ("", "is no e-mail")],
)
async def test_what_can_not_be_erased_is_said_in_words(place: Place, address: str, why: str) -> None:
    make_store(place)
    with schema.transaction(place) as tx, pytest.raises(AccountError, match=why):
        erasing.erase_person(tx, "acme", address)
