"""Say whether the store can be reached and holds the schema this version needs, and whether a fault of it passes."""

from __future__ import annotations

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
