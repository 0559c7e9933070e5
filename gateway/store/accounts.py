"""Accounts, their names and options, and the people who are their users."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, Connection, Row, bindparam, delete, insert, select, update

from gateway.core.admission import Directory
from gateway.core.envelope import Action
from gateway.core.options import ConflictError, MissingError, Options
from gateway.core.resources import Account, Addresses, User
from gateway.store.ids import new_id, shared_time
from gateway.store.lists import among, listed
from gateway.store.mailbox_reading import find_link_sender
from gateway.store.outgoing import cancel_waiting
from gateway.store.prepared import Prepared
from gateway.store.searching import forget_account
from gateway.store.tables import accounts, metadata, never_log, own_domains, picture_senders, slugs, tokens, users

DAY = 24 * 60 * 60_000
_NOT_SENT = "Who wrote this mail was removed from the account before it was sent."
_NUMBERS = 999_999_999


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with its options. own_domains: sorted; `.acme.example` stands for the sub-domains.

    never_log: sorted; addresses, and domains with their sub-domains (B8a).
    """

    number: int
    id: str
    slug: str
    name: str
    copy_policy: str
    strangers: str
    rename_grace_days: int
    own_domains: tuple[str, ...]
    never_log: tuple[str, ...]
    created_at: int
    link_mailbox: str = ""

    def shown(self, domain: str) -> Account:
        """As the API shows it. domain: the gateway domain its addresses are written with."""
        attach, contact, lead = (f"{self.slug}{action.suffix}@{domain}" for action in Action)
        return Account(
            id=self.id,
            slug=self.slug,
            name=self.name,
            addresses=Addresses(attach, contact, lead),
            own_domains=self.own_domains,
            never_log=self.never_log,
            copy_policy=self.copy_policy,
            strangers=self.strangers,
            rename_grace_days=self.rename_grace_days,
            link_mailbox=self.link_mailbox or None,
            created_at=self.created_at,
        )


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user of an account. email: in the form in which addresses are compared."""

    id: str
    email: str
    name: str
    role: str
    shared_mail: bool
    created_at: int
    language: str = ""

    def shown(self) -> User:
        """As the API shows it."""
        return User(self.id, self.email, self.name, self.role, self.shared_mail, self.created_at)


_FOUND = select(slugs.c.account, slugs.c.retired_at, accounts.c.rename_grace_days).join(
    accounts, accounts.c.number == slugs.c.account
)
_DIRECTORY = Prepared(_FOUND.where(slugs.c.slug == bindparam("wanted")))
_DIRECTORIES = Prepared(
    _FOUND.with_only_columns(slugs.c.slug, *_FOUND.selected_columns).where(among(slugs.c.slug, "wanted"))
)


def find_slug(tx: Connection, slug: str, now: int, former_name_days: int) -> Directory | None:
    """What a slug stands for at this moment (rules A2, A4): an account, its former name, or nothing any more."""
    rows = _DIRECTORY.all(tx, wanted=slug)
    return _directory(rows[0], now, former_name_days) if rows else None


def find_slugs(tx: Connection, asked: Sequence[tuple[str, int, int]]) -> list[Directory | None]:
    """As find_slug for each of those who ask, with one statement."""
    if len(asked) == 1:
        return [find_slug(tx, *asked[0])]
    rows = {slug: row for slug, *row in _DIRECTORIES.all(tx, wanted=listed({slug for slug, _, _ in asked}))}
    return [_directory(rows[slug], now, days) if slug in rows else None for slug, now, days in asked]


def _directory(row: Sequence[Any], now: int, former_name_days: int) -> Directory | None:
    account, retired_at, grace_days = row
    if retired_at is None:
        return Directory(account, "current")
    if now < retired_at + grace_days * DAY:
        return Directory(account, "grace")
    return Directory(account, "former") if now < retired_at + former_name_days * DAY else None


def get_account(tx: Connection, number: int) -> AccountRow | None:
    """The account of a number."""
    row = tx.execute(select(*_ACCOUNT).where(accounts.c.number == number)).first()
    return None if row is None else _account(row, *_lists(tx, number))


def find_account(tx: Connection, slug: str) -> AccountRow | None:
    """The account whose current name this is."""
    row = tx.execute(select(*_ACCOUNT).where(accounts.c.slug == slug)).first()
    return None if row is None else _account(row, *_lists(tx, row.number))


def require_account(tx: Connection, slug: str) -> AccountRow:
    """As find_account. Raises MissingError, which for a former name tells the operator the new one."""
    wanted = slug.strip().lower()
    found = find_account(tx, wanted)
    if found is not None:
        return found
    renamed = select(accounts.c.slug).join(slugs, slugs.c.account == accounts.c.number).where(slugs.c.slug == wanted)
    now = tx.execute(renamed).scalar()
    more = f"; it is called {now} now" if now else "; `smartgate account list` names those there are"
    raise MissingError(f"no account is called {slug[:80]!a}{more}")


def list_accounts(tx: Connection) -> list[AccountRow]:
    """Every account, by slug."""
    domains, hidden = _grouped(tx, own_domains.c.domain), _grouped(tx, never_log.c.entry)
    rows = tx.execute(select(*_ACCOUNT).order_by(accounts.c.slug))
    return [_account(row, domains.get(row.number, ()), hidden.get(row.number, ())) for row in rows]


def add_account(tx: Connection, slug: str, name: str, now: int, former_name_days: int) -> AccountRow:
    """Opens an account under a checked slug. Raises ConflictError when another has or had it (A4)."""
    number = _new_number(tx)
    _take_slug(tx, slug, number, now, former_name_days)
    row = AccountRow(number, new_id(), slug, name, "cc", "accept", 0, (), (), now)
    values = {column.name: getattr(row, column.name) for column in accounts.columns if hasattr(row, column.name)}
    tx.execute(insert(accounts).values(values))
    return row


def set_slug(tx: Connection, account: AccountRow, slug: str, now: int, former_name_days: int) -> AccountRow:
    """Renames: the old slug stays reserved to the account, which may take it back; another's can't be had (A4)."""
    if slug == account.slug:
        return account
    _take_slug(tx, slug, account.number, now, former_name_days)
    tx.execute(update(slugs).where(slugs.c.slug == account.slug).values(retired_at=now))
    tx.execute(update(accounts).where(accounts.c.number == account.number).values(slug=slug))
    return replace(account, slug=slug)


def set_options(tx: Connection, account: int, options: Options) -> None:
    """Changes the options that are given (checked by core.options). Raises MissingError for a mailbox that can't mail
    links."""
    if options.link_mailbox:
        options = replace(options, link_mailbox=_require_sender(tx, account, options.link_mailbox))
    plain = ("name", "copy_policy", "strangers", "rename_grace_days", "link_mailbox")
    changed = {name: value for name in plain if (value := getattr(options, name)) is not None}
    if changed:
        tx.execute(update(accounts).where(accounts.c.number == account).values(changed))
    for column, values in ((own_domains.c.domain, options.own_domains), (never_log.c.entry, options.never_log)):
        if values is not None:
            _set_list(tx, account, column, values)


def erase_account(tx: Connection, account: int) -> None:
    """Takes away every row of an account, its names included."""
    forget_account(tx, account)
    for table in metadata.sorted_tables:
        if "account" in table.c:
            tx.execute(delete(table).where(table.c.account == account))
    tx.execute(delete(accounts).where(accounts.c.number == account))


def add_user(
    tx: Connection, account: int, email: str, name: str, role: str, now: int, *, shared_mail: bool = False
) -> UserRow:
    """Makes an address a user. Raises ConflictError when it is one of this account already."""
    if find_user(tx, account, email) is not None:
        raise ConflictError(f"email {email!r} is a user of this account already; allowed: another address")
    row = UserRow(new_id(), email, name, role, shared_mail, now)
    values = {column: getattr(row, column) for column in ("id", "email", "name", "role", "shared_mail", "created_at")}
    tx.execute(insert(users).values(account=account, **values))
    return row


def find_user(tx: Connection, account: int, email: str) -> UserRow | None:
    """The user of this account with this address, given as `check_email` writes it."""
    row = tx.execute(select(*_USER).where(users.c.account == account, users.c.email == email)).first()
    return None if row is None else UserRow(*row)


def find_seats(tx: Connection, email: str, most: int) -> list[tuple[str, str]]:
    """Slug and name of the accounts that have a user with this address, by name."""
    numbers = tx.execute(select(users.c.account).where(users.c.email == email).limit(most)).scalars().all()
    named = select(accounts.c.slug, accounts.c.name).where(accounts.c.number.in_(numbers))
    return [(row.slug, row.name) for row in tx.execute(named.order_by(accounts.c.name, accounts.c.slug))]


def get_user(tx: Connection, account: int, id: str) -> UserRow | None:
    """The user of this account with this id."""
    row = tx.execute(select(*_USER).where(users.c.account == account, users.c.id == id)).first()
    return None if row is None else UserRow(*row)


def require_user(tx: Connection, account: AccountRow, email: str) -> UserRow:
    """As find_user. Raises MissingError."""
    found = find_user(tx, account.number, email)
    if found is None:
        raise MissingError(f"{email[:80]!a} is no user of account {account.slug}")
    return found


def list_users(tx: Connection, account: int) -> list[UserRow]:
    """The account's users, the oldest first."""
    return [UserRow(*row) for row in tx.execute(select(*_USER).where(users.c.account == account).order_by(users.c.id))]


def set_user(tx: Connection, account: int, user: UserRow) -> None:
    """Writes a user's name, role and right anew."""
    mine = (users.c.account == account, users.c.id == user.id)
    tx.execute(update(users).where(*mine).values(name=user.name, role=user.role, shared_mail=user.shared_mail))


def remove_user(tx: Connection, account: int, user: str) -> None:
    """Takes a user (id) away, with every token and session of theirs, and what they chose for themselves. What of
    theirs waits to be sent isn't."""
    cancel_waiting(tx, account, shared_time(), _NOT_SENT, user=user)
    chosen = (picture_senders.c.account == account, picture_senders.c.user == user)
    tx.execute(delete(picture_senders).where(*chosen))
    tx.execute(delete(tokens).where(tokens.c.account == account, tokens.c.user == user))
    tx.execute(delete(users).where(users.c.account == account, users.c.id == user))


def set_profile(tx: Connection, account: int, user: str, name: str, language: str) -> None:
    """Writes what a user (id) is called, and the language they read in, anew."""
    mine = (users.c.account == account, users.c.id == user)
    tx.execute(update(users).where(*mine).values(name=name, language=language))


def get_password(tx: Connection, account: int, user: str) -> str:
    """The hash of a user's (id) password; empty where they have none."""
    query = select(users.c.password).where(users.c.account == account, users.c.id == user)
    return str(tx.execute(query).scalar() or "")


def set_password(tx: Connection, account: int, user: str, hash: str) -> None:
    """Keeps the hash of a user's (id) password; empty for none."""
    tx.execute(update(users).where(users.c.account == account, users.c.id == user).values(password=hash))


def _require_sender(tx: Connection, account: int, named: str) -> str:
    """The id of a mailbox that mails sign-in links: a shared one that can send."""
    found = find_link_sender(tx, account, named)
    if found is None:
        raise MissingError(
            f"link_mailbox: {named[:80]!a} can't mail links; allowed: a shared mailbox that is connected and can send"
        )
    return found


def _new_number(tx: Connection) -> int:
    """A number no account has. Random, so that an erased account's is not had again by one opened after it, while a
    mail for the old one may still be under way."""
    while True:
        number = 1 + secrets.randbelow(_NUMBERS)
        if tx.execute(select(accounts.c.id).where(accounts.c.number == number)).first() is None:
            return number


def _take_slug(tx: Connection, slug: str, account: int, now: int, former_name_days: int) -> None:
    row = tx.execute(select(slugs.c.account, slugs.c.retired_at).where(slugs.c.slug == slug)).first()
    if row is None:
        tx.execute(insert(slugs).values(slug=slug, account=account, retired_at=None))
        return
    free = row.account == account or (row.retired_at is not None and now >= row.retired_at + former_name_days * DAY)
    if not free:
        why = "is taken" if row.retired_at is None else "is a former name of another account and stays reserved to it"
        raise ConflictError(f"slug {slug!r} {why}; allowed: a name no account has or had (A4)")
    tx.execute(update(slugs).where(slugs.c.slug == slug).values(account=account, retired_at=None))


_ACCOUNT = (
    accounts.c.number,
    accounts.c.id,
    accounts.c.slug,
    accounts.c.name,
    accounts.c.copy_policy,
    accounts.c.strangers,
    accounts.c.rename_grace_days,
    accounts.c.created_at,
    accounts.c.link_mailbox,
)
_USER = (
    users.c.id,
    users.c.email,
    users.c.name,
    users.c.role,
    users.c.shared_mail,
    users.c.created_at,
    users.c.language,
)


def _account(row: Row[*tuple[Any, ...]], domains: tuple[str, ...], hidden: tuple[str, ...]) -> AccountRow:
    return AccountRow(**row._mapping, own_domains=domains, never_log=hidden)


def _set_list(tx: Connection, account: int, column: Column[str], values: Collection[str]) -> None:
    """Replaces the values an account has in a table that holds account and value."""
    tx.execute(delete(column.table).where(column.table.c.account == account))
    if values:
        tx.execute(insert(column.table), [{"account": account, column.name: value} for value in values])


def _lists(tx: Connection, account: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Own domains and what is never logged, of one account."""
    domains, hidden = (_grouped(tx, column, account) for column in (own_domains.c.domain, never_log.c.entry))
    return domains.get(account, ()), hidden.get(account, ())


def _grouped(tx: Connection, column: Column[str], account: int | None = None) -> dict[int, tuple[str, ...]]:
    """The values of such a table by account, sorted."""
    owner = column.table.c.account
    query = select(owner, column).order_by(owner, column)
    if account is not None:
        query = query.where(owner == account)
    found: dict[int, list[str]] = {}
    for number, value in tx.execute(query):
        found.setdefault(number, []).append(value)
    return {number: tuple(values) for number, values in found.items()}
