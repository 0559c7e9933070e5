"""Say whether the store can be reached and holds the schema this version needs, and whether a fault of it passes."""

from __future__ import annotations

import asyncio
import errno

from gateway.store import troubles
from gateway.store.blobs import BlobError, Blobs
from gateway.store.engine import Store
from gateway.store.schema import current, head


def is_passing(fault: Exception) -> bool:
    """Whether a fault is trouble with the store, or with what keeps large mails, that may be over in a moment: a full
    disk as well, by whatever file meets it."""
    full = isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or isinstance(fault, BlobError) or troubles.is_passing(fault)


async def is_ready(store: Store) -> bool:
    """True when the store answers and its schema is current; a load balancer needs to know no more than that."""
    try:
        revision = await store.read(current)
    except Exception:
        return False
    return revision == head()


async def are_blobs_reachable(blobs: Blobs) -> bool:
    """Whether large mails can be read, and most likely kept. Where they can't, small mail is taken all the same."""
    return await asyncio.to_thread(blobs.reachable)
