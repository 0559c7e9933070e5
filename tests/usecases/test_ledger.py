"""What adapters remember: sealed at rest, held by one at a time among all processes, and paced together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from crm_adapter.port import BusyError
from gateway.sealing import Keyring, SealError
from gateway.store import tables
from gateway.store.accounts import find_account
from gateway.store.blobs import BlobStore
from gateway.store.engine import Place, Store, Tx
from gateway.usecases.ledger import Book, Library
from tests.stores import Stores
from tests.web.site import Made, letter, make_store, open_site

KEYRING = Keyring(["a key of at least thirty-two characters"])


@pytest.fixture
async def two(place: Place, tmp_path: Path) -> AsyncIterator[tuple[Library, Library]]:
    """The same store as two processes have it open."""
    opened = [Store(place), Store(place)]
    for store in opened:
        store.start()
    first, second = (Library(store, BlobStore(tmp_path / "blobs"), KEYRING) for store in opened)
    yield first, second
    for store in opened:
        await store.stop()


@pytest.fixture
def book(two: tuple[Library, Library]) -> Book:
    return two[0].book(1, "E1")


@pytest.fixture
def other(two: tuple[Library, Library]) -> Book:
    """The same book in another process."""
    return two[1].book(1, "E1")


async def test_what_is_saved_in_one_process_is_loaded_in_another_until_it_is_forgotten(book: Book, other: Book) -> None:
    assert await book.load("contact/1") is None
    await book.save("contact/1", "963408")
    await book.save("contact/1", "963409")
    assert await other.load("contact/1") == "963409"
    await other.save("contact/1", None)
    assert await book.load("contact/1") is None


async def test_books_of_other_accounts_and_back_ends_are_other_books(two: tuple[Library, Library], book: Book) -> None:
    await book.save("token", "ours")
    for account, endpoint in ((2, "E1"), (1, "E2")):
        assert await two[0].book(account, endpoint).load("token") is None


async def test_a_value_at_rest_tells_nothing_and_opens_in_its_own_row_only(two: tuple[Library, Library]) -> None:
    store, book = two[0].store, two[0].book(1, "E1")
    await book.save("token", "a secret")

    def at_rest(tx: Tx) -> bytes | None:
        value: bytes | None = tx.execute(select(tables.ledger.c.value)).scalars().one()
        return value

    sealed = await store.read(at_rest)
    assert sealed is not None
    assert b"secret" not in sealed
    await store.write(lambda tx: tx.execute(update(tables.ledger).values(endpoint="E2")))
    with pytest.raises(SealError, match="belongs to another row"):
        await two[0].book(1, "E2").load("token")


async def test_without_a_key_nothing_is_kept(two: tuple[Library, Library]) -> None:
    keyless = Library(two[0].store, two[0].blobs, Keyring([])).book(1, "E1")
    with pytest.raises(SealError, match="SMARTGATE_SECRET_KEY"):
        await keyless.save("token", "a secret")


async def test_a_lease_is_one_holders_alone_among_tasks_and_processes(book: Book, other: Book) -> None:
    for second in (book, other):
        async with book.lease("ana@x.example", 60):
            with pytest.raises(BusyError):
                async with second.lease("ana@x.example", 60):
                    raise AssertionError("two hold it")
            async with second.lease("bob@x.example", 60):
                pass
    async with other.lease("ana@x.example", 60):
        pass


async def test_a_lease_of_a_value_leaves_the_value_where_it_is(book: Book) -> None:
    await book.save("tokens", "old")
    async with book.lease("tokens", 60) as held:
        await held.save("tokens", "new")
    assert await book.load("tokens") == "new"


async def test_of_a_hundred_that_ask_at_one_moment_one_gets_the_lease(book: Book, other: Book) -> None:
    inside, most, got = 0, 0, 0

    async def ask(one: Book) -> None:
        nonlocal inside, most, got
        try:
            async with one.lease("key", 60):
                inside, got = inside + 1, got + 1
                most = max(most, inside)
                await one.save("key", "mine")
                inside -= 1
        except BusyError:
            pass

    await asyncio.gather(*(ask(book if n % 2 else other) for n in range(100)))
    assert most == 1
    assert got >= 1


async def expire(library: Library) -> None:
    """The time of every lease is over, as for a process that was stopped meanwhile."""
    await library.store.write(lambda tx: tx.execute(update(tables.ledger).values(until=1)))


async def test_whoever_overslept_a_lease_saves_nothing_any_more(two: tuple[Library, Library], other: Book) -> None:
    sleeper = two[0].book(1, "E1")
    async with sleeper.lease("tokens", 60) as held:
        await expire(two[0])
        with pytest.raises(BusyError):
            await held.save("tokens", "late")
        async with other.lease("tokens", 60) as now:
            with pytest.raises(BusyError):
                await held.save("tokens", "late")
            await now.save("tokens", "in time")
    assert await sleeper.load("tokens") == "in time"


async def test_leaving_a_lease_that_another_holds_by_now_does_not_end_it(
    two: tuple[Library, Library], book: Book, other: Book
) -> None:
    async with book.lease("tokens", 60):
        await expire(two[0])
        newer = other.lease("tokens", 60)
        await newer.__aenter__()
    with pytest.raises(BusyError):
        async with book.lease("tokens", 60):
            raise AssertionError("two hold it")
    await newer.__aexit__(None, None, None)


async def test_a_lease_lasts_as_long_as_who_holds_it_shows_signs_of_life(
    two: tuple[Library, Library], book: Book, other: Book
) -> None:
    def until(tx: Tx) -> int:
        return int(tx.execute(select(tables.ledger.c.until)).scalars().one())

    async with asyncio.timeout(20), book.lease("key", 0.6):
        first = await two[0].store.read(until)
        while await two[0].store.read(until) < first + 600:  # noqa: ASYNC110 - the store has no bell
            await asyncio.sleep(0.02)
        with pytest.raises(BusyError):
            async with other.lease("key", 60):
                raise AssertionError("two hold it")


async def test_what_is_done_under_a_lease_that_was_lost_is_broken_off(two: tuple[Library, Library]) -> None:
    book = two[0].book(1, "E1")

    async def wait_for_ever() -> None:
        async with book.lease("key", 0.3):
            await expire(two[0])
            await asyncio.Event().wait()

    with pytest.raises(BusyError):
        await wait_for_ever()
    async with book.lease("key", 60):
        pass


async def test_a_time_limit_inside_of_a_lease_stays_one(book: Book) -> None:
    with pytest.raises(TimeoutError):
        async with book.lease("key", 60), asyncio.timeout(0):
            await asyncio.Event().wait()


async def test_leases_that_ended_leave_no_row_behind(two: tuple[Library, Library], book: Book) -> None:
    async with book.lease("ana@x.example", 60):
        pass
    assert await two[0].store.read(lambda tx: tx.execute(select(tables.ledger.c.key)).all()) == []


async def test_places_in_a_bucket_are_evenly_spaced_for_all_processes(book: Book, other: Book) -> None:
    waits = sorted(await asyncio.gather(*((book if n % 2 else other).take("api", 0.01) for n in range(10))))
    assert waits[0] == 0
    assert [round(wait / 100) for wait in waits] == list(range(10)), "a hundred seconds each, less what passed"
    assert await book.take("another", 5) == 0


async def test_an_attachment_comes_decoded_and_what_is_not_there_is_none(stores: Stores, tmp_path: Path) -> None:
    made: Made = make_store(stores.new(tmp_path))
    site = open_site(made, made.place, tmp_path)
    await site.hand(letter(files=[("offer.pdf", "application/pdf", b"%PDF" + bytes(300_000))]))
    page = (await site.api.get("/v1/messages")).json()["data"]
    library = Library(site.store, BlobStore(tmp_path / "blobs"), KEYRING)
    ours = await site.store.read(lambda tx: find_account(tx, "acme"))
    assert ours is not None
    book, stranger = library.book(ours.number, "E1"), library.book(ours.number + 1, "E1")
    id = page[0]["id"]
    assert await book.file(id, 1) == b"%PDF" + bytes(300_000)
    assert await book.file(id, 2) is None
    assert await book.file("none", 1) is None
    assert await stranger.file(id, 1) is None
    await site.close()
    stores.forget(made.place)
