"""Who looks into which mailbox and when, and what becomes of one that can't be opened (E5, E10), on both stores."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest

from gateway.core.mailboxes import AUTH_FAILED, GOOGLE, IMPORTING, READY, Credential
from gateway.core.syncplan import Pace
from gateway.mailboxes.poller import Poller
from gateway.sealing import Keyring
from gateway.store import mailbox_leases, tables
from gateway.store.mailbox_leases import LEASE_MS, OVERDUE_MS, Claiming
from gateway.usecases.mail_servers import Trouble
from tests.mailboxes import rig as rigs
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.rig import NOW, Clock, Key, Rig, fill

MINUTE = 60_000


async def finished(poller: Poller) -> None:
    """All that the poller has in hand is done."""
    while poller.busy:
        await asyncio.gather(*poller.busy)


async def look_at_all(poller: Poller) -> int:
    """Looks until nothing is due; how many mailboxes were looked into."""
    looked = 0
    while count := await poller.look():
        looked += count
        await finished(poller)
    return looked


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


async def test_a_wrong_password_is_tried_exactly_twice_and_then_somebody_has_to_act(rig: Rig) -> None:
    server = FakeServer(password="another")
    key = await rig.connect(server)
    poller = rig.poller()
    for _ in range(50):
        await look_at_all(poller)
        rig.clock.pass_by(30)
    assert server.log_ins == 2
    row = await rig.row(key)
    assert (row.state, row.error, row.next_sync_at) == (AUTH_FAILED, "The server refuses the password.", None)
    assert await rig.events("mailbox.auth_failed") == 1


async def test_a_password_that_works_again_forgives_the_log_in_before(rig: Rig) -> None:
    server = FakeServer(password="another")
    key = await rig.connect(server)
    await rig.poller().look_into(key)
    assert (await rig.row(key)).tries == 1
    server.password = "right"
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries, row.failures, row.error) == (READY, 0, 0, "")


async def test_the_network_between_two_refused_log_ins_gives_no_third(rig: Rig) -> None:
    server = FakeServer(password="another")
    key = await rig.connect(server)
    poller = rig.poller()
    for refuses in (None, Trouble("network", "It is away."), None, None):
        server.refuses = refuses
        await poller.look_into(key)
    assert server.log_ins == 3
    assert (await rig.row(key)).state == AUTH_FAILED


def google(access: str, minutes: float, secret: str = "refresh-1") -> Credential:
    return Credential(GOOGLE, secret, access, NOW + int(minutes * MINUTE))


async def test_a_token_that_is_about_to_end_is_renewed_and_kept_before_it_is_used(rig: Rig) -> None:
    server = FakeServer(password="new")
    key = await rig.connect(server, credential=google("old", 2))
    kept: list[bytes] = []
    loop = asyncio.get_running_loop()

    def before(call: str) -> None:
        if call == "open":
            kept.append(asyncio.run_coroutine_threadsafe(rig.row(key), loop).result().credential)

    server.before = before
    rig.door.answers = [google("new", 60, "refresh-2")]
    await rig.poller().look_into(key)
    assert (await rig.row(key)).state == READY
    assert rig.door.renewals == ["refresh-1"]
    opened = [_opened(key, sealed) for sealed in kept]
    assert opened == [google("new", 60, "refresh-2")]
    await rig.poller().look_into(key)
    assert rig.door.renewals == ["refresh-1"]


def _opened(key: Key, sealed: bytes) -> Credential:
    import json

    from gateway.core.mailboxes import about_credential, credential_of

    return credential_of(json.loads(rigs.KEYRING.open(sealed, about_credential(*key))))


async def test_a_token_that_is_refused_though_it_should_hold_is_renewed_once(rig: Rig) -> None:
    server = FakeServer(password="new")
    key = await rig.connect(server, credential=google("old", 60))
    rig.door.answers = [google("new", 60)]
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries) == (READY, 0)
    assert server.log_ins == 2


async def test_new_tokens_that_are_refused_as_well_count_as_a_log_in(rig: Rig) -> None:
    server = FakeServer(password="none")
    key = await rig.connect(server, credential=google("old", 60))
    rig.door.answers = [google("new", 60)]
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries) == (IMPORTING, 1)


async def test_consent_that_was_withdrawn_needs_a_new_sign_in_and_is_asked_for_no_more(rig: Rig) -> None:
    server = FakeServer()
    key = await rig.connect(server, credential=google("old", 0))
    rig.door.answers = [Trouble("revoked", "Sign in with Google again.")]
    poller = rig.poller()
    for _ in range(3):
        await look_at_all(poller)
        rig.clock.pass_by(90)
    row = await rig.row(key)
    assert (row.state, row.error) == (AUTH_FAILED, "Sign in with Google again.")
    assert (server.log_ins, len(rig.door.renewals)) == (0, 1)
    assert await rig.events("mailbox.auth_failed") == 1


async def test_two_pollers_never_renew_a_token_at_one_time(rig: Rig) -> None:
    server = FakeServer(password="new")
    key = await rig.connect(server, credential=google("old", 0))
    rig.door.answers = [google("new", 60, "refresh-2")]
    pollers = [rig.poller(rig.another_store()) for _ in range(3)]
    looked = await asyncio.gather(*(poller.look_into(key) for poller in pollers))
    assert sorted(looked) == [False, False, True]
    assert rig.door.renewals == ["refresh-1"]


async def test_a_credential_that_no_key_opens_is_nobodys_log_in(rig: Rig) -> None:
    server = FakeServer()
    key = await rig.connect(server)
    sealed = Keyring(["another key"]).seal(b"{}", "elsewhere")
    await rig.set(key, credential=sealed)
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries, server.log_ins) == (IMPORTING, 0, 0)
    assert row.error.startswith("The credential of this mailbox can't be opened")


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
    assert row.error == "Something went wrong on our side; it is tried again."
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
    hanging.before = lambda call: never.wait(60) and None if call == "fetch" else None
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


async def test_a_poller_that_waits_for_news_and_died_loses_the_mailbox_once_it_is_overdue(rig: Rig) -> None:
    await rig.connect(FakeServer(), holder="one that died", next_sync_at=NOW)
    poller = rig.poller()
    assert await look_at_all(poller) == 0
    rig.clock.now += OVERDUE_MS
    assert await look_at_all(poller) == 1


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


async def test_figures_tell_of_mailboxes_by_state_and_of_the_longest_wait(rig: Rig) -> None:
    from gateway import metrics

    await rig.connect(next_sync_at=NOW - 90_000)
    await rig.connect(state="paused", next_sync_at=None)
    await rig.poller().beat()
    told = metrics.exposition().decode()
    assert 'smartgate_mailboxes{state="importing"} 1.0' in told
    assert 'smartgate_mailboxes{state="paused"} 1.0' in told
    assert "smartgate_mailbox_longest_wait_seconds 90.0" in told
