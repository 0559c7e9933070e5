"""The account's own fields: add, rename, remove (section G)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.core.custom import check_field, check_field_name
from gateway.core.refusals import Stale, Wrong
from gateway.core.resources import Field
from gateway.store import audit
from gateway.store import card_fields as fields
from gateway.store.access import Principal
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id, shared_time
from gateway.store.reading import Page, Position


@dataclass(frozen=True, slots=True)
class Used:
    """The fields, and on how many cards something stands in each, by its id."""

    fields: tuple[Field, ...]
    cards: Mapping[str, int]


async def list_fields(store: Store, reader: Principal, after: Position | None, limit: int) -> Page[Field]:
    """The account's fields, newest first."""
    return await store.read(lambda tx: fields.page_fields(tx, reader.account, after, limit))


async def show_fields(store: Store, reader: Principal, kind: str | None = None) -> tuple[Field, ...]:
    """The account's fields, or those of one kind of card, in the order in which they were made."""
    return await store.read(lambda tx: fields.list_fields(tx, reader.account, kind))


async def show_used(store: Store, admin: Principal) -> Used:
    """All fields, with what would go if each were removed."""
    return await store.read(
        lambda tx: Used(fields.list_fields(tx, admin.account), fields.count_values(tx, admin.account))
    )


async def show_field(store: Store, reader: Principal, id: str) -> Field | None:
    """One field of the account."""
    return await store.read(lambda tx: fields.find_field(tx, reader.account, id))


async def add_field(store: Store, admin: Principal, kind: str, name: str, key: str = "") -> Field | Wrong:
    """A new field of one kind of card. key: derived from the name where it is empty."""

    def add(tx: Tx) -> Field | Wrong:
        taken = [one.key for one in fields.list_fields(tx, admin.account, kind)]
        checked = check_field(kind, name, key, taken)
        if isinstance(checked, Wrong):
            return checked
        now = shared_time()
        field = Field(new_id(), kind, checked[1], checked[0], now)
        fields.add_field(tx, admin.account, field)
        audit.note(tx, admin, "field.added", field.id, now, name=field.name, kind=kind, key=field.key)
        return field

    return await store.write(add, account=admin.account)


async def rename_field(
    store: Store, admin: Principal, id: str, name: str | None, unchanged: Callable[[Field], bool]
) -> Field | Wrong | Stale | None:
    """The field as it is then; its key stays, as templates and programs know it."""

    def rename(tx: Tx) -> Field | Wrong | Stale | None:
        known = fields.find_field(tx, admin.account, id)
        if known is None:
            return None
        if not unchanged(known):
            return Stale()
        named = check_field_name(known.name if name is None else name)
        if isinstance(named, Wrong):
            return named
        field = replace(known, name=named)
        fields.set_field(tx, admin.account, field)
        audit.note(tx, admin, "field.renamed", id, shared_time(), name=named, before=known.name)
        return field

    return await store.write(rename, account=admin.account)


async def remove_field(store: Store, admin: Principal, id: str) -> bool:
    """Takes a field away with what stands in it; False when the account has no such one."""

    def remove(tx: Tx) -> bool:
        known = fields.find_field(tx, admin.account, id)
        if known is None:
            return False
        emptied = fields.remove_field(tx, admin.account, id)
        audit.note(tx, admin, "field.removed", id, shared_time(), name=known.name, kind=known.kind, values=emptied)
        return True

    return await store.write(remove, account=admin.account)
