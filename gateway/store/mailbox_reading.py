"""People's own mailboxes as others need them: who may open which, and where its messages stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, null, or_, select, update

from gateway.core.mailboxes import AUTH_FAILED, DISCONNECTED, PERSONAL
from gateway.core.remote import RemoteFile
from gateway.core.visibility import Box, Eyes, Sight, may_edit
from gateway.store.mailbox_leases import LEASE_MS
from gateway.store.outbox import add_event
from gateway.store.reading import collect
from gateway.store.tables import mailbox_folders, mailboxes, remote_messages, users


@dataclass(frozen=True, slots=True)
class Remote:
    """One place at which a message stands on a server. files: that were left there; none where all of it was fetched.

    gone: it is no longer there. path: of its folder, None where the folder is not known any more.
    """

    mailbox: str
    role: str
    uidvalidity: int
    uid: int
    files: tuple[RemoteFile, ...]
    gone: bool
    path: str | None = None

    def file(self, n: int) -> RemoteFile | None:
        """The file of this number, where it was left there."""
        return next((one for one in self.files if one.n == n), None)


def list_boxes(tx: Connection, account: int) -> tuple[Box, ...]:
    """Of every mailbox of the account, what decides who may open its mail."""
    return tuple(Box(*row) for row in tx.execute(select(*_BOX).where(mailboxes.c.account == account)))


def find_sight(tx: Connection, account: int, eyes: Eyes) -> Sight:
    """What a reader sees of the account's mail: one small statement."""
    return Sight(eyes, {box.id: box for box in list_boxes(tx, account)})


def count_locked_out(tx: Connection, account: int, eyes: Eyes) -> int:
    """How many mailboxes that somebody may connect again no longer let us in (E10)."""
    query = select(*_BOX).where(mailboxes.c.account == account, mailboxes.c.state == AUTH_FAILED)
    return sum(may_edit(eyes, Box(*row)) for row in tx.execute(query))


def find_owners(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """The addresses of mailboxes and of the users who own them, by the mailboxes' ids."""
    owner = (users.c.account == account) & (users.c.id == mailboxes.c.owner)
    query = select(mailboxes.c.id, mailboxes.c.address, users.c.email).join_from(mailboxes, users, owner, isouter=True)
    rows = tx.execute(query.where(mailboxes.c.account == account, mailboxes.c.id.in_(tuple(ids))))
    return {row.id: (row.address, row.email) for row in rows}


def list_owned(tx: Connection, account: int, user: str) -> list[str]:
    """The addresses of a user's (id) personal mailboxes that are not disconnected."""
    mine = (mailboxes.c.account == account, mailboxes.c.owner == user, mailboxes.c.kind == PERSONAL)
    query = select(mailboxes.c.address).where(*mine, mailboxes.c.state != DISCONNECTED)
    return list(tx.execute(query.order_by(mailboxes.c.address)).scalars())


def set_credential(tx: Connection, account: int, id: str, sealed: bytes, instead_of: bytes) -> bool:
    """Keeps a renewed credential; False where it was changed meanwhile by somebody else."""
    mine = (mailboxes.c.account == account, mailboxes.c.id == id, mailboxes.c.credential == instead_of)
    return tx.execute(update(mailboxes).where(*mine).values(credential=sealed)).rowcount == 1


def add_refused_log_in(tx: Connection, account: int, id: str, sealed: bytes) -> None:
    """A log-in with this credential was refused (E10)."""
    mine = (mailboxes.c.account == account, mailboxes.c.id == id, mailboxes.c.credential == sealed)
    tx.execute(update(mailboxes).where(*mine).values(tries=mailboxes.c.tries + 1))


def lock_out(tx: Connection, account: int, id: str, says: str, now: int) -> None:
    """A mailbox's server lets us in no more: it isn't looked into, and its owner is told (E10)."""
    mine = (mailboxes.c.account == account, mailboxes.c.id == id)
    values = {"state": AUTH_FAILED, "error": says, "next_sync_at": None, "holder": None, "lease_until": None}
    tx.execute(update(mailboxes).where(*mine).values(values | {"epoch": mailboxes.c.epoch + 1}))
    add_event(tx, account, "mailbox.auth_failed", id, now)


def take_turn(tx: Connection, account: int, id: str, now: int) -> int | None:
    """Keeps pollers from looking into a mailbox for a moment, so that nobody else renews its token: until when. None
    where one looks into it now. Who waits for news of it goes on waiting."""
    mine = (mailboxes.c.account == account, mailboxes.c.id == id)
    free = or_(mailboxes.c.lease_until.is_(null()), mailboxes.c.lease_until <= now)
    until = now + LEASE_MS
    taken = tx.execute(update(mailboxes).where(*mine, free).values(lease_until=until))
    return until if taken.rowcount else None


def leave_turn(tx: Connection, account: int, id: str, until: int) -> None:
    """Lets pollers look into a mailbox again."""
    mine = (mailboxes.c.account == account, mailboxes.c.id == id, mailboxes.c.lease_until == until)
    tx.execute(update(mailboxes).where(*mine).values(lease_until=None))


def find_lost(tx: Connection, account: int, ids: Sequence[str]) -> frozenset[str]:
    """Those of the mailboxes whose servers can't be asked for anything."""
    asked = (mailboxes.c.account == account, mailboxes.c.id.in_(tuple(ids)))
    reached = (mailboxes.c.state != DISCONNECTED, mailboxes.c.credential.is_not(None))
    return frozenset(ids) - set(tx.execute(select(mailboxes.c.id).where(*asked, *reached)).scalars())


def find_remotes(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, list[Remote]]:
    """Where messages stand on servers, the newest places first, by the messages' ids."""
    query = select(remote_messages, mailbox_folders.c.path).where(remote_messages.c.account == account)
    folder = (
        (mailbox_folders.c.account == account)
        & (mailbox_folders.c.mailbox == remote_messages.c.mailbox)
        & (mailbox_folders.c.role == remote_messages.c.role)
    )
    query = query.join_from(remote_messages, mailbox_folders, folder, isouter=True)
    keys = (remote_messages.c.uidvalidity, remote_messages.c.uid)
    found = collect(tx, query, remote_messages.c.message, ids, *keys)
    return {id: [_remote(row) for row in reversed(rows)] for id, rows in found.items()}


def set_gone(tx: Connection, account: int, remote: Remote, now: int) -> None:
    """A message is no longer at this place (E7)."""
    mine = (
        remote_messages.c.account == account,
        remote_messages.c.mailbox == remote.mailbox,
        remote_messages.c.role == remote.role,
        remote_messages.c.uidvalidity == remote.uidvalidity,
        remote_messages.c.uid == remote.uid,
        remote_messages.c.gone_at.is_(None),
    )
    tx.execute(update(remote_messages).where(*mine).values(gone_at=now))


_BOX: tuple[ColumnElement[Any], ...] = (
    mailboxes.c.id,
    mailboxes.c.kind,
    mailboxes.c.owner,
    mailboxes.c.share_with_admins,
)


def _remote(row: Row[Any]) -> Remote:
    files = tuple(RemoteFile(**one) for one in json.loads(row.parts))
    return Remote(row.mailbox, row.role, row.uidvalidity, row.uid, files, row.gone_at is not None, row.path)
