"""Show an account with its smart addresses, and its users."""

from __future__ import annotations

from gateway.core.envelope import Action
from gateway.core.resources import Account, Addresses, User
from gateway.store.access import Principal
from gateway.store.accounts import get_account, list_users
from gateway.store.engine import Store, Tx
from gateway.store.reading import Page, Position


async def show_account(store: Store, reader: Principal, domain: str) -> Account:
    """The reader's account. domain: the gateway domain its addresses are written with."""
    row = await store.read(lambda tx: get_account(tx, reader.account))
    if row is None:
        raise LookupError("the account of a signed-in user is gone")
    return Account(
        row.id,
        row.slug,
        row.name,
        smart_addresses(row.slug, domain),
        row.own_domains,
        row.never_log,
        row.copy_policy,
        row.strangers,
        row.rename_grace_days,
        row.created_at,
    )


def smart_addresses(slug: str, domain: str) -> Addresses:
    """The three addresses every account has (rules, Words)."""
    attach, contact, lead = (f"{slug}{action.suffix}@{domain}" for action in Action)
    return Addresses(attach, contact, lead)


async def show_users(store: Store, reader: Principal, after: Position | None, limit: int) -> Page[User]:
    """The users of the reader's account, newest first."""

    def users(tx: Tx) -> Page[User]:
        rows = [row for row in reversed(list_users(tx, reader.account)) if after is None or row.id < after[0]]
        shown = tuple(
            User(row.id, row.email, row.name, row.role, row.shared_mail, row.created_at) for row in rows[:limit]
        )
        return Page(shown, (shown[-1].id,) if len(rows) > limit else None)

    return await store.read(users)
