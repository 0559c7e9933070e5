"""What is known of the folders of people's own mailboxes: their cursors, and which message of ours stands where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, null, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.core.syncplan import TRIES, Cursor
from gateway.store.bodies import StoredBody
from gateway.store.engine import Tx
from gateway.store.outgoing import WRITTEN
from gateway.store.prepared import Prepared
from gateway.store.tables import bodies, mailbox_folders, messages, remote_messages, sources

_AT_ONCE = 500
_REMOTE = tuple(column.name for column in remote_messages.columns)


@dataclass(frozen=True, slots=True)
class Folder:
    """One of the two folders of a mailbox. role: `inbox` or `sent`."""

    account: int
    mailbox: str
    role: str


@dataclass(frozen=True, slots=True)
class Remote:
    """A message on its server. message: ours; None where it could not be read, and error says why. parts: JSON."""

    uid: int
    message: str | None
    parts: str = "[]"
    error: str = ""


def find_cursors(tx: Tx, account: int, mailbox: str) -> dict[str, Cursor]:
    """How far each folder of a mailbox is synced, by role."""
    table = mailbox_folders.c
    query = select(mailbox_folders).where(table.account == account, table.mailbox == mailbox)
    return {
        row.role: Cursor(
            row.path,
            row.uidvalidity,
            row.last_uid,
            row.uidnext,
            row.modseq,
            row.floor,
            row.imported,
            row.compared_at,
            row.present,
        )
        for row in tx.execute(query)
    }


def set_cursor(tx: Tx, folder: Folder, cursor: Cursor) -> None:
    """How far a folder is synced from now on."""
    key = {"account": folder.account, "mailbox": folder.mailbox, "role": folder.role}
    values: dict[str, Any] = {
        "path": cursor.path,
        "uidvalidity": cursor.uidvalidity,
        "last_uid": cursor.last_uid,
        "uidnext": cursor.uidnext,
        "modseq": cursor.modseq,
        "floor": cursor.floor,
        "imported": cursor.imported,
        "compared_at": cursor.compared_at,
        "present": cursor.present,
    }
    dialect: Any = sqlite if tx.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(mailbox_folders).values(**key, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=list(key), set_=values))


def _here(folder: Folder) -> Any:
    table = remote_messages.c
    return and_(table.account == folder.account, table.mailbox == folder.mailbox, table.role == folder.role)


def _upsert(dialect: Any) -> Prepared:
    insert = dialect.insert(remote_messages).values({name: bindparam(name) for name in _REMOTE})
    new = insert.excluded
    return Prepared(
        insert.on_conflict_do_update(
            index_elements=["account", "mailbox", "role", "uidvalidity", "uid"],
            set_={
                "message": new.message,
                "parts": new.parts,
                "error": new.error,
                "tries": remote_messages.c.tries + new.tries,
                "gone_at": null(),
            },
        )
    )


_SET = {"sqlite": _upsert(sqlite), "postgresql": _upsert(postgresql)}


def set_remotes(tx: Tx, folder: Folder, uidvalidity: int, found: Iterable[Remote]) -> None:
    """Ties messages on a server to ours. One that could not be read has had one more try."""
    rows = [
        {
            "account": folder.account,
            "mailbox": folder.mailbox,
            "role": folder.role,
            "uidvalidity": uidvalidity,
            "uid": one.uid,
            "message": one.message,
            "parts": one.parts,
            "error": one.error,
            "tries": int(one.message is None),
            "gone_at": None,
        }
        for one in sorted(found, key=lambda one: one.uid)
    ]
    _SET[tx.dialect.name].each(tx, rows)


def find_uids(tx: Tx, folder: Folder, uidvalidity: int) -> list[int]:
    """UIDs of the messages that stand there as far as we know."""
    table = remote_messages.c
    query = select(table.uid).where(_here(folder), table.uidvalidity == uidvalidity, table.gone_at.is_(null()))
    return [uid for (uid,) in tx.execute(query)]


def find_unread(tx: Tx, folder: Folder, uidvalidity: int) -> list[int]:
    """UIDs of messages that could not be read and are to be tried again."""
    table = remote_messages.c
    query = select(table.uid).where(
        _here(folder),
        table.uidvalidity == uidvalidity,
        table.message.is_(null()),
        table.tries < TRIES,
        table.gone_at.is_(null()),
    )
    return [uid for (uid,) in tx.execute(query.order_by(table.uid))]


def count_former(tx: Tx, folder: Folder, uidvalidity: int) -> int:
    """How many messages stood there under numbers that hold no more."""
    table = remote_messages.c
    query = select(func.count()).where(
        _here(folder), table.uidvalidity != uidvalidity, table.gone_at.is_(null()), table.message.is_not(null())
    )
    return int(tx.scalar(query) or 0)


def set_gone(tx: Tx, folder: Folder, uidvalidity: int, uids: Sequence[int], at: int) -> int:
    """Messages that are no longer on the server; how many of them were known. What we have of them stays (E8)."""
    table, gone = remote_messages.c, 0
    for begin in range(0, len(uids), _AT_ONCE):
        some = uids[begin : begin + _AT_ONCE]
        query = update(remote_messages).where(_here(folder), table.uidvalidity == uidvalidity, table.uid.in_(some))
        gone += tx.execute(query.where(table.gone_at.is_(null())).values(gone_at=at)).rowcount
    return gone


def set_former_gone(tx: Tx, folder: Folder, uidvalidity: int, at: int) -> None:
    """What stood there under numbers that hold no more is found under them no more."""
    table = remote_messages.c
    query = update(remote_messages).where(_here(folder), table.uidvalidity != uidvalidity, table.gone_at.is_(null()))
    tx.execute(query.values(gone_at=at))


def drop_remotes(tx: Tx, folder: Folder, uidvalidity: int) -> None:
    """Forgets what stands where under these numbers: they are another folder's."""
    tx.execute(delete(remote_messages).where(_here(folder), remote_messages.c.uidvalidity == uidvalidity))


def find_kept(tx: Tx, folder: Folder, ids: Collection[str]) -> Mapping[str, tuple[StoredBody, bool]]:
    """What is kept of messages as they came by this folder, by their ids; of those that did. True: it was written here
    and is kept with its files."""
    own = and_(bodies.c.account == sources.c.account, bodies.c.message == sources.c.message, bodies.c.n == sources.c.n)
    query = select(bodies, sources.c.road).join_from(sources, bodies, own)
    came = (sources.c.account == folder.account, sources.c.message.in_(tuple(ids)))
    rows = tx.execute(query.where(*came, sources.c.mailbox == folder.mailbox, sources.c.folder == folder.role))
    return {row.message: (StoredBody(row.codec, row.trace, row.data), row.road == WRITTEN) for row in rows}


def find_known(tx: Tx, account: int, identities: Collection[str]) -> Mapping[str, str]:
    """Which of some mails we have, by what rule B9 compares: their ids."""
    table = messages.c
    query = select(table.identity, table.id).where(table.account == account, table.identity.in_(tuple(identities)))
    return {row.identity: row.id for row in tx.execute(query)}
