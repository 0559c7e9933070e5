"""Templates of an account: texts to write mail with (section G)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from gateway.core.resources import Template
from gateway.store.reading import Page, Position, read_page
from gateway.store.tables import templates

_SHOWN = (
    templates.c.id,
    templates.c.name,
    templates.c.subject,
    templates.c.body,
    templates.c.html,
    templates.c.created_at,
    templates.c.changed_at,
)


def list_templates(tx: Connection, account: int, after: Position | None, limit: int) -> Page[Template]:
    """The account's templates, the newest first."""
    query = select(*_SHOWN).where(templates.c.account == account)
    return read_page(tx, query, [templates.c.id], after, limit).map(_template)


def list_by_name(tx: Connection, account: int, limit: int) -> tuple[Template, ...]:
    """The account's templates in the order of their names."""
    query = select(*_SHOWN).where(templates.c.account == account)
    return tuple(
        sorted((_template(row) for row in tx.execute(query.limit(limit))), key=lambda one: one.name.casefold())
    )


def find_template(tx: Connection, account: int, id: str) -> Template | None:
    """One template of the account."""
    row = tx.execute(select(*_SHOWN).where(templates.c.account == account, templates.c.id == id)).one_or_none()
    return _template(row) if row is not None else None


def find_named(tx: Connection, account: int, name: str) -> str | None:
    """The id of the template that has this name."""
    query = select(templates.c.id).where(templates.c.account == account, templates.c.name == name)
    found: str | None = tx.execute(query).scalar()
    return found


def count_templates(tx: Connection, account: int, most: int) -> int:
    """How many there are, most at the most."""
    return len(tx.execute(select(templates.c.id).where(templates.c.account == account).limit(most)).all())


def add_template(tx: Connection, account: int, template: Template) -> None:
    """Writes a new template."""
    tx.execute(insert(templates).values(account=account, **asdict(template)))


def set_template(tx: Connection, account: int, template: Template) -> None:
    """Writes a template anew."""
    mine = (templates.c.account == account, templates.c.id == template.id)
    tx.execute(update(templates).where(*mine).values(asdict(template)))


def remove_template(tx: Connection, account: int, id: str) -> None:
    """Takes a template away."""
    tx.execute(delete(templates).where(templates.c.account == account, templates.c.id == id))


def _template(row: Any) -> Template:
    return Template(*row)
