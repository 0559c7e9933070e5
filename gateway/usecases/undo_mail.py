"""Tell what came of what somebody did to several mails a moment ago, and take it back (rules E8, section F)."""

from __future__ import annotations

import time
from functools import partial

from gateway.core.tally import Tally
from gateway.store.access import Principal
from gateway.store.audit import note
from gateway.store.deletions import (
    DELETED,
    FILED,
    bring_back,
    find_removed,
    get_state,
    has_source,
    put_away,
    remove_again,
)
from gateway.store.engine import Store, Tx
from gateway.store.outbox import add_event
from gateway.store.undoing import Item, Undoing, add_undoing, find_undoing, set_left

__all__ = ["Undoing", "show_done", "undo"]
AT_ONCE = 100
"""Messages of one transaction."""
_BACK = {"message.deleted": "message.restored", "message.restored": "message.deleted"}


async def show_done(store: Store, who: Principal, id: str) -> Undoing | None:
    """What somebody did a moment ago, and what came of it; None for what others did, or is longer ago."""
    return await store.read(lambda tx: find_undoing(tx, who, id, _now()))


async def undo(store: Store, who: Principal, id: str) -> str | None:
    """Takes back what the same person did a moment ago, as it was: sources, cards, threads and events; the id under
    which what came of that is told. None where there is nothing to take back, or no longer."""
    told: str | None = None
    while True:
        told, left = await store.write(partial(_undo_some, who, id, told), account=who.account)
        if not left:
            return told


def _undo_some(who: Principal, id: str, told: str | None, tx: Tx) -> tuple[str | None, bool]:
    """Some of it; the id under which it is told, and whether something is left."""
    now = _now()
    found = find_undoing(tx, who, id, now)
    if found is None or not found.items or (found.what == "message.restored" and who.role != "admin"):
        return told, False
    take_back = _give_back if found.what == "message.deleted" else _delete_again
    done = sum(take_back(tx, who, item, now) for item in found.items[:AT_ONCE])
    tally = Tally(done, missing=len(found.items[:AT_ONCE]) - done)
    set_left(tx, who, found, found.items[AT_ONCE:])
    told = add_undoing(tx, who, _BACK[found.what], tally, now, to=told, undone=True)
    return told, len(found.items) > AT_ONCE


def _give_back(tx: Tx, who: Principal, item: Item, now: int) -> bool:
    """Exactly the sources that this person took away; others who took theirs away keep it so (E8)."""
    id, removed = item
    state = get_state(tx, who.account, id)
    gone = set(removed) & set(find_removed(tx, who.account, id))
    if not gone or state not in (FILED, DELETED):
        return False
    conversation = bring_back(tx, who.account, id, now, only=gone)
    note(tx, who, "message.restored", id, now, undone=True)
    if state == DELETED:
        add_event(tx, who.account, "message.restored", id, now, conversation)
    return True


def _delete_again(tx: Tx, who: Principal, item: Item, now: int) -> bool:
    """Into Deleted as it was there, with the days it had left."""
    id, removed, since = item
    if get_state(tx, who.account, id) != FILED:
        return False
    remove_again(tx, who.account, id, dict(removed))
    note(tx, who, "message.deleted", id, now, undone=True)
    if not has_source(tx, who.account, id):
        conversation = put_away(tx, who.account, id, since)
        add_event(tx, who.account, "message.deleted", id, now, conversation)
    return True


def _now() -> int:
    return time.time_ns() // 1_000_000
