"""From an event to a back end: what is told to whom, in what order, how often, and what is left when it goes wrong."""

from __future__ import annotations

import asyncio
import os
import random

import pytest
from sqlalchemy import update

from crm_adapter import webhook
from gateway.sealing import Keyring
from gateway.store import tables
from gateway.store.engine import Place, Store, Tx
from gateway.store.outbox import add_event
from gateway.store.reading_deliveries import retry_dead
from gateway.usecases import endpoints
from gateway.usecases.deliver_events import Claiming
from tests.crm.post import KEYRING, Post, now, one_round
from tests.crm.receiver import Receiver, die, drip, hang, saying

MANY = int(os.environ.get("EVENTS", "1500"))
"""Events of the story of very many; EVENTS=100000 is its full size."""


async def test_an_event_is_told_to_each_endpoint_that_wants_its_type_and_signed(post: Post, receiver: Receiver) -> None:
    other = Receiver()
    await other.open()
    await post.subscribe(receiver)
    await post.subscribe(other, "lead.created", "contact.created")
    post.carry()
    first, second = await post.raise_event("contact.created"), await post.raise_event("customer.created")
    await receiver.hear(2)
    await post.settled(3, "delivered")
    assert sorted(receiver.ids) == [first, second]
    assert other.ids == [first]
    assert [one.genuine for one in (*receiver.heard, *other.heard)] == [(True,)] * 3
    assert [one.status for one in await post.deliveries()] == [204] * 3
    assert await post.lanes() == 0
    await other.close()


async def test_events_of_one_conversation_come_in_their_order_while_others_do_not_wait(
    post: Post, receiver: Receiver
) -> None:
    await post.subscribe(receiver)
    receiver.answers = [500]
    one = [await post.raise_event(conversation="A") for _ in range(12)]
    other = [await post.raise_event(conversation="B") for _ in range(12)]
    post.carry()
    await receiver.hear(25)
    failed = receiver.heard[0].id
    assert failed in (one[0], other[0])
    for talk in (one, other):
        told = [id for id in receiver.ids if id in talk]
        assert told == (talk if failed not in talk else [failed, *talk])
    assert [found.attempts for found in await post.settled(24, "delivered")].count(2) == 1


STORIES = {
    "it answers 500": (500, "answered 500"),
    "it answers 500 with words": (saying(500, body="no\r\n\x1b[31mroom"), "answered 500: no [31mroom"),
    "it answers 400": (400, "answered 400"),
    "it redirects to our own network": (
        saying(302, "Location: http://169.254.169.254/latest"),
        "answered 302, a redirect to 'http://169.254.169.254/latest', which is not followed; enter the new URL",
    ),
    "it breaks the connection off": (die, "the connection broke"),
    "it talks nonsense": (b"EHLO\r\n\r\n", "the connection broke"),
    "it hangs": (hang, "no answer within"),
}


@pytest.mark.parametrize(("answer", "why"), STORIES.values(), ids=STORIES)
async def test_a_try_that_fails_says_why_and_is_tried_again_with_the_same_id(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answer: object, why: str
) -> None:
    monkeypatch.setattr(webhook, "WHOLE_SECONDS", 0.5)
    await post.subscribe(receiver)
    receiver.answers = [answer]  # type: ignore[list-item]
    id = await post.raise_event()
    courier = post.courier()
    await one_round(courier)
    [waiting] = await post.deliveries()
    assert (waiting.state, waiting.attempts) == ("waiting", 1)
    assert waiting.error.startswith(why)
    assert waiting.next_at is not None
    assert 700 < waiting.next_at - now() + 500 < 1_800
    await post.make_due()
    await one_round(courier)
    assert receiver.ids == [id, id]
    assert [one.state for one in await post.deliveries()] == ["delivered"]


async def test_a_status_counts_though_the_words_behind_it_never_end(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_adapter.lines.ANSWER_SECONDS", 0.2)
    await post.subscribe(receiver)
    receiver.answers = [drip]
    await post.raise_event()
    await one_round(post.courier())
    assert [(one.state, one.status) for one in await post.deliveries()] == [("delivered", 200)]


async def test_nobody_is_there_until_somebody_is(post: Post, receiver: Receiver) -> None:
    await post.subscribe(receiver)
    await receiver.close()
    await post.raise_event()
    courier = post.courier()
    await one_round(courier)
    [waiting] = await post.deliveries()
    assert waiting.error.startswith("no connection: ")
    await receiver.open()
    await post.make_due()
    await one_round(courier)
    assert [one.state for one in await post.deliveries()] == ["delivered"]


async def test_what_was_tried_thirteen_times_is_given_up_and_lets_the_next_of_its_conversation_go(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.subscribe(receiver)
    receiver.answers = [500] * 13
    first, second = await post.raise_event(conversation="A"), await post.raise_event(conversation="A")
    courier = post.courier()
    for _ in range(13):
        await one_round(courier)
        await post.make_due()
    assert receiver.ids == [*[first] * 13, second]
    assert [(one.state, one.attempts) for one in await post.deliveries()] == [("dead", 13), ("delivered", 1)]
    again = await post.store.write(lambda tx: retry_dead(tx, post.account, endpoint, now()))
    assert again == 1
    await one_round(courier)
    assert receiver.ids[-1] == first
    assert [one.state for one in await post.deliveries()] == ["delivered", "delivered"]
    assert await post.lanes() == 0


async def test_gone_disables_the_endpoint_and_what_waits_becomes_dead_letters(post: Post, receiver: Receiver) -> None:
    other = Receiver()
    await other.open()
    endpoint = await post.subscribe(receiver)
    await post.subscribe(other, "endpoint.disabled")
    receiver.answers = [410] * 20
    for n in range(20):
        await post.raise_event(conversation=f"C{n % 3}")
    post.carry()
    await other.hear(1)
    dead = await post.settled(20, "dead")
    assert {one.error for one in dead} <= {"answered 410", "the endpoint is disabled"}
    assert other.types == ["endpoint.disabled"]
    assert other.heard[0].body["data"]["id"] == endpoint
    found = await post.endpoint(endpoint)
    assert (found.state, found.reason) == ("disabled", "answered 410")
    await post.raise_event()
    assert len([one for one in await post.deliveries() if one.endpoint == endpoint]) == 20
    assert await post.lanes() == 0
    await other.close()


async def test_retry_after_is_obeyed_for_the_whole_endpoint(post: Post, receiver: Receiver) -> None:
    endpoint = await post.subscribe(receiver)
    receiver.answers = [saying(429, "Retry-After: 3600")]
    await post.raise_event(conversation="A")
    courier = post.courier()
    await one_round(courier)
    await post.raise_event(conversation="B")
    assert await courier.find_due() == []
    found = await post.endpoint(endpoint)
    assert found.paused_until is not None
    assert 3_590_000 < found.paused_until - now() <= 3_600_000
    await post.make_due()
    await one_round(courier)
    assert [one.state for one in await post.deliveries()] == ["delivered"] * 2


async def test_a_worker_that_was_killed_leaves_its_claims_to_others_and_its_last_word_counts_only_where_it_arrived(
    post: Post, receiver: Receiver
) -> None:
    await post.subscribe(receiver)
    id = await post.raise_event()
    killed, courier = post.courier(), post.courier()
    [due] = await killed.find_due()
    [lane] = await killed.claim(Claiming(due.account, due.endpoint, 1, now(), now() - 1, "killed"))
    await one_round(courier)
    receiver.answers = [500]
    await killed.tell(lane)
    assert receiver.ids == [id, id]
    assert [(one.state, one.attempts) for one in await post.deliveries()] == [("delivered", 1)]
    assert await post.lanes() == 0


async def test_two_processes_share_the_work_and_nothing_comes_twice(
    post: Post, place: Place, receiver: Receiver
) -> None:
    await post.subscribe(receiver)
    other = Store(place)
    other.start()
    post.carry()
    post.carry(other)
    for n in range(60):
        await post.raise_event(conversation=f"C{n % 12}")
    await post.settled(60, "delivered")
    assert len(set(receiver.ids)) == len(receiver.ids) == 60
    await post.carriers.pop().stop(1)
    await other.stop()


async def test_a_former_secret_signs_for_a_day_beside_the_new_one(post: Post, receiver: Receiver) -> None:
    endpoint = await post.subscribe(receiver)
    opened = await post.store.write(lambda tx: endpoints.rotate_secret(tx, post.account, endpoint, KEYRING))
    assert opened is not None
    receiver.secrets.append(opened.secret)
    courier = post.courier()
    await post.raise_event()
    await one_round(courier)
    day_ago = {"former_until": now() - 1}
    await post.store.write(lambda tx: tx.execute(update(tables.endpoints).values(day_ago)).rowcount)
    await post.raise_event()
    await one_round(courier)
    assert [one.genuine for one in receiver.heard] == [(True, True), (False, True)]


async def test_a_secret_that_no_key_opens_pauses_the_endpoint_and_loses_nothing(post: Post, receiver: Receiver) -> None:
    endpoint = await post.subscribe(receiver)
    await post.store.write(lambda tx: tx.execute(update(tables.endpoints).values(secret=b"\x01nonsense")).rowcount)
    await post.raise_event()
    await one_round(post.courier())
    assert [(one.state, one.attempts) for one in await post.deliveries()] == [("waiting", 0)]
    assert (await post.endpoint(endpoint)).state == "locked"
    assert receiver.heard == []


async def test_a_machine_with_another_key_leaves_the_endpoint_to_those_that_can_sign(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.subscribe(receiver)
    await post.raise_event()
    mistaken = post.courier(keyring=Keyring(["another key of thirty-two characters"]))
    await one_round(mistaken)
    assert (await post.endpoint(endpoint)).state == "locked"
    assert await mistaken.find_due() == []
    await one_round(post.courier())
    assert [(one.state, one.attempts) for one in await post.deliveries()] == [("delivered", 1)]
    assert (await post.endpoint(endpoint)).state == "active"
    assert [one.genuine for one in receiver.heard] == [(True,)]


async def test_an_endpoint_is_locked_no_more_once_a_key_opens_its_secret_though_nobody_hears_yet(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.subscribe(receiver)
    locked = {"state": "locked", "reason": "another key"}
    await post.store.write(lambda tx: tx.execute(update(tables.endpoints).values(locked)).rowcount)
    receiver.answers = [500]
    await post.raise_event()
    await one_round(post.courier())
    found = await post.endpoint(endpoint)
    assert (found.state, found.reason) == ("active", "")


async def test_of_very_many_events_none_is_lost_though_the_receiver_dies_errs_and_asks_for_patience(
    post: Post, receiver: Receiver
) -> None:
    await post.subscribe(receiver)
    chance, share = random.Random(7), min(0.05, 500 / MANY)
    bad = (
        500,
        503,
        404,
        die,
        b"nonsense\r\n\r\n",
        saying(429, "Retry-After: 1"),
        saying(302, "Location: http://10.0.0.1/"),
    )
    receiver.answers = [chance.choice(bad) if chance.random() < share else 204 for _ in range(MANY + MANY // 20)]

    def add(tx: Tx) -> None:
        for n in range(MANY):
            add_event(tx, post.account, "contact.created", f"S{n}", now(), f"C{n % 97}")

    await post.store.write(add)
    post.carry()
    half = MANY // 2
    await receiver.hear(half, 60 + MANY / 50)
    await receiver.close()
    await receiver.open()
    await _until_nothing_waits(post, 60 + MANY / 50)
    events = await post.deliveries(limit=2 * MANY)
    assert {one.state for one in events} == {"delivered"}
    first_heard = list(dict.fromkeys(receiver.ids))
    assert len(first_heard) == MANY
    talks = {one.event: n % 97 for n, one in enumerate(events)}
    for talk in range(97):
        told = [id for id in first_heard if talks[id] == talk]
        assert told == sorted(told)
    assert all(one.genuine == (True,) for one in receiver.heard)


async def _until_nothing_waits(post: Post, seconds: float) -> None:
    """Tries come at once instead of after minutes."""
    async with asyncio.timeout(seconds):
        while await post.lanes():
            await asyncio.sleep(0.3)
            await post.make_due()
