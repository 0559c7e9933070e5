"""Where attempts led, in names: the cards a message stands on, what is held, which closed leads were written to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, literal, select

from gateway.store.outbox import endpoints
from gateway.store.reading import PASS, collect
from gateway.store.tables import ASIDE, cards, contacts, customers, leads, messages, receipts, users


@dataclass(frozen=True, slots=True)
class Named:
    """A card by id and name. kind: contact, lead or customer."""

    id: str
    name: str
    kind: str


_TABLES: dict[str, Table] = {"contact": contacts, "lead": leads, "customer": customers}


def find_outcomes(tx: Connection, account: int, of: Sequence[str]) -> dict[str, tuple[Named, ...]]:
    """The cards of each message, contacts first; one that was deleted is on none."""
    filed = (messages.c.account == account) & (messages.c.id == cards.c.message) & (messages.c.state == "filed")
    query = select(cards.c.message, cards.c.card, cards.c.kind).join(messages, filed).where(cards.c.account == account)
    found = collect(tx, query, cards.c.message, of, cards.c.kind, cards.c.card)
    names: dict[str, str] = {}
    for kind, table in _TABLES.items():
        ids = {row.card for rows in found.values() for row in rows if row.kind == kind}
        names |= _names(tx, table, account, sorted(ids))
    return {
        message: tuple(Named(row.card, names[row.card], row.kind) for row in rows if row.card in names)
        for message, rows in found.items()
    }


def _names(tx: Connection, table: Table, account: int, ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(ids), PASS):
        wanted: ColumnElement[bool] = table.c.id.in_(ids[start : start + PASS])
        query = select(table.c.id, table.c.name).where(table.c.account == account, wanted)
        found |= {row.id: row.name for row in tx.execute(query)}
    return found


def find_closed_leads(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, Named]:
    """Those of the leads that are won or lost."""
    query = select(leads.c.id, leads.c.name).where(leads.c.account == account, leads.c.id.in_(ids))
    return {row.id: Named(row.id, row.name, "lead") for row in tx.execute(query.where(leads.c.status != "open"))}


def find_oldest_held(tx: Connection, account: int, limit: int) -> list[int]:
    """When the held messages came, oldest first."""
    query = select(messages.c.at).where(messages.c.account == account, messages.c.state == "held", ASIDE)
    return [row.at for row in tx.execute(query.order_by(messages.c.at).limit(limit))]


def find_progress(tx: Connection, account: int, *, admin: bool) -> dict[str, bool]:
    """Which steps of getting started are done: a mail filed, a contact, a lead; for admins also a second user, and
    somebody who is told of events."""
    second = select(literal(1)).where(users.c.account == account).limit(1).offset(1)
    filed = select(literal(1)).where(receipts.c.account == account, receipts.c.verdict == "file").limit(1)
    steps = {
        "mail": tx.execute(filed).first() is not None,
        "contact": _any(tx, contacts, account),
        "lead": _any(tx, leads, account),
    }
    if admin:
        steps["team"] = tx.execute(second).first() is not None
        steps["crm"] = _any(tx, endpoints, account)
    return steps


def _any(tx: Connection, table: Table, account: int) -> bool:
    return tx.execute(select(literal(1)).where(table.c.account == account).limit(1)).first() is not None
