"""On PostgreSQL nobody is told of an event while one that stands before it may still come."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from gateway.store import ids
from gateway.store.access import Principal
from gateway.store.engine import Place, Store, engine_of, read_url
from gateway.store.outbox import add_event
from gateway.usecases.show_receipts import list_events

STORES = ("postgresql",)
HOUR_NS = 3_600_000_000_000
ACME = Principal(1, "acme", "", "", "", "admin", shared_mail=False, token="")


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    store = Store(place)
    store.start()
    yield store
    await store.stop()


async def test_what_was_committed_first_waits_for_what_was_begun_before_it(store: Store, place: Place) -> None:
    slow, quick = engine_of(read_url(place)), engine_of(read_url(place))
    with slow.connect() as one, quick.connect() as other:
        one.begin()
        other.begin()
        begun_first = add_event(one, ACME.account, "contact.created", "one", 1)
        committed_first = add_event(other, ACME.account, "contact.created", "two", 1)
        other.commit()
        assert await heard(store) == [], "a reader who took it would miss the one before"
        one.commit()
        assert await heard(store) == [begun_first, committed_first]
    slow.dispose()
    quick.dispose()


async def test_what_is_rolled_back_is_waited_for_no_longer(store: Store, place: Place) -> None:
    engine = engine_of(read_url(place))
    before = await store.write(lambda tx: add_event(tx, ACME.account, "contact.created", "before", 1))
    with engine.connect() as one:
        one.begin()
        add_event(one, ACME.account, "contact.created", "one", 1)
        after = await store.write(lambda tx: add_event(tx, ACME.account, "contact.created", "after", 1))
        assert await heard(store) == [before], "what was settled before is told all the while"
        one.rollback()
    assert await heard(store) == [before, after]
    engine.dispose()


async def heard(store: Store) -> list[str]:
    return [event.id for event in (await list_events(store, ACME, None, 50, ())).rows]


async def test_machines_make_ids_by_the_clock_of_the_database_they_share(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of a conversation are told to back ends in the order of their ids, whichever machine filed the mail."""
    monkeypatch.setattr(ids, "_moment", 0)
    monkeypatch.setattr(ids, "_ahead_ms", 0)
    right, begun = time.time_ns(), time.monotonic_ns()
    made = []
    for hours in (1, -1, 0):
        monkeypatch.setattr("time.time_ns", lambda hours=hours: right + hours * HOUR_NS + time.monotonic_ns() - begun)
        store = Store(place)
        store.start()
        made.append(await store.write(lambda tx: add_event(tx, ACME.account, "contact.created", "one", 1)))
        await store.stop()
    assert made == sorted(made)
    assert [abs(ids.moment_of(id) - right // 1_000_000) < HOUR_NS // 2_000_000 for id in made] == [True] * 3
