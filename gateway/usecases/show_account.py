"""Show an account with its smart addresses, and its users."""

from __future__ import annotations

from gateway.core.resources import Account, User
from gateway.store.access import Principal
from gateway.store.accounts import get_account, get_user, list_users
from gateway.store.engine import Store, Tx
from gateway.store.reading import Page, Position


async def show_account(store: Store, reader: Principal, domain: str) -> Account:
    """The reader's account. domain: the gateway domain its addresses are written with."""
    row = await store.read(lambda tx: get_account(tx, reader.account))
    if row is None:
        raise LookupError("the account of a signed-in user is gone")
    return row.shown(domain)


async def show_users(store: Store, reader: Principal, after: Position | None, limit: int) -> Page[User]:
    """The users of the reader's account, newest first."""

    def users(tx: Tx) -> Page[User]:
        rows = [row for row in reversed(list_users(tx, reader.account)) if after is None or row.id < after[0]]
        shown = tuple(row.shown() for row in rows[:limit])
        return Page(shown, (shown[-1].id,) if len(rows) > limit else None)

    return await store.read(users)


async def show_user(store: Store, reader: Principal, id: str) -> User | None:
    """One user of the reader's account."""
    row = await store.read(lambda tx: get_user(tx, reader.account, id))
    return None if row is None else row.shown()


async def list_names(store: Store, reader: Principal) -> dict[str, str]:
    """What the users of the reader's account are called, by their ids."""
    return {row.id: row.name for row in await store.read(lambda tx: list_users(tx, reader.account))}
