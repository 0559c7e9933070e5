"""New mail is there at once where the server tells of it (E5): connections that wait, on both stores."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from gateway.core.mailboxes import AUTH_FAILED, READY
from gateway.mailboxes.poller import Poller
from gateway.store import mailbox_leases, tables
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.rig import MINUTE, Key, Rig, ago, fill, finished, mail, until

CAN = frozenset({"IMAP4REV1", "CONDSTORE", "QRESYNC", "IDLE"})


async def waiting(rig: Rig, *, mails: int = 1, **values: Any) -> tuple[FakeServer, Key, Poller]:
    """A mailbox that was looked into, and is waited on."""
    server = FakeServer(can=CAN)
    fill(server, mails)
    key = await rig.connect(server)
    poller = rig.poller(**values)
    assert await poller.look_into(key)
    return server, key, poller


async def filed(rig: Rig, count: int) -> bool:
    return await rig.count(tables.messages) == count


async def let_go(rig: Rig, key: Key) -> bool:
    return (await rig.row(key)).holder is None


async def asked_for(rig: Rig, key: Key) -> bool:
    return (await rig.row(key)).wanted_at is not None


async def test_news_are_on_the_card_at_once_over_the_connection_that_waited(rig: Rig) -> None:
    server, _key, poller = await waiting(rig)
    assert len(server.idle) == 1
    server.inbox.add(mail(2), ago(0))
    server.tell()
    await until(poller, lambda: filed(rig, 2))
    assert await rig.subjects() == ["Offer 1", "Offer 2"]
    assert (server.log_ins, server.open_now, len(server.idle)) == (1, 1, 1)


async def test_a_mailbox_that_waits_is_in_nobodys_hands_and_no_other_poller_takes_it(rig: Rig) -> None:
    server, key, poller = await waiting(rig)
    row = await rig.row(key)
    assert (row.state, row.lease_until) == (READY, None)
    rig.clock.now = row.next_sync_at
    other = rig.poller(rig.another_store())
    assert await other.look() == 0
    assert await poller.look() == 1
    await finished(poller)
    assert server.log_ins == 1


async def test_what_comes_between_the_look_and_the_waiting_is_news(rig: Rig) -> None:
    server = FakeServer(can=CAN)
    key = await rig.connect(server)

    def before(call: str) -> None:
        if call == "begin_idle":
            return
        if call == "examine" and server.calls["examine"] == 2:
            server.before = None
            server.inbox.add(mail(1), ago(0))

    server.before = before
    poller = rig.poller()
    await poller.look_into(key)
    await until(poller, lambda: filed(rig, 1))
    assert await rig.subjects() == ["Offer 1"]


async def test_what_comes_with_the_permission_to_wait_is_news(rig: Rig) -> None:
    server = FakeServer(can=CAN, early=True)
    key = await rig.connect(server)

    def before(call: str) -> None:
        if call == "begin_idle" and server.calls[call] == 0:
            server.inbox.add(mail(1), ago(0))
        elif call == "begin_idle":
            server.early = False

    server.before = before
    poller = rig.poller()
    await poller.look_into(key)
    await until(poller, lambda: filed(rig, 1))
    assert await rig.subjects() == ["Offer 1"]


async def test_a_server_that_tells_of_news_all_the_time_begins_no_look_after_the_other(rig: Rig) -> None:
    server = FakeServer(can=CAN, early=True)

    def before(call: str) -> None:
        if call == "examine":
            server.inbox.uidnext += 1

    server.before = before
    poller = rig.poller(quiet_seconds=3_600.0)
    await poller.look_into(await rig.connect(server))

    async def heard() -> bool:
        return server.calls["heard"] > 0

    await until(poller, heard)
    assert (server.calls["begin_idle"], len(server.idle)) == (1, 1)


async def test_a_server_that_says_nothing_at_the_parting_holds_up_no_beat(rig: Rig) -> None:
    server, key, poller = await waiting(rig)
    parting = threading.Event()

    def before(call: str) -> None:
        if call == "end_idle":
            assert parting.wait(20)

    server.before = before
    await rig.set(key, state="disconnected", credential=None, holder=None)
    try:
        await asyncio.wait_for(poller.beat(), 10)
        assert server.open_now == 1
    finally:
        parting.set()
    await finished(poller)
    assert server.open_now == 0


async def test_a_server_that_can_not_tell_is_not_waited_on(rig: Rig) -> None:
    server = FakeServer()
    await rig.poller().look_into(await rig.connect(server))
    assert server.open_now == 0


async def test_a_password_that_is_changed_while_it_waits_stops_after_two_log_ins(rig: Rig) -> None:
    server, key, poller = await waiting(rig)
    server.password = "another"
    server.hang_up()
    await until(poller, lambda: let_go(rig, key))
    for _ in range(6):
        rig.clock.pass_by(60)
        await poller.look()
        while poller.busy:
            await asyncio.gather(*poller.busy)
    assert server.log_ins == 1 + 2
    assert (await rig.row(key)).state == AUTH_FAILED


async def test_a_look_over_the_connection_that_waited_forgives_no_log_in_that_a_click_had_refused(rig: Rig) -> None:
    server, key, poller = await waiting(rig)
    server.password = "another"
    await rig.set(key, tries=1)
    server.inbox.add(mail(2), ago(0))
    server.tell()
    await until(poller, lambda: filed(rig, 2))
    assert (await rig.row(key)).tries == 1
    server.hang_up()
    await until(poller, lambda: let_go(rig, key))
    rig.clock.pass_by(60)
    await poller.look()
    await finished(poller)
    row = await rig.row(key)
    assert (row.state, row.tries, server.log_ins) == (AUTH_FAILED, 2, 1 + 1)


async def test_a_connection_that_is_lost_brings_a_look_within_minutes(rig: Rig) -> None:
    server, key, poller = await waiting(rig)
    server.hang_up()
    await until(poller, lambda: let_go(rig, key))
    row = await rig.row(key)
    assert row.holder is None
    assert MINUTE < row.next_sync_at - rig.clock.now < 3 * MINUTE
    assert (server.open_now, server.idle) == (0, [])


async def test_a_mailbox_that_is_disconnected_is_waited_on_no_more(rig: Rig) -> None:
    server, key, poller = await waiting(rig)
    await poller.beat()
    assert server.open_now == 1
    await rig.set(key, state="disconnected", credential=None, holder=None)
    await poller.beat()
    await finished(poller)
    assert server.open_now == 0


async def test_what_is_waited_on_is_looked_into_every_so_often_though_nothing_came(rig: Rig) -> None:
    server, _key, poller = await waiting(rig, renew_seconds=0.0)
    for _ in range(1_000):
        await asyncio.gather(*poller.busy)
        await asyncio.sleep(0)
        if server.calls["begin_idle"] > 2:
            break
    assert server.calls["begin_idle"] > 2
    assert server.log_ins == 1


async def test_some_connections_to_a_host_are_left_for_looks(rig: Rig) -> None:
    rig.per_host = 6
    server = FakeServer(can=CAN)
    poller = rig.poller()
    for _ in range(4):
        await poller.look_into(await rig.connect(server))
    assert len(server.idle) == 2
    assert sum(row.holder is not None for row in await rig.rows(tables.mailboxes)) == 2


async def test_no_more_wait_than_a_process_may_hold_open(rig: Rig) -> None:
    server = FakeServer(can=CAN)
    poller = rig.poller(idle=1)
    for _ in range(3):
        await poller.look_into(await rig.connect(server))
    assert len(server.idle) == 1


async def test_who_stops_ends_what_waits_and_lets_go_of_it(rig: Rig) -> None:
    server, key, poller = await waiting(rig)
    await poller.stop(5)
    assert (server.open_now, server.idle) == (0, [])
    row = await rig.row(key)
    assert (row.holder, row.state) == (None, READY)
    assert row.next_sync_at > rig.clock.now


async def test_what_somebody_asks_for_is_looked_into_by_the_one_who_waits_and_by_another_if_he_does_not_come(
    rig: Rig,
) -> None:
    server, key, poller = await waiting(rig)
    await rig.store.write(lambda tx: mailbox_leases.set_wanted(tx, *key, rig.clock.now))
    other = rig.poller(rig.another_store())
    assert await other.look() == 0
    assert await poller.look() == 1
    await finished(poller)
    await rig.store.write(lambda tx: mailbox_leases.set_wanted(tx, *key, rig.clock.now))
    rig.clock.now += 5_000
    assert await other.look() == 1
    await finished(other)
    assert server.most_open == 2


async def test_news_of_what_another_has_in_hand_are_looked_at_after_that(rig: Rig) -> None:
    server, key, poller = await waiting(rig)
    await rig.set(key, holder="another", epoch=7, lease_until=rig.clock.now + 30_000)
    server.inbox.add(mail(2), ago(0))
    server.tell()
    await until(poller, lambda: asked_for(rig, key))
    row = await rig.row(key)
    assert (row.wanted_at, row.next_sync_at) == (rig.clock.now, rig.clock.now)


async def test_on_sqlite_who_starts_takes_over_what_the_one_before_had(rig: Rig) -> None:
    _server, key, _poller = await waiting(rig)
    before = await rig.row(key)
    successor = rig.poller(rig.another_store(), every_seconds=60)
    await successor.take_over()
    row = await rig.row(key)
    if rig.store.path.suffix == ".db":
        assert (row.holder, row.epoch) == (None, before.epoch + 1)
    else:
        assert (row.holder, row.epoch) == (before.holder, before.epoch)
