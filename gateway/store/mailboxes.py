"""People's own mailboxes: whose each is, its servers and its sealed credential, and which addresses are team by it.

How far a mailbox is synced is written by its poller; nothing here touches that but what a person asks for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, false, func, insert, or_, select, true, update

from gateway.core.mailboxes import (
    DISCONNECTED,
    IMPORTING,
    PERSONAL,
    READY,
    SENT,
    SHARED,
    SYNCED,
    Servers,
    servers_as_json,
    servers_of,
)
from gateway.core.resources import Mailbox, Progress
from gateway.core.visibility import ADMIN, BACK_END, Box, Eyes, as_known
from gateway.store.ids import shared_time
from gateway.store.outgoing import cancel_waiting
from gateway.store.quotas import add_quotas, find_quotas
from gateway.store.reading import Page, Position, collect, read_page
from gateway.store.tables import mailbox_addresses, mailbox_folders, mailboxes, remote_messages

_NOT_SENT = "The mailbox was disconnected before this mail was sent."
MOST_REFUSED = 10
"""Passwords of one mailbox that may be refused within an hour."""
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """A mailbox without what its poller alone minds. credential: sealed (`core.mailboxes.about_credential`).

    sent_path: the folder of sent mail that somebody chose. proposals: addresses that may be aliases (E14). tries:
    log-ins that were refused with this credential. next_sync_at: None while it is not looked into. wanted_at: when
    somebody asked for a pass. purging: its mail is not all gone yet. Times are milliseconds since 1970.
    """

    account: int
    id: str
    address: str
    provider: str
    kind: str
    owner: str
    share_with_admins: bool
    state: str
    error: str
    servers: Servers
    credential: bytes | None
    can_send: bool
    threads: bool
    auto_create: str
    keep_attachments: bool
    sent_path: str | None
    proposals: tuple[str, ...]
    created_at: int
    done: int = 0
    total: int | None = None
    failures: int = 0
    tries: int = 0
    last_sync_at: int | None = None
    next_sync_at: int | None = None
    wanted_at: int | None = None
    purging: bool = False

    @property
    def box(self) -> Box:
        """What of it decides who may open its mail (E2)."""
        return Box(self.id, self.kind, self.owner, self.share_with_admins)

    @property
    def reachable(self) -> bool:
        """Whether what stands on its server can be asked for."""
        return self.state != DISCONNECTED and self.credential is not None


_NAMES = tuple(field.name for field in fields(MailboxRow))
_COLUMNS = tuple(mailboxes.c[name] for name in _NAMES)


def get_mailbox(tx: Connection, account: int, id: str) -> MailboxRow | None:
    """The mailbox of this id, whoever may see it."""
    return _first(tx, account, mailboxes.c.id == id)


def find_address(tx: Connection, account: int, address: str) -> MailboxRow | None:
    """The mailbox at an address, given as addresses are compared; a disconnected one as well."""
    return _first(tx, account, mailboxes.c.address == address)


def list_mailboxes(
    tx: Connection, account: int, eyes: Eyes, after: Position | None, limit: int
) -> Page[tuple[MailboxRow, Mailbox]]:
    """The mailboxes somebody may know of, newest first: admins all of the account, others their own and shared ones
    they may open."""
    query = select(*_COLUMNS).where(mailboxes.c.account == account, *_seen_by(eyes))
    page = read_page(tx, query, [mailboxes.c.id], after, limit)
    rows = [_row(tuple(one)) for one in page.rows]
    shown = [as_known(eyes, one) for one in _shown(tx, account, rows)]
    return Page(tuple(zip(rows, shown, strict=True)), page.next)


def find_shown(tx: Connection, account: int, ids: Sequence[str]) -> tuple[Mailbox, ...]:
    """Those of the mailboxes that the account has, as programs are told of them."""
    query = select(*_COLUMNS).where(mailboxes.c.account == account, mailboxes.c.id.in_(ids))
    shown = _shown(tx, account, [_row(tuple(one)) for one in tx.execute(query)])
    return tuple(as_known(BACK_END, one) for one in shown)


def show_row(tx: Connection, row: MailboxRow, eyes: Eyes | None = None) -> Mailbox:
    """A mailbox as the API shows it. eyes: who looks; None for who has set it up."""
    [shown] = _shown(tx, row.account, [row])
    return shown if eyes is None else as_known(eyes, shown)


def list_sealed(tx: Connection, most: int) -> list[MailboxRow]:
    """Mailboxes of any account that have a credential, the newest first."""
    query = select(*_COLUMNS).where(mailboxes.c.credential.is_not(None)).order_by(mailboxes.c.id.desc()).limit(most)
    return [_row(tuple(one)) for one in tx.execute(query)]


def add_mailbox(tx: Connection, row: MailboxRow) -> None:
    """Writes a new mailbox; its address is team from now on."""
    poller = {"holder": None, "epoch": 0, "lease_until": None, "day": 0, "moved": 0}
    tx.execute(insert(mailboxes).values(_values(row, _NAMES) | poller | {"host": row.servers.imap.host}))
    set_addresses(tx, row.account, row.id, [row.address])


def set_mailbox(tx: Connection, before: MailboxRow, after: MailboxRow) -> None:
    """Writes what differs: what its poller has written meanwhile stays.

    Whoever syncs it by an old credential, or though it shall not be synced, may write nothing any more: the lease is
    taken from them.
    """
    changed = [name for name in _NAMES if getattr(before, name) != getattr(after, name)]
    values = _values(after, changed)
    if "servers" in changed:
        values["host"] = after.servers.imap.host
    if "credential" in changed or after.state not in SYNCED:
        values |= {"holder": None, "lease_until": None, "epoch": mailboxes.c.epoch + 1}
    if values:
        tx.execute(update(mailboxes).where(*_mine(after.account, after.id)).values(values))


def set_disconnected(tx: Connection, row: MailboxRow) -> MailboxRow:
    """Forgets the credential and looks into the mailbox no more; its addresses are no longer team (E9).

    Aliases become proposals, so that who connects it again has them to confirm.
    """
    aliases = find_aliases(tx, row.account, {row.id: row.address}).get(row.id, ())
    after = replace(
        row,
        state=DISCONNECTED,
        error="",
        credential=None,
        proposals=tuple(dict.fromkeys((*aliases, *row.proposals))),
        failures=0,
        tries=0,
        next_sync_at=None,
        wanted_at=None,
    )
    set_mailbox(tx, row, after)
    set_addresses(tx, row.account, row.id, [])
    cancel_waiting(tx, row.account, shared_time(), _NOT_SENT, mailbox=row.id)
    return after


def set_addresses(tx: Connection, account: int, mailbox: str, emails: Collection[str]) -> None:
    """Which addresses are team by this mailbox (E14)."""
    mine = (mailbox_addresses.c.account == account, mailbox_addresses.c.mailbox == mailbox)
    tx.execute(delete(mailbox_addresses).where(*mine))
    if emails:
        rows = [{"account": account, "email": one, "mailbox": mailbox} for one in dict.fromkeys(emails)]
        tx.execute(insert(mailbox_addresses), rows)


def find_aliases(tx: Connection, account: int, addresses: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Confirmed aliases by mailbox. addresses: the own address of each, which is none of them."""
    query = select(mailbox_addresses).where(mailbox_addresses.c.account == account)
    found = collect(tx, query, mailbox_addresses.c.mailbox, addresses, mailbox_addresses.c.email)
    return {id: tuple(one.email for one in rows if one.email != addresses[id]) for id, rows in found.items()}


def find_resumed(tx: Connection, row: MailboxRow) -> str:
    """The state in which a mailbox goes on: `ready` once its import is over, else `importing`."""
    query = select(mailbox_folders.c.imported).where(
        mailbox_folders.c.account == row.account, mailbox_folders.c.mailbox == row.id
    )
    imported = list(tx.execute(query).scalars())
    return READY if imported and all(imported) else IMPORTING


def end_purge(tx: Connection, row: MailboxRow) -> None:
    """Nothing of a mailbox is left (`disconnecting.purge_some`): connecting it again imports it anew (E9)."""
    set_mailbox(tx, row, replace(row, done=0, total=None, last_sync_at=None, purging=False))


def find_purging(tx: Connection) -> list[tuple[int, str]]:
    """Account and id of mailboxes whose mail is not all gone yet."""
    query = select(mailboxes.c.account, mailboxes.c.id).where(mailboxes.c.purging.is_(true()))
    return [(row.account, row.id) for row in tx.execute(query)]


def find_tried_out(tx: Connection, account: int, address: str, at: int) -> bool:
    """Whether so many passwords of a mailbox were refused within the hour that no further one is tried: nobody guesses
    passwords through us, nor locks somebody out (E10)."""
    key, hour = _guesses(address), at // _HOUR_MS
    return find_quotas(tx, [account], [key], [hour]).get((account, key, hour), 0) >= MOST_REFUSED


def add_refused(tx: Connection, account: int, address: str, at: int) -> None:
    """A password of a mailbox was refused."""
    add_quotas(tx, {(account, _guesses(address), at // _HOUR_MS): 1})


def find_lease(tx: Connection, account: int, id: str) -> int | None:
    """Until when whoever syncs a mailbox has it to themselves; None where nobody does."""
    query = select(mailboxes.c.lease_until).where(*_mine(account, id), mailboxes.c.holder.is_not(None))
    found: int | None = tx.execute(query).scalar()
    return found


def _first(tx: Connection, account: int, *conditions: ColumnElement[bool]) -> MailboxRow | None:
    row = tx.execute(select(*_COLUMNS).where(mailboxes.c.account == account, *conditions)).first()
    return None if row is None else _row(tuple(row))


def _seen_by(eyes: Eyes) -> tuple[ColumnElement[bool], ...]:
    if eyes.role == ADMIN:
        return ()
    shared = mailboxes.c.kind == SHARED if eyes.shared_mail else false()
    return (or_(shared, and_(mailboxes.c.kind == PERSONAL, mailboxes.c.owner == eyes.user)),)


def _guesses(address: str) -> str:
    return f"mailbox {address}"


def _mine(account: int, id: str) -> tuple[ColumnElement[bool], ...]:
    return (mailboxes.c.account == account, mailboxes.c.id == id)


def _row(found: tuple[Any, ...]) -> MailboxRow:
    values = dict(zip(_NAMES, found, strict=True))
    values["servers"] = servers_of(json.loads(values["servers"]))
    values["proposals"] = tuple(json.loads(values["proposals"]))
    return MailboxRow(**values)


def _values(row: MailboxRow, names: Collection[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    if "servers" in values:
        values["servers"] = json.dumps(servers_as_json(row.servers))
    if "proposals" in values:
        values["proposals"] = json.dumps(row.proposals)
    return values


def _shown(tx: Connection, account: int, rows: Sequence[MailboxRow]) -> tuple[Mailbox, ...]:
    ids = [row.id for row in rows]
    aliases = find_aliases(tx, account, {row.id: row.address for row in rows})
    folders = select(mailbox_folders.c.mailbox, mailbox_folders.c.path).where(
        mailbox_folders.c.account == account, mailbox_folders.c.role == SENT
    )
    sent = collect(tx, folders, mailbox_folders.c.mailbox, ids, mailbox_folders.c.path)
    unread = _unread(tx, account, ids)
    return tuple(
        _mailbox(row, aliases.get(row.id, ()), next((one.path for one in sent.get(row.id, ())), None), unread)
        for row in rows
    )


def _mailbox(row: MailboxRow, aliases: tuple[str, ...], sent: str | None, unread: dict[str, int]) -> Mailbox:
    servers = servers_as_json(row.servers)
    return Mailbox(
        id=row.id,
        address=row.address,
        provider=row.provider,
        kind=row.kind,
        owner=row.owner,
        share_with_admins=row.share_with_admins,
        aliases=aliases,
        proposals=row.proposals,
        can_send=row.can_send and row.state != DISCONNECTED,
        state=row.state,
        progress=None if row.total is None else Progress(row.done, row.total),
        last_sync_at=row.last_sync_at,
        next_sync_at=row.next_sync_at if row.state in SYNCED else None,
        error=row.error,
        threads=row.threads,
        auto_create=row.auto_create,
        keep_attachments=row.keep_attachments,
        sent=row.sent_path or sent,
        unread=unread.get(row.id, 0),
        imap=servers["imap"],
        smtp=servers["smtp"],
        created_at=row.created_at,
    )


def _unread(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, int]:
    """How many messages of each could not be read and were left out."""
    query = (
        select(remote_messages.c.mailbox, func.count().label("many"))
        .where(
            remote_messages.c.account == account,
            remote_messages.c.mailbox.in_(ids),
            remote_messages.c.message.is_(None),
            remote_messages.c.error != "",
        )
        .group_by(remote_messages.c.mailbox)
    )
    return {row.mailbox: row.many for row in tx.execute(query)}
