"""From an event to a back end: what is told to whom, in what order, how often, and what is left when it goes wrong."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select, update

from crm_adapter import webhook
from crm_adapter.factory import Adapters, Means
from gateway.core.resources import Delivery
from gateway.jobs.deliveries import Carrier
from gateway.sealing import Keyring
from gateway.store import tables
from gateway.store.accounts import add_account
from gateway.store.blobs import BlobStore
from gateway.store.endpoints import EndpointRow, find_endpoint
from gateway.store.engine import Place, Store, Tx
from gateway.store.outbox import add_event
from gateway.store.reading_deliveries import list_deliveries, retry_dead
from gateway.usecases import endpoints
from gateway.usecases.deliver_events import Claiming, Courier
from gateway.usecases.endpoints import EndpointChange, Opened
from gateway.usecases.event_data import Telling
from gateway.usecases.ledger import Library
from tests.crm.receiver import Receiver, die, drip, hang, saying

KEYRING = Keyring(["a key of at least thirty-two characters"])
_serial = itertools.count(1)


@dataclass
class Post:
    """A store with one account, and what carries its events. carriers: each as a process of its own would have it."""

    store: Store
    folder: Path
    account: int = 0
    carriers: list[Carrier] = field(default_factory=list)
    couriers: list[Courier] = field(default_factory=list)

    async def open_account(self) -> None:
        def add(tx: Tx) -> int:
            return add_account(tx, "acme", "Acme", _now(), 3650).number

        self.account = await self.store.write(add)

    def courier(self, store: Store | None = None) -> Courier:
        store = store or self.store
        telling = Telling(BlobStore(self.folder), lambda: KEYRING, lambda: "http://gate.example", "mail.kommo.com")
        library = Library(store, telling.blobs, KEYRING)
        made = Courier(store, telling, Adapters(Means(allow_private=True)), library.book)
        self.couriers.append(made)
        return made

    def carry(self, store: Store | None = None, lease: float = 30) -> Carrier:
        """Begins to carry, as a process does when it starts."""
        carrier = Carrier(self.courier(store), lease)
        (store or self.store).wrote = carrier.stir
        carrier.start()
        self.carriers.append(carrier)
        return carrier

    async def subscribe(self, receiver: Receiver, *types: str) -> str:
        """The id of a new endpoint; the receiver learns its secret."""
        opened = await self.store.write(
            lambda tx: endpoints.add_endpoint(tx, self.account, EndpointChange(receiver.url, types), KEYRING)
        )
        assert isinstance(opened, Opened)
        receiver.secrets.append(opened.secret)
        return opened.endpoint.id

    async def raise_event(self, type: str = "contact.created", conversation: str | None = None) -> str:
        subject = f"S{next(_serial):05}"
        return await self.store.write(
            lambda tx: add_event(tx, self.account, type, subject, _now(), conversation), account=self.account
        )

    async def deliveries(self, state: str | None = None) -> list[Delivery]:
        """Oldest first."""
        page = await self.store.read(lambda tx: list_deliveries(tx, self.account, None, 10_000, state=state))
        return list(reversed(page.rows))

    async def settled(self, count: int, state: str, seconds: float = 20) -> list[Delivery]:
        """The deliveries in a state, once they are so many."""
        async with asyncio.timeout(seconds):
            while len(found := await self.deliveries(state)) < count:  # noqa: ASYNC110 - the store has no bell
                await asyncio.sleep(0.02)
        return found

    async def endpoint(self, id: str) -> EndpointRow:
        found = await self.store.read(lambda tx: find_endpoint(tx, self.account, id))
        assert found is not None
        return found

    async def make_due(self) -> None:
        """All that waits for its time comes to it."""
        await self.store.write(
            lambda tx: (
                tx.execute(update(tables.lanes).where(tables.lanes.c.holder.is_(None)).values(next_at=1)).rowcount
            )
        )
        await self.store.write(lambda tx: tx.execute(update(tables.endpoints).values(paused_until=None)).rowcount)

    async def lanes(self) -> int:
        return len(await self.store.read(lambda tx: tx.execute(select(tables.lanes)).all()))


@pytest.fixture
async def post(place: Place, tmp_path: Path) -> AsyncIterator[Post]:
    store = Store(place)
    store.start()
    made = Post(store, tmp_path)
    await made.open_account()
    yield made
    for carrier in made.carriers:
        await carrier.stop(0.1)
    for courier in made.couriers:
        await courier.close()
    await store.stop()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.open()
    yield made
    await made.close()


def _now() -> int:
    return time.time_ns() // 1_000_000


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
    await _one_round(courier)
    [waiting] = await post.deliveries()
    assert (waiting.state, waiting.attempts) == ("waiting", 1)
    assert waiting.error.startswith(why)
    assert waiting.next_at is not None
    assert 700 < waiting.next_at - _now() + 500 < 1_800
    await post.make_due()
    await _one_round(courier)
    assert receiver.ids == [id, id]
    assert [one.state for one in await post.deliveries()] == ["delivered"]


async def _one_round(courier: Courier) -> None:
    """Takes in hand what is due, and tells it, once."""
    for due in await courier.find_due():
        if due.buried:
            while await courier.bury(due):
                pass
            continue
        claiming = Claiming(due.account, due.endpoint, 100, _now(), _now() + 30_000, f"H{next(_serial)}")
        await asyncio.gather(*(courier.tell(lane) for lane in await courier.claim(claiming)))


async def test_a_status_counts_though_the_words_behind_it_never_end(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "ANSWER_SECONDS", 0.2)
    await post.subscribe(receiver)
    receiver.answers = [drip]
    await post.raise_event()
    await _one_round(post.courier())
    assert [(one.state, one.status) for one in await post.deliveries()] == [("delivered", 200)]


async def test_nobody_is_there_until_somebody_is(post: Post, receiver: Receiver) -> None:
    await post.subscribe(receiver)
    await receiver.close()
    await post.raise_event()
    courier = post.courier()
    await _one_round(courier)
    [waiting] = await post.deliveries()
    assert waiting.error.startswith("no connection: ")
    await receiver.open()
    await post.make_due()
    await _one_round(courier)
    assert [one.state for one in await post.deliveries()] == ["delivered"]


async def test_what_was_tried_thirteen_times_is_given_up_and_lets_the_next_of_its_conversation_go(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.subscribe(receiver)
    receiver.answers = [500] * 13
    first, second = await post.raise_event(conversation="A"), await post.raise_event(conversation="A")
    courier = post.courier()
    for _ in range(13):
        await _one_round(courier)
        await post.make_due()
    assert receiver.ids == [*[first] * 13, second]
    assert [(one.state, one.attempts) for one in await post.deliveries()] == [("dead", 13), ("delivered", 1)]
    again = await post.store.write(lambda tx: retry_dead(tx, post.account, endpoint, _now()))
    assert again == 1
    await _one_round(courier)
    assert receiver.ids[-1] == first
    assert [one.state for one in await post.deliveries()] == ["delivered", "delivered"]
    assert await post.lanes() == 0


async def test_gone_disables_the_endpoint_and_what_waits_becomes_dead_letters(post: Post, receiver: Receiver) -> None:
    other = Receiver()
    await other.open()
    endpoint = await post.subscribe(receiver)
    await post.subscribe(other, "endpoint.disabled")
    receiver.answers = [410]
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
    await _one_round(courier)
    await post.raise_event(conversation="B")
    assert await courier.find_due() == []
    found = await post.endpoint(endpoint)
    assert found.paused_until is not None
    assert 3_590_000 < found.paused_until - _now() <= 3_600_000
    await post.make_due()
    await _one_round(courier)
    assert [one.state for one in await post.deliveries()] == ["delivered"] * 2


async def test_a_worker_that_was_killed_leaves_its_claims_to_others_and_its_last_word_counts_only_where_it_arrived(
    post: Post, receiver: Receiver
) -> None:
    await post.subscribe(receiver)
    id = await post.raise_event()
    killed, courier = post.courier(), post.courier()
    [due] = await killed.find_due()
    [lane] = await killed.claim(Claiming(due.account, due.endpoint, 1, _now(), _now() - 1, "killed"))
    await _one_round(courier)
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
    await _one_round(courier)
    day_ago = {"former_until": _now() - 1}
    await post.store.write(lambda tx: tx.execute(update(tables.endpoints).values(day_ago)).rowcount)
    await post.raise_event()
    await _one_round(courier)
    assert [one.genuine for one in receiver.heard] == [(True, True), (False, True)]


async def test_a_secret_that_no_key_opens_pauses_the_endpoint_and_loses_nothing(post: Post, receiver: Receiver) -> None:
    endpoint = await post.subscribe(receiver)
    await post.store.write(lambda tx: tx.execute(update(tables.endpoints).values(secret=b"\x01nonsense")).rowcount)
    await post.raise_event()
    await _one_round(post.courier())
    assert [(one.state, one.attempts) for one in await post.deliveries()] == [("waiting", 0)]
    assert (await post.endpoint(endpoint)).state == "locked"
    assert receiver.heard == []
