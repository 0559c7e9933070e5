"""What somebody did to several mails a moment ago: what came of it, and what is needed to take it back.

A row lives for a minute, belongs to who did it, and holds ids and numbers only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from gateway.core.tally import TAKE_BACK_MS, Tally
from gateway.store.access import Principal
from gateway.store.ids import new_id
from gateway.store.tables import undoings

Item = Sequence[Any]
"""What is needed to take back what was done to one mail, as JSON; its first part is the mail's id."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """One thing that was done. what: a key of `core.audit.WHAT`. items: empty where it can't be taken back.

    undone: this was itself the taking back of something."""

    id: str
    what: str
    tally: Tally
    items: tuple[Item, ...]
    undone: bool


def add_undoing(
    tx: Connection,
    who: Principal,
    what: str,
    tally: Tally,
    now: int,
    items: Sequence[Item] = (),
    *,
    to: str | None = None,
    undone: bool = False,
) -> str:
    """Writes down what was done; its id. to: of one that goes on. What is over in the account is swept on the way."""
    before = find_undoing(tx, who, to, now) if to is not None else None
    if before is not None:
        _write(tx, who, before.id, tally + before.tally, [*before.items, *items], undone=undone)
        return before.id
    tx.execute(delete(undoings).where(undoings.c.account == who.account, undoings.c.at < now - TAKE_BACK_MS))
    id = new_id()
    row = {"account": who.account, "id": id, "user": who.user, "what": what, "at": now}
    tx.execute(insert(undoings).values(row | {"data": _data(tally, items, undone=undone)}))
    return id


def find_undoing(tx: Connection, who: Principal, id: str, now: int) -> Undoing | None:
    """What somebody did a moment ago themselves; None for all else."""
    row = tx.execute(select(undoings).where(*_mine(who, id), undoings.c.at >= now - TAKE_BACK_MS)).one_or_none()
    if row is None:
        return None
    data = json.loads(row.data)
    return Undoing(row.id, row.what, Tally(**data["tally"]), tuple(data["items"]), data["undone"])


def set_left(tx: Connection, who: Principal, undoing: Undoing, items: Sequence[Item]) -> None:
    """So much of it is still to be taken back; with nothing left it is forgotten."""
    if items:
        _write(tx, who, undoing.id, undoing.tally, items, undone=undoing.undone)
    else:
        tx.execute(delete(undoings).where(*_mine(who, undoing.id)))


def _write(tx: Connection, who: Principal, id: str, tally: Tally, items: Sequence[Item], *, undone: bool) -> None:
    tx.execute(update(undoings).where(*_mine(who, id)).values(data=_data(tally, items, undone=undone)))


def _data(tally: Tally, items: Sequence[Item], *, undone: bool) -> str:
    return json.dumps({"tally": asdict(tally), "items": list(items), "undone": undone}, separators=(",", ":"))


def _mine(who: Principal, id: str) -> tuple[ColumnElement[bool], ...]:
    return (undoings.c.account == who.account, undoings.c.id == id, undoings.c.user == who.user)
