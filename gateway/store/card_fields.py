"""The fields that an account gives its cards, and what stands in them (section G)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from gateway.core.resources import Field
from gateway.store.tables import field_values, fields


def list_fields(tx: Connection, account: int, kind: str | None = None) -> tuple[Field, ...]:
    """The account's fields, those of one kind of card where it is given, in the order in which they were made."""
    query = select(fields.c.id, fields.c.kind, fields.c.key, fields.c.name, fields.c.created_at)
    query = query.where(fields.c.account == account)
    if kind is not None:
        query = query.where(fields.c.kind == kind)
    return tuple(Field(*row) for row in tx.execute(query.order_by(fields.c.id)))


def find_values(tx: Connection, account: int, cards: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """What stands in the fields of cards (ids): by card, then by the field's key; nothing of a field that is empty."""
    mine = (field_values.c.account == account, field_values.c.card.in_(tuple(cards)))
    known = (fields.c.account == account) & (fields.c.id == field_values.c.field)
    query = select(field_values.c.card, fields.c.key, field_values.c.value).join_from(field_values, fields, known)
    found: dict[str, dict[str, str]] = {}
    for row in tx.execute(query.where(*mine)):
        found.setdefault(row.card, {})[row.key] = row.value
    return dict(found)
