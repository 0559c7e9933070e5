"""Lists of filed mail that hold little of much: that little is read, instead of all the rest.

A list is read by the time of its mail, and what isn't in it is passed over: what its reader may not open, or what is in
the other folder. That is soon done where it holds much. Else the threads of what the reader may open are asked, which
say how much stands in them (every filed mail stands in one), or the folder is counted as far as it may be large.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from gateway.core.visibility import Sight
from gateway.store.facts import SMART
from gateway.store.tables import messages, sources, threads

MOST_THREADS, MOST = 4_000, 6_000
"""More threads, or more mails in them, are many."""
MOST_IN_FOLDER = 1_000


def is_of_few(
    tx: Connection, account: int, mailbox: str | None, folder: str | None, sight: Sight
) -> ColumnElement[bool] | None:
    """The condition that a message is one of few, among which all of a list are; None where they are many.

    mailbox: its id, or `smart`. folder: counts for `inbox` and `sent`.
    """
    few = None if sight.plain else _in_few_threads(tx, account, mailbox, sight)
    return few if few is not None or folder not in ("inbox", "sent") else _in_small_folder(tx, account, mailbox, folder)


def _in_few_threads(tx: Connection, account: int, mailbox: str | None, sight: Sight) -> ColumnElement[bool] | None:
    roads = [SMART, *(id for ids in sight.nearest().values() for id in ids)]
    asked = roads if mailbox is None else [mailbox] if mailbox in roads else []
    theirs = (threads.c.account == account, threads.c.mailbox.in_(asked))
    some = select(threads.c.count.label("mails")).where(*theirs).limit(MOST_THREADS + 1).subquery()
    number, mails = tx.execute(select(func.count(), func.coalesce(func.sum(some.c.mails), 0)).select_from(some)).one()
    if number > MOST_THREADS or mails > MOST:
        return None
    stood = (sources.c.account == account) & (sources.c.thread == threads.c.id) & sources.c.removed_at.is_(None)
    mine: Any = select(sources.c.message).join_from(threads, sources, stood).where(*theirs)
    return messages.c.id.in_(mine)


def _in_small_folder(tx: Connection, account: int, mailbox: str | None, folder: str) -> ColumnElement[bool] | None:
    its: Any = select(sources.c.message).where(sources.c.account == account, sources.c.folder == folder)
    if mailbox is not None:
        its = its.where(sources.c.mailbox.is_(None) if mailbox == SMART else sources.c.mailbox == mailbox)
    some = its.limit(MOST_IN_FOLDER + 1).subquery()
    if tx.execute(select(func.count()).select_from(some)).scalar_one() > MOST_IN_FOLDER:
        return None
    return messages.c.id.in_(its)
