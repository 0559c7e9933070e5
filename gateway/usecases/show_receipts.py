"""Show what became of the attempts to hand us mail: receipts, what happened since, and the public reason of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.resources import Event
from gateway.store import reading_receipts as receipts
from gateway.store.access import Principal
from gateway.store.engine import Store, Tx
from gateway.store.positions import settled
from gateway.store.reading import Page, Position
from gateway.store.reading_deliveries import Told, find_told
from gateway.store.reading_outcomes import Named, find_outcomes
from gateway.store.reading_receipts import Attempt, Search

__all__ = [
    "Attempt",
    "Named",
    "Outcome",
    "Page",
    "Search",
    "Told",
    "list_events",
    "list_outcomes",
    "list_receipts",
    "show_deliveries",
    "show_first_attempt",
    "show_outcome",
    "show_receipt",
    "show_refusal",
]


MOST_TOLD = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """An attempt with the cards its message stands on."""

    attempt: Attempt
    cards: tuple[Named, ...]


async def list_receipts(
    store: Store, reader: Principal, after: Position | None, limit: int, wanted: Search
) -> Page[Attempt]:
    """The account's receipts."""
    return await store.read(lambda tx: receipts.list_receipts(tx, reader.account, after, limit, wanted))


async def list_outcomes(
    store: Store, account: int, after: Position | None, limit: int, wanted: Search
) -> Page[Outcome]:
    """The account's receipts with the cards that came of them."""

    def outcomes(tx: Tx) -> Page[Outcome]:
        page = receipts.list_receipts(tx, account, after, limit, wanted)
        return Page(_outcomes(tx, account, page.rows), page.next)

    return await store.read(outcomes)


async def show_outcome(store: Store, reader: Principal, id: str) -> Outcome | None:
    """One receipt of the account with the cards that came of it."""

    def outcome(tx: Tx) -> Outcome | None:
        found = receipts.find_receipt(tx, reader.account, id)
        return _outcomes(tx, reader.account, (found,))[0] if found is not None else None

    return await store.read(outcome)


async def show_deliveries(store: Store, admin: Principal, outcome: Outcome) -> tuple[Told, ...]:
    """What became of the events that an attempt caused, on their way to each back end."""
    receipt = outcome.attempt.receipt
    subjects = (receipt.id, *([receipt.message] if receipt.message else ()), *(card.id for card in outcome.cards))
    return await store.read(lambda tx: find_told(tx, admin.account, receipt.id, subjects, MOST_TOLD))


async def show_receipt(store: Store, reader: Principal, id: str) -> Attempt | None:
    """One receipt of the account."""
    return await store.read(lambda tx: receipts.find_receipt(tx, reader.account, id))


async def show_first_attempt(store: Store, reader: Principal, message: str) -> str | None:
    """The receipt of the first attempt that handed us a message of the account."""
    return await store.read(lambda tx: receipts.find_receipt_of(tx, reader.account, message))


async def show_refusal(store: Store, id: str) -> Attempt | None:
    """A refused attempt of whatever account, for the page its reply links to; None for everything else."""
    found = await store.read(lambda tx: receipts.find_any_receipt(tx, id))
    return found if found is not None and found.receipt.verdict == "refuse" else None


async def list_events(
    store: Store, reader: Principal, after: Position | None, limit: int, types: Sequence[str]
) -> Page[Event]:
    """What happened in the account, oldest first; nothing before which something else may still come.

    How far that is, is asked before the snapshot is made on which it is read.
    """
    upto = await store.read(settled)
    eyes = reader.eyes
    return await store.read(lambda tx: receipts.list_events(tx, reader.account, after, limit, types, upto, eyes))


def _outcomes(tx: Tx, account: int, rows: Sequence[Attempt]) -> tuple[Outcome, ...]:
    found = find_outcomes(tx, account, [one.receipt.message for one in rows if one.receipt.message])
    return tuple(Outcome(one, found.get(one.receipt.message or "", ())) for one in rows)
