"""Who may come in: tokens for programs, one-time links for people, and the sessions those open.

A secret is 256 random bits, so a plain SHA-256 of it is all the store keeps. It carries its kind and the account's
number in clear, so that looking it up uses the unique key (account, hash): `sga_7_…` is a program's, `sgi_…` a link's,
`sgs_…` a session's.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, update

from gateway.store.ids import new_id
from gateway.store.tables import accounts, tokens, users

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
LIVES: dict[str, int | None] = {"api": None, "sign_in": 15 * MINUTE, "session": 14 * DAY}
"""Kinds of token and how long each lives, in milliseconds; None for ever, until it is revoked."""

_MARKS = {"api": "sga", "sign_in": "sgi", "session": "sgs"}
_SECRET = re.compile(r"(sga|sgi|sgs)_([0-9]{1,9})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Principal:
    """A user of one account who proved it. account: the account's number, the wall between accounts. token: its id."""

    account: int
    slug: str
    user: str
    email: str
    name: str
    role: str
    shared_mail: bool
    token: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What may be shown of a token; never its secret. Times are milliseconds since 1970."""

    id: str
    kind: str
    email: str
    created_at: int
    expires_at: int | None


def issue_token(tx: Connection, account: int, user: str, kind: str, now: int, expires_at: int | None = None) -> str:
    """Makes a token of a user (id) and gives the secret, which can't be read again.

    expires_at: left out, the kind's own life. Tokens of the account that have run out are swept on the way.
    """
    life = LIVES[kind]
    if expires_at is None and life is not None:
        expires_at = now + life
    secret = f"{_MARKS[kind]}_{account}_{secrets.token_urlsafe(32)}"
    tx.execute(delete(tokens).where(tokens.c.account == account, tokens.c.expires_at <= now))
    tx.execute(
        insert(tokens).values(
            account=account,
            id=new_id(),
            hash=_hash(secret),
            user=user,
            kind=kind,
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
    return None if row is None else Principal(*row)


def redeem_sign_in(tx: Connection, token: str, now: int) -> tuple[str, Principal] | None:
    """Opens a session for a one-time link: the session's secret and whose it is. The link is used up by that."""
    found = find_principal(tx, token, "sign_in", now)
    if found is None:
        return None
    mine = (tokens.c.account == found.account, tokens.c.id == found.token, tokens.c.used_at.is_(None))
    if tx.execute(update(tokens).where(*mine).values(used_at=now)).rowcount != 1:
        return None
    session = issue_token(tx, found.account, found.user, "session", now)
    opened = find_principal(tx, session, "session", now)
    return None if opened is None else (session, opened)


def list_tokens(tx: Connection, account: int, now: int) -> list[TokenRow]:
    """The account's tokens that still work, newest first."""
    query = (
        select(tokens.c.id, tokens.c.kind, users.c.email, tokens.c.created_at, tokens.c.expires_at)
        .join(users, and_(users.c.account == tokens.c.account, users.c.id == tokens.c.user))
        .where(
            tokens.c.account == account,
            tokens.c.used_at.is_(None),
            or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now),
        )
        .order_by(tokens.c.id.desc())
    )
    return [TokenRow(*row) for row in tx.execute(query)]


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
