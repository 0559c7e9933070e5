"""Say whether the store can be reached and holds the schema this version needs."""

from __future__ import annotations

from gateway.store.engine import Store
from gateway.store.schema import current, head


async def is_ready(store: Store) -> bool:
    """True when the store answers and its schema is current; a load balancer needs to know no more than that."""
    try:
        revision = await store.read(current)
    except Exception:
        return False
    return revision == head()
