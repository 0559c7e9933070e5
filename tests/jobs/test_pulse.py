"""The pulse tells how late the event loop is, and `/metrics` keeps what it told."""

from __future__ import annotations

import asyncio

import pytest

from gateway import metrics
from gateway.jobs import pulse
from gateway.jobs.pulse import Pulse


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


STANDSTILLS = {
    # what happens          seconds  ticks that are told, as late as
    "a tick in time": (0.0, [0.0]),
    "a tick a little late": (0.04, [0.04]),
    "a standstill into which two more ticks fell": (0.25, [0.25, 0.15, 0.05]),
}


@pytest.mark.parametrize(("late", "told"), STANDSTILLS.values(), ids=STANDSTILLS)
async def test_every_tick_that_fell_into_a_standstill_is_told(late: float, told: list[float]) -> None:
    heard: list[float] = []
    loop = asyncio.get_running_loop()
    now = [1000.0]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "time", lambda: now[0])
        one = Pulse(heard.append)
        one.start()
        await _turns()
        assert heard == []
        now[0] += pulse.EVERY_SECONDS + late
        await _turns()
        one.stop()
    assert heard == pytest.approx(told)


async def test_a_stopped_pulse_tells_nothing_more() -> None:
    heard: list[float] = []
    one = Pulse(heard.append)
    one.stop()
    one.start()
    one.stop()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asyncio.get_running_loop(), "time", lambda: 1e9)
        await _turns()
    assert heard == []


def test_the_longest_lag_is_that_since_the_figures_were_last_read() -> None:
    metrics.exposition()
    for seconds in (0.25, 0.5, 0.125):
        metrics.loop_late(seconds)
    assert b"smartgate_loop_lag_longest_seconds 0.5\n" in metrics.exposition()
    assert b"smartgate_loop_lag_longest_seconds 0.0\n" in metrics.exposition()


def test_the_figures_tell_the_memory_of_the_process() -> None:
    [line] = [one for one in metrics.exposition().splitlines() if one.startswith(b"process_resident_memory_bytes ")]
    assert float(line.split()[1]) > 10 * 1024 * 1024
