"""Held mail (rule B7): what a review needs of it, and taking it away again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from gateway.core.facts import Auth
from gateway.store.bodies import StoredBody
from gateway.store.decisions import unpack_decision
from gateway.store.deletions import drop_content
from gateway.store.tables import ASIDE, bodies, messages, receipts

HELD = "held"


@dataclass(frozen=True, slots=True)
class Held:
    """A held mail with the envelope it came in first. at: when. recipients: of every time it came, as written."""

    id: str
    at: int
    road: str
    peer: str
    helo: str
    tls: str | None
    sender: str
    recipients: tuple[str, ...]
    auth: Auth
    body: StoredBody


def find_held(tx: Connection, account: int, id: str) -> Held | None:
    """The held mail of this id with what its receipts say; None when there is none, or it is held no more."""
    rows = tx.execute(
        select(
            messages.c.at,
            receipts.c.decision,
            receipts.c.road,
            receipts.c.peer,
            receipts.c.helo,
            receipts.c.tls,
            receipts.c.sender,
            receipts.c.recipients,
            bodies.c.codec,
            bodies.c.trace,
            bodies.c.data,
        )
        .join_from(messages, receipts, (receipts.c.account == account) & (receipts.c.message == messages.c.id))
        .join(bodies, (bodies.c.account == account) & (bodies.c.message == messages.c.id))
        .where(messages.c.account == account, messages.c.id == id, messages.c.state == HELD)
        .order_by(receipts.c.id)
    ).all()
    if not rows:
        return None
    row, recipients = rows[0], [address for row in rows for address in json.loads(row.recipients)]
    return Held(
        id,
        row.at,
        row.road,
        row.peer,
        row.helo,
        row.tls,
        row.sender,
        tuple(dict.fromkeys(recipients)),
        _auth(unpack_decision(row.decision)),
        StoredBody(row.codec, row.trace, row.data),
    )


def _auth(decision: dict[str, Any]) -> Auth:
    """What was found out about the author when the mail came; nobody is asked again (B5)."""
    authentic = decision["authentic"]
    return Auth(**decision["auth"], trusted=authentic is not False, evaluated=authentic is not None)


def remove_held(tx: Connection, account: int, id: str) -> None:
    """Takes every row of a held mail away, so that it can be filed anew under its id; the receipts stay."""
    drop_content(tx, account, id)
    tx.execute(delete(messages).where(messages.c.account == account, messages.c.id == id))


def old_held(tx: Connection, before: int, most: int) -> list[tuple[int, str]]:
    """Account and id of mails that have been held since before a moment."""
    query = select(messages.c.account, messages.c.id).where(ASIDE, messages.c.state == HELD, messages.c.at < before)
    return [(row.account, row.id) for row in tx.execute(query.order_by(messages.c.at).limit(most))]
