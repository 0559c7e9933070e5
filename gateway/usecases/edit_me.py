"""What users do to themselves: their name and language, their password, and the browsers they are signed in with."""

from __future__ import annotations

import time
from collections.abc import Collection

from gateway.core.devices import Session
from gateway.core.options import AccountError, check_language, check_name, check_password
from gateway.core.refusals import Wrong
from gateway.hashing import Hasher
from gateway.store import access, accounts
from gateway.store.access import Principal, TokenRow
from gateway.store.audit import note
from gateway.store.engine import Store, Tx

SAME = Wrong("present", "this is not your present password")
"""The present password was not the right one."""


async def change_profile(
    store: Store, reader: Principal, name: str, language: str, languages: Collection[str]
) -> Wrong | None:
    """What the reader is called, and the language in which they read the pages; empty for their browser's."""
    field = "name"
    try:
        called = check_name(name)
        field = "language"
        spoken = check_language(language, languages)
    except AccountError as fault:
        return Wrong(field, str(fault))

    def change(tx: Tx) -> None:
        accounts.set_profile(tx, reader.account, reader.user, called, spoken)
        if called != reader.name:
            note(tx, reader, "user.changed", reader.user, _now(), name=called)

    await store.write(change, account=reader.account)
    return None


async def has_password(store: Store, reader: Principal) -> bool:
    """Whether the reader can sign in with a password."""
    return bool(await store.read(lambda tx: accounts.get_password(tx, reader.account, reader.user)))


async def change_password(
    store: Store, hasher: Hasher, reader: Principal, present: str, new: str, device: str
) -> str | Wrong:
    """Sets, changes or, where `new` is empty, removes the reader's password, who proves that they know the present one.

    Whoever knew the former one is out: all of the reader's sessions end. Gives the secret of a new one.
    """
    kept = await store.read(lambda tx: accounts.get_password(tx, reader.account, reader.user))
    if kept and not await hasher.matches(kept, present):
        return SAME
    try:
        hash = await hasher.hash(check_password(new, reader.email)) if new else ""
    except AccountError as fault:
        return Wrong("new", str(fault))

    def change(tx: Tx) -> str | Wrong:
        if accounts.get_password(tx, reader.account, reader.user) != kept:
            return SAME
        accounts.set_password(tx, reader.account, reader.user, hash)
        access.end_sessions(tx, reader.account, reader.user)
        what = "password.removed" if not hash else "password.changed" if kept else "password.set"
        note(tx, reader, what, reader.user, _now())
        opened = access.open_session(tx, reader.account, reader.user, _now(), device)
        return SAME if opened is None else opened[0]

    return await store.write(change, account=reader.account)


async def list_sessions(store: Store, reader: Principal) -> tuple[Session, ...]:
    """Where the reader is signed in, newest first."""
    rows = await store.read(lambda tx: access.list_sessions(tx, reader.account, reader.user, _now()))
    return tuple(map(_shown, rows))


async def end_session(store: Store, reader: Principal, id: str) -> bool:
    """Ends one of the reader's sessions; False where they have no such one."""

    def end(tx: Tx) -> bool:
        mine = {row.id: row for row in access.list_sessions(tx, reader.account, reader.user, _now())}
        if id not in mine:
            return False
        note(tx, reader, "session.revoked", id, _now(), device=mine[id].name)
        return access.revoke_token(tx, reader.account, id)

    return await store.write(end, account=reader.account)


async def end_others(store: Store, reader: Principal) -> int:
    """Ends all of the reader's sessions but this one; how many those were."""

    def end(tx: Tx) -> int:
        ended = access.end_sessions(tx, reader.account, reader.user, but=reader.token)
        if ended:
            note(tx, reader, "session.revoked", "", _now(), number=ended)
        return ended

    return await store.write(end, account=reader.account)


def _shown(row: TokenRow) -> Session:
    return Session(row.id, row.name, row.created_at, row.last_used_at or row.created_at)


def _now() -> int:
    return time.time_ns() // 1_000_000
