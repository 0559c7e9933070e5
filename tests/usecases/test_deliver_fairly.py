"""What one clock, one row, one key or one endpoint has wrong costs no other event its place in the order, or a try."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from sqlalchemy import Text

from gateway.sealing import SealError
from gateway.store import deliveries, ids, tables
from gateway.store.engine import Tx
from gateway.store.ids import new_id
from gateway.store.outbox import add_deliveries, add_events
from gateway.store.reading_deliveries import oldest_waiting
from gateway.usecases import endpoints
from gateway.usecases.deliver_events import Claiming
from gateway.usecases.deliveries import give_up_strays
from tests.crm.post import Post, now, one_round
from tests.crm.receiver import Receiver, hang


async def test_events_are_told_in_the_order_in_which_they_were_written_whatever_the_clocks_of_their_machines_said(
    post: Post, receiver: Receiver
) -> None:
    await post.subscribe(receiver)
    made = [new_id() for _ in range(3)]
    for id in reversed(made):
        row = {
            "account": post.account,
            "id": id,
            "type": "lead.created",
            "at": now(),
            "subject": "L",
            "conversation": "A",
        }
        await post.store.write(partial(add_events, rows=[row]), account=post.account)
    await one_round(post.courier())
    assert receiver.ids == made[::-1]


async def test_a_machine_whose_clock_is_wrong_neither_waits_nor_takes_what_another_has_in_hand(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids follow the clock of the database (`ids.follow_clock`), and so do the times of deliveries."""
    await post.subscribe(receiver)
    day, right = 86_400_000, time.time_ns
    courier = post.courier()
    monkeypatch.setattr(ids, "_ahead_ms", -day)
    monkeypatch.setattr(ids, "_moment", 0)
    monkeypatch.setattr(time, "time_ns", lambda: right() + day * 1_000_000)
    await post.raise_event()
    monkeypatch.setattr(ids, "_ahead_ms", 0)
    monkeypatch.setattr(time, "time_ns", right)
    [due] = await courier.find_due()
    [work] = await courier.claim(Claiming(due.account, due.endpoint, 1, now(), now() + 30_000, "right"))
    monkeypatch.setattr(ids, "_ahead_ms", -day)
    monkeypatch.setattr(time, "time_ns", lambda: right() + day * 1_000_000)
    assert await courier.find_due() == []
    await courier.tell(work)
    assert len(receiver.ids) == 1


async def test_an_event_whose_resource_can_not_be_read_has_its_tries_and_the_others_go_on(
    post: Post, receiver: Receiver
) -> None:
    await post.subscribe(receiver)
    good = [await post.raise_event("lead.created", conversation="A"), await post.raise_event("lead.created")]
    row = {"account": post.account, "type": "message.filed", "at": now(), "subject": "M", "conversation": "B"}
    broken = new_id()
    await post.store.write(partial(add_events, rows=[{**row, "id": broken}]), account=post.account)
    await post.store.write(partial(_break_message, post.account), account=post.account)
    await one_round(post.courier())
    assert sorted(receiver.ids) == good
    [waiting] = await post.deliveries("waiting")
    assert (waiting.event, waiting.attempts, waiting.error) == (broken, 1, "something went wrong on our side")


async def test_who_is_told_to_end_writes_down_what_arrived_and_lets_the_rest_go_at_once(
    post: Post, receiver: Receiver
) -> None:
    await post.subscribe(receiver)
    receiver.answers = [204, hang]
    first, second = await post.raise_event(conversation="A"), await post.raise_event(conversation="A")
    carrier = post.carry()
    await receiver.hear(2)
    await carrier.stop(0.1)
    assert [(one.state, one.attempts) for one in await post.deliveries()] == [("delivered", 1), ("waiting", 0)]
    await one_round(post.courier())
    assert receiver.ids == [first, second, second]


async def test_an_event_that_was_written_while_its_endpoint_was_removed_is_given_up_and_waits_for_nobody(
    post: Post, receiver: Receiver
) -> None:
    """On PostgreSQL who files may have read the endpoint that somebody takes away before the filing ends."""
    endpoint = await post.subscribe(receiver)
    row = {"account": post.account, "id": new_id(), "type": "lead.created", "at": now(), "subject": "L"}
    row["conversation"] = None
    await post.store.write(lambda tx: endpoints.remove_some(tx, post.account, endpoint))
    await post.store.write(partial(add_events, rows=[row]), account=post.account)
    await post.store.write(partial(add_deliveries, wanted=[(row, endpoint)]), account=post.account)
    courier = post.courier()
    assert await courier.find_due() == []
    assert await give_up_strays(post.store) == 1
    assert await give_up_strays(post.store) == 0
    assert [(one.state, one.error) for one in await post.deliveries()] == [("dead", "the endpoint was removed")]
    assert await post.lanes() == 0
    assert await post.store.read(oldest_waiting) is None


async def test_of_very_many_endpoints_all_are_looked_at_in_turn(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "DUE_AT_ONCE", 2)
    wanted = sorted([await post.subscribe(receiver) for _ in range(5)])
    await post.raise_event()
    courier = post.courier()
    looks = [[due.endpoint for due in await courier.find_due()] for _ in range(4)]
    assert looks == [wanted[:2], wanted[2:4], wanted[4:], wanted[:2]]


async def test_a_book_that_no_key_opens_any_more_pauses_its_back_end_and_costs_no_event_a_try(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.subscribe(receiver)
    await post.raise_event()
    courier = post.courier()

    class Locked:
        @asynccontextmanager
        async def lent(self, _back_end: object) -> AsyncIterator[Locked]:
            yield self

        async def deliver(self, _event: object, _ledger: object) -> object:
            raise SealError("a stored credential was encrypted with another key")

    courier._adapters = Locked()  # type: ignore[assignment]
    await one_round(courier)
    assert [(one.state, one.attempts) for one in await post.deliveries()] == [("waiting", 0)]
    assert (await post.endpoint(endpoint)).state == "locked"
    post.couriers.clear()


def _break_message(account: int, tx: Tx) -> None:
    values: dict[str, object] = {
        column.name: None if column.nullable else "{" if isinstance(column.type, Text) else 1
        for column in tables.messages.c
    }
    tx.execute(tables.messages.insert().values({**values, "account": account, "id": "M", "state": "filed"}))
    came = {"account": account, "message": "M", "n": 0, "road": "smtp", "folder": "inbox", "at": 1}
    tx.execute(tables.sources.insert().values(came))
