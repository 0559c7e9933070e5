"""What the DNS said last of each domain that is set up: pages show it at once, and one look serves all who watch."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from gateway.usecases.check_machine import Checks, Judged, check_dns

FRESH_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look brought. at: when, in milliseconds."""

    at: int
    judged: tuple[Judged, ...]


class DnsWatch:
    """The last look at each domain, in this process."""

    def __init__(self, checks: Checks) -> None:
        self.checks = checks
        self._seen: dict[str, tuple[float, Seen]] = {}
        self._looking: dict[str, asyncio.Task[Seen]] = {}

    def last(self, domain: str) -> Seen | None:
        """What was seen last, however long ago; None before the first look."""
        found = self._seen.get(domain)
        return found[1] if found else None

    async def glance(self, domain: str, patience: float) -> Seen | None:
        """What is there within a moment: what was just seen, a look that is quick, else what was seen last."""
        found = self._seen.get(domain)
        if found is None or time.monotonic() - found[0] > FRESH_SECONDS:
            await asyncio.wait([self._begin(domain)], timeout=patience)
        return self.last(domain)

    async def look(self, domain: str) -> Seen:
        """Asks now; who asks while somebody else does hears the same."""
        return await asyncio.shield(self._begin(domain))

    def _begin(self, domain: str) -> asyncio.Task[Seen]:
        task = self._looking.get(domain)
        if task is None:
            task = self._looking[domain] = asyncio.create_task(self._look(domain))
            task.add_done_callback(lambda done: self._ended(domain, done))
        return task

    def _ended(self, domain: str, task: asyncio.Task[Seen]) -> None:
        self._looking.pop(domain, None)
        if not task.cancelled():
            task.exception()  # whoever waits hears of it; nobody else has to

    async def _look(self, domain: str) -> Seen:
        judged = await check_dns(self.checks, domain)
        seen = Seen(time.time_ns() // 1_000_000, judged)
        self._seen[domain] = time.monotonic(), seen
        return seen
