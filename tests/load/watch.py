"""Watching the server while a crowd does its worst: the honest sender's mails, memory, disk and the loop's lag."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tests.load.honest import Honest, HonestSender
from tests.load.house import House, lag

_T = TypeVar("_T")
_Seen = TypeVar("_Seen", covariant=True)
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Watched(Generic[_Seen]):
    """What was seen. came: what the crowd's work gave. grown, spooled: bytes, at the most. lag_ms: what 99 of 100 ticks
    kept."""

    came: _Seen
    honest: Honest
    seconds: float
    grown: int
    spooled: int
    lag_ms: float
    trouble: tuple[str, ...]


def watch(house: House, work: Coroutine[Any, Any, _T]) -> Watched[_T]:
    """Run the crowd's work with the honest sender beside it."""
    sender = HonestSender(house.smtp)
    before, memory = house.figures(), house.memory()
    sender.start()
    begun = time.monotonic()
    came, most, spooled = asyncio.run(_looking(house, work))
    seconds = time.monotonic() - begun
    honest, after = sender.stop(), house.figures()
    return Watched(came, honest, seconds, most - memory, spooled, lag(before, after), tuple(house.trouble()))


async def _looking(house: House, work: Coroutine[Any, Any, _T]) -> tuple[_T, int, int]:
    """The work's outcome, and the most memory and the most spooled bytes that were seen meanwhile."""
    task = asyncio.create_task(work)
    most = spooled = 0
    while not task.done():
        most, spooled = max(most, house.memory()), max(spooled, house.spools())
        await asyncio.wait([task], timeout=_LOOK_SECONDS)
    return await task, most, spooled
