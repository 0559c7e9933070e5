"""Lists of filed mail for readers who may open little of much: what they may open is read, instead of all the rest.

A list is read by the time of its mail, and what its reader may not open is passed over. That is soon done where they
may open much. Else their threads are asked, which say how much stands in them; every filed mail stands in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from gateway.core.visibility import Sight
from gateway.store.facts import SMART
from gateway.store.reading import PASS, Page, Position, read_page
from gateway.store.tables import messages, sources, threads

MOST_THREADS, MOST = 2_000, 4_000
"""More threads, or more mails in them, are many."""


def find_few(tx: Connection, account: int, mailbox: str | None, sight: Sight) -> list[str] | None:
    """The messages in the mailboxes that a reader may open, or in one of them; None where they are many. mailbox: its
    id, or `smart`."""
    if sight.plain:
        return None
    roads = [SMART, *(id for ids in sight.nearest().values() for id in ids)]
    asked = roads if mailbox is None else [mailbox] if mailbox in roads else []
    query = select(threads.c.id, threads.c.count).where(threads.c.account == account, threads.c.mailbox.in_(asked))
    found = tx.execute(query.limit(MOST_THREADS + 1)).all()
    if len(found) > MOST_THREADS or sum(row[1] for row in found) > MOST:
        return None
    ids: set[str] = set()
    for start in range(0, len(found), PASS):
        some = [row.id for row in found[start : start + PASS]]
        stood = select(sources.c.message).where(sources.c.account == account, sources.c.thread.in_(some))
        ids.update(tx.execute(stood.where(sources.c.removed_at.is_(None))).scalars())
    return sorted(ids)


def read_few(
    tx: Connection,
    query: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    ids: Sequence[str],
    after: Position | None,
    limit: int,
) -> Page[Row[Any]]:
    """As `read_page`, of these messages only; the keys are their time and their id."""
    places: list[tuple[int, str]] = []
    for start in range(0, len(ids), PASS):
        some = query.with_only_columns(*keys).where(messages.c.id.in_(ids[start : start + PASS]))
        places += [(at, id) for at, id in tx.execute(some) if after is None or (at, id) < tuple(after)]
    places.sort(reverse=True)
    wanted = [id for _, id in places[:limit]]
    rows = read_page(tx, query.where(messages.c.id.in_(wanted)), keys, None, limit).rows if wanted else ()
    return Page(rows, places[limit - 1] if len(places) > limit else None)
