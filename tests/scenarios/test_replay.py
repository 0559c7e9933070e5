"""Who reads events on from the last one they know misses none, whatever clocks say and whoever commits first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.store import ids
from gateway.store.access import Principal
from gateway.store.engine import Tx, engine_of, read_url
from gateway.store.outbox import add_event
from gateway.usecases.show_receipts import list_events
from tests.scenarios.house import House

ACME = Principal(1, "acme", "", "", "", "admin", shared_mail=False, token="")


@contextmanager
def machine(house: House, clock_ms: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tx]:
    """A transaction of another gateway, whose clock says something else."""
    engine = engine_of(read_url(house.place))
    monkeypatch.setattr(ids, "_moment", 0)
    monkeypatch.setattr("time.time_ns", lambda: clock_ms * 1_000_000)
    with engine.begin() as tx:
        yield tx
    monkeypatch.undo()
    engine.dispose()


def happens(tx: Tx, subject: str, at: int = 1) -> str:
    return add_event(tx, ACME.account, "contact.created", subject, at)


async def replay(house: House, after: str | None = None, limit: int = 50) -> list[str]:
    """What a reader hears of after the event they know last, page by page."""
    heard: list[str] = []
    position = (after,) if after else None
    while True:
        page = await list_events(house.store, ACME, position, limit, ())
        heard += [event.id for event in page.rows]
        if page.next is None:
            return heard
        position = page.next


HOUR = 3_600_000


async def test_an_event_of_a_machine_whose_clock_is_behind_is_told_after_those_that_were_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(house, 100 * HOUR, monkeypatch) as tx:
        first = happens(tx, "one")
    heard = await replay(house)
    with machine(house, 99 * HOUR, monkeypatch) as tx:
        second = happens(tx, "two")
    assert second < first, "by their ids they stand the other way round"
    assert heard == [first]
    assert await replay(house, after=heard[-1]) == [second]
    assert await replay(house, limit=1) == [first, second]


async def test_positions_do_not_come_again_where_the_last_events_were_erased(house: House) -> None:
    def erase(tx: Tx) -> None:
        tx.exec_driver_sql("DELETE FROM events")

    known = await house.store.write(lambda tx: happens(tx, "one", at=1_000))
    await house.store.write(lambda tx: happens(tx, "two", at=1_001))
    await house.store.write(erase)
    again = await house.store.write(lambda tx: happens(tx, "three", at=2_000))
    assert await replay(house, after=known) == [again]
