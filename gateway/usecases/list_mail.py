"""Show lists of mail as people go through them: in threads or not, by mailbox, and the deleted (rules, D, E8, F)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.resources import Message
from gateway.store.access import Principal
from gateway.store.deletions import DELETED, find_put_away
from gateway.store.engine import Store, Tx
from gateway.store.facts import SMART
from gateway.store.mailbox_reading import OpenBox, list_open
from gateway.store.reading import Page, Position
from gateway.store.reading_mail import Filter, list_messages
from gateway.store.thread_lists import Marks, find_counts, find_marks, list_threads_of

__all__ = ["SMART", "Filter", "Line", "MailList", "list_deleted", "list_mail"]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a list: a message, or the newest one of a thread. thread: its id, None where the row is one message.

    count: how many stand in the thread.
    """

    message: Message
    thread: str | None
    count: int
    marks: Marks


@dataclass(frozen=True, slots=True)
class MailList:
    """A page of a list. boxes: the mailboxes its reader may choose. grouped: it is in threads. lost: it was asked for a
    mailbox that they may not."""

    rows: tuple[Line, ...]
    next: Position | None
    boxes: tuple[OpenBox, ...]
    grouped: bool
    lost: bool = False


async def list_mail(
    store: Store, reader: Principal, after: Position | None, limit: int, wanted: Filter, grouped: bool | None
) -> MailList:
    """Filed mail, newest first. grouped: in threads or not, whatever the mailboxes say; None as they say. What is
    searched for is not grouped: who searches looks for a mail."""

    def read(tx: Tx) -> MailList:
        boxes = list_open(tx, reader.account, reader.eyes)
        known = {SMART, *(one.id for one in boxes)}
        if wanted.mailbox is not None and wanted.mailbox not in known:
            return MailList((), None, boxes, grouped is not False, lost=True)
        apart = {one.id for one in boxes if not one.threads} if grouped is None else set()
        together = not wanted.q and grouped is not False and wanted.mailbox not in apart
        if together:
            page = list_threads_of(tx, reader.account, after, limit, wanted, reader.eyes, apart)
        else:
            found = list_messages(tx, reader.account, after, limit, wanted, reader.eyes)
            page = Page(tuple((one, None) for one in found.rows), found.next)
        return MailList(_lines(tx, reader.account, page.rows), page.next, boxes, together)

    return await store.read(read)


def _lines(tx: Tx, account: int, rows: Sequence[tuple[Message, str | None]]) -> tuple[Line, ...]:
    counts = find_counts(tx, account, [thread for _, thread in rows if thread is not None])
    marks = find_marks(tx, account, [message for message, _ in rows])
    return tuple(Line(message, thread, counts.get(thread or "", 1), marks[message.id]) for message, thread in rows)


async def list_deleted(
    store: Store, admin: Principal, after: Position | None, limit: int, q: str
) -> Page[tuple[Message, int]]:
    """What is in Deleted, newest first, each with since when it is there. What its reader may not open is locked."""

    def read(tx: Tx) -> Page[tuple[Message, int]]:
        page = list_messages(tx, admin.account, after, limit, Filter(folder=DELETED, q=q), admin.eyes)
        since = find_put_away(tx, admin.account, [one.id for one in page.rows])
        return Page(tuple((one, since.get(one.id, 0)) for one in page.rows), page.next)

    return await store.read(read)
