"""The fields that an account gives its cards, and what stands in them (section G)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.core.resources import Field
from gateway.store.reading import Page, Position, collect, contains, read_page
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
    mine = field_values.c.account == account
    known = (fields.c.account == account) & (fields.c.id == field_values.c.field)
    query = select(field_values.c.card, fields.c.key, field_values.c.value).join_from(field_values, fields, known)
    found = collect(tx, query.where(mine), field_values.c.card, cards, fields.c.key)
    return {card: {row.key: row.value for row in rows} for card, rows in found.items()}


def page_fields(tx: Connection, account: int, after: Position | None, limit: int) -> Page[Field]:
    """The account's fields, newest first."""
    query = select(fields.c.id, fields.c.kind, fields.c.key, fields.c.name, fields.c.created_at)
    page = read_page(tx, query.where(fields.c.account == account), [fields.c.id], after, limit)
    return page.map(lambda row: Field(row.id, row.kind, row.key, row.name, row.created_at))


def find_field(tx: Connection, account: int, id: str) -> Field | None:
    """One field of the account."""
    query = select(fields.c.id, fields.c.kind, fields.c.key, fields.c.name, fields.c.created_at)
    row = tx.execute(query.where(fields.c.account == account, fields.c.id == id)).first()
    return None if row is None else Field(*row)


def count_values(tx: Connection, account: int) -> dict[str, int]:
    """On how many cards something stands in a field, by the field's id."""
    mine = field_values.c.account == account
    query = select(field_values.c.field, func.count()).where(mine).group_by(field_values.c.field)
    return {row.field: row[1] for row in tx.execute(query)}


def add_field(tx: Connection, account: int, field: Field) -> None:
    """Writes a field; its key must be no other's of its kind."""
    made = {"id": field.id, "kind": field.kind, "key": field.key, "name": field.name, "created_at": field.created_at}
    tx.execute(insert(fields).values(account=account, **made))


def set_field(tx: Connection, account: int, field: Field) -> None:
    """Writes a field's name anew; its key stays, as templates and programs know it."""
    tx.execute(update(fields).where(fields.c.account == account, fields.c.id == field.id).values(name=field.name))


def remove_field(tx: Connection, account: int, id: str) -> int:
    """Takes a field away with what stands in it; on how many cards that was."""
    mine = (field_values.c.account == account, field_values.c.field == id)
    emptied = tx.execute(delete(field_values).where(*mine)).rowcount
    tx.execute(delete(fields).where(fields.c.account == account, fields.c.id == id))
    return emptied


def set_values(tx: Connection, account: int, kind: str, card: str, values: Mapping[str, str]) -> None:
    """Writes what is to stand in some fields of a card, by their keys; an empty text empties a field."""
    if not values:
        return
    ids = {field.key: field.id for field in list_fields(tx, account, kind)}
    concerned = [ids[key] for key in values]
    mine = (field_values.c.account == account, field_values.c.card == card, field_values.c.field.in_(concerned))
    tx.execute(delete(field_values).where(*mine))
    rows = [
        {"account": account, "card": card, "field": ids[key], "value": value} for key, value in values.items() if value
    ]
    if rows:
        tx.execute(insert(field_values), rows)


def forget_values(tx: Connection, account: int, texts: Collection[str]) -> int:
    """Empties the fields in which one of the texts stands; how many there were."""
    emptied = 0
    for text in texts:
        mine = (field_values.c.account == account, contains(field_values.c.value, text))
        emptied += tx.execute(delete(field_values).where(*mine)).rowcount
    return emptied
