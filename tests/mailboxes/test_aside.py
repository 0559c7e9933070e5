"""What goes wrong with single messages and with the line, and that the rest goes on: a poller, a server in memory."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.mailboxes import READY
from gateway.core.syncplan import TRIES, Pace
from gateway.store import tables
from gateway.usecases import file_fetched, filing
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.rig import Key, Rig, ago, fill, mail


async def look(rig: Rig, key: Key) -> None:
    assert await rig.poller().look_into(key)


async def test_a_mail_that_cannot_be_read_is_tried_three_times_alone_and_the_rest_goes_on(rig: Rig) -> None:
    server = FakeServer(unreadable={2})
    fill(server, 3)
    key = await rig.connect(server)
    for tries in range(1, TRIES + 2):
        await look(rig, key)
        assert await rig.subjects() == ["Offer 1", "Offer 3"]
        [left] = [row for row in await rig.rows(tables.remote_messages) if row.message is None]
        assert (left.uid, left.tries, left.error) == (2, min(tries, TRIES), "It can't be taken apart.")
        rig.clock.pass_by(30)
    assert server.fetched["INBOX", 2] == TRIES
    assert (await rig.row(key)).state == READY


async def test_a_mail_that_can_be_read_the_second_time_is_filed_then(rig: Rig) -> None:
    server = FakeServer(breaking={2})
    fill(server, 3)
    key = await rig.connect(server)
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1", "Offer 3"]
    server.breaking.clear()
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1", "Offer 2", "Offer 3"]
    assert [row.error for row in await rig.rows(tables.remote_messages)] == ["", "", ""]


async def test_a_mail_put_aside_that_is_deleted_meanwhile_is_gone(rig: Rig) -> None:
    server = FakeServer(unreadable={1})
    fill(server, 1)
    key = await rig.connect(server)
    await look(rig, key)
    server.inbox.expunge(1)
    await look(rig, key)
    [row] = await rig.rows(tables.remote_messages)
    assert row.gone_at is not None
    server.calls.clear()
    await look(rig, key)
    assert server.calls["fetch"] == 0


async def test_mails_that_had_no_room_beside_the_others_are_fetched_alone(rig: Rig) -> None:
    server = FakeServer(late={1, 3, 4, 5}, breaking=set())
    fill(server, 5)
    key = await rig.connect(server)

    def before(call: str) -> None:
        if call == "fetch" and server.calls[call] == 1:
            server.breaking.add(3)
            server.inbox.expunge(4)

    server.before = before
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1", "Offer 2", "Offer 5"]
    server.breaking.clear()
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1", "Offer 2", "Offer 3", "Offer 5"]
    assert server.fetched["INBOX", 2] == 1


async def test_a_mail_that_ends_every_connection_keeps_the_others_from_coming_for_a_while_only(rig: Rig) -> None:
    server = FakeServer(deadly={30})
    fill(server, 60)
    key = await rig.connect(server)
    for _ in range(12):
        await look(rig, key)
        rig.clock.pass_by(60)
    assert await rig.subjects() == [f"Offer {n}" for n in range(1, 61) if n != 30]


async def test_a_mail_that_our_side_fails_to_file_is_put_aside_and_its_neighbours_are_filed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(settings: Any, tx: Any, handings: Any) -> Any:
        if any(one.mail.subject == "Offer 2" for one in handings):
            raise ValueError("a fault of ours")
        return filing.file(settings, tx, handings)

    monkeypatch.setattr(file_fetched, "file", failing)
    server = FakeServer()
    fill(server, 3)
    key = await rig.connect(server)
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1", "Offer 3"]
    assert (await rig.row(key)).state == READY
    monkeypatch.undo()
    await look(rig, key)
    assert await rig.subjects() == ["Offer 1", "Offer 2", "Offer 3"]


async def test_a_cut_after_any_call_leaves_no_gap_and_no_double(rig: Rig) -> None:
    rig.pace = Pace(import_messages=60)
    server = FakeServer()
    fill(server, 70)
    for n in range(1, 4):
        server.outbox.add(mail(100 + n), ago(1, n))
    key = await rig.connect(server)
    for budget in range(1, 60):
        server.calls.clear()
        server.cut_at = budget
        await look(rig, key)
        rig.clock.pass_by(90)
        if (await rig.row(key)).state == READY:
            break
    wanted = [f"Offer {n}" for n in (*range(11, 71), 101, 102, 103)]
    assert sorted(await rig.subjects()) == sorted(wanted)
    assert len(await rig.rows(tables.remote_messages)) == 63
