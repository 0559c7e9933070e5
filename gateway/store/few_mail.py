"""Lists of filed mail for readers who may open little of much: what they may open is read, instead of all the rest.

A list is read by the time of its mail, and what its reader may not open is passed over. That is soon done where they
may open much. Else their threads are asked, which say how much stands in them; every filed mail stands in one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from gateway.core.visibility import Sight
from gateway.store.facts import SMART
from gateway.store.tables import messages, sources, threads

MOST_THREADS, MOST = 4_000, 6_000
"""More threads, or more mails in them, are many."""


def is_of_few(tx: Connection, account: int, mailbox: str | None, sight: Sight) -> ColumnElement[bool] | None:
    """The condition that a message is one of the few in the mailboxes that a reader may open, or in one of these; None
    where they are many. mailbox: its id, or `smart`."""
    if sight.plain:
        return None
    roads = [SMART, *(id for ids in sight.nearest().values() for id in ids)]
    asked = roads if mailbox is None else [mailbox] if mailbox in roads else []
    theirs = (threads.c.account == account, threads.c.mailbox.in_(asked))
    some = select(threads.c.count.label("mails")).where(*theirs).limit(MOST_THREADS + 1).subquery()
    number, mails = tx.execute(select(func.count(), func.coalesce(func.sum(some.c.mails), 0)).select_from(some)).one()
    if number > MOST_THREADS or mails > MOST:
        return None
    stood = (sources.c.account == account) & (sources.c.thread == threads.c.id) & sources.c.removed_at.is_(None)
    mine: Any = select(sources.c.message).join_from(threads, sources, stood).where(*theirs)
    condition: ColumnElement[bool] = messages.c.id.in_(mine)
    return condition
