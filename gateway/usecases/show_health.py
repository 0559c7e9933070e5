"""Say whether the store can be reached and holds the schema this version needs, and whether a fault of it passes."""

from __future__ import annotations

import asyncio

from gateway.store.blobs import Blobs
from gateway.store.engine import Store
from gateway.store.schema import current, head
from gateway.store.troubles import is_passing as is_passing


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
