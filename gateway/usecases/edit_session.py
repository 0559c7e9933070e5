"""Sign in by a one-time link, a password or a proven address, sign out, and say who stands behind a token."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from gateway.core.address import parse_address
from gateway.hashing import Hasher
from gateway.store import access
from gateway.store.access import (
    LIVES,
    USE_NOTED_EVERY,
    Principal,
    drop_token,
    find_principal,
    open_session,
    redeem_sign_in,
)
from gateway.store.accounts import (
    find_account,
    find_seats,
    find_user,
    get_account,
    get_password,
    get_user,
    set_password,
)
from gateway.store.audit import note
from gateway.store.engine import Store, Tx
from gateway.store.mailbox_reading import count_locked_out
from gateway.store.reading_outcomes import find_oldest_held

__all__ = [
    "COOKIE",
    "LINK_MINUTES",
    "SESSION_SECONDS",
    "USE_NOTED_EVERY",
    "Browser",
    "Named",
    "Principal",
    "Seat",
    "Visitor",
    "list_seats",
    "note_use",
    "read_name",
    "sign_in",
    "sign_in_by_address",
    "sign_in_by_password",
    "sign_out",
    "who_is",
    "who_reads",
    "who_visits",
]
SESSION_SECONDS = (LIVES["session"] or 0) // 1000
COOKIE = "smartgate_session"
"""In which a browser keeps its session."""
MOST_HELD = 100
MOST_SEATS = 50
LINK_MINUTES = (LIVES["sign_in"] or 0) // 60_000


@dataclass(frozen=True, slots=True)
class Browser:
    """Where somebody signs in. device: what it says it is. session: the secret of one it has already."""

    device: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """Who somebody says they are: their account's slug and their address."""

    slug: str
    email: str


def read_name(account: str, email: str) -> Named:
    """As people type it; what is no address names nobody."""
    found = parse_address(email.strip())
    return Named(account.strip().lower()[:100], found.key if found is not None else "")


async def who_is(store: Store, secret: str) -> Principal | None:
    """Whose token of the API this is; None for one that doesn't work."""
    return await store.read(lambda tx: find_principal(tx, secret, "api", _now()))


async def note_use(store: Store, reader: Principal) -> None:
    """Notes that a token is in use, as coarsely as USE_NOTED_EVERY."""
    await store.write(lambda tx: access.note_use(tx, reader.account, reader.token, _now()), account=reader.account)


@dataclass(frozen=True, slots=True)
class Visitor(Principal):
    """A user who signed in with a browser. account_name: of their account. language: the one they chose, empty for the
    browser's. held: how many mails wait for them, MOST_HELD for that many or more. locked_out: how many of the
    mailboxes they may connect again no longer let us in."""

    account_name: str = ""
    language: str = ""
    held: int = 0
    locked_out: int = 0


async def who_visits(store: Store, secret: str) -> Visitor | None:
    """Whose session this is; None for one that doesn't work."""

    def find(tx: Tx) -> Visitor | None:
        found = find_principal(tx, secret, "session", _now())
        account = get_account(tx, found.account) if found is not None else None
        user = get_user(tx, found.account, found.user) if found is not None else None
        if found is None or account is None or user is None:
            return None
        return Visitor(
            **asdict(found),
            account_name=account.name,
            language=user.language,
            held=len(find_oldest_held(tx, account.number, MOST_HELD)) if found.role == "admin" else 0,
            locked_out=count_locked_out(tx, account.number, found.eyes),
        )

    return await store.read(find)


async def who_reads(store: Store, secret: str) -> Principal | None:
    """The same, without what pages show of them; for streams, which ask again and again."""
    return await store.read(lambda tx: find_principal(tx, secret, "session", _now()))


async def sign_in(store: Store, secret: str, browser: Browser = Browser()) -> str | None:
    """Opens a session for a one-time link, which is used up by that; None for a link that is wrong, used or old."""

    def redeem(tx: Tx) -> str | None:
        opened = redeem_sign_in(tx, secret, _now(), browser.device)
        return None if opened is None else _begun(tx, opened, browser, "link")

    return await store.write(redeem)


async def sign_in_by_password(
    store: Store, hasher: Hasher, named: Named, password: str, browser: Browser = Browser()
) -> str | None:
    """Opens a session; None for a wrong password, and as late where there is no such user or they have none."""
    found = await store.read(lambda tx: _kept(tx, named))
    account, user, kept = found or (0, "", "")
    right = await hasher.matches(kept, password)
    if not right:
        return None
    renewed = await hasher.hash(password) if hasher.is_stale(kept) else ""

    def open(tx: Tx) -> str | None:
        if get_password(tx, account, user) != kept:  # it was changed meanwhile
            return None
        if renewed:
            set_password(tx, account, user, renewed)
        opened = open_session(tx, account, user, _now(), browser.device)
        return None if opened is None else _begun(tx, opened, browser, "password")

    return await store.write(open, account=account)


@dataclass(frozen=True, slots=True)
class Seat:
    """An account of which somebody is a user."""

    slug: str
    name: str


async def list_seats(store: Store, address: str) -> list[Seat]:
    """Of which accounts an address is a user; at most MOST_SEATS. For whoever has proven that it is theirs."""
    return [Seat(*found) for found in await store.read(lambda tx: find_seats(tx, address, MOST_SEATS))]


async def sign_in_by_address(store: Store, named: Named, browser: Browser = Browser()) -> str | None:
    """Opens a session for somebody who has proven elsewhere that the address is theirs; None where they are no user of
    that account."""

    def open(tx: Tx) -> str | None:
        account = find_account(tx, named.slug)
        user = None if account is None else find_user(tx, account.number, named.email)
        if account is None or user is None:
            return None
        opened = open_session(tx, account.number, user.id, _now(), browser.device)
        return None if opened is None else _begun(tx, opened, browser, "provider")

    return await store.write(open)


async def sign_out(store: Store, secret: str) -> None:
    """Ends a session."""

    def end(tx: Tx) -> None:
        found = find_principal(tx, secret, "session", _now())
        if drop_token(tx, secret, "session") and found is not None:
            note(tx, found, "session.ended", found.token, _now())

    await store.write(end)


def _kept(tx: Tx, named: Named) -> tuple[int, str, str] | None:
    """Account, user and the hash of their password."""
    account = find_account(tx, named.slug)
    user = None if account is None else find_user(tx, account.number, named.email)
    if account is None or user is None:
        return None
    return account.number, user.id, get_password(tx, account.number, user.id)


def _begun(tx: Tx, opened: tuple[str, Principal], browser: Browser, by: str) -> str:
    """Writes a session down; the one the browser had before is over."""
    secret, who = opened
    if browser.session:
        drop_token(tx, browser.session, "session")
    note(tx, who, "session.opened", who.token, _now(), device=browser.device, by=by)
    return secret


def _now() -> int:
    return time.time_ns() // 1_000_000
