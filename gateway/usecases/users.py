"""Add, list, change and remove the users of an account, and their tokens."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from gateway.core.options import ConflictError, MissingError, check_email, check_name, check_role, name_of
from gateway.core.resources import User
from gateway.store import access, accounts
from gateway.store.access import TokenRow
from gateway.store.accounts import AccountRow, UserRow
from gateway.store.engine import Tx


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
    address, kind = check_email(email, gateway_domains), check_role(role)
    called = check_name(name) if name else name_of(address)
    return _shown(accounts.add_user(tx, account.number, address, called, kind, _now(), shared_mail=shared_mail))


def list_users(tx: Tx, slug: str) -> tuple[User, ...]:
    """The account's users, the oldest first."""
    account = accounts.require_account(tx, slug)
    return tuple(_shown(row) for row in accounts.list_users(tx, account.number))


def set_user(tx: Tx, slug: str, email: str, change: Change) -> User:
    """Changes a user; the last admin stays one. Raises AccountError."""
    account, user = _user(tx, slug, email)
    changed = replace(
        user,
        name=user.name if change.name is None else check_name(change.name),
        role=user.role if change.role is None else check_role(change.role),
        shared_mail=user.shared_mail if change.shared_mail is None else change.shared_mail,
    )
    if changed.role != "admin":
        _keep_an_admin(tx, account, user)
    accounts.set_user(tx, account.number, changed)
    return _shown(changed)


def remove_user(tx: Tx, slug: str, email: str) -> User:
    """Takes a user away with their tokens and sessions; the last admin stays. Raises AccountError."""
    account, user = _user(tx, slug, email)
    _keep_an_admin(tx, account, user)
    accounts.remove_user(tx, account.number, user.id)
    return _shown(user)


def create_token(tx: Tx, slug: str, email: str) -> tuple[str, str]:
    """A program's token and the secret of a one-time link for a user. Raises AccountError."""
    account, user = _user(tx, slug, email)
    now = _now()
    token = access.issue_token(tx, account.number, user.id, "api", now)
    return token, access.issue_token(tx, account.number, user.id, "sign_in", now)


def list_tokens(tx: Tx, slug: str) -> tuple[TokenRow, ...]:
    """The account's tokens that still work, newest first."""
    return tuple(access.list_tokens(tx, accounts.require_account(tx, slug).number, _now()))


def revoke_token(tx: Tx, slug: str, token: str) -> None:
    """Ends a token by its id. Raises MissingError."""
    account = accounts.require_account(tx, slug)
    if not access.revoke_token(tx, account.number, token):
        raise MissingError(f"account {account.slug} has no token {token[:80]!a}; `smartgate token list` names them")


def _user(tx: Tx, slug: str, email: str) -> tuple[AccountRow, UserRow]:
    account = accounts.require_account(tx, slug)
    return account, accounts.require_user(tx, account, check_email(email, ()))


def _keep_an_admin(tx: Tx, account: AccountRow, user: UserRow) -> None:
    admins = [row.id for row in accounts.list_users(tx, account.number) if row.role == "admin"]
    if admins == [user.id]:
        raise ConflictError(f"{user.email} is the last admin of account {account.slug}; make somebody else admin first")


def _shown(row: UserRow) -> User:
    return User(row.id, row.email, row.name, row.role, row.shared_mail, row.created_at)


def _now() -> int:
    return time.time_ns() // 1_000_000
