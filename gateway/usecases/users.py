"""Add, list, change and remove the users of an account: by the operator with a command, by an admin over the API."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.core.options import AccountError, ConflictError, check_email, check_name, check_role, name_of
from gateway.core.refusals import Stale, Taken, Wrong
from gateway.core.resources import User
from gateway.store import accounts
from gateway.store.access import Principal
from gateway.store.accounts import AccountRow, UserRow
from gateway.store.engine import Store, Tx
from gateway.store.mailbox_reading import list_owned


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change of a user; None leaves it as it is."""

    name: str | None = None
    role: str | None = None
    shared_mail: bool | None = None


def add_user(
    tx: Tx,
    slug: str,
    email: str,
    gateway_domains: tuple[str, ...],
    name: str = "",
    role: str = "user",
    *,
    shared_mail: bool = False,
) -> User:
    """Makes a person a user: their address is team from the next mail on. Raises AccountError."""
    account = accounts.require_account(tx, slug)
    address = check_email(email, gateway_domains)
    return _add(tx, account.number, address, Change(name, role, shared_mail))


def list_users(tx: Tx, slug: str) -> tuple[User, ...]:
    """The account's users, the oldest first."""
    account = accounts.require_account(tx, slug)
    return tuple(row.shown() for row in accounts.list_users(tx, account.number))


def set_user(tx: Tx, slug: str, email: str, change: Change) -> User:
    """Changes a user; the last admin stays one. Raises AccountError."""
    account, user = _user(tx, slug, email)
    return _set(tx, account.number, account.slug, user, change)


def remove_user(tx: Tx, slug: str, email: str) -> User:
    """Takes a user away with their tokens and sessions; the last admin stays, and who owns a mailbox that is connected.
    Raises AccountError."""
    account, user = _user(tx, slug, email)
    _remove(tx, account.number, account.slug, user)
    return user.shown()


async def make_user(
    store: Store, admin: Principal, email: str, change: Change, gateway_domains: tuple[str, ...]
) -> User | Wrong | Taken:
    """A new user of the admin's account; what is left out is derived, and the role is `user`."""
    wrong = _wrong(change, {"email": lambda: check_email(email, gateway_domains)})
    if wrong is not None:
        return wrong

    def make(tx: Tx) -> User | Taken:
        known = accounts.find_user(tx, admin.account, check_email(email, gateway_domains))
        if known is not None:
            return Taken(f"email {known.email!r} is a user of this account already; allowed: another address", known.id)
        return _add(tx, admin.account, check_email(email, gateway_domains), change)

    return await store.write(make, account=admin.account)


async def change_user(
    store: Store, admin: Principal, id: str, change: Change, unchanged: Callable[[User], bool]
) -> User | Wrong | Taken | Stale | None:
    """The user as they are then; None when there is no such one, Stale when they are not as the admin saw them."""
    wrong = _wrong(change, {})

    def edit(tx: Tx) -> User | Wrong | Taken | Stale | None:
        user = accounts.get_user(tx, admin.account, id)
        if user is None or wrong is not None:
            return None if user is None else wrong
        if not unchanged(user.shown()):
            return Stale()
        try:
            return _set(tx, admin.account, admin.slug, user, change)
        except ConflictError as fault:
            return Taken(str(fault), id)

    return await store.write(edit, account=admin.account)


async def drop_user(store: Store, admin: Principal, id: str) -> bool | Taken:
    """Takes a user away with their tokens and sessions; False when the account has no such one."""

    def drop(tx: Tx) -> bool | Taken:
        user = accounts.get_user(tx, admin.account, id)
        if user is None:
            return False
        try:
            _remove(tx, admin.account, admin.slug, user)
        except ConflictError as fault:
            return Taken(str(fault), id)
        return True

    return await store.write(drop, account=admin.account)


def _wrong(change: Change, also: Mapping[str, Callable[[], object]]) -> Wrong | None:
    """The first field that can't be so."""
    checks: dict[str, Callable[[], object]] = {
        **also,
        "name": lambda: check_name(change.name) if change.name is not None else None,
        "role": lambda: check_role(change.role) if change.role is not None else None,
    }
    for field, check in checks.items():
        try:
            check()
        except AccountError as fault:
            return Wrong(field, str(fault))
    return None


def _add(tx: Tx, account: int, email: str, change: Change) -> User:
    name = check_name(change.name) if change.name else name_of(email)
    role = check_role(change.role or "user")
    return accounts.add_user(tx, account, email, name, role, _now(), shared_mail=bool(change.shared_mail)).shown()


def _set(tx: Tx, account: int, slug: str, user: UserRow, change: Change) -> User:
    changed = replace(
        user,
        name=user.name if change.name is None else check_name(change.name),
        role=user.role if change.role is None else check_role(change.role),
        shared_mail=user.shared_mail if change.shared_mail is None else change.shared_mail,
    )
    if changed.role != "admin":
        _keep_an_admin(tx, account, slug, user)
    accounts.set_user(tx, account, changed)
    return changed.shown()


def _remove(tx: Tx, account: int, slug: str, user: UserRow) -> None:
    _keep_an_admin(tx, account, slug, user)
    owned = list_owned(tx, account, user.id)
    if owned:
        first = ", ".join(owned[:3]) + (f" and {len(owned) - 3} more" if len(owned) > 3 else "")
        raise ConflictError(f"{user.email} owns the mailbox {first}; disconnect it first")
    accounts.remove_user(tx, account, user.id)


def _user(tx: Tx, slug: str, email: str) -> tuple[AccountRow, UserRow]:
    account = accounts.require_account(tx, slug)
    return account, accounts.require_user(tx, account, check_email(email, ()))


def _keep_an_admin(tx: Tx, account: int, slug: str, user: UserRow) -> None:
    admins = [row.id for row in accounts.list_users(tx, account) if row.role == "admin"]
    if admins == [user.id]:
        raise ConflictError(f"{user.email} is the last admin of account {slug}; make somebody else admin first")


def _now() -> int:
    return time.time_ns() // 1_000_000
