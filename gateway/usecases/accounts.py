"""Open, list, rename, set and erase accounts: what the operator does, each in the transaction that is handed in.

Renaming is an admin's as well (rule A4).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.core.options import (
    AccountError,
    ConflictError,
    Options,
    check_email,
    check_name,
    check_own_domains,
    check_slug,
    name_of,
    read_options,
)
from gateway.core.refusals import Taken, Wrong
from gateway.core.resources import Account, User
from gateway.store import access, accounts
from gateway.store.access import Principal
from gateway.store.accounts import AccountRow
from gateway.store.audit import Actor, note
from gateway.store.engine import Store, Tx
from gateway.store.outbox import add_event


@dataclass(frozen=True, slots=True)
class House:
    """What the settings say that concerns accounts. domains: the gateway's, the one for addresses first."""

    domains: tuple[str, ...]
    former_name_days: int
    public_url: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A new account, its owner, and what the owner comes in with: a program's token and a one-time link."""

    account: Account
    owner: User
    token: str
    sign_in_url: str


def open_account(tx: Tx, house: House, slug: str, name: str, owner: str, own_domains: Sequence[str]) -> Opened:
    """Opens an account whose owner is its first user, with role admin. Raises AccountError."""
    slug, name, email = check_slug(slug), check_name(name), check_email(owner, house.domains)
    domains, now = check_own_domains(own_domains, house.domains), _now()
    account = accounts.add_account(tx, slug, name, now, house.former_name_days)
    accounts.set_options(tx, account.number, Options(own_domains=domains))
    user = accounts.add_user(tx, account.number, email, name_of(email), "admin", now, shared_mail=True)
    note(tx, account.number, "account.opened", account.id, now, name=slug, owner=email)
    token = access.issue_token(tx, account.number, user.id, "api", now)
    link = access.issue_token(tx, account.number, user.id, "sign_in", now)
    shown = _shown(house, _again(tx, account))
    return Opened(shown, user.shown(), token, sign_in_url(house.public_url, link))


def list_accounts(tx: Tx, house: House) -> tuple[Account, ...]:
    """Every account, by slug."""
    return tuple(_shown(house, row) for row in accounts.list_accounts(tx))


def show_account(tx: Tx, house: House, slug: str) -> tuple[Account, tuple[User, ...]]:
    """One account and its users, the oldest first."""
    row = accounts.require_account(tx, slug)
    people = accounts.list_users(tx, row.number)
    return _shown(house, row), tuple(user.shown() for user in people)


def rename_account(tx: Tx, house: House, old: str, new: str) -> Account:
    """Gives an account another slug; the old one stays reserved to it (A4). Raises AccountError."""
    row = accounts.require_account(tx, old)
    return _shown(house, _rename(tx, row.number, row, check_slug(new), house.former_name_days))


async def give_name(
    store: Store, admin: Principal, new: str, domain: str, former_name_days: int
) -> Account | Wrong | Taken | None:
    """As rename_account, by an admin. domain: the gateway domain addresses are written with."""
    try:
        slug = check_slug(new)
    except AccountError as fault:
        return Wrong("slug", str(fault))

    def rename(tx: Tx) -> Account | Taken | None:
        row = accounts.get_account(tx, admin.account)
        if row is None:
            return None
        try:
            return _rename(tx, admin, row, slug, former_name_days).shown(domain)
        except ConflictError as fault:
            return Taken(str(fault), slug)

    return await store.write(rename)


def _rename(tx: Tx, actor: Actor, row: AccountRow, slug: str, former_name_days: int) -> AccountRow:
    now = _now()
    renamed = accounts.set_slug(tx, row, slug, now, former_name_days)
    if renamed.slug != row.slug:
        add_event(tx, row.number, "account.renamed", row.id, now)
        note(tx, actor, "account.renamed", row.id, now, former=row.slug, name=slug)
    return renamed


def set_account(tx: Tx, house: House, slug: str, pairs: Mapping[str, str]) -> Account:
    """Changes options of an account, all or none. Raises AccountError."""
    if not pairs:
        raise AccountError("no option is given; allowed: OPTION=VALUE, such as copy_policy=cc_or_to")
    row = accounts.require_account(tx, slug)
    accounts.set_options(tx, row.number, read_options(pairs, house.domains))
    note(tx, row.number, "account.changed", row.id, _now(), **dict(pairs))
    return _shown(house, _again(tx, row))


def erase_account(tx: Tx, slug: str) -> int:
    """Takes an account away with all its mails, cards, users and receipts; gives its number, which its files carry."""
    row = accounts.require_account(tx, slug)
    accounts.erase_account(tx, row.number)
    return row.number


def number_of(tx: Tx, slug: str) -> int:
    """The number under which an account's rows are kept. Raises MissingError."""
    return accounts.require_account(tx, slug).number


def sign_in_url(public_url: str, secret: str) -> str:
    """The link that opens a session once."""
    return f"{public_url}/sign-in/{secret}"


def _again(tx: Tx, row: AccountRow) -> AccountRow:
    return accounts.get_account(tx, row.number) or row


def _shown(house: House, row: AccountRow) -> Account:
    return row.shown(house.domains[0])


def _now() -> int:
    return time.time_ns() // 1_000_000
