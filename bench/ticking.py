"""Our server with a clock in its event loop: `python -m bench.ticking` serves SMTP as `smartgate serve` does.

A ticker in the loop asks to be woken every few milliseconds and writes down how late it was; what else is to be done
meanwhile makes it late. When the server ends, the lags stand in `lag.json`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import typer

import config
from gateway import app

TICK_SECONDS = 0.002
LAGS = "lag.json"


class Ticker:
    """How late it was, in microseconds, for every tick that was due: one that stands still for long missed many.

    It counts from the moment the server listens: before, nobody is kept waiting.
    """

    def __init__(self) -> None:
        self.lags: list[int] = []
        self._counts = False

    def say(self, line: str) -> None:
        """The server says where it listens."""
        typer.echo(line)
        self._counts = True

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            late = loop.time() - due
            while late >= 0 and self._counts:
                self.lags.append(round(late * 1e6))
                late -= TICK_SECONDS


async def _serve(ticker: Ticker) -> int:
    task = asyncio.create_task(ticker.run())
    try:
        return await app.serve(config.load(), frozenset({"smtp"}), ticker.say)
    finally:
        task.cancel()


if __name__ == "__main__":
    ticks = Ticker()
    status = asyncio.run(_serve(ticks))
    Path(LAGS).write_text(json.dumps(ticks.lags))
    sys.exit(status)
