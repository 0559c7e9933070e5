"""Whoever is stopped or killed leaves no gap and no double, and writes nothing any more; both stores."""

from __future__ import annotations

import asyncio
import threading

from gateway.core.mailboxes import IMPORTING, READY
from gateway.core.syncplan import Pace
from gateway.store import mailbox_leases, tables
from gateway.store.mailbox_leases import LEASE_MS, OVERDUE_MS, Claiming
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.rig import MINUTE, NOW, Clock, Key, Rig, fill, finished, look_at_all


async def test_who_was_stopped_for_minutes_writes_nothing_once_another_has_the_mailbox(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 120)
    key = await rig.connect(server)
    slow, quick = rig.poller(rig.another_store()), rig.poller(rig.another_store())
    stopped, resumed = threading.Event(), threading.Event()

    def before(call: str) -> None:
        if call == "fetch" and server.calls["fetch"] == 1 and not stopped.is_set():
            stopped.set()
            resumed.wait(30)

    server.before = before
    looking = asyncio.create_task(slow.look_into(key))
    await asyncio.to_thread(stopped.wait, 30)
    assert not await quick.look_into(key)
    rig.clock.pass_by(3)
    assert await quick.look_into(key)
    after = await rig.row(key)
    resumed.set()
    await looking
    assert await rig.row(key) == after
    assert after.state == READY
    assert await rig.count(tables.messages) == 120
    assert await rig.count(tables.remote_messages) == 120


async def test_what_is_held_stays_in_hand_and_a_clock_that_differs_takes_nothing(rig: Rig) -> None:
    key = await rig.connect()
    claim = Claiming("one", NOW, 1, 20)
    [lease] = await rig.store.write(lambda tx: mailbox_leases.claim_mailboxes(tx, claim))
    later = NOW + LEASE_MS - 1
    assert await rig.store.write(lambda tx: mailbox_leases.keep_leases(tx, [lease], later)) == set()
    other = Claiming("two", later + LEASE_MS - 1, 1, 20)
    assert await rig.store.write(lambda tx: mailbox_leases.claim_mailboxes(tx, other)) == ()
    late = Claiming("two", later + LEASE_MS, 1, 20)
    [taken] = await rig.store.write(lambda tx: mailbox_leases.claim_mailboxes(tx, late))
    assert (taken.key, taken.epoch) == (key, lease.epoch + 1)
    assert await rig.store.write(lambda tx: mailbox_leases.keep_leases(tx, [lease], later)) == {key}


async def test_a_holder_whose_lease_was_lost_stops_between_batches(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 150)
    key = await rig.connect(server)
    poller, loop = rig.poller(), asyncio.get_running_loop()

    async def take_away() -> None:
        await rig.set(key, epoch=99)
        await poller.beat()

    def before(call: str) -> None:
        if call == "fetch" and server.calls["fetch"] == 1:
            asyncio.run_coroutine_threadsafe(take_away(), loop).result()

    server.before = before
    await poller.look_into(key)
    assert server.calls["fetch"] == 2
    assert await rig.count(tables.messages) == 50


POINTS = 50


async def test_a_kill_at_any_of_fifty_points_of_an_import_leaves_no_gap_and_no_double(rig: Rig) -> None:
    rig.pace = Pace(import_messages=1_000)
    server = FakeServer()
    fill(server, 1_000)
    key = await rig.connect(server)
    for point in range(1, POINTS + 1):
        await _killed_at(rig, server, key, point)
    assert (await rig.row(key)).state == IMPORTING
    assert 0 < await rig.count(tables.messages) < 1_000
    while (await rig.row(key)).state != READY:
        await rig.poller().look_into(key)
    assert sorted(await rig.subjects()) == sorted(f"Offer {n}" for n in range(1, 1_001))
    remotes = await rig.rows(tables.remote_messages, "uid")
    assert [row.uid for row in remotes] == list(range(1, 1_001))
    assert len({row.message for row in remotes}) == 1_000
    row = await rig.row(key)
    assert (row.done, row.total) == (1_000, 1_000)


async def _killed_at(rig: Rig, server: FakeServer, key: Key, point: int) -> None:
    """A look by a process of its own that is gone at its so-and-so-manieth step: what it has not committed is not
    there, and nobody lets its mailbox go."""
    poller = rig.poller()
    reached, loop, calls = asyncio.Event(), asyncio.get_running_loop(), 0

    def before(call: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 1 + point % 6:
            loop.call_soon_threadsafe(reached.set)

    server.before = before
    looking = asyncio.create_task(poller.look_into(key))
    dying = asyncio.create_task(reached.wait())
    await asyncio.wait([looking, dying], return_when=asyncio.FIRST_COMPLETED)
    for _ in range(point % 5):
        await asyncio.sleep(0)
    for task in (*poller.busy, looking, dying):
        task.cancel()
    await asyncio.gather(*poller.busy, looking, dying, return_exceptions=True)
    server.before = None
    rig.clock.now += LEASE_MS + 1


async def test_a_clock_that_is_an_hour_ahead_is_still_fenced_by_the_epoch(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 60)
    key = await rig.connect(server)
    ahead = Clock(NOW + 60 * MINUTE)
    slow, quick = rig.poller(rig.another_store()), rig.poller(rig.another_store(), clock=ahead)
    loop = asyncio.get_running_loop()

    def before(call: str) -> None:
        if call == "fetch":
            server.before = None
            assert asyncio.run_coroutine_threadsafe(quick.look_into(key), loop).result()

    server.before = before
    await slow.look_into(key)
    assert await rig.count(tables.messages) == await rig.count(tables.remote_messages) == 60
    assert (await rig.row(key)).epoch == 2


async def test_a_poller_that_waits_for_news_and_died_loses_the_mailbox_once_it_is_overdue(rig: Rig) -> None:
    await rig.connect(FakeServer(), holder="one that died", next_sync_at=NOW)
    poller = rig.poller()
    assert await look_at_all(poller) == 0
    rig.clock.now += OVERDUE_MS
    assert await look_at_all(poller) == 1


async def test_told_to_stop_it_files_the_batch_in_hand_and_lets_the_mailbox_go(rig: Rig) -> None:
    server = FakeServer()
    fill(server, 150)
    key = await rig.connect(server)
    poller, reached, go_on = rig.poller(), threading.Event(), threading.Event()

    def before(call: str) -> None:
        if call == "fetch" and server.calls["fetch"] == 1:
            reached.set()
            go_on.wait(30)

    server.before = before
    looking = asyncio.create_task(poller.look_into(key))
    await asyncio.to_thread(reached.wait, 30)
    stopping = asyncio.create_task(poller.stop(30))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(stopping, looking)
    row = await rig.row(key)
    assert await rig.count(tables.messages) == row.done == 100
    assert (row.holder, row.lease_until, row.state) == (None, None, IMPORTING)
    assert await look_at_all(rig.poller()) == 1
    assert await rig.count(tables.messages) == 150


async def test_a_server_that_says_nothing_keeps_nobody_from_stopping(rig: Rig) -> None:
    server = FakeServer()
    key = await rig.connect(server)
    poller, reached, never = rig.poller(), threading.Event(), threading.Event()

    def before(call: str) -> None:
        if call == "folders":
            reached.set()
            never.wait(60)

    server.before = before
    looking = asyncio.create_task(poller.look_into(key))
    await asyncio.to_thread(reached.wait, 30)
    await poller.stop(0)
    await asyncio.gather(looking, return_exceptions=True)
    row = await rig.row(key)
    never.set()
    assert (row.holder, row.state) == (None, IMPORTING)


async def test_one_server_that_hangs_keeps_no_other_mailbox_waiting(rig: Rig) -> None:
    hanging, well = FakeServer(), FakeServer()
    never = threading.Event()

    def before(call: str) -> None:
        if call == "fetch":
            never.wait(60)

    hanging.before = before
    fill(hanging, 1)
    fill(well, 1)
    await rig.connect(hanging)
    key = await rig.connect(well)
    poller = rig.poller()
    await poller.look()
    await asyncio.wait(poller.busy, return_when=asyncio.FIRST_COMPLETED)
    assert (await rig.row(key)).state == READY
    assert await rig.subjects() == ["Offer 1"]
    never.set()
    await finished(poller)


async def test_an_account_whose_servers_take_their_time_leaves_a_hand_to_others(rig: Rig) -> None:
    slow, other = FakeServer(), FakeServer()
    let = threading.Event()

    def before(call: str) -> None:
        assert let.wait(30)

    slow.before = before
    poller = rig.poller(workers=8)
    for n in range(20):
        await rig.connect(slow, host=f"imap{n}.example.net")
    assert await poller.look() == 7
    held = poller.busy
    key = await rig.connect(other, account=await rig.open_account("other"))
    assert await poller.look() == 1
    await asyncio.gather(*set(poller.busy).difference(held))
    assert (await rig.row(key)).state == READY
    assert await poller.look() == 0
    let.set()
    await finished(poller)
