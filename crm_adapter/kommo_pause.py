"""When Kommo wants to be left alone: what all processes know of it, so that none goes on sending.

More than 7 requests a second are answered with 429; whoever goes on is shut out by address, and then everything is
answered with 403, for a time that nobody says. So a 403 that follows a 429 opens a breaker for five minutes at least,
twice as long each time it happens again.
"""

from __future__ import annotations

import json
import time

from crm_adapter.kommo_faults import BLOCKED, HaltError, LaterError
from crm_adapter.port import Ledger

_KEY = "pause"
_FIRST, _LONGEST = 300.0, 3600.0
_SLOW, _SLOWEST = 2.0, 60.0
_REMEMBERED = 900.0


class Pause:
    """The pause of one account, kept in its ledger: until when, why, and how often it was met in a row."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[str, float] = {}

    async def heed(self) -> None:
        """Raises HaltError while we are shut out, LaterError while we are to slow down."""
        text = await self._ledger.load(_KEY)
        self._known = json.loads(text) if text else {}
        left = self._known.get("until", 0.0) - time.time()
        if left <= 0:
            return
        if self._known.get("shut"):
            raise HaltError(BLOCKED, "Kommo shut this address out for sending too much", left, 403)
        raise LaterError("Kommo asked for fewer requests", 429, left)

    async def slow_down(self, asked: float | None) -> LaterError:
        """Kommo said 429: everybody waits. asked: the seconds it named."""
        count = int(self._known.get("slow", 0)) + 1
        wait = max(asked or 0.0, min(_SLOWEST, _SLOW**count))
        await self._keep(slow=count, at=time.time(), until=time.time() + wait)
        return LaterError("Kommo asked for fewer requests", 429, wait)

    async def was_slow(self) -> bool:
        """Whether a 429 was met not long ago, by whichever process, with nothing answered since."""
        text = await self._ledger.load(_KEY)
        self._known = json.loads(text) if text else {}
        return time.time() - self._known.get("at", 0.0) < _REMEMBERED

    async def shut_out(self, said: str) -> HaltError:
        """Kommo says 403 to everything: the breaker opens."""
        count = int(self._known.get("shut", 0)) + 1
        wait = min(_LONGEST, _FIRST * 2 ** (count - 1))
        await self._keep(shut=count, at=time.time(), until=time.time() + wait)
        return HaltError(BLOCKED, f"Kommo shut this address out for sending too much: {said}", wait, 403)

    async def end(self) -> None:
        """An answer came: what was met before is over."""
        if self._known:
            self._known = {}
            await self._ledger.save(_KEY, None)

    async def _keep(self, **known: float) -> None:
        self._known |= known
        await self._ledger.save(_KEY, json.dumps(self._known))
