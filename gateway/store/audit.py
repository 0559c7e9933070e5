"""Who did what in an account, written in the commit of what they did (section F)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from gateway.core.audit import WHAT
from gateway.store.access import Principal
from gateway.store.ids import new_id
from gateway.store.reading import Page, Position
from gateway.store.tables import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did. user: an id, empty for the operator. who: their address as of then."""

    id: str
    at: int
    user: str
    who: str
    what: str
    subject: str
    about: Mapping[str, Any]


def note(tx: Connection, actor: Principal | int, what: str, subject: str, now: int, **about: object) -> None:
    """Writes down what somebody did. actor: who, or the number of the account in which the operator did it by a
    command. what: a key of `core.audit.WHAT`. subject: the id of what it was done to. about: what to read of it later,
    such as a name; never a secret and never the text of a mail."""
    if what not in WHAT:
        raise ValueError(f"{what!r} is not in core.audit.WHAT")
    account, user, who = (actor, "", "") if isinstance(actor, int) else (actor.account, actor.user, actor.email)
    row = {"at": now, "user": user, "who": who, "what": what, "subject": subject, "about": json.dumps(about)}
    tx.execute(insert(audit).values(account=account, id=new_id(), **row))


def account_of(actor: Principal | int) -> int:
    """The number of the account in which somebody does something."""
    return actor if isinstance(actor, int) else actor.account


def list_entries(tx: Connection, account: int, after: Position | None, limit: int) -> Page[Entry]:
    """What was done in an account, newest first."""
    query = select(audit).where(audit.c.account == account).order_by(audit.c.id.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(audit.c.id < after[0])
    rows = [
        Entry(row.id, row.at, row.user, row.who, row.what, row.subject, json.loads(row.about))
        for row in tx.execute(query)
    ]
    return Page(tuple(rows[:limit]), (rows[limit - 1].id,) if len(rows) > limit else None)


def drop_entries(tx: Connection, before: int) -> int:
    """Forgets what was done before a moment; how many entries that were."""
    return tx.execute(delete(audit).where(audit.c.at < before)).rowcount
