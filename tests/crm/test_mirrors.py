"""Connected CRMs are looked into by the clock: when due, by one process of all, and what is wrong is a state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import update

from crm_adapter.factory import Adapters, Means
from crm_adapter.kommo_auth import PAIR
from crm_adapter.kommo_connect import connect
from crm_adapter.port import BusyError
from gateway.core.resources import Crm
from gateway.jobs.mirror import MirrorClock
from gateway.sealing import Keyring
from gateway.store import tables
from gateway.store.accounts import find_account
from gateway.store.blobs import BlobStore
from gateway.store.endpoints import list_back_ends
from gateway.usecases import mirror_contacts
from gateway.usecases.connect_crm import Wish, connect_crm, disconnect_crm, show_crm
from gateway.usecases.ledger import Library
from gateway.usecases.mirror_contacts import Mirrors
from tests.crm.kommo_server import Kommo
from tests.stores import Stores
from tests.web.site import DOMAINS, KEYRING, Made, Site, open_site


@dataclass
class Watch:
    """A site, its Kommo, and two processes that look after copies."""

    site: Site
    server: Kommo
    account: int
    mirrors: tuple[Mirrors, Mirrors]

    async def crm(self) -> Crm:
        return await self.site.store.read(lambda tx: show_crm(tx, self.account))

    async def connect(self, token: str = "long-lived") -> None:
        found = await connect(Wish(self.server.url, token), private=True)
        await self.site.store.write(lambda tx: connect_crm(tx, self.account, found, KEYRING))

    async def disconnect(self) -> None:
        await self.site.store.write(lambda tx: disconnect_crm(tx, self.account))

    async def let_time_pass(self) -> None:
        """Five minutes, an hour."""
        await self.site.store.write(lambda tx: tx.execute(update(tables.endpoints).values(paused_until=None)))
        await self.site.store.write(
            lambda tx: tx.execute(tables.ledger.delete().where(tables.ledger.c.key == "mirrored"))
        )


@pytest.fixture
async def watch(stores: Stores, made: Made, tmp_path: Path, _at_full_speed: None) -> AsyncIterator[Watch]:
    place = stores.copy(made.place, tmp_path)
    site, server = open_site(made, place, tmp_path), Kommo()
    await server.open()
    account = await site.store.read(lambda tx: find_account(tx, "acme"))
    assert account is not None
    library = Library(site.store, BlobStore(tmp_path / "blobs"), KEYRING)
    one, two = (Mirrors(site.store, Adapters(Means(allow_private=True)), lambda: library, DOMAINS) for _ in range(2))
    yield Watch(site, server, account.number, (one, two))
    for mirrors in (one, two):
        await mirrors.close()
    await server.close()
    await site.close()
    stores.forget(place)


async def test_a_connected_crm_is_looked_into_at_once_and_then_when_it_is_due(watch: Watch) -> None:
    watch.server.add_contact("Bob", "bob@bluefin.example")
    assert await watch.mirrors[0].look() == 0
    await watch.connect()
    watch.server.seen.clear()
    assert await watch.mirrors[0].look() == 1
    assert [await mirrors.look() for mirrors in watch.mirrors] == [0, 0]
    assert len(watch.server.seen) == 1
    await watch.let_time_pass()
    await watch.mirrors[1].look()
    assert len(watch.server.seen) == 2


async def test_what_a_look_meets_is_the_state_of_the_crm_until_a_look_goes_well(watch: Watch) -> None:
    await watch.connect()
    watch.server.account.paid = False
    await watch.mirrors[0].look()
    assert (await watch.crm()).state == "unpaid"
    assert "not paid" in (await watch.crm()).reason
    watch.server.seen.clear()
    await watch.mirrors[0].look()
    assert watch.server.seen == [], "it is left alone for a while"
    watch.server.account.paid = True
    await watch.let_time_pass()
    await watch.mirrors[0].look()
    assert ((await watch.crm()).state, (await watch.crm()).reason) == ("ready", "")


async def test_a_crm_with_a_wrong_token_is_well_as_soon_as_it_is_connected_anew(watch: Watch) -> None:
    await watch.connect()
    watch.server.account.token = "newer"
    await watch.mirrors[0].look()
    assert (await watch.crm()).state == "unauthorised"
    await watch.connect("newer")
    assert (await watch.crm()).state == "ready"
    watch.server.add_contact("Bob", "bob@bluefin.example")
    await watch.let_time_pass()
    assert await watch.mirrors[0].look() == 1


async def test_a_token_that_no_key_opens_is_a_state_too(watch: Watch) -> None:
    await watch.connect()
    keyless = Library(watch.site.store, BlobStore(Path("nowhere")), Keyring(["another key of thirty-two characters"]))
    mirrors = Mirrors(watch.site.store, Adapters(Means(allow_private=True)), lambda: keyless, DOMAINS)
    await mirrors.look()
    assert (await watch.crm()).state == "locked"
    assert "SMARTGATE_SECRET_KEYS_OLD" in (await watch.crm()).reason


async def test_a_machine_with_another_key_holds_up_none_that_can_open_the_token(watch: Watch) -> None:
    await watch.connect()
    library = Library(watch.site.store, BlobStore(Path("nowhere")), Keyring(["another key of thirty-two characters"]))
    mistaken = Mirrors(watch.site.store, Adapters(Means(allow_private=True)), lambda: library, DOMAINS)
    for bob in ("bob@bluefin.example", "rob@bluefin.example"):
        await mistaken.look()
        watch.server.add_contact("Bob", bob)
        await watch.let_time_pass()
        assert await watch.mirrors[0].look() == 1
        assert (await watch.crm()).state == "ready"


async def test_an_account_that_is_gone_and_one_that_is_disconnected_are_asked_no_more(watch: Watch) -> None:
    await watch.connect()
    watch.server.account.gone = True
    await watch.mirrors[0].look()
    assert (await watch.crm()).kind == "embedded"
    watch.server.account.gone = False
    await watch.connect()
    await watch.disconnect()
    watch.server.seen.clear()
    await watch.let_time_pass()
    await watch.mirrors[0].look()
    assert watch.server.seen == []


async def test_tokens_that_were_being_refreshed_while_somebody_connected_anew_or_disconnected_are_not_kept(
    watch: Watch,
) -> None:
    await watch.connect()
    row = (await watch.site.store.read(list_back_ends))[0]
    book = Library(watch.site.store, BlobStore(Path("nowhere")), KEYRING).book(row.account, row.id)
    for change in (watch.connect, watch.disconnect):
        async with book.lease(PAIR, 30) as held:
            await change()
            with pytest.raises(BusyError):
                await held.save(PAIR, "tokens of before")
        assert await book.load(PAIR) is None


async def test_a_crm_that_does_not_answer_keeps_no_other_waiting(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    await watch.connect()
    account = await watch.site.store.read(lambda tx: find_account(tx, "other"))
    assert account is not None
    found = await connect(Wish(watch.server.url, "long-lived"), private=True)
    await watch.site.store.write(lambda tx: connect_crm(tx, account.number, found, KEYRING))
    reached = asyncio.Event()

    async def copy(mirror: mirror_contacts.Mirror, _crm: object) -> int:
        if mirror.account == watch.account:
            await reached.wait()
        reached.set()
        return 1

    monkeypatch.setattr(mirror_contacts, "mirror_contacts", copy)
    assert await asyncio.wait_for(watch.mirrors[0].look(), 10) == 2


async def test_a_look_that_fails_for_a_fault_of_ours_does_not_end_the_clock(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(mirror_contacts, "mirror_contacts", fail)
    await watch.connect()
    assert await watch.mirrors[0].look() == 0
    clock = MirrorClock(watch.mirrors[0])
    clock.start()
    await clock.stop()
