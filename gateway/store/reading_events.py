"""What events tell of, as it is now: the message, receipt, contact, lead, customer, account, endpoint or mailbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.store.accounts import AccountRow, get_account
from gateway.store.bodies import StoredBody, find_bodies
from gateway.store.endpoints import find_endpoint
from gateway.store.mailboxes import find_shown
from gateway.store.reading_cards import find_contacts, find_customer, find_leads
from gateway.store.reading_mail import DELETED, FILED, HELD, find_messages
from gateway.store.reading_receipts import find_receipt

_ROOMS = {"message.refused": "receipt"}


@dataclass(frozen=True, slots=True)
class Subjects:
    """What the events of one account tell of, by (room, id). bodies: of messages. What is gone is not there."""

    account: AccountRow | None
    found: dict[tuple[str, str], Any]
    bodies: dict[str, StoredBody]


def room_of(type: str) -> str:
    """What an event of this type tells of: `message`, `receipt`, `contact`, …"""
    return _ROOMS.get(type, type.partition(".")[0])


def find_subjects(tx: Connection, account: int, wanted: Sequence[tuple[str, str]]) -> Subjects:
    """What events tell of, each given by its type and subject; few statements for all of them."""
    by_room: dict[str, dict[str, None]] = {}
    for type, subject in wanted:
        by_room.setdefault(room_of(type), {})[subject] = None
    found = {(room, one.id): one for room, ids in by_room.items() for one in _find(tx, account, room, tuple(ids))}
    mails = [id for room, id in found if room == "message"]
    return Subjects(get_account(tx, account), found, find_bodies(tx, account, mails) if mails else {})


def _find(tx: Connection, account: int, room: str, ids: Sequence[str]) -> Iterable[Any]:
    if room == "message":
        return find_messages(tx, account, ids, (FILED, HELD, DELETED))
    if room == "contact":
        return find_contacts(tx, account, ids)
    if room == "lead":
        return find_leads(tx, account, ids)
    if room == "customer":
        return filter(None, (find_customer(tx, account, id) for id in ids))
    if room == "receipt":
        return [attempt.receipt for id in ids if (attempt := find_receipt(tx, account, id)) is not None]
    if room == "endpoint":
        return [row.shown for id in ids if (row := find_endpoint(tx, account, id)) is not None]
    if room == "mailbox":
        return find_shown(tx, account, ids)
    return ()
