"""What a reader sees, as conditions over sources: open ones, and the one of them that is shown (E2, E13, F)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, or_

from gateway.core.visibility import LENT, OWN, SMART, TEAM, Sight
from gateway.store.tables import sources

_MOST = 1_000_000


def is_open(source: Any, sight: Sight, *, removed: bool = False) -> ColumnElement[bool]:
    """The condition that a reader may open a source. removed: also where it was taken away, as in Deleted (E8)."""
    open_to = [id for ids in sight.nearest().values() for id in ids]
    there = source.c.mailbox.is_(None)
    there = or_(there, source.c.mailbox.in_(open_to)) if open_to else there
    return there if removed else and_(there, source.c.removed_at.is_(None))


def is_shown(account: int, source: Any, sight: Sight, *, removed: bool = False) -> ColumnElement[bool]:
    """The condition that a source is the one of its message that a reader is shown."""
    other = sources.alias()
    nearer = exists().where(
        other.c.account == account,
        other.c.message == source.c.message,
        is_open(other, sight, removed=removed),
        _order(other, sight) < _order(source, sight),
    )
    return and_(is_open(source, sight, removed=removed), ~nearer)


def _order(source: Any, sight: Sight) -> ColumnElement[int]:
    nearest = sight.nearest()
    near = [(source.c.mailbox.in_(nearest[one]), one) for one in (OWN, TEAM) if nearest[one]]
    near.append((source.c.mailbox.is_(None), SMART))
    order: ColumnElement[int] = case(*near, else_=LENT) * _MOST + source.c.n
    return order
