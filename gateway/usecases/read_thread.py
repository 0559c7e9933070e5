"""Read a conversation: a thread around one of its messages, or a message by itself (rules, section D)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.core.resources import Message, Thread
from gateway.store.access import Principal
from gateway.store.deletions import DELETED, FILED, NOTE
from gateway.store.engine import Store, Tx
from gateway.store.held import HELD
from gateway.store.reading_mail import find_shown, find_thread
from gateway.store.reading_receipts import Attempt, find_first_attempts
from gateway.store.reading_threads import find_position, groups_threads, list_beside, name_mailboxes

BESIDE = 12
"""Messages on either side of the one that is read; a thread is read in pages of twice as many and one."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A page of a conversation. mails: the oldest first. opened: the one that is read. thread: None where that stands
    by itself. earlier, later: there are more on that side. state: of the one that is read. attempts: what brought the
    messages, where that is known. boxes: the addresses of the mailboxes they stand in, by their ids."""

    mails: tuple[Message, ...]
    opened: Message
    thread: Thread | None
    state: str
    earlier: bool = False
    later: bool = False
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    boxes: Mapping[str, str] = field(default_factory=dict)


async def read_message(store: Store, reader: Principal, id: str) -> Talk | None:
    """The conversation around a message. One that is held, deleted or locked stands by itself, and so does one of a
    mailbox whose mail isn't shown in threads."""

    def read(tx: Tx) -> Talk | None:
        shown = find_shown(tx, reader.account, id, _states(reader), reader.eyes)
        if shown is None:
            return None
        mail = shown.message
        alone = mail.locked or shown.state != FILED or mail.thread is None
        if alone or not groups_threads(tx, reader.account, mail.mailbox):
            return _talk(tx, reader, Talk((mail,), mail, None, shown.state))
        thread, at = mail.thread or "", find_position(tx, reader.account, id)
        before, earlier = list_beside(tx, reader.account, thread, at, BESIDE, reader.eyes)
        after, later = list_beside(tx, reader.account, thread, at, BESIDE, reader.eyes, later=True)
        found = find_thread(tx, reader.account, thread, reader.eyes)
        return _talk(tx, reader, Talk((*before, mail, *after), mail, found, shown.state, earlier, later))

    return await store.read(read)


async def read_thread(
    store: Store, reader: Principal, id: str, before: str | None = None, after: str | None = None
) -> Talk | None:
    """A thread, of which the newest message is read. before, after: the id of a message of it, for an earlier or a
    later page."""

    def read(tx: Tx) -> Talk | None:
        thread = find_thread(tx, reader.account, id, reader.eyes)
        beside = before or after
        at = find_position(tx, reader.account, beside) if beside else None
        if thread is None or (beside and at is None):
            return None
        onward = after is not None and before is None
        mails, more = list_beside(tx, reader.account, id, at, 2 * BESIDE + 1, reader.eyes, later=onward)
        if not mails:
            return None
        earlier, later = (True, more) if onward else (more, beside is not None)
        return _talk(tx, reader, Talk(mails, mails[-1], thread, FILED, earlier, later))

    return await store.read(read)


def _talk(tx: Tx, reader: Principal, talk: Talk) -> Talk:
    there = [one.id for one in talk.mails if not one.locked]
    boxes = sorted({source.mailbox for one in talk.mails for source in one.sources if source.mailbox})
    return replace(
        talk,
        attempts=find_first_attempts(tx, reader.account, there),
        boxes=name_mailboxes(tx, reader.account, boxes),
    )


def _states(reader: Principal) -> tuple[str, ...]:
    return (FILED, NOTE, HELD, DELETED) if reader.role == "admin" else (FILED, NOTE)
