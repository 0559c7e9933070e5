"""Messages and threads as a reader sees them: lists by card, thread, mailbox, folder or words, and one message.

Lists, search and threads hold what the reader may open. A card's list also holds, locked, what they may not (F).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, exists, or_, select

from gateway.core.resources import Message, Thread
from gateway.core.terms import Phrase, ask
from gateway.core.visibility import BACK_END, Eyes, Sight
from gateway.store.deletions import DELETED, FILED, NOTE
from gateway.store.facts import SMART
from gateway.store.few_mail import is_of_few
from gateway.store.mail_entries import entry_column, message_column, message_of
from gateway.store.mailbox_reading import find_sight
from gateway.store.reading import Page, Position, contains, cut, read_page
from gateway.store.search_reading import read_hits
from gateway.store.searching import MESSAGE, is_complete, is_hit, place_of
from gateway.store.showing_mail import Shown, show_rows
from gateway.store.sight import is_open, is_shown
from gateway.store.tables import ASIDE, cards, messages, participants, sources, threads

HELD = "held"
_NOBODY = Sight(BACK_END)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are asked for; what is None is not asked. cards: all of these must show the message.

    folder: inbox, sent, held or deleted; None is inbox and sent. q: words and phrases (`core.terms`) of subject,
    people, text and names of attachments. since, until: when they came, in milliseconds, the second one excluded.
    """

    cards: tuple[str, ...] = ()
    thread: str | None = None
    mailbox: str | None = None
    folder: str | None = None
    q: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def state(self) -> str:
        """The state of what is asked for."""
        return self.folder if self.folder in (HELD, DELETED) else FILED

    @property
    def of_card(self) -> bool:
        """Whether all of a card is asked for: then what is locked shows, as a line."""
        asked = (self.thread, self.mailbox, self.folder)
        return bool(self.cards) and not self.q and all(one is None for one in asked)


def list_messages(
    tx: Connection, account: int, after: Position | None, limit: int, wanted: Filter, eyes: Eyes = BACK_END
) -> Page[Message]:
    """Messages by the time they came, newest first."""
    sight = find_sight(tx, account, eyes)
    asked = ask(wanted.q) if wanted.q and is_complete(tx, account, MESSAGE) else None
    if asked is not None:
        return _search(tx, account, after, limit, wanted, asked, sight)
    query, keys = select_messages(account, wanted, sight)
    whole = not wanted.cards and wanted.thread is None and wanted.state == FILED
    few = is_of_few(tx, account, wanted.mailbox, wanted.folder, sight) if whole else None
    if few is not None:
        there = tx.execute(query.with_only_columns(*keys).where(few)).all()
        page = cut(tx, query, keys, [(at, id) for at, id in there], _of_message(after), limit)
    else:
        page = read_page(tx, query, keys, _of_message(after), limit)
    return Page(_messages(tx, account, page.rows, wanted, sight), page.next)


def list_on_card(
    tx: Connection, account: int, card: str, after: Position | None, limit: int, eyes: Eyes
) -> Page[tuple[int, Message]]:
    """A card's messages with the time at which each stands there, newest first; what is locked among them (F)."""
    sight, wanted = find_sight(tx, account, eyes), Filter(cards=(card,))
    query, keys = select_messages(account, wanted, sight)
    page = read_page(tx, query, keys, after, limit)
    shown = show_rows(tx, account, page.rows, sight)
    at = keys[0]
    found = tuple((row._mapping[at], one.message) for row, one in zip(page.rows, shown, strict=True))
    return Page(found, page.next)


def _search(
    tx: Connection,
    account: int,
    after: Position | None,
    limit: int,
    wanted: Filter,
    asked: Sequence[Phrase],
    sight: Sight,
) -> Page[Message]:
    """By the index; on a card, in a thread and of what is aside, which are few, by theirs.

    The position is that of the entry, so that a list goes on where its reader's hits do.
    """
    if not asked:
        return Page(())
    unsaid = replace(wanted, q="")
    mine = (messages.c.account == account, *_conditions(account, unsaid, wanted.cards[1:], sight, locked=False))
    if wanted.cards or wanted.thread is not None or wanted.state != FILED:
        query, keys = select_messages(account, unsaid, sight)
        query = query.where(*mine, _is_found(tx, account, asked, sight, removed=wanted.state == DELETED))
        page = read_page(tx, query, keys, _of_message(after), limit)
        return Page(_messages(tx, account, page.rows, wanted, sight), page.next)
    page = read_hits(
        tx,
        account,
        MESSAGE,
        asked,
        place_of(tx, account, MESSAGE, *after) if after is not None else None,
        limit,
        lambda hit: _hit(account, hit, sight).where(*mine),
    )
    last = page.rows[-1] if page.next is not None else None
    found = _messages(tx, account, page.rows, wanted, sight)
    return Page(found, None if last is None else (last.at, last.hit))


def _of_message(after: Position | None) -> Position | None:
    """A position in a list that is read by the messages; it may have been given by the index."""
    return after if after is None else (after[0], message_of(after[1]))


def _hit(account: int, hit: FromClause, sight: Sight) -> Select[Any]:
    """The messages of a table of hits: of each, the hit of the source that the reader is shown."""
    if sight.plain:
        return select(messages).join(hit, messages.c.id == hit.c.id)
    query = select(messages).join(hit, messages.c.id == message_column(hit.c.id))
    found = sources.alias()
    own = (found.c.account == account) & (found.c.message == messages.c.id) & (entry_column(found) == hit.c.id)
    return query.join(found, own).where(is_shown(account, found, sight))


def _is_found(
    tx: Connection, account: int, asked: Sequence[Phrase], sight: Sight, *, removed: bool
) -> ColumnElement[bool]:
    """The condition that the source of a message that the reader is shown holds the phrases."""
    if sight.plain:
        return is_hit(tx, account, MESSAGE, asked, messages.c.id)
    source = sources.alias()
    hit = is_hit(tx, account, MESSAGE, asked, entry_column(source))
    own = (source.c.account == account, source.c.message == messages.c.id)
    return exists().where(*own, is_shown(account, source, sight, removed=removed), hit)


def select_messages(
    account: int, wanted: Filter, sight: Sight = _NOBODY
) -> tuple[Select[Any], list[ColumnElement[Any]]]:
    """The query of a list and the keys of its order.

    A card's messages are read from the card and a thread's from the thread, so that the time it takes doesn't grow with
    what else the account has.
    """
    mine = messages.c.account == account
    if wanted.cards:
        first, *others = wanted.cards
        joined = (cards.c.account == account) & (cards.c.card == first) & (cards.c.message == messages.c.id)
        query = select(messages, cards.c.at, cards.c.message).join_from(cards, messages, joined & mine)
        conditions = _conditions(account, wanted, others, sight, locked=wanted.of_card)
        return query.where(*conditions), [cards.c.at, cards.c.message]
    query = select(messages).where(mine, *_conditions(account, wanted, (), sight, locked=False))
    if wanted.thread is not None:
        came = select(sources.c.message).where(sources.c.account == account, sources.c.thread == wanted.thread)
        talk = came.distinct().subquery()
        query = query.join_from(talk, messages, talk.c.message == messages.c.id)
    return query, [messages.c.at, messages.c.id]


def find_message(
    tx: Connection, account: int, id: str, states: Sequence[str] = (FILED,), eyes: Eyes = BACK_END
) -> Message | None:
    """One message of the account, where it is in one of the states; as `find_shown`."""
    found = find_shown(tx, account, id, states, eyes)
    return None if found is None else found.message


def find_shown(
    tx: Connection, account: int, id: str, states: Sequence[str] = (FILED,), eyes: Eyes = BACK_END
) -> Shown | None:
    """One message as a reader sees it; as `find_messages`."""
    return next(iter(find_messages(tx, account, [id], states, eyes)), None)


def find_messages(
    tx: Connection, account: int, ids: Iterable[str], states: Sequence[str] = (FILED,), eyes: Eyes = BACK_END
) -> list[Shown]:
    """Those of the messages that the account has in one of the states, as a reader sees them. Locked, one is there for
    them only where it stands on a card, or in Deleted (F)."""
    query = select(messages).where(
        messages.c.account == account, messages.c.id.in_(tuple(ids)), messages.c.state.in_(tuple(states))
    )
    shown = show_rows(tx, account, tx.execute(query).all(), find_sight(tx, account, eyes))
    return [one for one in shown if one.n is not None or one.carded or one.state not in (FILED, NOTE)]


def _conditions(
    account: int, wanted: Filter, shown_on: Sequence[str], sight: Sight, *, locked: bool
) -> list[ColumnElement[bool]]:
    """locked: also what the reader may not open, and what was purged."""
    state = wanted.state
    conditions = [messages.c.state.in_((FILED, NOTE)) if locked else messages.c.state == state]
    conditions += [] if state == FILED else [ASIDE]
    conditions += [] if wanted.since is None else [messages.c.at >= wanted.since]
    conditions += [] if wanted.until is None else [messages.c.at < wanted.until]
    for card in shown_on:
        other = cards.alias()
        shown = (other.c.account == account, other.c.card == card, other.c.at == messages.c.at)
        conditions.append(exists().where(*shown, other.c.message == messages.c.id))
    source = _source_conditions(wanted)
    if source or not (locked or sight.plain or state != FILED):
        source.append(is_open(sources, sight, removed=state == DELETED))
        conditions.append(exists().where(sources.c.account == account, sources.c.message == messages.c.id, *source))
    if wanted.q:
        conditions.append(_holds(account, wanted.q, sight))
    return conditions


def _source_conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.thread is not None:
        conditions.append(sources.c.thread == wanted.thread)
    if wanted.mailbox is not None:
        smart = wanted.mailbox == SMART
        conditions.append(sources.c.mailbox.is_(None) if smart else sources.c.mailbox == wanted.mailbox)
    if wanted.folder in ("inbox", "sent"):
        conditions.append(sources.c.folder == wanted.folder)
    return conditions


def _holds(account: int, text: str, sight: Sight) -> ColumnElement[bool]:
    """Until the account is indexed, the rows are gone through, which show what the first source does."""
    people = exists().where(
        participants.c.account == account,
        participants.c.message == messages.c.id,
        or_(contains(participants.c.key, text), contains(participants.c.name, text)),
    )
    said = or_(contains(messages.c.subject, text), contains(messages.c.snippet, text), people)
    if sight.plain:
        return said
    first = sources.alias()
    own = (first.c.account == account, first.c.message == messages.c.id, first.c.n == 0)
    return said & exists().where(*own, is_shown(account, first, sight))


def _messages(
    tx: Connection, account: int, rows: Sequence[Row[Any]], wanted: Filter, sight: Sight
) -> tuple[Message, ...]:
    found = show_rows(tx, account, rows, sight)
    with_locked = wanted.of_card or wanted.state == DELETED
    return tuple(one.message for one in found if with_locked or one.n is not None)


def list_threads(
    tx: Connection,
    account: int,
    after: Position | None,
    limit: int,
    *,
    mailbox: str | None = None,
    eyes: Eyes = BACK_END,
) -> Page[Thread]:
    """Threads in which something stands, newest first by their first message. mailbox: `smart` or a mailbox's id."""
    query = select(threads).where(_open_threads(tx, account, eyes))
    if mailbox is not None:
        query = query.where(threads.c.mailbox == mailbox)
    return read_page(tx, query, [threads.c.id], after, limit).map(_thread)


def find_thread(tx: Connection, account: int, id: str, eyes: Eyes = BACK_END) -> Thread | None:
    """One thread of the account in which something stands that the reader may open."""
    row = tx.execute(select(threads).where(_open_threads(tx, account, eyes), threads.c.id == id)).one_or_none()
    return _thread(row) if row is not None else None


def _open_threads(tx: Connection, account: int, eyes: Eyes) -> ColumnElement[bool]:
    there = (threads.c.account == account) & (threads.c.count > 0)
    sight = find_sight(tx, account, eyes)
    if sight.plain:
        return there
    return there & threads.c.mailbox.in_([SMART, *(id for ids in sight.nearest().values() for id in ids)])


def _thread(row: Row[Any]) -> Thread:
    return Thread(row.id, row.client or None, row.subject, row._mapping["count"], row.last_at, row.mailbox)
