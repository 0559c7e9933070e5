"""One write on its way into a transaction, and back to who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

Batch = Callable[[Connection, Sequence[Any]], list[Any]]
"""Takes items that share a transaction, answers with one result an item, in order."""


class Job:
    """One item on its way into a transaction. outcome: its result or its fault, told after the commit.

    alone: the account that nobody else may write to meanwhile; None where the batch function takes its own locks.
    """

    __slots__ = ("alone", "batch", "future", "item", "outcome", "since")

    def __init__(self, batch: Batch, item: Any, loop: asyncio.AbstractEventLoop, alone: int | None = None) -> None:
        self.batch = batch
        self.alone = alone
        self.item = item
        self.since = loop.time()
        self.future: asyncio.Future[Any] = loop.create_future()
        self.outcome: tuple[Any, BaseException | None] = (None, None)

    def tell(self) -> None:
        result, fault = self.outcome
        if self.future.done():
            return
        if fault is not None:
            self.future.set_exception(fault)
        else:
            self.future.set_result(result)


def by_batch(jobs: Iterable[Job]) -> Iterable[list[Job]]:
    """Jobs by their function, each function once."""
    groups: dict[Batch, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.batch, []).append(job)
    return groups.values()
