"""On PostgreSQL nobody is told of an event while one that stands before it may still come."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.store.access import Principal
from gateway.store.engine import Place, Store, engine_of, read_url
from gateway.store.outbox import add_event
from gateway.usecases.show_receipts import list_events

STORES = ("postgresql",)
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
