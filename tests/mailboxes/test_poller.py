"""Which mailbox is looked into when, and by whom (E5), on both stores."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest

from gateway import metrics
from gateway.core.mailboxes import AUTH_FAILED, IMPORTING, READY
from gateway.store import mailbox_leases, tables
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.rig import MINUTE, NOW, Rig, fill, finished, look_at_all


async def test_a_mailbox_is_looked_into_when_its_time_has_come_and_not_before(rig: Rig) -> None:
    key = await rig.connect()
    poller = rig.poller()
    assert await look_at_all(poller) == 1
    assert await look_at_all(poller) == 0
    rig.clock.now = (await rig.row(key)).next_sync_at - 1
    assert await look_at_all(poller) == 0
    rig.clock.now += 1
    assert await look_at_all(poller) == 1


async def test_looks_are_spread_over_a_quarter_to_half_an_hour_and_a_restart_brings_no_herd(rig: Rig) -> None:
    server = FakeServer()
    for _ in range(60):
        await rig.connect(server)
    assert await look_at_all(rig.poller()) == 60
    times = sorted(row.next_sync_at - NOW for row in await rig.rows(tables.mailboxes))
    assert 15 * MINUTE <= times[0] < 17 * MINUTE
    assert 28 * MINUTE < times[-1] <= 30 * MINUTE
    rig.clock.pass_by(16)
    restarted = rig.poller()
    assert await look_at_all(restarted) == sum(time <= 16 * MINUTE for time in times)


async def test_what_is_asked_for_by_hand_is_looked_into_at_once_and_once(rig: Rig) -> None:
    key = await rig.connect()
    poller = rig.poller()
    await look_at_all(poller)
    await rig.store.write(lambda tx: mailbox_leases.set_wanted(tx, *key, rig.clock.now))
    assert await look_at_all(poller) == 1
    row = await rig.row(key)
    assert row.wanted_at is None
    assert row.next_sync_at > rig.clock.now


async def test_what_is_asked_for_during_a_look_is_looked_into_again_after_it(rig: Rig) -> None:
    server = FakeServer()
    key = await rig.connect(server)
    poller, loop = rig.poller(), asyncio.get_running_loop()

    async def ask() -> None:
        await rig.store.write(lambda tx: mailbox_leases.set_wanted(tx, *key, rig.clock.now + 1))

    def before(call: str) -> None:
        if call == "folders" and server.log_ins == 1:
            asyncio.run_coroutine_threadsafe(ask(), loop).result()

    server.before = before
    await poller.look()
    await finished(poller)
    row = await rig.row(key)
    assert (row.wanted_at, row.next_sync_at) == (rig.clock.now + 1, rig.clock.now)
    rig.clock.now += 2
    assert await look_at_all(poller) == 1


async def test_a_paused_or_disconnected_mailbox_is_left_alone(rig: Rig) -> None:
    server = FakeServer()
    for state in ("paused", "disconnected", AUTH_FAILED):
        key = await rig.connect(server, state=state)
        assert not await rig.poller().look_into(key)
    assert await look_at_all(rig.poller()) == 0
    assert server.log_ins == 0


async def test_a_mailbox_that_is_paused_during_a_look_is_written_no_more(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 120)
    key = await rig.connect(server)
    loop = asyncio.get_running_loop()

    def before(call: str) -> None:
        if call == "fetch" and server.calls["fetch"] == 1:
            asyncio.run_coroutine_threadsafe(rig.set(key, state="paused"), loop).result()

    server.before = before
    await rig.poller().look_into(key)
    assert await rig.count(tables.messages) == 50
    assert (await rig.row(key)).state == "paused"


async def test_a_fault_of_ours_is_tried_again_and_holds_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeServer()
    key = await rig.connect(server)

    def failing(call: str) -> None:
        raise ValueError("a fault of ours")

    server.before = failing
    poller = rig.poller()
    await poller.look_into(key)
    row = await rig.row(key)
    assert (row.state, row.failures, row.holder) == (IMPORTING, 1, None)
    assert row.error == "Something went wrong on our side; it is tried again"
    server.before = None
    rig.clock.pass_by(2)
    assert await look_at_all(poller) == 1
    assert (await rig.row(key)).state == READY


async def test_a_host_never_has_more_connections_than_it_may_of_all_pollers_together(rig: Rig) -> None:
    rig.per_host = 3
    servers = [FakeServer() for _ in range(12)]
    open_now, most, lock = 0, 0, threading.Lock()

    def before(call: str) -> None:
        nonlocal open_now, most
        with lock:
            open_now += call == "open"
            most = max(most, open_now)

    def ended(server: FakeServer) -> Any:
        real = server.session

        def session(*given: Any) -> Any:
            made = real(*given)
            close = made.close

            def closing() -> None:
                nonlocal open_now
                close()
                with lock:
                    open_now -= 1

            made.close = closing  # type: ignore[method-assign]
            return made

        return session

    for server in servers:
        server.before = before
        server.session = ended(server)  # type: ignore[method-assign]
        await rig.connect(server)
    pollers = [rig.poller(rig.another_store()) for _ in range(4)]
    while any([await poller.look() for poller in pollers]):
        await asyncio.gather(*(finished(poller) for poller in pollers))
    assert most <= 3
    assert all(server.log_ins == 1 for server in servers)


async def test_four_pollers_look_into_every_mailbox_and_into_none_at_one_time(rig: Rig) -> None:
    server = FakeServer()
    rig.per_host = 1_000
    accounts = [rig.account, await rig.open_account("large"), await rig.open_account("small")]
    keys = [await rig.connect(server, account=accounts[1]) for _ in range(120)]
    keys += [await rig.connect(server, account=account) for account in (accounts[0], accounts[2]) for _ in range(10)]
    pollers = [rig.poller(rig.another_store(), workers=4) for _ in range(4)]
    looked: Counter[int] = Counter()
    while sum(looked.values()) < len(keys):
        looks = await asyncio.gather(*(poller.look() for poller in pollers))
        looked.update(dict(enumerate(looks)))
        await asyncio.gather(*(finished(poller) for poller in pollers))
    rows = await rig.rows(tables.mailboxes)
    assert {row.epoch for row in rows} == {1}
    assert {row.state for row in rows} == {READY}
    assert len(+looked) == 4


async def test_an_account_with_many_mailboxes_keeps_nobody_waiting(rig: Rig) -> None:
    server = FakeServer()
    many, few = await rig.open_account("many"), await rig.open_account("few")
    for _ in range(40):
        await rig.connect(server, account=many, next_sync_at=NOW - 60 * MINUTE)
    wanted = await rig.connect(server, account=few, next_sync_at=NOW)
    poller = rig.poller(workers=4)
    await poller.look()
    await finished(poller)
    assert (await rig.row(wanted)).state == READY


async def test_who_waits_for_a_claim_of_another_poller_never_hangs(rig: Rig) -> None:
    keys = [await rig.connect() for _ in range(8)]
    pollers = [rig.poller(rig.another_store(), workers=2) for _ in range(4)]
    while sum([row.state == READY for row in await rig.rows(tables.mailboxes)]) < len(keys):
        await asyncio.gather(*(poller.look() for poller in pollers))
        await asyncio.gather(*(finished(poller) for poller in pollers))


async def test_figures_tell_of_mailboxes_by_state_and_of_the_longest_wait(rig: Rig) -> None:
    await rig.connect(next_sync_at=NOW - 90_000)
    await rig.connect(state="paused", next_sync_at=None)
    await rig.poller().beat()
    told = metrics.exposition().decode()
    assert 'smartgate_mailboxes{state="importing"} 1.0' in told
    assert 'smartgate_mailboxes{state="paused"} 1.0' in told
    assert "smartgate_mailbox_longest_wait_seconds 90.0" in told
