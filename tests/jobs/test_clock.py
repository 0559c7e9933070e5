"""The clock does what is due, and goes on when the world breaks."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
import structlog

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


async def test_a_store_that_is_away_is_told_in_one_line_and_again_only_after_a_look_that_went_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = psycopg.OperationalError("connection failed: Connection refused\n\tIs the server running?")
    looks: list[Exception | None] = [away, away, None, away, ValueError("a fault of ours")]
    over = asyncio.Event()

    async def duty() -> int:
        if not looks:
            over.set()
            return 0
        if (fault := looks.pop(0)) is not None:
            raise fault
        return 0

    monkeypatch.setattr(clock, "EVERY_SECONDS", 0.0)
    one = Clock(refuse=duty)
    with structlog.testing.capture_logs() as told:
        one.start()
        await asyncio.wait_for(over.wait(), 10)
        await one.stop()

    assert [(line["event"], line.get("reason")) for line in told] == [
        ("store.away", "connection failed: Connection refused"),
        ("store.away", "connection failed: Connection refused"),
        ("clock.failed", None),
    ]
