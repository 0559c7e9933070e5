"""Take away large mails that no row names: what a crash between an upload and its commit has left in a bucket."""

from __future__ import annotations

import asyncio
import time

from gateway.store.blobs import BlobError, Blobs
from gateway.store.bodies import find_unnamed
from gateway.store.buckets import SLICES, BucketBlobs
from gateway.store.engine import Store

OLD_HOURS = 24
"""An object of this age is named by a row, or never will be: a mail is filed within minutes of its upload."""
_HOUR_SECONDS = 3600


async def drop_orphans(store: Store, blobs: Blobs, slices: range | None = None) -> int:
    """Looks through some slices of the bucket, left out those of this hour of the day: all of it once a day.

    How many were taken away. A folder has no orphans that matter: a mail gets its name there in its own transaction.
    """
    if not isinstance(blobs, BucketBlobs):
        return 0
    try:
        return sum([await _drop(store, blobs, number) for number in (_due() if slices is None else slices)])
    except BlobError:  # which the log has been told of
        return 0


async def _drop(store: Store, blobs: BucketBlobs, number: int) -> int:
    found = blobs.old(number, OLD_HOURS)
    dropped = 0
    while some := await asyncio.to_thread(next, found, None):
        names = [(one.account, one.name) for one in some]
        unnamed = await store.read(lambda tx, names=names: find_unnamed(tx, names))  # type: ignore[misc]
        await asyncio.to_thread(blobs.drop_all, [one for one in some if (one.account, one.name) in unnamed])
        dropped += len(unnamed)
    return dropped


def _due() -> range:
    hour = int(time.time()) // _HOUR_SECONDS % 24
    return range(hour * SLICES // 24, (hour + 1) * SLICES // 24)
