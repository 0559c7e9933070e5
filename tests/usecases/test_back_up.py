"""A backup holds all that was acknowledged before it began, and makes the same store of either database."""

from __future__ import annotations

import errno
import io
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from alembic import command

from gateway.store import archive, copying, schema
from gateway.store.blobs import BlobStore
from gateway.store.bodies import find_body, unpack
from gateway.store.engine import Place, StoreError
from gateway.store.outbox import add_event
from gateway.usecases.back_up import back_up, restore
from tests.postgresql import Server
from tests.stores import Databases, Files, Stores
from tests.web.site import letter, make_store, open_site

LARGE = "x" * 400_000
LAST = 20


@pytest.fixture
def others(postgresql: Server) -> dict[str, Stores]:
    return {"sqlite": Files(), "postgresql": Databases(postgresql)}


async def fill(place: Place, folder: Path) -> BlobStore:
    """Two accounts, mail of several scripts, a large one, one held; each row's bytes beyond ASCII too."""
    site = open_site(make_store(place), place, folder)
    await site.hand(letter("Offer"))
    await site.hand(letter("東京都 \N{PILE OF POO}", text="Größe"))
    await site.hand(letter("Large", text=LARGE))
    await site.api.patch("/v1/account", json={"strangers": "hold"})
    await site.hand(letter("Held", author="eve@else.example", to="ana@acme.example"))
    await site.close()
    return BlobStore(folder / "blobs")


def rows(place: Place) -> dict[str, list[bytes]]:
    with schema.transaction(place, reading=True) as tx:
        return {
            name: sorted(line for _, piece in copying.dump(tx, name) for line in piece.split(b"\n"))
            for name in copying.shapes()
        }


def unfinished(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
async def test_a_store_comes_back_as_it_was_also_on_the_other_database(
    stores: Stores, others: dict[str, Stores], to: str, tmp_path: Path
) -> None:
    place, file = stores.new(tmp_path), tmp_path / "store.backup"
    blobs = await fill(place, tmp_path)
    kept = back_up(place, blobs, file, "1")
    assert file.stat().st_mode & 0o777 == 0o600
    there, restored = others[to].new(tmp_path), BlobStore(tmp_path / "restored")
    told: list[tuple[int, int]] = []
    back = restore(there, restored, file, lambda *one: told.append(one))
    assert rows(there) == rows(place)
    assert (back.rows, back.blobs, kept.blobs) == (kept.rows, 1, 1)
    assert told[-1][0] == sum(kept.rows.values()) + 1
    with schema.transaction(there, reading=True) as tx:
        [account] = {row[0] for row in tx.exec_driver_sql("SELECT account FROM messages")}
        for (id,) in tx.exec_driver_sql("SELECT id FROM messages").all():
            body = find_body(tx, account, id)
            assert body is not None
            assert unpack(restored, account, body).startswith(b"From: ")
        if to == "postgresql":
            known = "SELECT reltuples FROM pg_class WHERE relname = 'messages'"
            assert tx.exec_driver_sql(known).scalar_one() == kept.rows["messages"], (
                "its planner knows what stands there"
            )
    assert unfinished(tmp_path) == []
    with schema.transaction(there) as tx:
        (last,) = tx.exec_driver_sql("SELECT max(position) FROM events").one()
        new = add_event(tx, account, "contact.created", "01", 1)
        (position,) = tx.exec_driver_sql(f"SELECT position FROM events WHERE id = '{new}'").one()
    assert position > last, "who reads on would miss it"
    others[to].forget(there)
    stores.forget(place)


async def test_a_filled_store_goes_back_to_an_older_revision_and_forward_again(stores: Stores, tmp_path: Path) -> None:
    place, kept = stores.new(tmp_path), ("messages", "bodies", "participants", "receipts", "contacts", "leads", "users")
    await fill(place, tmp_path)
    before = rows(place)
    with schema.transaction(place) as tx:
        command.downgrade(schema.alembic_config(tx), "0003")
    assert schema.upgrade(place) == ("0003", schema.head())
    after = rows(place)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    with schema.transaction(place) as tx:
        [account] = {row[0] for row in tx.exec_driver_sql("SELECT account FROM messages")}
        [last] = tx.exec_driver_sql("SELECT max(position) FROM events").one()
        add_event(tx, account, "contact.created", "01", 1)
        [new] = tx.exec_driver_sql("SELECT max(position) FROM events").one()
    assert new > last
    stores.forget(place)


async def test_what_was_acknowledged_before_it_began_is_in_it_while_mail_goes_on_coming(
    stores: Stores, tmp_path: Path
) -> None:
    place, file = stores.new(tmp_path), tmp_path / "store.backup"
    site = open_site(make_store(place), place, tmp_path)
    for n in range(20):
        await site.hand(letter(f"Before {n}", text=LARGE if n == 7 else "short"))
    done = threading.Event()

    def work() -> None:
        try:
            back_up(place, BlobStore(tmp_path / "blobs"), file, "1")
        finally:
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    n = 0
    while not done.is_set() and n < 500:
        await site.hand(letter(f"Meanwhile {n}"))
        n += 1
    thread.join()
    await site.close()
    there = Files().new(tmp_path)
    restore(there, BlobStore(tmp_path / "restored"), file)
    with schema.transaction(there, reading=True) as tx:
        subjects = {row[0] for row in tx.exec_driver_sql("SELECT subject FROM messages")}
        tables = ("messages", "bodies", "receipts")
        counts = [tx.exec_driver_sql(f"SELECT count(*) FROM {one}").scalar() for one in tables]
    assert {f"Before {n}" for n in range(20)} <= subjects
    assert len(set(counts)) == 1  # one moment: no message without its text and its receipt
    stores.forget(place)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def cut_at_its_end(data: bytes) -> bytes:
    return data[:-3]


def flipped(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def text(_: bytes) -> bytes:
    return b"hello, world"


def nothing(_: bytes) -> bytes:
    return b""


def repacked(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """The same archive with members changed or left out, its outer checksum right."""
    out, plain = io.BytesIO(), zstandard.ZstdDecompressor().stream_reader(data).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            content = change(member.name, file.read())
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return zstandard.ZstdCompressor(write_checksum=True).compress(out.getvalue())


def without_a_table(data: bytes) -> bytes:
    return repacked(data, lambda name, content: None if "tables/receipts" in name else content)


def without_its_manifest(data: bytes) -> bytes:
    return repacked(data, lambda name, content: None if name == archive.MANIFEST else content)


def with_another_row(data: bytes) -> bytes:
    return repacked(data, lambda name, content: content.replace(b"Offer", b"Offal") if "tables/" in name else content)


def of_a_newer_one(data: bytes) -> bytes:
    newer = (b'"schema":"', b'"schema":"9')
    return repacked(data, lambda name, content: content.replace(*newer) if name == archive.HEAD else content)


SPOILT = (
    cut,
    cut_at_its_end,
    flipped,
    text,
    nothing,
    without_a_table,
    without_its_manifest,
    with_another_row,
    of_a_newer_one,
)


@pytest.mark.parametrize("spoil", SPOILT)
async def test_a_file_that_was_cut_short_or_altered_restores_nothing_and_says_so(
    stores: Stores, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    place, file = stores.new(tmp_path), tmp_path / "store.backup"
    blobs = await fill(place, tmp_path)
    back_up(place, blobs, file, "1")
    file.write_bytes(spoil(file.read_bytes()))
    there = stores.new(tmp_path)
    with pytest.raises(StoreError) as told:
        restore(there, BlobStore(tmp_path / "restored"), file)
    assert str(file) in str(told.value) or "newer smartgate" in str(told.value)
    with schema.transaction(there, reading=True) as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM accounts").scalar() == 0
        assert tx.exec_driver_sql("SELECT count(*) FROM messages").scalar() == 0
    assert [path for path in (tmp_path / "restored").rglob("*") if path.is_file()] == []
    for one in (place, there):
        stores.forget(one)


async def test_a_restore_that_fails_takes_no_mail_away_that_stood_there_before(tmp_path: Path) -> None:
    place, file = Files().new(tmp_path), tmp_path / "store.backup"
    blobs = await fill(place, tmp_path)
    back_up(place, blobs, file, "1")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(StoreError, match="nothing was restored"):
        restore(Files().new(tmp_path), blobs, file)
    assert len([path for path in blobs.root.rglob("*") if path.is_file()]) == 1


async def test_a_store_with_accounts_is_left_alone(stores: Stores, tmp_path: Path) -> None:
    place, file = stores.new(tmp_path), tmp_path / "store.backup"
    blobs = await fill(place, tmp_path)
    back_up(place, blobs, file, "1")
    before = rows(place)
    with pytest.raises(StoreError, match="has accounts already"):
        restore(place, blobs, file)
    assert rows(place) == before
    stores.forget(place)


@pytest.mark.parametrize("after", [0, 1, 5, LAST])
async def test_a_disk_that_gets_full_leaves_no_half_file_and_the_backup_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    place, file = Files().new(tmp_path), tmp_path / "store.backup"
    blobs = await fill(place, tmp_path)
    file.write_bytes(b"the backup of yesterday")
    put, left, fault = archive.Writer.add, [after], OSError(errno.ENOSPC, "No space left on device")

    def full(self: archive.Writer, name: str, data: bytes) -> None:
        if not left[0]:
            raise fault
        left[0] -= 1
        put(self, name, data)

    def not_synced(_fd: int) -> None:
        raise fault

    monkeypatch.setattr(archive.Writer, "add", full)
    if after == LAST:
        left[0] = 10_000
        monkeypatch.setattr("os.fsync", not_synced)
    with pytest.raises(StoreError, match="No space left on device"):
        back_up(place, blobs, file, "1")
    assert file.read_bytes() == b"the backup of yesterday"
    assert unfinished(tmp_path) == []


def test_a_backup_without_large_mails_that_were_erased_meanwhile_says_how_many(tmp_path: Path) -> None:
    place = Files().new(tmp_path)
    make_store(place)
    kept = back_up(place, BlobStore(tmp_path / "blobs"), tmp_path / "file", "1")
    assert (kept.missing, kept.blobs) == (0, 0)
