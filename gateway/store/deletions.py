"""Mail that people delete: aside for a time, then a tombstone that keeps it from coming back (rules E8, B9, section F).

A deleted message keeps all its rows, and its cards, so that it can be restored as it was; only its state says that it
is nowhere, and its threads no longer count it. A tombstone keeps nothing but its identity. The file of a large mail
goes last: its row stays until the file is gone, so that a crash in between leaves no file that nobody knows of.

Who deletes takes away the sources that they may open; while there are others the message stays, for those others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from gateway.core.visibility import Sight
from gateway.store.bodies import FILE
from gateway.store.mail_entries import forget_mail
from gateway.store.sight import is_open
from gateway.store.tables import bodies, cards, deletions, messages, participants, sources, threads

FILED, DELETED = "filed", "deleted"
GONE = "gone"
"""State of a tombstone: the mail came, its content was dropped, and it stays so when it comes again (B9)."""
NOTE = "note"
"""State of what a disconnected mailbox left of a mail on its cards: an unreadable line; it may be filed anew (E9)."""
EMPTY = {"subject": "", "base_subject": "", "snippet": "", "attachments": "[]", "unread": "[]", "primary": None}
"""What the row of a message without content says."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message of whose content files are to go. files: their names."""

    account: int
    id: str
    files: tuple[str, ...]


def remove_sources(tx: Connection, account: int, id: str, sight: Sight, now: int) -> tuple[int, ...]:
    """Takes away the sources of a message that a reader may open; their numbers (E8)."""
    mine = (sources.c.account == account, sources.c.message == id)
    theirs = tuple(tx.execute(select(sources.c.n).where(*mine, is_open(sources, sight))).scalars())
    tx.execute(update(sources).where(*mine, sources.c.n.in_(theirs)).values(removed_at=now))
    _count_threads(tx, account, id)
    return theirs


def get_state(tx: Connection, account: int, id: str) -> str | None:
    """The state of a message of the account, whoever may open it; None where there is none."""
    query = select(messages.c.state).where(messages.c.account == account, messages.c.id == id)
    state: str | None = tx.execute(query).scalar()
    return state


def has_source(tx: Connection, account: int, id: str) -> bool:
    """Whether a source of a message is left that nobody took away."""
    mine = (sources.c.account == account, sources.c.message == id, sources.c.removed_at.is_(None))
    return tx.execute(select(sources.c.n).where(*mine).limit(1)).first() is not None


def find_removed(tx: Connection, account: int, id: str) -> dict[int, int]:
    """The sources of a message that were taken away, each with when."""
    mine = (sources.c.account == account, sources.c.message == id, sources.c.removed_at.is_not(None))
    return {row.n: row.removed_at for row in tx.execute(select(sources.c.n, sources.c.removed_at).where(*mine))}


def remove_again(tx: Connection, account: int, id: str, removed: Mapping[int, int]) -> None:
    """Takes sources away that had been, as of then."""
    for n, at in removed.items():
        mine = (sources.c.account == account, sources.c.message == id, sources.c.n == n)
        tx.execute(update(sources).where(*mine).values(removed_at=at))
    _count_threads(tx, account, id)


def find_put_away(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, int]:
    """Since when each of these messages is in Deleted."""
    query = select(deletions.c.message, deletions.c.at).where(deletions.c.account == account)
    return {row.message: row.at for row in tx.execute(query.where(deletions.c.message.in_(ids)))}


def put_away(tx: Connection, account: int, id: str, now: int) -> str | None:
    """Puts a filed message into Deleted and gives its conversation; its threads count it no more."""
    conversation: str | None = _set_state(tx, account, id, DELETED)
    _set_due(tx, account, id, now)
    return conversation


def bring_back(tx: Connection, account: int, id: str, now: int, only: Collection[int] | None = None) -> str | None:
    """Takes a message out of Deleted, to everywhere it was, with all its sources, and gives its conversation.

    only: the numbers of those of its sources that come back; the others stay away."""
    mine = [sources.c.account == account, sources.c.message == id]
    mine += [] if only is None else [sources.c.n.in_(only)]
    tx.execute(update(sources).where(*mine).values(removed_at=None))
    conversation = _set_state(tx, account, id, FILED)
    set_files_due(tx, account, id, now)
    return conversation


def bury(tx: Connection, account: int, id: str, now: int) -> str | None:
    """Drops the content of a held or deleted message for good and gives its conversation. A large body's file is due
    from now on."""
    forget_mail(tx, account, [id])
    drop_content(tx, account, id, but_files=True)
    tx.execute(delete(cards).where(cards.c.account == account, cards.c.message == id))
    mine = (messages.c.account == account, messages.c.id == id)
    tx.execute(update(messages).where(*mine).values(state=GONE, **EMPTY))
    set_files_due(tx, account, id, now)
    conversation: str | None = tx.execute(select(messages.c.conversation).where(*mine)).scalar()
    return conversation


def drop_content(tx: Connection, account: int, id: str, *, but_files: bool = False) -> None:
    """Drops text, participants and sources. but_files: the rows that name a file stay."""
    for table in (participants, sources):
        tx.execute(delete(table).where(table.c.account == account, table.c.message == id))
    mine = [bodies.c.account == account, bodies.c.message == id]
    tx.execute(delete(bodies).where(*mine, *([bodies.c.codec != FILE] if but_files else [])))


def set_files_due(tx: Connection, account: int, id: str, now: int) -> None:
    """The files of bodies that no source has any more are due; of a message without such, nothing is."""
    if _unowned(tx, account, id):
        _set_due(tx, account, id, now)
    else:
        tx.execute(delete(deletions).where(deletions.c.account == account, deletions.c.message == id))


def forget_note(tx: Connection, account: int, id: str) -> None:
    """Takes away what a disconnected mailbox left of a mail: it came again, and is filed anew (E9).

    A file that is to go stays due."""
    drop_content(tx, account, id, but_files=True)
    for table in (cards, messages):
        key = table.c.message if table is cards else table.c.id
        tx.execute(delete(table).where(table.c.account == account, key == id))


def find_filed(tx: Connection, account: int, ids: Sequence[str]) -> list[str]:
    """Those of the messages that have a body in a file."""
    mine = (bodies.c.account == account, bodies.c.message.in_(ids), bodies.c.codec == FILE)
    return list(tx.execute(select(bodies.c.message).where(*mine).distinct()).scalars())


def find_deleted(tx: Connection, before: int, most: int) -> list[tuple[int, str]]:
    """Account and id of messages that were put into Deleted before a moment."""
    mine = and_(messages.c.account == deletions.c.account, messages.c.id == deletions.c.message)
    query = select(deletions.c.account, deletions.c.message).join(messages, mine)
    query = query.where(messages.c.state == DELETED, deletions.c.at <= before)
    return [(row.account, row.message) for row in tx.execute(query.order_by(deletions.c.at).limit(most))]


def find_files(tx: Connection, most: int) -> list[Due]:
    """Messages of whose content files are to go: tombstones, and those that lost a source."""
    mine = and_(messages.c.account == deletions.c.account, messages.c.id == deletions.c.message)
    query = select(deletions.c.account, deletions.c.message).join(messages, mine, isouter=True)
    query = query.where(or_(messages.c.state.is_(None), messages.c.state != DELETED))
    found = tx.execute(query.order_by(deletions.c.at).limit(most)).all()
    return [Due(account, id, _files(tx, account, id)) for account, id in found]


def forget_files(tx: Connection, due: Sequence[Due]) -> None:
    """The files of these are gone."""
    for one in due:
        unowned = _unowned(tx, one.account, one.id)
        mine = (bodies.c.account == one.account, bodies.c.message == one.id)
        tx.execute(delete(bodies).where(*mine, bodies.c.n.in_(unowned)))
        kept = select(messages.c.id).where(messages.c.account == one.account, messages.c.state == DELETED)
        over = (deletions.c.account == one.account, deletions.c.message == one.id, deletions.c.message.not_in(kept))
        tx.execute(delete(deletions).where(*over))


def _set_due(tx: Connection, account: int, id: str, now: int) -> None:
    tx.execute(delete(deletions).where(deletions.c.account == account, deletions.c.message == id))
    tx.execute(insert(deletions).values(account=account, message=id, at=now))


def _unowned(tx: Connection, account: int, id: str) -> tuple[int, ...]:
    """The numbers of bodies in files that no source has any more."""
    mine = (bodies.c.account == account, bodies.c.message == id, bodies.c.codec == FILE)
    came = (sources.c.account == account, sources.c.message == id, sources.c.n == bodies.c.n)
    owned = select(sources.c.n).where(*came, or_(sources.c.mailbox.is_(None), sources.c.mailbox != ""))
    return tuple(tx.execute(select(bodies.c.n).where(*mine, ~owned.exists())).scalars())


def _files(tx: Connection, account: int, id: str) -> tuple[str, ...]:
    """The files of those bodies, without those that another body is kept in: the same bytes are one file."""
    unowned = _unowned(tx, account, id)
    kept = (bodies.c.account == account, bodies.c.codec == FILE)
    query = select(bodies.c.data).where(*kept, bodies.c.message == id, bodies.c.n.in_(unowned))
    named = set(tx.execute(query).scalars())
    if not named:
        return ()
    elsewhere = or_(bodies.c.message != id, bodies.c.n.not_in(unowned))
    named -= set(tx.execute(select(bodies.c.data).where(*kept, bodies.c.data.in_(named), elsewhere)).scalars())
    return tuple(sorted(bytes(data).decode("ascii") for data in named))


def _set_state(tx: Connection, account: int, id: str, state: str) -> str | None:
    mine = (messages.c.account == account, messages.c.id == id)
    tx.execute(update(messages).where(*mine).values(state=state))
    _count_threads(tx, account, id)
    conversation: str | None = tx.execute(select(messages.c.conversation).where(*mine)).scalar()
    return conversation


def _count_threads(tx: Connection, account: int, id: str) -> None:
    stood = select(sources.c.thread).where(
        sources.c.account == account, sources.c.message == id, sources.c.thread.is_not(None)
    )
    count_threads(tx, account, tx.execute(stood.distinct()).scalars().all())


def count_threads(tx: Connection, account: int, ids: Collection[str]) -> None:
    """Counts what stands in each of the threads anew."""
    for thread in ids:
        count_thread(tx, account, thread)


def count_thread(tx: Connection, account: int, thread: str) -> None:
    """Counts what stands in a thread anew. One in which nothing stands keeps its last time, and is not shown."""
    standing = (
        select(func.count(messages.c.id.distinct()), func.max(messages.c.at))
        .join_from(sources, messages, and_(messages.c.account == account, messages.c.id == sources.c.message))
        .where(
            sources.c.account == account,
            sources.c.thread == thread,
            sources.c.removed_at.is_(None),
            messages.c.state == FILED,
        )
    )
    count, last_at = tx.execute(standing).one()
    changed = {"count": count} | ({} if last_at is None else {"last_at": last_at})
    tx.execute(update(threads).where(threads.c.account == account, threads.c.id == thread).values(changed))
