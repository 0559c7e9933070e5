"""Show people's own mailboxes as their pages need them: how each is, and what the reader may do with it (E2, E4, E10).

The API shows the resource (`gateway.usecases.mailboxes`); here stand the name of its owner and the rights beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.address import parse_address
from gateway.core.mailboxes import DISCONNECTED, IMPORTING
from gateway.core.resources import Mailbox
from gateway.core.time_left import time_left
from gateway.core.visibility import as_known, may_disconnect, may_edit, may_open
from gateway.store import mailbox_reading as reading
from gateway.store import mailboxes as store_of
from gateway.store.access import Principal
from gateway.store.accounts import find_user
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time as now
from gateway.store.mailboxes import MailboxRow
from gateway.store.reading import Page, Position

MOST_PEOPLE = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A mailbox on a page. owner: the address of the user who owns it, empty for one who is gone. opens, edits,
    disconnects: what the reader may do. mine: it is the reader's own. at_once: its server tells of new mail. left_ms:
    how long its import still takes, None where nobody knows. purging: its mail is still being removed here."""

    mailbox: Mailbox
    owner: str
    mine: bool
    opens: bool
    edits: bool
    disconnects: bool
    at_once: bool
    left_ms: int | None
    purging: bool

    @property
    def connected(self) -> bool:
        """Whether it is one that is, or is to be, looked into."""
        return self.mailbox.state != DISCONNECTED


@dataclass(frozen=True, slots=True)
class People:
    """Who may be named where mailboxes are shared. readers: how many open shared ones. known: address and name of the
    account's first users, by their addresses."""

    readers: int
    known: tuple[tuple[str, str], ...]


async def list_shown(store: Store, reader: Principal, after: Position | None, limit: int) -> Page[Shown]:
    """The mailboxes the reader may know of, newest first."""

    def show(tx: Tx) -> Page[Shown]:
        page = store_of.list_mailboxes(tx, reader.account, reader.eyes, after, limit)
        ids = [row.id for row, _ in page.rows]
        owners = reading.find_owners(tx, reader.account, ids)
        waiting = reading.find_waiting(tx, reader.account, ids)
        return page.map(lambda pair: _shown(reader, pair[0], pair[1], owners, pair[0].id in waiting))

    return await store.read(show)


async def show_one(store: Store, reader: Principal, id: str) -> Shown | None:
    """One mailbox; None where there is none that the reader may know of."""

    def show(tx: Tx) -> Shown | None:
        row = store_of.find_known(tx, reader.account, reader.eyes, id)
        if row is None:
            return None
        owners = reading.find_owners(tx, reader.account, [id])
        waiting = reading.find_waiting(tx, reader.account, [id])
        return _shown(reader, row, store_of.show_row(tx, row, reader.eyes), owners, id in waiting)

    return await store.read(show)


async def find_earlier(store: Store, reader: Principal, address: str) -> Mailbox | None:
    """The mailbox that was connected at an address before, where the reader may connect it again."""
    parsed = parse_address(address)
    key = "" if parsed is None else parsed.key

    def find(tx: Tx) -> Mailbox | None:
        row = store_of.find_address(tx, reader.account, key)
        if row is None or not may_edit(reader.eyes, row.box):
            return None
        return as_known(reader.eyes, store_of.show_row(tx, row))

    return await store.read(find)


async def find_people(store: Store, reader: Principal) -> People:
    """Who opens shared mailboxes, and who may be named as the owner of one."""

    def find(tx: Tx) -> People:
        known = reading.list_people(tx, reader.account, MOST_PEOPLE)
        return People(reading.count_shared_readers(tx, reader.account), tuple(known))

    return await store.read(find)


async def find_owner(store: Store, reader: Principal, email: str) -> str | None:
    """The id of the user with an address, as somebody typed it; None where nobody has it."""

    def find(tx: Tx) -> str | None:
        found = find_user(tx, reader.account, email.strip().lower())
        return None if found is None else found.id

    return await store.read(find)


def _shown(
    reader: Principal,
    row: MailboxRow,
    mailbox: Mailbox,
    owners: Mapping[str, tuple[str, str | None]],
    waiting: bool,
) -> Shown:
    eyes, left = reader.eyes, None
    if mailbox.progress is not None and row.state == IMPORTING:
        began = max(row.created_at, row.wanted_at or 0)
        left = time_left(mailbox.progress.done, mailbox.progress.total, began, now())
    return Shown(
        mailbox=mailbox,
        owner=owners[row.id][1] or "",
        mine=row.owner == reader.user,
        opens=may_open(eyes, row.box),
        edits=may_edit(eyes, row.box),
        disconnects=may_disconnect(eyes, row.box),
        at_once=waiting and row.state != DISCONNECTED,
        left_ms=left,
        purging=row.purging,
    )
