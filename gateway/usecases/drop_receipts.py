"""Receipts are kept for a time that the settings say, and then dropped by the clock."""

from __future__ import annotations

import time

from gateway.store.engine import Store
from gateway.store.reading_receipts import DAY_MS, drop_old_receipts

_AT_ONCE = 500


async def drop_receipts(store: Store, receipt_days: int) -> int:
    """Drops what is older, a bounded piece at a time; how many there were."""
    before = time.time_ns() // 1_000_000 - receipt_days * DAY_MS
    return await store.write(lambda tx: drop_old_receipts(tx, before, _AT_ONCE))
