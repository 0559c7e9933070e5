"""Who did what in an account, written in the commit of what they did (section F)."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, delete, func, insert, select, tuple_, update

from gateway.core.audit import WHAT, Done
from gateway.store.access import Principal
from gateway.store.ids import new_id
from gateway.store.reading import PASS, Page, Position, contains, read_page
from gateway.store.tables import audit

MOST_DOERS = 500
Actor: TypeAlias = Principal | int
"""Who does something: a user, or the number of the account in which the operator does it by a command."""


def account_of(actor: Actor) -> int:
    """The number of the account in which it is done."""
    return actor if isinstance(actor, int) else actor.account


def note(tx: Connection, actor: Actor, what: str, subject: str, now: int, **about: object) -> None:
    """Writes down what somebody did. actor: who, or the number of the account in which the operator did it by a
    command. what: a key of `core.audit.WHAT`. subject: the id of what it was done to. about: what to read of it later,
    such as a name; never a secret and never the text of a mail."""
    if what not in WHAT:
        raise ValueError(f"{what!r} is not in core.audit.WHAT")
    account, user, who = (actor, "", "") if isinstance(actor, int) else (actor.account, actor.user, actor.email)
    row = {"at": now, "user": user, "who": who, "what": what, "subject": subject, "about": json.dumps(about)}
    tx.execute(insert(audit).values(account=account, id=new_id(), **row))


def list_entries(
    tx: Connection, account: int, after: Position | None, limit: int, user: str | None = None
) -> Page[Done]:
    """What was done in an account, newest first. user: by whom alone, an id, empty for the operator."""
    query = select(audit).where(audit.c.account == account)
    if user is not None:
        query = query.where(audit.c.user == user)
    page = read_page(tx, query, [audit.c.id], after, limit)
    return Page(tuple(map(_done, page.rows)), page.next)


def list_doers(tx: Connection, account: int) -> list[str]:
    """The users (ids) who did something that is still known; empty for the operator. One step an index entry each."""
    found: list[str] = []
    query = select(func.min(audit.c.user)).where(audit.c.account == account)
    user = tx.execute(query).scalar()
    while user is not None and len(found) < MOST_DOERS:
        found.append(user)
        user = tx.execute(query.where(audit.c.user > user)).scalar()
    return found


def drop_entries(tx: Connection, before: int, most: int) -> int:
    """Forgets some of what was done before a moment; how many entries those were."""
    old = select(audit.c.account, audit.c.id).where(audit.c.at < before).limit(most)
    return tx.execute(delete(audit).where(tuple_(audit.c.account, audit.c.id).in_(old))).rowcount


def _done(row: Row[Any]) -> Done:
    return Done(row.id, row.at, row.user or None, row.who, row.what, row.subject, json.loads(row.about))


def forget_about(tx: Connection, account: int, subjects: Collection[str], texts: Collection[str]) -> None:
    """Empties what is told of some subjects, and wherever one of the texts stands; who did what, and when, stays."""
    found = {"about": "{}"}
    every = sorted(subjects)
    for start in range(0, len(every), PASS):
        mine = (audit.c.account == account, audit.c.subject.in_(every[start : start + PASS]))
        tx.execute(update(audit).where(*mine).values(found))
    for text in texts:
        named = contains(audit.c.about, json.dumps(text)[1:-1])
        tx.execute(update(audit).where(audit.c.account == account, named).values(found))
