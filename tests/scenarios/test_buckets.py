"""Large mails in S3-compatible storage: there before they are acknowledged, and no reason to lose or put off others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import metrics
from gateway.store import buckets
from gateway.store.blobs import BlobError
from gateway.store.buckets import PART, SLICES, BucketBlobs, Object
from gateway.store.engine import Place
from gateway.usecases.drop_orphans import drop_orphans
from gateway.usecases.show_health import are_blobs_reachable
from tests.buckets import KEY, ObjectServer, blobs_of
from tests.scenarios.house import House

ACME, BOB = "acme@mail.kommo.com", "bob@bluefin.example"


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectServer]:
    server = ObjectServer()
    yield server
    server.stop()


@pytest.fixture
def blobs(objects: ObjectServer, tmp_path: Path) -> BucketBlobs:
    return blobs_of(objects.bucket("mail/large/"), tmp_path)


@pytest.fixture
async def house(store: Place, tmp_path: Path, blobs: BucketBlobs) -> AsyncIterator[House]:
    house = House(store, tmp_path, blobs=blobs)
    await house.open()
    yield house
    await house.close()


def letter(id: str, size: int, cc: str = ACME) -> bytes:
    lines = ["From: dimas@acme.example", f"To: {BOB}", f"Cc: {cc}", f"Subject: Offer {id}"]
    lines += [f"Message-ID: <{id}@acme.example>", ""]
    text = os.urandom(size // 2).hex()
    return "\r\n".join([*lines, *(text[at : at + 76] for at in range(0, len(text), 76)), ""]).encode()


def stored(blobs: BucketBlobs) -> list[Object]:
    return list(blobs.objects())


async def test_a_large_mail_is_an_object_and_a_small_one_is_none(house: House, blobs: BucketBlobs) -> None:
    sizes = {"small": 4_000, "large": 400_000, "in parts": 2 * PART + 1_000}
    sent = {name: letter(name.replace(" ", "-"), size) for name, size in sizes.items()}
    ids = {name: (await house.hand(raw, ACME)).id for name, raw in sent.items()}
    assert [(await house.raw(ids[name]))[1] == sent[name] for name in sizes] == [True] * 3
    named = await house.column("SELECT data FROM bodies WHERE codec = 'file'")
    assert {one.name.encode() for one in stored(blobs)} == {bytes(name) for name in named}
    assert len(named) == 2
    assert not list((blobs.root).iterdir()), "nothing is left on this machine"


async def test_b10_while_the_bucket_is_away_large_mail_is_put_off_and_small_mail_is_filed(
    house: House, blobs: BucketBlobs, objects: ObjectServer
) -> None:
    before = _failed("put")
    objects.stop()
    try:
        with capture_logs() as told:
            put_off = await house.hand(letter("one", 400_000), ACME)
            put_off_at_once = await house.hand(letter("two", 400_000), ACME)
            filed = await house.hand(letter("three", 4_000), ACME)
            assert not await are_blobs_reachable(blobs)
    finally:
        objects.start()
    assert (put_off.code, put_off_at_once.code, filed.code) == (451, 451, 250)
    assert [event["log_level"] for event in told if event["event"] == "blobs.lost"] == ["warning"]
    assert _failed("put") == before + 1, "the second was not tried: its sender's server waits better than we do"
    assert await house.count("messages") == 1

    assert await are_blobs_reachable(blobs)
    again = await house.hand(letter("one", 400_000), ACME)
    assert again.code == 250


def _failed(does: str) -> float:
    families = {family.name: family.samples for family in metrics.families()}
    return families["smartgate_blobs_failed"].get(("smartgate_blobs_failed_total", (("does", does),)), 0.0)


UNNAMED = {
    # story                          cc           sent  reply  objects
    "a mail that is refused": ("else@x.example", 1, 550, 0),
    "a mail that is there already": (ACME, 2, 250, 1),
}


@pytest.mark.parametrize(("cc", "times", "code", "left"), UNNAMED.values(), ids=UNNAMED)
async def test_what_no_row_will_name_is_taken_away_at_once(
    house: House, blobs: BucketBlobs, cc: str, times: int, code: int, left: int
) -> None:
    raw = letter("one", 400_000, cc)
    replies = [await house.hand(raw, ACME) for _ in range(times)]
    assert [reply.code for reply in replies] == [code] * times
    assert len(stored(blobs)) == left


async def test_what_a_crash_left_is_taken_away_a_day_later_and_what_a_row_names_is_kept(
    house: House, blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = await house.hand(letter("one", 400_000), ACME)
    (kept,) = stored(blobs)
    spool = blobs.open_spool()
    spool.write(letter("two", 400_000))
    await asyncio.to_thread(spool.settle, kept.account)
    spool.close()
    left = {int(one.name[:2], 16) for one in stored(blobs)}
    assert len(stored(blobs)) == 2
    looked = range(min(left), max(left) + 1)
    assert await drop_orphans(house.store, blobs, looked) == 0, "its transaction may be on its way"

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Tomorrow:
            return cls.fromtimestamp((datetime.now(UTC) + timedelta(days=1, minutes=1)).timestamp(), UTC)

    monkeypatch.setattr(buckets, "datetime", Tomorrow)
    assert await drop_orphans(house.store, blobs, looked) == 1
    monkeypatch.undo()
    assert stored(blobs) == [kept]
    assert (await house.raw(filed.id))[1]


async def test_each_hour_looks_at_other_slices_and_a_day_looks_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.usecases import drop_orphans as duty

    seen: list[int] = []
    for hour in range(24):
        monkeypatch.setattr("time.time", lambda hour=hour: 3600.0 * (24 * 20_000 + hour) + 1)
        seen += duty._due()
    assert sorted(seen) == list(range(SLICES))


async def test_an_object_that_was_changed_is_not_given_out_as_the_mail(blobs: BucketBlobs) -> None:
    import obstore

    spool = blobs.open_spool()
    spool.write(b"words " * 100_000)
    name = await asyncio.to_thread(spool.settle, 7)
    spool.close()
    key = f"{blobs.bucket.prefix}{name[:2]}/7/{name}"
    await asyncio.to_thread(obstore.put, blobs._opened(), key, b"other words")
    with pytest.raises(BlobError, match="is not what was stored"):
        await asyncio.to_thread(blobs.load, 7, name)


async def test_an_account_s_objects_go_with_it_and_another_s_stay(blobs: BucketBlobs) -> None:
    for account in (7, 7, 77):
        spool = blobs.open_spool()
        spool.write(os.urandom(1_000))
        await asyncio.to_thread(spool.settle, account)
        spool.close()
    await asyncio.to_thread(blobs.drop_account, 7)
    assert [one.account for one in stored(blobs)] == [77]


async def test_a_check_says_what_is_wrong_with_a_bucket_and_leaves_nothing_behind(
    blobs: BucketBlobs, tmp_path: Path
) -> None:
    await asyncio.to_thread(blobs.check)
    assert stored(blobs) == []
    missing = BucketBlobs(replace(blobs.bucket, name="nobody-made-it"), tmp_path, KEY)
    with pytest.raises(BlobError, match=r"nobody-made-it.*NoSuchBucket"):
        await asyncio.to_thread(missing.check)


async def test_what_is_gone_is_told_as_gone(blobs: BucketBlobs) -> None:
    with pytest.raises(FileNotFoundError):
        await asyncio.to_thread(blobs.load, 7, "ab" * 32 + ".0000")
    await asyncio.to_thread(blobs.drop, 7, "ab" * 32 + ".0000")
