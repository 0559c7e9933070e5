"""Who is served when there is more to tell than can be told at one time, with a courier that only counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from gateway.jobs import deliveries
from gateway.jobs.deliveries import Carrier
from gateway.store.endpoints import EndpointRow
from gateway.usecases.deliver_events import Claiming, Due, Lane, Work


class Counting:
    """Endless work for each endpoint. good: those that take what they are told; all others hang until `fail`."""

    def __init__(self, endpoints: int, good: Sequence[str] = (), kind: str = "webhook") -> None:
        self.due = [Due(1, f"E{n:04}", buried=False) for n in range(endpoints)]
        self.good, self.kind = frozenset(good), kind
        self.told: dict[str, int] = {}
        self.under_way: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.failing = asyncio.Event()

    async def find_due(self) -> list[Due]:
        return self.due

    async def claim(self, wanted: Claiming) -> tuple[Work, ...]:
        if wanted.endpoint == "BROKEN":
            raise RuntimeError("its rows can't be read")
        row = EndpointRow(wanted.account, wanted.endpoint, self.kind, "https://crm.example/", (), "active", 0)
        return tuple(Work(Lane(row, f"C{n}", wanted.holder, ()), None) for n in range(wanted.room))

    async def tell(self, work: Work) -> bool:
        id = work.lane.endpoint.id
        self.under_way[id] = self.under_way.get(id, 0) + 1
        self.most[id] = max(self.most.get(id, 0), self.under_way[id])
        await (asyncio.sleep(0) if id in self.good else self.failing.wait())
        self.under_way[id] -= 1
        self.told[id] = self.told.get(id, 0) + 1
        return id in self.good

    async def keep(self, lanes: Sequence[Lane], until: int) -> None: ...

    async def bury(self, due: Due) -> int:
        return 0

    async def watch(self) -> None: ...

    async def close(self) -> None: ...


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def _stop(carrier: Carrier) -> None:
    with suppress(asyncio.CancelledError):
        await carrier.stop(0)


async def test_every_endpoint_has_its_turn_though_those_before_it_hang_and_have_work_without_end() -> None:
    courier = Counting(600)
    carrier = Carrier(courier)
    for _ in range(20):
        await carrier.look()
        await _settle()
        courier.failing.set()
        await _settle()
        courier.failing.clear()
    assert len(courier.told) == 600
    carrier.start()
    await _stop(carrier)


async def test_endpoints_that_hang_never_take_all_places() -> None:
    courier = Counting(400, ["E0399"])
    carrier = Carrier(courier)
    courier.due, last = courier.due[:-1], courier.due[-1]
    for _ in range(12):
        await carrier.look()
        await _settle()
        courier.failing.set()
        await _settle()
        courier.failing.clear()
    await carrier.look()
    await _settle()
    assert sum(courier.under_way.values()) == deliveries.UNWELL_AT_ONCE
    courier.due.append(last)
    await carrier.look()
    await _settle()
    assert courier.told["E0399"] == deliveries.FIRST_ROOM
    carrier.start()
    await _stop(carrier)


@pytest.mark.parametrize(("kind", "most"), [("webhook", deliveries.MOST_ROOM), ("kommo", deliveries.PACED_ROOM)])
async def test_an_endpoint_that_answers_well_has_more_at_one_time_unless_its_adapter_is_paced(
    kind: str, most: int
) -> None:
    courier = Counting(1, ["E0000"], kind)
    carrier = Carrier(courier)
    for _ in range(60):
        await carrier.look()
        await _settle()
    assert courier.most["E0000"] == most
    carrier.start()
    await _stop(carrier)


async def test_an_endpoint_that_can_not_be_claimed_keeps_none_of_the_others_from_being_told() -> None:
    courier = Counting(3, ["E0000", "E0001", "E0002"])
    courier.due.insert(1, Due(1, "BROKEN", buried=False))
    carrier = Carrier(courier)
    await carrier.look()
    await _settle()
    assert sorted(courier.told) == ["E0000", "E0001", "E0002"]
    carrier.start()
    await _stop(carrier)
