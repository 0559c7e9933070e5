"""Sign in by a one-time link, sign out, and say who stands behind a token."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from gateway.store import access
from gateway.store.access import LIVES, USE_NOTED_EVERY, Principal, drop_token, find_principal, redeem_sign_in
from gateway.store.accounts import get_account, get_user
from gateway.store.engine import Store, Tx
from gateway.store.mailbox_reading import count_locked_out
from gateway.store.reading_outcomes import find_oldest_held

__all__ = [
    "COOKIE",
    "LINK_MINUTES",
    "SESSION_SECONDS",
    "USE_NOTED_EVERY",
    "Principal",
    "Visitor",
    "note_use",
    "sign_in",
    "sign_out",
    "who_is",
    "who_visits",
]
SESSION_SECONDS = (LIVES["session"] or 0) // 1000
COOKIE = "smartgate_session"
"""In which a browser keeps its session."""
MOST_HELD = 100
LINK_MINUTES = (LIVES["sign_in"] or 0) // 60_000


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


async def sign_in(store: Store, secret: str) -> str | None:
    """Opens a session for a one-time link, which is used up by that; None for a link that is wrong, used or old."""
    opened = await store.write(lambda tx: redeem_sign_in(tx, secret, _now()))
    return opened[0] if opened is not None else None


async def sign_out(store: Store, secret: str) -> None:
    """Ends a session."""
    await store.write(lambda tx: drop_token(tx, secret, "session"))


def _now() -> int:
    return time.time_ns() // 1_000_000
