"""Mail that people delete: aside for a time, then a tombstone that keeps it from coming back (rules E8, B9, section F).

A deleted message keeps all its rows, and its cards, so that it can be restored as it was; only its state says that it
is nowhere, and its threads no longer count it. A tombstone keeps nothing but its identity. The file of a large mail
goes last: its row stays until the file is gone, so that a crash in between leaves no file that nobody knows of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from gateway.store.bodies import FILE
from gateway.store.searching import MESSAGE, forget_entries
from gateway.store.tables import bodies, cards, deletions, messages, participants, sources, threads

FILED, DELETED = "filed", "deleted"
GONE = "gone"
"""State of a tombstone: the mail came, its content was dropped, and it stays so when it comes again (B9)."""
NOTE = "note"
"""State of what a disconnected mailbox left of a mail on its cards; when that comes again, it is filed anew (E9)."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message whose content is to go. files: names of the files of its large bodies."""

    account: int
    id: str
    files: tuple[str, ...]


def put_away(tx: Connection, account: int, id: str, now: int) -> str | None:
    """Puts a filed message into Deleted and gives its conversation; its threads count it no more."""
    conversation: str | None = _set_state(tx, account, id, DELETED)
    tx.execute(insert(deletions).values(account=account, message=id, at=now))
    return conversation


def bring_back(tx: Connection, account: int, id: str) -> str | None:
    """Takes a message out of Deleted, to everywhere it was, and gives its conversation."""
    conversation = _set_state(tx, account, id, FILED)
    tx.execute(delete(deletions).where(deletions.c.account == account, deletions.c.message == id))
    return conversation


def bury(tx: Connection, account: int, id: str, now: int) -> str | None:
    """Drops the content of a held or deleted message for good and gives its conversation. A large body's file is due
    from now on."""
    drop_content(tx, account, id, but_files=True)
    tx.execute(delete(cards).where(cards.c.account == account, cards.c.message == id))
    forget_entries(tx, account, MESSAGE, [id])
    nothing = {"subject": "", "base_subject": "", "snippet": "", "attachments": "[]", "unread": "[]", "primary": None}
    mine = (messages.c.account == account, messages.c.id == id)
    tx.execute(update(messages).where(*mine).values(state=GONE, **nothing))
    tx.execute(delete(deletions).where(deletions.c.account == account, deletions.c.message == id))
    if _files(tx, account, id):
        tx.execute(insert(deletions).values(account=account, message=id, at=now))
    conversation: str | None = tx.execute(select(messages.c.conversation).where(*mine)).scalar()
    return conversation


def drop_content(tx: Connection, account: int, id: str, *, but_files: bool = False) -> None:
    """Drops text, participants and sources. but_files: the rows that name a file stay."""
    for table in (participants, sources):
        tx.execute(delete(table).where(table.c.account == account, table.c.message == id))
    mine = [bodies.c.account == account, bodies.c.message == id]
    tx.execute(delete(bodies).where(*mine, *([bodies.c.codec != FILE] if but_files else [])))


def forget_note(tx: Connection, account: int, id: str) -> None:
    """Takes away what a disconnected mailbox left of a mail: it came again, and is filed anew (E9)."""
    drop_content(tx, account, id)
    for table in (cards, deletions):
        tx.execute(delete(table).where(table.c.account == account, table.c.message == id))
    forget_entries(tx, account, MESSAGE, [id])
    tx.execute(delete(messages).where(messages.c.account == account, messages.c.id == id))


def find_deleted(tx: Connection, before: int, most: int) -> list[tuple[int, str]]:
    """Account and id of messages that were put into Deleted before a moment."""
    return _due(tx, DELETED, before, most)


def find_files(tx: Connection, most: int) -> list[Due]:
    """Tombstones whose files are still there."""
    found = _due(tx, GONE, None, most)
    return [Due(account, id, _files(tx, account, id)) for account, id in found]


def forget_files(tx: Connection, due: Sequence[Due]) -> None:
    """The files of these are gone."""
    for one in due:
        tx.execute(delete(bodies).where(bodies.c.account == one.account, bodies.c.message == one.id))
        tx.execute(delete(deletions).where(deletions.c.account == one.account, deletions.c.message == one.id))


def _due(tx: Connection, state: str, before: int | None, most: int) -> list[tuple[int, str]]:
    mine = and_(messages.c.account == deletions.c.account, messages.c.id == deletions.c.message)
    query = select(deletions.c.account, deletions.c.message).join(messages, mine).where(messages.c.state == state)
    if before is not None:
        query = query.where(deletions.c.at <= before)
    return [(row.account, row.message) for row in tx.execute(query.order_by(deletions.c.at).limit(most))]


def _files(tx: Connection, account: int, id: str) -> tuple[str, ...]:
    query = select(bodies.c.data).where(bodies.c.account == account, bodies.c.message == id, bodies.c.codec == FILE)
    return tuple(bytes(row.data).decode("ascii") for row in tx.execute(query))


def _set_state(tx: Connection, account: int, id: str, state: str) -> str | None:
    mine = (messages.c.account == account, messages.c.id == id)
    tx.execute(update(messages).where(*mine).values(state=state))
    stood = select(sources.c.thread).where(
        sources.c.account == account, sources.c.message == id, sources.c.thread.is_not(None)
    )
    for thread in tx.execute(stood.distinct()).scalars().all():
        count_thread(tx, account, thread)
    conversation: str | None = tx.execute(select(messages.c.conversation).where(*mine)).scalar()
    return conversation


def count_thread(tx: Connection, account: int, thread: str) -> None:
    """Counts what stands in a thread anew. One in which nothing stands keeps its last time, and is not shown."""
    standing = (
        select(func.count(messages.c.id.distinct()), func.max(messages.c.at))
        .join_from(sources, messages, and_(messages.c.account == account, messages.c.id == sources.c.message))
        .where(sources.c.account == account, sources.c.thread == thread, messages.c.state == FILED)
    )
    count, last_at = tx.execute(standing).one()
    changed = {"count": count} | ({} if last_at is None else {"last_at": last_at})
    tx.execute(update(threads).where(threads.c.account == account, threads.c.id == thread).values(changed))
