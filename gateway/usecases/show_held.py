"""Show what is held for review (rule B7), and what became of a held mail that an admin decided on."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.resources import Message
from gateway.store.access import Principal
from gateway.store.engine import Store, Tx
from gateway.store.held import HELD
from gateway.store.reading import Page, Position
from gateway.store.reading_mail import Filter, find_message, list_messages
from gateway.store.reading_outcomes import Named, find_outcomes
from gateway.store.reading_receipts import Attempt, find_first_attempts


@dataclass(frozen=True, slots=True)
class HeldMail:
    """A held mail with the attempt that brought it: to which address, and why it was held."""

    message: Message
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What became of a mail that was held. message: None where it was refused. cards: that it stands on now."""

    attempt: Attempt
    message: Message | None
    cards: tuple[Named, ...]


async def list_held(store: Store, admin: Principal, after: Position | None, limit: int) -> Page[HeldMail]:
    """What waits for an admin of the account, newest first."""

    def held(tx: Tx) -> Page[HeldMail]:
        page = list_messages(tx, admin.account, after, limit, Filter(folder=HELD))
        came = find_first_attempts(tx, admin.account, [one.id for one in page.rows])
        return Page(tuple(HeldMail(one, came[one.id]) for one in page.rows if one.id in came), page.next)

    return await store.read(held)


async def is_held(store: Store, admin: Principal, id: str) -> bool:
    """Whether a message waits for an admin."""
    return await store.read(lambda tx: find_message(tx, admin.account, id, (HELD,))) is not None


async def show_reviewed(store: Store, admin: Principal, id: str) -> Reviewed | None:
    """What was decided about a mail that was held; None for one that is held still, or never was."""

    def reviewed(tx: Tx) -> Reviewed | None:
        attempt = find_first_attempts(tx, admin.account, [id]).get(id)
        waits = find_message(tx, admin.account, id, (HELD,)) is not None
        if attempt is None or waits or attempt.receipt.verdict != "hold":
            return None
        cards = find_outcomes(tx, admin.account, [id]).get(id, ())
        return Reviewed(attempt, find_message(tx, admin.account, id), cards)

    return await store.read(reviewed)
