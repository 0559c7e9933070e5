"""How far each account is in setting its domain up."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, insert, select

from gateway.core.set_up import STEPS, Way
from gateway.store.tables import setups


def find_way(tx: Connection, account: int) -> Way | None:
    """How far an account is; None for one that has not begun."""
    row = tx.execute(select(setups).where(setups.c.account == account)).one_or_none()
    if row is None:
        return None
    done = frozenset(json.loads(row.done))
    return Way(row.domain, row.step, tuple(step for step in STEPS if step in done), row.at)


def set_way(tx: Connection, account: int, way: Way) -> None:
    """Writes down how far it is."""
    tx.execute(delete(setups).where(setups.c.account == account))
    row = {"domain": way.domain, "step": way.step, "done": json.dumps(way.done), "at": way.at}
    tx.execute(insert(setups).values(account=account, **row))
