"""Delete messages, restore them, and drop for good what was deleted long ago (rules E8, B9, section F).

Several at once are dealt with some at a time, each piece in a transaction of its own: the writer is everybody's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from gateway.core.refusals import Denied, Taken
from gateway.core.resources import Message
from gateway.core.tally import Tally
from gateway.store.access import Principal
from gateway.store.audit import note
from gateway.store.blobs import Blobs
from gateway.store.deletions import (
    DELETED,
    FILED,
    NOTE,
    bring_back,
    bury,
    find_deleted,
    find_files,
    find_put_away,
    find_removed,
    forget_files,
    get_state,
    has_source,
    put_away,
    remove_sources,
)
from gateway.store.engine import Store, Tx
from gateway.store.held import HELD
from gateway.store.mailbox_reading import find_sight
from gateway.store.outbox import add_event
from gateway.store.reading_mail import find_message
from gateway.store.thread_lists import find_standing
from gateway.store.undoing import Item, add_undoing

DAY_MS = 86_400_000
AT_ONCE = 100
"""Messages of one transaction."""
_DUE_AT_ONCE = 200
_Do = Callable[[Tx, Principal, str, int], Item | Denied | None]
"""Does something to one message: what is needed to take it back, or why it was not done."""


async def delete_message(store: Store, reader: Principal, id: str) -> bool | Taken | Denied:
    """Takes away those sources of a message that the reader may open; with none left it goes to Deleted, and the event
    tells of it in the same commit.

    False where there is none. A held one is an admin's to refuse: that is another thing, as it was never filed.
    """

    def delete(tx: Tx) -> bool | Taken | Denied:
        deleted = _delete(tx, reader, id, _now())
        if deleted is not None:
            return deleted if isinstance(deleted, Denied) else True
        held = reader.role == "admin" and get_state(tx, reader.account, id) == HELD
        return Taken("This mail is held; release it or refuse it.", id) if held else False

    return await store.write(delete, account=reader.account)


async def delete_messages(store: Store, reader: Principal, ids: Sequence[str], threads: Sequence[str] = ()) -> str:
    """The same of several messages, and of all that stand in some threads; the id under which what came of it is told
    (`undo_mail`)."""
    standing = await store.read(lambda tx: find_standing(tx, reader.account, threads, reader.eyes)) if threads else []
    return await _do_each(store, reader, "message.deleted", tuple(dict.fromkeys((*ids, *standing))), _delete)


def _delete(tx: Tx, reader: Principal, id: str, now: int) -> Item | Denied | None:
    if get_state(tx, reader.account, id) not in (FILED, NOTE):
        return None
    removed = remove_sources(tx, reader.account, id, find_sight(tx, reader.account, reader.eyes), now)
    if not removed:
        known = find_message(tx, reader.account, id, (FILED, NOTE), reader.eyes) is not None
        return Denied("Only who may open this mail may delete it.") if known else None
    stays = has_source(tx, reader.account, id)
    note(tx, reader, "message.deleted", id, now, stays_for_others=stays)
    if not stays:
        conversation = put_away(tx, reader.account, id, now)
        add_event(tx, reader.account, "message.deleted", id, now, conversation)
    return [id, removed]


async def restore_message(store: Store, admin: Principal, id: str) -> Message | Taken | None:
    """Takes a message out of Deleted, back to the cards, threads and lists it was in; the message as it is then."""

    def restore(tx: Tx) -> Message | Taken | None:
        before = find_message(tx, admin.account, id, (DELETED,), admin.eyes)
        if _restore(tx, admin, id, _now()) is None:
            filed = find_message(tx, admin.account, id, (FILED, NOTE, HELD), admin.eyes) is not None
            return Taken("This mail is not deleted.", id) if filed else None
        return find_message(tx, admin.account, id, eyes=admin.eyes) or before

    return await store.write(restore, account=admin.account)


async def restore_messages(store: Store, admin: Principal, ids: Sequence[str]) -> str:
    """The same of several; the id under which what came of it is told."""
    return await _do_each(store, admin, "message.restored", ids, _restore)


def _restore(tx: Tx, admin: Principal, id: str, now: int) -> Item | None:
    if get_state(tx, admin.account, id) != DELETED:
        return None
    since = find_put_away(tx, admin.account, [id]).get(id, now)
    removed = find_removed(tx, admin.account, id)
    conversation = bring_back(tx, admin.account, id, now)
    note(tx, admin, "message.restored", id, now)
    add_event(tx, admin.account, "message.restored", id, now, conversation)
    return [id, sorted(removed.items()), since]


async def purge_message(store: Store, admin: Principal, id: str) -> bool:
    """Drops the content of a deleted message for good, before its time; False where none is deleted."""
    purged = await store.write(lambda tx: _purge(tx, admin, id, _now()), account=admin.account)
    return purged is not None


async def purge_messages(store: Store, admin: Principal, ids: Sequence[str]) -> str:
    """The same of several; the id under which what came of it is told. Nobody can take it back."""
    return await _do_each(store, admin, "message.purged", ids, _purge)


def _purge(tx: Tx, admin: Principal, id: str, now: int) -> Item | None:
    if get_state(tx, admin.account, id) != DELETED:
        return None
    bury(tx, admin.account, id, now)
    note(tx, admin, "message.purged", id, now)
    return []


async def _do_each(store: Store, who: Principal, what: str, ids: Sequence[str], do: _Do) -> str:
    told: str | None = None
    for start in range(0, max(len(ids), 1), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        told = await store.write(partial(_do_some, who, what, some, do, told), account=who.account)
    assert told is not None
    return told


def _do_some(who: Principal, what: str, ids: Sequence[str], do: _Do, told: str | None, tx: Tx) -> str:
    now = _now()
    results = [do(tx, who, id, now) for id in ids]
    done = [one for one in results if one is not None and not isinstance(one, Denied)]
    tally = Tally(len(done), sum(isinstance(one, Denied) for one in results), sum(one is None for one in results))
    return add_undoing(tx, who, what, tally, now, [one for one in done if one], to=told)


async def purge_deleted(store: Store, deleted_days: int) -> int:
    """Drops the content of what was deleted too long ago; how many there were."""

    def purge(tx: Tx) -> int:
        old = find_deleted(tx, _now() - deleted_days * DAY_MS, _DUE_AT_ONCE)
        for account, id in old:
            bury(tx, account, id, _now())
        return len(old)

    return await store.write(purge)


async def purge_files(store: Store, blobs: Blobs) -> int:
    """Takes the files of large mails away whose content was dropped; how many mails there were."""
    due = await store.read(lambda tx: find_files(tx, _DUE_AT_ONCE))
    for one in due:
        for name in one.files:
            await asyncio.to_thread(blobs.drop, one.account, name)
    if due:
        await store.write(lambda tx: forget_files(tx, due))
    return len(due)


def _now() -> int:
    return time.time_ns() // 1_000_000
