"""Disconnect a mailbox, with its mail or without, and show beforehand what that touches (rule E9)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gateway.core.mailboxes import DISCONNECTED, PERSONAL, SHARED
from gateway.core.refusals import Denied
from gateway.core.visibility import may_disconnect
from gateway.store import audit, disconnecting
from gateway.store import mailboxes as store_of
from gateway.store.access import Principal
from gateway.store.disconnecting import Counted
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time as now
from gateway.store.outbox import add_event

_DENIED = {
    SHARED: Denied("This mailbox is shared: only admins of the account disconnect it."),
    PERSONAL: Denied("This is somebody's personal mailbox: only they and admins of the account disconnect it."),
}


async def disconnect_mailbox(store: Store, writer: Principal, id: str, *, with_mail: bool) -> bool | Denied | None:
    """Disconnects a mailbox and forgets its credential, from the log of the store too (E9). None where there is none.

    with_mail: what came by it goes. One that is disconnected already may be purged still.
    """
    done = await store.write(lambda tx: set_apart(tx, writer, id, with_mail=with_mail), account=writer.account)
    if done is not True:
        return done
    while await store.write(lambda tx: purge_some(tx, writer.account, id), account=writer.account):
        pass
    await store.empty_log()
    return True


async def purge_mailboxes(store: Store) -> int:
    """Goes on with the mail of disconnected mailboxes where that was broken off; how many rows went."""
    count = 0
    for account, id in await store.read(store_of.find_purging):
        count += await store.write(partial(purge_some, account=account, id=id), account=account)
    return count


def set_apart(tx: Tx, writer: Principal, id: str, *, with_mail: bool) -> bool | Denied | None:
    """Disconnects a mailbox in the transaction that is handed in; the event tells of it in the same commit.

    with_mail: what came by it goes as well, by `purge_some`; that is written down, so that it is done whatever happens.
    """
    row = store_of.find_known(tx, writer.account, writer.eyes, id)
    if row is None:
        return None
    if not may_disconnect(writer.eyes, row.box):
        return _DENIED[row.kind]
    if row.state != DISCONNECTED:
        row = store_of.set_disconnected(tx, row)
        add_event(tx, writer.account, "mailbox.disconnected", id, now())
    elif not with_mail:
        return True
    if with_mail:
        store_of.set_mailbox(tx, row, replace(row, purging=True))
    what = "mailbox.disconnected_with_mail" if with_mail else "mailbox.disconnected"
    audit.note(tx, writer.actor, what, id, now(), name=row.address)
    return True


def purge_some(tx: Tx, account: int, id: str) -> int:
    """Drops some of what came by a mailbox that was disconnected with its mail; 0 once nothing is left, and how far it
    was synced is forgotten."""
    row = store_of.get_mailbox(tx, account, id)
    if row is None or not row.purging:
        return 0
    count = disconnecting.purge_some(tx, account, id)
    if not count:
        store_of.end_purge(tx, row)
    return count


def count_mail(tx: Tx, writer: Principal, id: str) -> Counted:
    """How much mail would go with a mailbox."""
    return disconnecting.count_mail(tx, writer.account, id)


async def foresee(store: Store, writer: Principal, id: str) -> Counted | Denied | None:
    """What disconnecting a mailbox touches, for who may do it. None where there is none."""

    def look(tx: Tx) -> Counted | Denied | None:
        row = store_of.find_known(tx, writer.account, writer.eyes, id)
        if row is None or may_disconnect(writer.eyes, row.box):
            return None if row is None else count_mail(tx, writer, id)
        return _DENIED[row.kind]

    return await store.read(look)
