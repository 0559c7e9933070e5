"""Who may come in: tokens for programs, one-time links for people, and the sessions those open.

A secret is 256 random bits, so a plain SHA-256 of it is all the store keeps. It carries its kind and the account's
number in clear, so that looking it up uses the unique key (account, hash): `sga_7_…` is a program's, `sgi_…` a link's,
`sgs_…` a session's.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, insert, or_, select, update

from gateway.core.options import SCOPES
from gateway.core.visibility import Eyes
from gateway.store.ids import new_id
from gateway.store.tables import accounts, tokens, users

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
USE_NOTED_EVERY = 10 * MINUTE
"""How coarse the time is at which a token was last used: a write every so often, not a request."""
LIVES: dict[str, int | None] = {"api": None, "sign_in": 15 * MINUTE, "session": 14 * DAY}
"""Kinds of token and how long each lives, in milliseconds; None for ever, until it is revoked."""

_MARKS = {"api": "sga", "sign_in": "sgi", "session": "sgs"}
_SECRET = re.compile(r"(sga|sgi|sgs)_([0-9]{1,9})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Principal:
    """A user of one account who proved it. account: the account's number, the wall between accounts. token: its id.

    scopes: what the token may do. role: the user's as of now, and no more than the token's scopes let it be.
    """

    account: int
    slug: str
    user: str
    email: str
    name: str
    role: str
    shared_mail: bool
    token: str
    scopes: frozenset[str] = frozenset(SCOPES)

    @property
    def eyes(self) -> Eyes:
        """With which mail is looked at (E2)."""
        return Eyes(self.user, self.role, self.shared_mail)

    @property
    def actor(self) -> Principal | int:
        """Who is written down for what is done (`audit`): the operator, where a command does it in somebody's name."""
        return self if self.token else self.account


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What may be shown of a token; never its secret. Times are milliseconds since 1970. user, email: whose it is."""

    id: str
    kind: str
    name: str
    user: str
    email: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int | None
    last_used_at: int | None


def issue_token(
    tx: Connection,
    account: int,
    user: str,
    kind: str,
    now: int,
    expires_at: int | None = None,
    *,
    name: str = "",
    scopes: Sequence[str] = SCOPES,
    id: str = "",
) -> str:
    """Makes a token of a user (id) and gives the secret, which can't be read again.

    expires_at: left out, the kind's own life. id: the token's, left out a new one. Tokens of the account that have run
    out are swept on the way.
    """
    life = LIVES[kind]
    if expires_at is None and life is not None:
        expires_at = now + life
    secret = f"{_MARKS[kind]}_{account}_{secrets.token_urlsafe(32)}"
    tx.execute(delete(tokens).where(tokens.c.account == account, tokens.c.expires_at <= now))
    tx.execute(
        insert(tokens).values(
            account=account,
            id=id or new_id(),
            hash=_hash(secret),
            user=user,
            kind=kind,
            name=name,
            scopes=",".join(scopes),
            created_at=now,
            expires_at=expires_at,
        )
    )
    return secret


_PRINCIPAL = (
    select(
        accounts.c.number,
        accounts.c.slug,
        users.c.id.label("user"),
        users.c.email,
        users.c.name,
        users.c.role,
        users.c.shared_mail,
        tokens.c.id.label("token"),
        tokens.c.scopes,
    )
    .join(users, and_(users.c.account == tokens.c.account, users.c.id == tokens.c.user))
    .join(accounts, accounts.c.number == tokens.c.account)
    .where(
        tokens.c.account == bindparam("b_account"),
        tokens.c.hash == bindparam("b_hash"),
        tokens.c.kind == bindparam("b_kind"),
        tokens.c.used_at.is_(None),
        or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > bindparam("b_now")),
    )
)


def find_principal(tx: Connection, token: str, kind: str, now: int) -> Principal | None:
    """Whose token this is; None for one that is wrong, of another kind, used, revoked or run out."""
    key = _key(token, kind)
    if key is None:
        return None
    row = tx.execute(_PRINCIPAL, {"b_account": key[0], "b_hash": key[1], "b_kind": kind, "b_now": now}).first()
    if row is None:
        return None
    may = frozenset(row.scopes.split(","))
    return replace(Principal(*row[:-1], scopes=may), role=row.role if "admin" in may else "user")


def redeem_sign_in(tx: Connection, token: str, now: int, device: str = "") -> tuple[str, Principal] | None:
    """Opens a session for a one-time link: the session's secret and whose it is. The link is used up by that.

    device: what the browser says it is, by which people know their sessions apart.
    """
    found = find_principal(tx, token, "sign_in", now)
    if found is None:
        return None
    mine = (tokens.c.account == found.account, tokens.c.id == found.token, tokens.c.used_at.is_(None))
    if tx.execute(update(tokens).where(*mine).values(used_at=now)).rowcount != 1:
        return None
    return open_session(tx, found.account, found.user, now, device)


def open_session(tx: Connection, account: int, user: str, now: int, device: str = "") -> tuple[str, Principal] | None:
    """A new session of a user (id): its secret, and whose it is."""
    session = issue_token(tx, account, user, "session", now, name=device)
    opened = find_principal(tx, session, "session", now)
    return None if opened is None else (session, opened)


def list_sessions(tx: Connection, account: int, user: str, now: int) -> list[TokenRow]:
    """A user's (id) open sessions, newest first."""
    return _tokens(tx, account, tokens.c.user == user, tokens.c.kind == "session", _lives(now))


def end_sessions(tx: Connection, account: int, user: str, *, but: str = "") -> int:
    """Ends a user's (id) sessions except one (id); how many those were."""
    mine = (tokens.c.account == account, tokens.c.user == user, tokens.c.kind == "session", tokens.c.id != but)
    return tx.execute(delete(tokens).where(*mine)).rowcount


def list_tokens(tx: Connection, account: int, now: int) -> list[TokenRow]:
    """The account's tokens that still work, newest first."""
    return _tokens(tx, account, tokens.c.used_at.is_(None), _lives(now))


def find_token(tx: Connection, account: int, id: str, now: int) -> TokenRow | None:
    """A program's token of the account that still works."""
    found = _tokens(tx, account, tokens.c.id == id, tokens.c.kind == "api", _lives(now))
    return found[0] if found else None


def _tokens(tx: Connection, account: int, *conditions: ColumnElement[bool]) -> list[TokenRow]:
    query = (
        select(
            tokens.c.id,
            tokens.c.kind,
            tokens.c.name,
            tokens.c.user,
            users.c.email,
            tokens.c.scopes,
            tokens.c.created_at,
            tokens.c.expires_at,
            tokens.c.last_used_at,
        )
        .join(users, and_(users.c.account == tokens.c.account, users.c.id == tokens.c.user))
        .where(tokens.c.account == account, *conditions)
        .order_by(tokens.c.id.desc())
    )
    return [TokenRow(*row[:5], tuple(row.scopes.split(",")), *row[6:]) for row in tx.execute(query)]


def _lives(now: int) -> ColumnElement[bool]:
    return or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now)


def set_token(tx: Connection, account: int, token: TokenRow) -> None:
    """Writes a token's name, scopes and end anew."""
    mine = (tokens.c.account == account, tokens.c.id == token.id)
    changed = {"name": token.name, "scopes": ",".join(token.scopes), "expires_at": token.expires_at}
    tx.execute(update(tokens).where(*mine).values(changed))


def note_use(tx: Connection, account: int, token: str, now: int) -> None:
    """A token (id) was used; harmless where it is gone, or another process noted it a moment ago."""
    stale = or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at <= now - USE_NOTED_EVERY)
    mine = (tokens.c.account == account, tokens.c.id == token)
    tx.execute(update(tokens).where(*mine, stale).values(last_used_at=now))


def revoke_token(tx: Connection, account: int, token: str) -> bool:
    """Ends a token by its id; False when the account has none of this id."""
    return tx.execute(delete(tokens).where(tokens.c.account == account, tokens.c.id == token)).rowcount == 1


def drop_token(tx: Connection, token: str, kind: str) -> bool:
    """Ends a token by its secret, as signing out does; False when there was none."""
    key = _key(token, kind)
    if key is None:
        return False
    mine = (tokens.c.account == key[0], tokens.c.hash == key[1], tokens.c.kind == kind)
    return tx.execute(delete(tokens).where(*mine)).rowcount == 1


def _key(token: str, kind: str) -> tuple[int, bytes] | None:
    match = _SECRET.fullmatch(token)
    if match is None or match[1] != _MARKS.get(kind):
        return None
    return int(match[2]), _hash(token)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()
