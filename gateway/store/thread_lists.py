"""Lists of mail in which each thread stands once, by the newest of its mails that the list holds (rules, section D).

The list is read by time as if nothing were grouped, and a mail is passed over where its thread has a newer one there:
so grouping is a view, a page costs what it holds, and what comes meanwhile moves no other row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from gateway.core.resources import Message
from gateway.core.visibility import Eyes, Sight
from gateway.store.deletions import FILED
from gateway.store.few_mail import is_of_few
from gateway.store.mailbox_reading import find_sight
from gateway.store.reading import PASS, Page, Position, read_page
from gateway.store.reading_mail import Filter, find_messages, select_messages
from gateway.store.sight import is_open, is_shown
from gateway.store.tables import messages, participants, sources, threads

_PASS_ROWS = 250
_PASSES = 20
"""After so many the page ends, however few threads it has; the next one goes on there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread, or a mail that stands for itself, is in a list. thread: None for such a mail."""

    at: int
    id: str
    thread: str | None


@dataclass(frozen=True, slots=True)
class Marks:
    """What a list says of a mail beside what it is. automatic: no person wrote it (B6). posing: it names a colleague as
    its author whom nothing proves (B5)."""

    automatic: bool = False
    posing: bool = False


def list_threads_of(
    tx: Connection, account: int, after: Position | None, limit: int, wanted: Filter, eyes: Eyes, apart: Collection[str]
) -> Page[tuple[Message, str | None]]:
    """The newest mail of each thread with the thread's id, newest first. apart: mailboxes whose mail isn't grouped."""
    page = list_places(tx, account, after, limit, wanted, find_sight(tx, account, eyes), apart)
    shown = {
        one.message.id: one.message for one in find_messages(tx, account, [row.id for row in page.rows], eyes=eyes)
    }
    return Page(tuple((shown[row.id], row.thread) for row in page.rows if row.id in shown), page.next)


def list_places(
    tx: Connection,
    account: int,
    after: Position | None,
    limit: int,
    wanted: Filter,
    sight: Sight,
    apart: Collection[str],
) -> Page[Place]:
    """Where those rows are."""
    few = is_of_few(tx, account, wanted.mailbox, wanted.folder, sight)
    if few is not None:
        return _among_few(tx, account, after, limit, wanted, sight, apart, few)
    query, keys = select_messages(account, wanted, sight)
    query = cast("Select[Any]", query.with_only_columns(messages.c.at, messages.c.id))
    newest: dict[str, int] = {}
    places: list[Place] = []
    seen: set[str] = set()
    position = after
    for number in range(_PASSES):
        page = read_page(tx, query, keys, position, _PASS_ROWS if number else 2 * limit)
        standing = _standing(tx, account, [row.id for row in page.rows], wanted, sight, apart)
        unknown = sorted({one for one in standing.values() if one is not None} - newest.keys())
        newest |= _newest(tx, account, unknown, wanted, sight)
        for row in page.rows:
            thread = standing.get(row.id)
            if thread is None or (thread not in seen and newest.get(thread, row.at) == row.at):
                places.append(Place(row.at, row.id, thread))
                seen |= {thread} if thread is not None else set()
        position = page.next
        if position is None or len(places) > limit:
            break
    if len(places) > limit:
        return Page(tuple(places[:limit]), (places[limit - 1].at, places[limit - 1].id))
    return Page(tuple(places), position)


def _among_few(
    tx: Connection,
    account: int,
    after: Position | None,
    limit: int,
    wanted: Filter,
    sight: Sight,
    apart: Collection[str],
    few: ColumnElement[bool],
) -> Page[Place]:
    """The same where all there is can be looked through: the newest of each thread is seen at once."""
    source = sources.alias()
    base, _ = select_messages(account, wanted, sight)
    stands = (source.c.account == account) & (source.c.message == messages.c.id)
    query = base.with_only_columns(messages.c.at, messages.c.id, source.c.n, source.c.thread, source.c.mailbox)
    query = query.join(source, stands).where(few, _is_its(account, source, wanted, sight))
    places: list[Place] = []
    seen: set[str] = set()
    rows = sorted(tx.execute(query), key=lambda row: (row[0], row[1], -row[2]), reverse=True)
    for at, id, _, thread, mailbox in rows:
        alone = thread is None or mailbox in apart
        if id in seen or (not alone and thread in seen):
            continue
        seen |= {id} if alone else {id, thread}
        if after is None or (at, id) < tuple(after):
            places.append(Place(at, id, None if alone else thread))
        if len(places) > limit:
            return Page(tuple(places[:limit]), (places[limit - 1].at, places[limit - 1].id))
    return Page(tuple(places))


def _standing(
    tx: Connection, account: int, ids: Sequence[str], wanted: Filter, sight: Sight, apart: Collection[str]
) -> dict[str, str | None]:
    """The thread in which each message stands for this reader; None where it isn't grouped."""
    query = select(sources.c.message, sources.c.thread, sources.c.mailbox, sources.c.n)
    query = query.where(sources.c.account == account, _is_its(account, sources, wanted, sight))
    rows: list[Any] = []
    for start in range(0, len(ids), PASS):
        rows += tx.execute(query.where(sources.c.message.in_(ids[start : start + PASS]))).all()
    rows.sort(key=lambda row: -row.n)
    return {row.message: None if row.mailbox in apart else row.thread for row in rows}


def _newest(tx: Connection, account: int, ids: Sequence[str], wanted: Filter, sight: Sight) -> dict[str, int]:
    """When the newest mail of the list came, of each thread."""
    source = sources.alias()
    base, _ = select_messages(account, wanted, sight)
    stands = (source.c.account == account) & (source.c.message == messages.c.id)
    query = base.with_only_columns(source.c.thread, func.max(messages.c.at)).join(source, stands)
    query = query.where(_is_its(account, source, wanted, sight)).group_by(source.c.thread)
    found: dict[str, int] = {}
    for start in range(0, len(ids), PASS):
        rows = tx.execute(query.where(source.c.thread.in_(ids[start : start + PASS])))
        found.update((thread, at) for thread, at in rows)
    return found


def _is_its(account: int, source: Any, wanted: Filter, sight: Sight) -> ColumnElement[bool]:
    """The condition that a source is the one by which its message is in the list."""
    if wanted.mailbox is None or wanted.mailbox not in sight.boxes:
        return is_shown(account, source, sight)
    return and_(is_open(source, sight), source.c.mailbox == wanted.mailbox)


def find_counts(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, int]:
    """How many mails stand in each of the threads."""
    query = select(threads.c.id, threads.c.count).where(threads.c.account == account, threads.c.id.in_(ids))
    return {row.id: row[1] for row in tx.execute(query)}


def find_marks(tx: Connection, account: int, found: Sequence[Message]) -> dict[str, Marks]:
    """What a list says of each of these messages beside what it is."""
    ids = [one.id for one in found]
    mine = (messages.c.account == account, messages.c.id.in_(ids), messages.c.automatic.is_(True))
    automatic = set(tx.execute(select(messages.c.id).where(*mine)).scalars())
    incoming = [one.id for one in found if one.mailbox is None and one.direction == "incoming"]
    named = (participants.c.account == account, participants.c.message.in_(incoming))
    posing = select(participants.c.message).where(*named, participants.c.role == "from", participants.c.kind == "team")
    colleagues = set(tx.execute(posing).scalars())
    return {id: Marks(id in automatic, id in colleagues) for id in ids}


def find_standing(tx: Connection, account: int, ids: Sequence[str], eyes: Eyes) -> list[str]:
    """The messages that stand in some threads and that a reader may open there."""
    sight = find_sight(tx, account, eyes)
    filed = (messages.c.account == account) & (messages.c.id == sources.c.message) & (messages.c.state == FILED)
    query = select(sources.c.message).join(messages, filed).where(sources.c.account == account)
    query = query.where(sources.c.thread.in_(ids), is_open(sources, sight))
    return list(dict.fromkeys(tx.execute(query).scalars()))
