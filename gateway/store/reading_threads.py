"""A thread as it is read: its messages in the order in which they came, around one of them (rules, section D)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from gateway.core.resources import Message
from gateway.core.visibility import Eyes
from gateway.store.mailbox_reading import find_sight
from gateway.store.reading import Position, read_page
from gateway.store.reading_mail import Filter, select_messages
from gateway.store.showing_mail import show_rows
from gateway.store.tables import mailboxes, messages


def find_position(tx: Connection, account: int, id: str) -> Position | None:
    """Where a message stands among others, by when it came."""
    query = select(messages.c.at, messages.c.id).where(messages.c.account == account, messages.c.id == id)
    row = tx.execute(query).one_or_none()
    return None if row is None else tuple(row)


def list_beside(
    tx: Connection, account: int, thread: str, at: Position | None, limit: int, eyes: Eyes, *, later: bool = False
) -> tuple[tuple[Message, ...], bool]:
    """The messages of a thread next to a position, the oldest first, and whether there are more on that side.

    at: None for the end of the thread. later: those behind the position, else those before it.
    """
    sight = find_sight(tx, account, eyes)
    query, keys = select_messages(account, Filter(thread=thread), sight)
    page = read_page(tx, query, keys, at, limit, oldest_first=later)
    rows = page.rows if later else page.rows[::-1]
    shown = tuple(one.message for one in show_rows(tx, account, rows, sight) if one.n is not None)
    return shown, page.next is not None


def groups_threads(tx: Connection, account: int, mailbox: str | None) -> bool:
    """Whether the mail of a mailbox (id, None for the smart addresses) is shown in threads."""
    if mailbox is None:
        return True
    query = select(mailboxes.c.threads).where(mailboxes.c.account == account, mailboxes.c.id == mailbox)
    return bool(tx.execute(query).scalar_one_or_none())


def name_mailboxes(tx: Connection, account: int, ids: Sequence[str]) -> dict[str, str]:
    """The addresses of mailboxes, by their ids."""
    query = select(mailboxes.c.id, mailboxes.c.address).where(mailboxes.c.account == account)
    return {row.id: row.address for row in tx.execute(query.where(mailboxes.c.id.in_(tuple(ids))))}
