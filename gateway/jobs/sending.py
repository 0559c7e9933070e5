"""Sends what waits in the queue of outgoing mail: claims what is due, and looks again (rule E11).

It is woken when something was written in this process, and looks once a second besides, for what others wrote and what
is due by the clock. Any number of processes and machines may run it on one store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Protocol

import structlog

from gateway.jobs.troubles import Troubles
from gateway.usecases.send_queued import Outgoing

_log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
GATHER_SECONDS = 0.1
"""From one look to the next, at least: whatever is written in this process stirs it."""
BEAT_SECONDS = 15.0
AT_ONCE = 16
"""Mails that one process has in hand at one time, each of another mailbox."""
AFTER_FAULT_SECONDS = 5.0


class Sending(Protocol):
    """The use case behind it (`usecases.send_queued`)."""

    async def take_over(self) -> None: ...

    async def claim(self, room: int) -> tuple[Outgoing, ...]: ...

    async def keep(self, held: Collection[Outgoing]) -> None: ...

    async def send(self, one: Outgoing) -> None: ...

    async def watch(self) -> None: ...


class Postman:
    """Runs from `start` to `stop`, in one event loop. `stir` it when there may be something new."""

    def __init__(self, sending: Sending, *, counts: bool = True) -> None:
        self._sending, self._counts = sending, counts
        self._stirred = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._in_hand: dict[asyncio.Task[None], Outgoing] = {}
        self._stopping = False
        self._troubles = Troubles("sending")

    @property
    def busy(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return list(self._in_hand)

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run()), loop.create_task(self._keep())]

    def stir(self) -> None:
        """Something was written."""
        self._stirred.set()

    async def stop(self, grace: float) -> None:
        """Takes nothing new in hand, and lets what is under way end; what takes longer is found out later."""
        self._stopping = True
        self.stir()
        under_way = [*self._tasks[:1], *self._in_hand]
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=grace)
            for task in late:
                task.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._in_hand, return_exceptions=True)

    async def _run(self) -> None:
        taken_over = False
        while not self._stopping:
            self._stirred.clear()
            try:
                if not taken_over:
                    await self._sending.take_over()
                    taken_over = True
                await self.look()
                self._troubles.over()
            except Exception as fault:
                if not self._troubles.is_known(fault):
                    _log.exception("sending.failed")
                await asyncio.sleep(AFTER_FAULT_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), POLL_SECONDS)
            await asyncio.sleep(GATHER_SECONDS)

    async def look(self) -> int:
        """Takes in hand what is due and what there is room for; how many mails that are."""
        room = AT_ONCE - len(self._in_hand)
        claimed = await self._sending.claim(room) if room > 0 else ()
        for one in claimed:
            task = asyncio.get_running_loop().create_task(self._send(one))
            self._in_hand[task] = one
            task.add_done_callback(self._done)
        return len(claimed)

    async def _send(self, one: Outgoing) -> None:
        try:
            await self._sending.send(one)
        except Exception as fault:  # it is due again when its claim runs out
            if not self._troubles.is_known(fault):
                _log.exception("sending.failed", account=one.account, message=one.message)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._in_hand[task]
        self.stir()

    async def _keep(self) -> None:
        """Holds on to what takes longer than a claim, and has the figures told."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._sending.keep(tuple(self._in_hand.values()))
                if self._counts:
                    await self._sending.watch()
            except Exception as fault:
                if not self._troubles.is_known(fault):
                    _log.exception("sending.failed")
