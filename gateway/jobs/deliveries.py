"""Carries events to back ends: claims what is due, keeps many conversations going at once, and looks again.

It is woken when something was written in this process, and looks twice a second besides, for what others wrote and
what is due by the clock. Any number of processes and machines may run it on one store.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from gateway.jobs.troubles import Troubles
from gateway.usecases.deliver_events import Claiming, Due, Lane, Work

_log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
GATHER_SECONDS = 0.05
"""From one look to the next, at least: what a look costs, all share that were written meanwhile."""
LEASE_SECONDS = 30.0
"""What a process that was killed had in hand is due again after so long."""
AT_ONCE = 256
"""Conversations that one process works on at one time."""
FIRST_ROOM, MOST_ROOM = 4, 32
"""Of one endpoint: so many at first, one more each time all goes well up to the most, half as many where it doesn't."""
AFTER_FAULT_SECONDS = 5.0


class Courier(Protocol):
    """The use case behind it (`usecases.deliver_events`)."""

    async def find_due(self) -> list[Due]: ...

    async def claim(self, wanted: Claiming) -> tuple[Work, ...]: ...

    async def keep(self, lanes: Sequence[Lane], until: int) -> None: ...

    async def bury(self, due: Due) -> int: ...

    async def tell(self, work: Work) -> bool: ...

    async def watch(self) -> None: ...

    async def close(self) -> None: ...


class Carrier:
    """Runs from `start` to `stop`, in one event loop. `stir` it when there may be something new."""

    def __init__(self, courier: Courier, lease_seconds: float = LEASE_SECONDS) -> None:
        self._courier = courier
        self._lease_ms = int(lease_seconds * 1000)
        self._holder, self._serial = secrets.token_hex(8), itertools.count(1)
        self._stirred = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._in_hand: dict[asyncio.Task[None], Lane] = {}
        self._rooms: dict[tuple[int, str], int] = {}
        self._stopping = False
        self._troubles = Troubles("deliveries")

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run()), loop.create_task(self._keep())]

    def stir(self) -> None:
        """Something was written."""
        self._stirred.set()

    async def stop(self, grace: float) -> None:
        """Takes nothing new in hand, and lets the tries under way end; what takes longer is due again later."""
        self._stopping = True
        self.stir()
        under_way = self._tasks[:1]
        while under_way:
            _, late = await asyncio.wait(under_way, timeout=grace)
            for task in late:
                task.cancel()
            under_way = list(self._in_hand)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._courier.close()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self._stopping:
            self._stirred.clear()
            looked = clock()
            try:
                busy = await self.look()
                self._troubles.over()
            except Exception as fault:
                if not self._troubles.is_known(fault):
                    _log.exception("deliveries.failed")
                await asyncio.sleep(AFTER_FAULT_SECONDS)
                continue
            if not busy and not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stirred.wait(), POLL_SECONDS)
                await asyncio.sleep(max(0.0, looked + GATHER_SECONDS - clock()))

    async def look(self) -> bool:
        """Takes in hand what is due and what there is room for; whether that was anything."""
        found = await self._courier.find_due()
        busy = False
        for due in found:
            if due.buried:
                busy = await self._courier.bury(due) > 0 or busy
        claims = [self._courier.claim(one) for one in self._wanted([due for due in found if not due.buried])]
        for claimed in await asyncio.gather(*claims):
            for work in claimed:
                task = asyncio.get_running_loop().create_task(self._tell(work))
                self._in_hand[task] = work.lane
                task.add_done_callback(self._told)
                busy = True
        return busy

    def _wanted(self, found: Sequence[Due]) -> list[Claiming]:
        """How much of what is due is taken in hand now; endpoints with the least in hand first."""
        busy: dict[tuple[int, str], int] = {}
        for lane in self._in_hand.values():
            key = (lane.endpoint.account, lane.endpoint.id)
            busy[key] = busy.get(key, 0) + 1
        left, wanted, now = AT_ONCE - len(self._in_hand), [], _now()
        for due in sorted(found, key=lambda due: busy.get((due.account, due.endpoint), 0)):
            key = (due.account, due.endpoint)
            room = min(left, self._rooms.get(key, FIRST_ROOM) - busy.get(key, 0))
            if room > 0:
                left -= room
                holder = f"{self._holder}-{next(self._serial)}"
                wanted.append(Claiming(due.account, due.endpoint, room, now, now + self._lease_ms, holder))
        return wanted

    async def _tell(self, work: Work) -> None:
        key = (work.lane.endpoint.account, work.lane.endpoint.id)
        went_well = False
        try:
            went_well = await self._courier.tell(work)
        except Exception as fault:  # it was not written down: its time will come again
            if not self._troubles.is_known(fault):
                _log.exception("deliveries.failed")
        room = self._rooms.get(key, FIRST_ROOM)
        self._rooms[key] = min(room + 1, MOST_ROOM) if went_well else max(1, room // 2)

    def _told(self, task: asyncio.Task[None]) -> None:
        del self._in_hand[task]
        self.stir()

    async def _keep(self) -> None:
        """Holds on to what takes longer than a lease, and has the figures told."""
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            try:
                held = list(self._in_hand.values())
                if held:
                    await self._courier.keep(held, _now() + self._lease_ms)
                await self._courier.watch()
            except Exception as fault:
                if not self._troubles.is_known(fault):
                    _log.exception("deliveries.failed")


def _now() -> int:
    return time.time_ns() // 1_000_000
