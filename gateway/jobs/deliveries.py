"""Carries events to back ends: claims what is due, keeps many conversations going at once, and looks again.

It is woken when something was written in this process, and looks twice a second besides, for what others wrote and
what is due by the clock. Any number of processes and machines may run it on one store.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from gateway.jobs.troubles import Troubles
from gateway.usecases.deliver_events import WEBHOOK, Claiming, Due, Lane, Work, now

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
UNWELL_AT_ONCE = AT_ONCE // 4
"""So many of those at one time may be of endpoints that don't answer well, which keep their places the longest."""
PACED_ROOM = FIRST_ROOM
"""The most of a CRM's adapter, which keeps to a pace of its own: more at one time only make each take longer."""
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
        self._turns: dict[tuple[int, str], int] = {}
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
        for claimed in await asyncio.gather(*claims, return_exceptions=True):
            if isinstance(claimed, BaseException):  # what others have in hand by now is told all the same
                _log.error("deliveries.failed", exc_info=claimed)
                continue
            for work in claimed:
                task = asyncio.get_running_loop().create_task(self._tell(work))
                self._in_hand[task] = work.lane
                task.add_done_callback(self._told)
                busy = True
        return busy

    def _wanted(self, found: Sequence[Due]) -> list[Claiming]:
        """How much of what is due is taken in hand now; endpoints with the least in hand first, and of those the one
        whose turn was longest ago."""
        busy = Counter((lane.endpoint.account, lane.endpoint.id) for lane in self._in_hand.values())
        left, wanted, at = AT_ONCE - len(self._in_hand), [], now()
        unwell = UNWELL_AT_ONCE - sum(count for key, count in busy.items() if self._is_unwell(key))
        turns = [(busy[key], self._turns.get(key, 0), key) for due in found if (key := (due.account, due.endpoint))]
        for in_hand, _, key in sorted(turns):
            room = min(left, self._room(key) - in_hand, unwell if self._is_unwell(key) else AT_ONCE)
            if room > 0:
                left -= room
                unwell -= room if self._is_unwell(key) else 0
                self._turns[key] = serial = next(self._serial)
                wanted.append(Claiming(*key, room, at, at + self._lease_ms, f"{self._holder}-{serial}"))
        return wanted

    def _room(self, key: tuple[int, str]) -> int:
        return self._rooms.get(key, FIRST_ROOM)

    def _is_unwell(self, key: tuple[int, str]) -> bool:
        """Whether an endpoint failed lately, and more often than not."""
        return self._room(key) < FIRST_ROOM

    async def _tell(self, work: Work) -> None:
        key = (work.lane.endpoint.account, work.lane.endpoint.id)
        went_well = False
        try:
            went_well = await self._courier.tell(work)
        except Exception as fault:  # it was not written down: its time will come again
            if not self._troubles.is_known(fault):
                _log.exception("deliveries.failed")
        most = MOST_ROOM if work.lane.endpoint.kind == WEBHOOK else PACED_ROOM
        self._rooms[key] = min(self._room(key) + 1, most) if went_well else max(1, self._room(key) // 2)

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
                    await self._courier.keep(held, now() + self._lease_ms)
                await self._courier.watch()
            except Exception as fault:
                if not self._troubles.is_known(fault):
                    _log.exception("deliveries.failed")
