"""Delete a message, restore it, and drop for good what was deleted long ago (rules E8, B9, section F)."""

from __future__ import annotations

import asyncio
import time

from gateway.core.refusals import Denied, Taken
from gateway.core.resources import Message
from gateway.store.access import Principal
from gateway.store.blobs import Blobs
from gateway.store.deletions import (
    DELETED,
    FILED,
    NOTE,
    bring_back,
    bury,
    find_deleted,
    find_files,
    forget_files,
    put_away,
    remove_sources,
)
from gateway.store.engine import Store, Tx
from gateway.store.held import HELD
from gateway.store.mailbox_reading import find_sight
from gateway.store.outbox import add_event
from gateway.store.reading_mail import find_message, find_shown

DAY_MS = 86_400_000
_AT_ONCE = 200


async def delete_message(store: Store, reader: Principal, id: str) -> bool | Taken | Denied:
    """Takes away those sources of a message that the reader may open; with none left it goes to Deleted, and the event
    tells of it in the same commit.

    False where there is none. A held one is an admin's to refuse: that is another thing, as it was never filed.
    """

    def delete(tx: Tx) -> bool | Taken | Denied:
        shown = find_shown(tx, reader.account, id, (FILED, NOTE), reader.eyes)
        if shown is None:
            held = reader.role == "admin" and find_message(tx, reader.account, id, (HELD,)) is not None
            return Taken("This mail is held; release it or refuse it.", id) if held else False
        if shown.n is None:
            return Denied("Only who may open this mail may delete it.")
        now = _now()
        if not remove_sources(tx, reader.account, id, find_sight(tx, reader.account, reader.eyes), now):
            return True
        conversation = put_away(tx, reader.account, id, now)
        add_event(tx, reader.account, "message.deleted", id, now, conversation)
        return True

    return await store.write(delete, account=reader.account)


async def restore_message(store: Store, admin: Principal, id: str) -> Message | Taken | None:
    """Takes a message out of Deleted, back to the cards, threads and lists it was in; the message as it is then."""

    def restore(tx: Tx) -> Message | Taken | None:
        if find_message(tx, admin.account, id, (DELETED,)) is None:
            filed = find_message(tx, admin.account, id, (FILED, NOTE, HELD), admin.eyes) is not None
            return Taken("This mail is not deleted.", id) if filed else None
        now = _now()
        before = find_message(tx, admin.account, id, (DELETED,), admin.eyes)
        conversation = bring_back(tx, admin.account, id, now)
        add_event(tx, admin.account, "message.restored", id, now, conversation)
        return find_message(tx, admin.account, id, eyes=admin.eyes) or before

    return await store.write(restore, account=admin.account)


async def purge_message(store: Store, admin: Principal, id: str) -> bool:
    """Drops the content of a deleted message for good, before its time; False where none is deleted."""

    def purge(tx: Tx) -> bool:
        if find_message(tx, admin.account, id, (DELETED,)) is None:
            return False
        bury(tx, admin.account, id, _now())
        return True

    return await store.write(purge, account=admin.account)


async def purge_deleted(store: Store, deleted_days: int) -> int:
    """Drops the content of what was deleted too long ago; how many there were."""

    def purge(tx: Tx) -> int:
        old = find_deleted(tx, _now() - deleted_days * DAY_MS, _AT_ONCE)
        for account, id in old:
            bury(tx, account, id, _now())
        return len(old)

    return await store.write(purge)


async def purge_files(store: Store, blobs: Blobs) -> int:
    """Takes the files of large mails away whose content was dropped; how many mails there were."""
    due = await store.read(lambda tx: find_files(tx, _AT_ONCE))
    for one in due:
        for name in one.files:
            await asyncio.to_thread(blobs.drop, one.account, name)
    if due:
        await store.write(lambda tx: forget_files(tx, due))
    return len(due)


def _now() -> int:
    return time.time_ns() // 1_000_000
