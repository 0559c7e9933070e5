"""Lists of what is asked for by words: newest first and page by page, as every list is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, Table, select

from gateway.core.terms import Phrase, ask_part, holds_part
from gateway.store.ids import first_id, moment_of
from gateway.store.reading import Page, Position
from gateway.store.searching import (
    first_number,
    hits,
    is_complete,
    newest_indexed,
    not_indexed,
    number_of,
    passes,
)

UNINDEXED = 1_000
"""More rows than these, not indexed yet, are gone through by the database."""
OVERLAP_MS = 30_000
"""Rows are committed a little later than their ids are made, and not in the order of these."""

Texts = Callable[[Connection, int, Sequence[str]], dict[str, list[str]]]
"""What may be looked for in rows, by their ids."""


def read_hits(
    tx: Connection,
    account: int,
    kind: str,
    phrases: Sequence[Phrase],
    below: int | None,
    limit: int,
    rows_of: Callable[[FromClause], Select[Any]],
) -> Page[Row[Any]]:
    """A page of what holds the phrases. rows_of: joins the rows to the table of hits. The position is place and id."""
    found: Sequence[Row[Any]] = ()
    for newest in passes(tx):
        hit = hits(tx, account, kind, phrases, below, newest=newest)
        query = rows_of(hit).add_columns(hit.c.number, hit.c.id.label("hit"))
        found = tx.execute(query.order_by(hit.c.number.desc()).limit(limit + 1)).all()
        if len(found) > limit:
            break
    rows = found[:limit]
    return Page(tuple(rows), (rows[-1].number, rows[-1].hit) if len(found) > limit else None)


def read_parts(
    tx: Connection,
    account: int,
    table: Table,
    kind: str,
    q: str,
    after: Position | None,
    limit: int,
    texts: Texts,
    *conditions: ColumnElement[bool],
) -> Page[Row[Any]] | None:
    """A page of cards whose name or address holds a part, those made a moment ago included, newest first by their ids.

    None where the account isn't indexed yet, or so much of it that the database goes through it sooner.
    """
    phrases = ask_part(q)
    if not phrases:
        return Page(())
    if not is_complete(tx, account, kind):
        return None
    mine = (table.c.account == account, *conditions)
    last = newest_indexed(tx, account, kind)
    since = first_id(max(moment_of(last) - OVERLAP_MS, 0)) if last is not None else ""
    new = select(table).where(*mine, table.c.id >= since, not_indexed(account, kind, table.c.id))
    fresh = tx.execute(new.limit(UNINDEXED + 1)).all()
    if len(fresh) > UNINDEXED:
        return None
    known = texts(tx, account, [row.id for row in fresh])
    found = [row for row in fresh if holds_part([row.name, *known.get(row.id, ())], q)]
    below = None
    if after is not None:
        found = [row for row in found if row.id < after[0]]
        place = number_of(tx, account, kind, after[0])
        below = place if place is not None else first_number(moment_of(after[0]) + 1)
        mine = (*mine, table.c.id < after[0]) if place is None else mine
    indexed = read_hits(
        tx,
        account,
        kind,
        phrases,
        below,
        limit,
        lambda hit: select(table).join(hit, table.c.id == hit.c.id).where(*mine),
    )
    rows = sorted([*found, *indexed.rows], key=lambda row: str(row.id), reverse=True) if found else indexed.rows
    more = len(rows) > limit or indexed.next is not None
    return Page(tuple(rows[:limit]), (rows[limit - 1].id,) if more else None)
