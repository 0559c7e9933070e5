"""Make, list, change and revoke tokens: by the operator with a command, by an admin over the API.

A token is its user's: it never does more than its user may at that moment, and ends with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from gateway.core.options import (
    SCOPES,
    AccountError,
    MissingError,
    check_email,
    check_expires,
    check_name,
    check_scopes,
    scopes_of,
)
from gateway.core.refusals import Stale, Wrong
from gateway.core.resources import NewToken, Token
from gateway.store import access, accounts
from gateway.store.access import Principal, TokenRow
from gateway.store.accounts import UserRow
from gateway.store.audit import Actor, account_of, note
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.mailbox_reading import owns_private
from gateway.store.reading import Page, Position


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token is to be. scopes: None for all its user's role allows. expires_at: a moment or a span, None for
    never, "" for as it is."""

    name: str | None = None
    scopes: tuple[str, ...] | None = None
    expires_at: str | None = ""


def create_token(tx: Tx, slug: str, email: str, wish: Wish = Wish()) -> tuple[NewToken, str]:
    """A program's token and the secret of a one-time link for a user. Raises AccountError."""
    account = accounts.require_account(tx, slug)
    user = accounts.require_user(tx, account, check_email(email, ()))
    made = _make(tx, account.number, user, wish)
    note(tx, account.number, "link.made", user.id, _now(), name=user.email)
    return made, access.issue_token(tx, account.number, user.id, "sign_in", _now())


def list_tokens(tx: Tx, slug: str) -> tuple[TokenRow, ...]:
    """The account's tokens, links and sessions that still work, newest first."""
    return tuple(access.list_tokens(tx, accounts.require_account(tx, slug).number, _now()))


def revoke_token(tx: Tx, slug: str, token: str) -> None:
    """Ends a token by its id. Raises MissingError."""
    account = accounts.require_account(tx, slug)
    known = next((one for one in access.list_tokens(tx, account.number, _now()) if one.id == token), None)
    if known is not None:
        what = "session.revoked" if known.kind == "session" else "token.revoked"
        note(tx, account.number, what, token, _now(), name=known.name, user=known.email)
    if not access.revoke_token(tx, account.number, token):
        raise MissingError(f"account {account.slug} has no token {token[:80]!a}; `smartgate token list` names them")


async def show_tokens(store: Store, admin: Principal, after: Position | None, limit: int) -> Page[Token]:
    """The tokens of the account's programs, newest first."""

    def tokens(tx: Tx) -> Page[Token]:
        found = [row for row in access.list_tokens(tx, admin.account, _now()) if row.kind == "api"]
        rows = [row for row in found if after is None or row.id < after[0]]
        shown = tuple(map(_shown, rows[:limit]))
        return Page(shown, (shown[-1].id,) if len(rows) > limit else None)

    return await store.read(tokens)


async def show_token(store: Store, admin: Principal, id: str) -> Token | None:
    """One token of the account."""
    row = await store.read(lambda tx: access.find_token(tx, admin.account, id, _now()))
    return None if row is None else _shown(row)


async def make_token(store: Store, admin: Principal, user: str | None, wish: Wish) -> NewToken | Wrong:
    """A new token with its secret. user: an id, None for the admin's own. It may do no more than the admin's token."""

    def make(tx: Tx) -> NewToken | Wrong:
        owner = accounts.get_user(tx, admin.account, admin.user if user is None else user)
        if owner is None:
            return Wrong("user", f"{str(user)[:80]!a} is no user of this account; allowed: a user's id")
        if owner.id != admin.user and owns_private(tx, admin.account, owner.id):
            return Wrong(
                "user", f"{owner.email} has a mailbox that nobody else may read; only they make a token of theirs"
            )
        bounded = replace(wish, scopes=_scopes(wish, owner.role, admin))
        return _wrong(owner.role, bounded, admin) or _make(tx, admin, owner, bounded)

    return await store.write(make, account=admin.account)


async def change_token(
    store: Store, admin: Principal, id: str, wish: Wish, unchanged: Callable[[Token], bool]
) -> Token | Wrong | Stale | None:
    """The token as it is then; None when the account has no such one, Stale when it is not as the admin saw it."""

    def edit(tx: Tx) -> Token | Wrong | Stale | None:
        row = access.find_token(tx, admin.account, id, _now())
        owner = accounts.get_user(tx, admin.account, row.user) if row is not None else None
        if row is None or owner is None:
            return None
        if not unchanged(_shown(row)):
            return Stale()
        wrong = _wrong(owner.role, wish, admin)
        if wrong is not None:
            return wrong
        changed = replace(
            row,
            name=row.name if wish.name is None else wish.name and check_name(wish.name),
            scopes=row.scopes if wish.scopes is None else check_scopes(wish.scopes, owner.role),
            expires_at=row.expires_at if wish.expires_at == "" else _end(wish),
        )
        access.set_token(tx, admin.account, changed)
        note(tx, admin, "token.changed", id, _now(), name=changed.name, user=row.email)
        return _shown(changed)

    return await store.write(edit, account=admin.account)


async def drop_token(store: Store, admin: Principal, id: str) -> bool:
    """Ends a token; False when the account has no such one."""

    def drop(tx: Tx) -> bool:
        known = access.find_token(tx, admin.account, id, _now())
        if known is None:
            return False
        note(tx, admin, "token.revoked", id, _now(), name=known.name, user=known.email)
        return access.revoke_token(tx, admin.account, id)

    return await store.write(drop, account=admin.account)


def _scopes(wish: Wish, role: str, admin: Principal) -> tuple[str, ...]:
    if wish.scopes is not None:
        return wish.scopes
    return tuple(scope for scope in scopes_of(role) if scope in admin.scopes)


def _wrong(role: str, wish: Wish, admin: Principal) -> Wrong | None:
    try:
        field = "name"
        if wish.name:
            check_name(wish.name)
        field = "scopes"
        if wish.scopes is not None:
            _within(check_scopes(wish.scopes, role), admin)
        field = "expires_at"
        _end(wish)
    except AccountError as fault:
        return Wrong(field, str(fault))
    return None


def _within(scopes: Sequence[str], admin: Principal) -> None:
    """Nobody gives what they don't have."""
    for scope in scopes:
        if scope not in admin.scopes:
            own = ", ".join(one for one in SCOPES if one in admin.scopes)
            raise AccountError(f"scope {scope!r} is more than the token has that asks for it; allowed: {own}")


def _end(wish: Wish) -> int | None:
    return check_expires(wish.expires_at, _now()) if wish.expires_at else None


def _make(tx: Tx, actor: Actor, user: UserRow, wish: Wish) -> NewToken:
    scopes = scopes_of(user.role) if wish.scopes is None else check_scopes(wish.scopes, user.role)
    now, id, name = _now(), new_id(), check_name(wish.name) if wish.name else ""
    ends = _end(wish)
    account = account_of(actor)
    secret = access.issue_token(tx, account, user.id, "api", now, ends, name=name, scopes=scopes, id=id)
    note(tx, actor, "token.made", id, now, name=name, user=user.email)
    return NewToken(id, name, user.id, scopes, now, ends, None, secret)


def _shown(row: TokenRow) -> Token:
    held = {name: value for name, value in asdict(row).items() if name not in ("kind", "email")}
    return Token(**held)


def _now() -> int:
    return time.time_ns() // 1_000_000
