"""The clock does what is due, and goes on when the world breaks."""

from __future__ import annotations

import asyncio

import pytest

from gateway.jobs import clock
from gateway.jobs.clock import Clock


async def test_it_looks_when_it_is_started_and_goes_on_after_a_look_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[OSError | int] = [OSError("the store is away"), 2, 1, 0, 0]
    done: list[int] = []
    over = asyncio.Event()

    async def duty() -> int:
        now: OSError | int = left.pop(0) if left else 0
        if isinstance(now, OSError):
            raise now
        done.append(now)
        if len(done) == 4:
            over.set()
        return now

    monkeypatch.setattr(clock, "EVERY_SECONDS", 0.0)
    one = Clock(refuse=duty)

    one.start()
    await asyncio.wait_for(over.wait(), 10)
    await one.stop()

    assert done[:4] == [2, 1, 0, 0]


async def test_a_duty_that_always_fails_keeps_no_other_from_being_done() -> None:
    done: list[str] = []

    async def fail() -> int:
        raise ZeroDivisionError

    async def drop() -> int:
        done.append("drop")
        return 0

    await Clock(refuse=fail, drop=drop).look()
    assert done == ["drop"]
