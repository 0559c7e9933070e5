"""Show who did what in an account (section F), and forget what is too long ago."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gateway.core.audit import Done
from gateway.store import audit
from gateway.store.access import Principal
from gateway.store.accounts import list_users
from gateway.store.engine import Store, Tx
from gateway.store.reading import Page, Position

DAY_MS = 86_400_000
OPERATOR = "operator"
"""In place of a user's id: whoever runs the server, by a command."""
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Doer:
    """Somebody who did something. user: an id, or OPERATOR. name: empty for the operator, and for a former user."""

    user: str
    name: str


async def list_done(
    store: Store, admin: Principal, after: Position | None, limit: int, user: str | None = None
) -> Page[Done]:
    """What was done, newest first. user: by whom alone, an id or OPERATOR."""
    by = "" if user == OPERATOR else user
    return await store.read(lambda tx: audit.list_entries(tx, admin.account, after, limit, by))


async def list_doers(store: Store, admin: Principal) -> tuple[Doer, ...]:
    """Who did anything that is still known: by name."""

    def doers(tx: Tx) -> tuple[Doer, ...]:
        names = {one.id: one.name for one in list_users(tx, admin.account)}
        found = [Doer(user or OPERATOR, names.get(user, "")) for user in audit.list_doers(tx, admin.account)]
        return tuple(sorted(found, key=lambda one: (one.user == OPERATOR, not one.name, one.name.casefold())))

    return await store.read(doers)


async def drop_done(store: Store, days: int) -> int:
    """Forgets what was done longer ago, a bounded piece at a time; how much that was."""
    before = time.time_ns() // 1_000_000 - days * DAY_MS
    return await store.write(lambda tx: audit.drop_entries(tx, before, _AT_ONCE))
