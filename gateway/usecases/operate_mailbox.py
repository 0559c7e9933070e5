"""Who the operator is for mailboxes: as a command names an account, so somebody of it whose rights are enough."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.address import parse_address
from gateway.core.mailboxes import SHARED
from gateway.core.options import MissingError
from gateway.core.resources import Mailbox
from gateway.core.visibility import ADMIN, BACK_END
from gateway.store import mailboxes as store_of
from gateway.store.access import Principal
from gateway.store.accounts import UserRow, find_user, list_users, require_account, require_user
from gateway.store.engine import Tx
from gateway.store.ids import shared_time as now

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Watched:
    """A mailbox as whoever waits for it sees it. lease: what of its lease moves while somebody syncs it; None where
    nobody does. wanted: a look that was asked for has come to no end yet, whether good or bad."""

    mailbox: Mailbox
    lease: int | None
    wanted: bool


def operator_for(tx: Tx, slug: str, address: str, owner: str, kind: str) -> Principal:
    """An admin in whose name a mailbox is connected, as its owner. owner: a user's address, empty for the user with the
    mailbox's address, or of a shared one the first admin. Raises AccountError."""
    account = require_account(tx, slug)
    if owner:
        return _principal(account.number, account.slug, require_user(tx, account, owner.strip().lower()))
    parsed = parse_address(address)
    found = None if parsed is None else find_user(tx, account.number, parsed.key)
    if found is None and kind == SHARED:
        found = next(user for user in list_users(tx, account.number) if user.role == ADMIN)
    if found is None:
        raise MissingError(
            f"{address[:80]!a} is no user of account {account.slug}: name the owner with --owner, or connect it as a "
            "shared mailbox with --kind shared"
        )
    return _principal(account.number, account.slug, found)


def operator_of(tx: Tx, slug: str, which: str) -> tuple[Principal, Mailbox]:
    """A mailbox by its id or address, and an admin with its owner's rights. Raises AccountError."""
    account = require_account(tx, slug)
    parsed = parse_address(which)
    row = store_of.get_mailbox(tx, account.number, which.strip().upper())
    if row is None and parsed is not None:
        row = store_of.find_address(tx, account.number, parsed.key)
    if row is None:
        raise MissingError(
            f"{which[:80]!a} is no mailbox of account {account.slug}; `smartgate mailbox list` names all"
        )
    owner = UserRow(row.owner, "", "", ADMIN, shared_mail=True, created_at=0)
    return _principal(account.number, account.slug, owner), store_of.show_row(tx, row)


def list_all(tx: Tx, slug: str) -> tuple[Mailbox, ...]:
    """The mailboxes of an account, newest first."""
    account = require_account(tx, slug)
    page = store_of.list_mailboxes(tx, account.number, BACK_END, None, _MOST)
    return tuple(shown for _, shown in page.rows)


def watch(tx: Tx, writer: Principal, id: str) -> Watched | None:
    """How a mailbox is at this moment; None where it is gone."""
    row = store_of.get_mailbox(tx, writer.account, id)
    if row is None:
        return None
    lease = store_of.find_lease(tx, writer.account, id)
    held = lease if lease is not None and lease > now() else None
    return Watched(store_of.show_row(tx, row), held, row.wanted_at is not None)


def _principal(account: int, slug: str, user: UserRow) -> Principal:
    return Principal(account, slug, user.id, user.email, user.name, ADMIN, shared_mail=True, token="")
