"""Add, list, change and remove the users of an account: by the operator with a command, by an admin over the API."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.core.options import AccountError, ConflictError, check_email, check_name, check_role, name_of
from gateway.core.refusals import Stale, Taken, Wrong
from gateway.core.resources import User
from gateway.store import access, accounts
from gateway.store.access import Principal
from gateway.store.accounts import AccountRow, UserRow
from gateway.store.audit import Actor, account_of, note
from gateway.store.engine import Store, Tx
from gateway.store.mailbox_reading import list_owned, owns_private


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


def forget_password(tx: Tx, slug: str, email: str) -> None:
    """Takes a password away that its user has forgotten, with their sessions. Raises AccountError."""
    account, user = _user(tx, slug, email)
    _forget_password(tx, account.number, user)


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
        return _add(tx, admin, check_email(email, gateway_domains), change)

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
            return _set(tx, admin, admin.slug, user, change)
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
            _remove(tx, admin, admin.slug, user)
        except ConflictError as fault:
            return Taken(str(fault), id)
        return True

    return await store.write(drop, account=admin.account)


@dataclass(frozen=True, slots=True)
class Holds:
    """What is to be known before a user is changed. stays: why they can't be taken away, empty where they can.

    password: they have one. private: they have a mailbox that nobody else may read, so no admin makes a link for them.
    """

    stays: str
    password: bool
    private: bool


async def show_holds(store: Store, admin: Principal, id: str) -> Holds | None:
    """What holds for a user of the account."""

    def holds(tx: Tx) -> Holds | None:
        user = accounts.get_user(tx, admin.account, id)
        if user is None:
            return None
        return Holds(
            _held_by(tx, admin.account, admin.slug, user),
            bool(accounts.get_password(tx, admin.account, id)),
            id != admin.user and owns_private(tx, admin.account, id),
        )

    return await store.read(holds)


async def drop_password(store: Store, admin: Principal, id: str) -> bool | None:
    """As forget_password, by an admin; None when the account has no such user, False where there is no password."""

    def drop(tx: Tx) -> bool | None:
        user = accounts.get_user(tx, admin.account, id)
        return None if user is None else _forget_password(tx, admin, user)

    return await store.write(drop, account=admin.account)


async def make_link(store: Store, admin: Principal, id: str) -> str | Taken | None:
    """The secret of a one-time link for a user, who is signed in by it. Whose mail nobody else may read gets none by an
    admin, who could open it and read that mail (E2); whoever runs the server makes it."""

    def make(tx: Tx) -> str | Taken | None:
        user = accounts.get_user(tx, admin.account, id)
        if user is None:
            return None
        if user.id != admin.user and owns_private(tx, admin.account, user.id):
            return Taken(
                f"{user.email} has a mailbox that nobody else may read; whoever runs this server makes a link for them",
                id,
            )
        note(tx, admin, "link.made", user.id, _now(), name=user.email)
        return access.issue_token(tx, admin.account, user.id, "sign_in", _now())

    return await store.write(make, account=admin.account)


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


def _add(tx: Tx, actor: Actor, email: str, change: Change) -> User:
    name = check_name(change.name) if change.name else name_of(email)
    role, shared = check_role(change.role or "user"), bool(change.shared_mail)
    made = accounts.add_user(tx, account_of(actor), email, name, role, _now(), shared_mail=shared)
    note(tx, actor, "user.added", made.id, _now(), name=email, role=role)
    return made.shown()


def _set(tx: Tx, actor: Actor, slug: str, user: UserRow, change: Change) -> User:
    changed = replace(
        user,
        name=user.name if change.name is None else check_name(change.name),
        role=user.role if change.role is None else check_role(change.role),
        shared_mail=user.shared_mail if change.shared_mail is None else change.shared_mail,
    )
    if changed.role != "admin":
        _keep_an_admin(tx, account_of(actor), slug, user)
    accounts.set_user(tx, account_of(actor), changed)
    if changed != user:
        note(tx, actor, "user.changed", user.id, _now(), name=user.email, **_difference(user, changed))
    return changed.shown()


def _difference(before: UserRow, after: UserRow) -> dict[str, object]:
    """What of a user is another than before."""
    named = {"called": "name", "role": "role", "shared_mail": "shared_mail"}
    pairs = {shown: (getattr(before, name), getattr(after, name)) for shown, name in named.items()}
    return {shown: now for shown, (was, now) in pairs.items() if was != now}


def _remove(tx: Tx, actor: Actor, slug: str, user: UserRow) -> None:
    account = account_of(actor)
    if held := _held_by(tx, account, slug, user):
        raise ConflictError(held)
    accounts.remove_user(tx, account, user.id)
    note(tx, actor, "user.removed", user.id, _now(), name=user.email)


def _held_by(tx: Tx, account: int, slug: str, user: UserRow) -> str:
    """Why a user can't be taken away; empty where nothing stands in the way."""
    if _is_last_admin(tx, account, user):
        return _last_admin(slug, user)
    owned = list_owned(tx, account, user.id)
    first = ", ".join(owned[:3]) + (f" and {len(owned) - 3} more" if len(owned) > 3 else "")
    return f"{user.email} owns the mailbox {first}; disconnect it first" if owned else ""


def _forget_password(tx: Tx, actor: Actor, user: UserRow) -> bool:
    account = account_of(actor)
    if not accounts.get_password(tx, account, user.id):
        return False
    accounts.set_password(tx, account, user.id, "")
    access.end_sessions(tx, account, user.id, but="" if isinstance(actor, int) else actor.token)
    note(tx, actor, "password.removed", user.id, _now(), name=user.email)
    return True


def _user(tx: Tx, slug: str, email: str) -> tuple[AccountRow, UserRow]:
    account = accounts.require_account(tx, slug)
    return account, accounts.require_user(tx, account, check_email(email, ()))


def _keep_an_admin(tx: Tx, account: int, slug: str, user: UserRow) -> None:
    if _is_last_admin(tx, account, user):
        raise ConflictError(_last_admin(slug, user))


def _is_last_admin(tx: Tx, account: int, user: UserRow) -> bool:
    return [row.id for row in accounts.list_users(tx, account) if row.role == "admin"] == [user.id]


def _last_admin(slug: str, user: UserRow) -> str:
    return f"{user.email} is the last admin of account {slug}; make somebody else admin first"


def _now() -> int:
    return time.time_ns() // 1_000_000
