"""What of mail is in the index of search: an entry for each source, so that nobody finds what they may not read (E13).

The first source has the message's id, a later one its number behind it (`ID.2`). A reader's hit is the entry of the
source that they are shown, and of no other (docs/decisions/0023-who-finds-what.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, case, cast, delete, func, select

from gateway.store.reading import PASS
from gateway.store.searching import MESSAGE, forget_entries
from gateway.store.tables import outgoing, sources

_ID = 26


def entry_of(message: str, n: int) -> str:
    """The id of the entry of a source."""
    return f"{message}.{n}" if n else message


def message_of(entry: str) -> str:
    """The message an entry is about."""
    return entry[:_ID]


def number_in(entry: str) -> int:
    """The number of the source an entry is about."""
    return int(entry[_ID + 1 :] or 0)


def entry_column(source: Any) -> ColumnElement[str]:
    """The same of rows of `sources`, or of an alias of it."""
    later = source.c.message.concat(".").concat(cast(source.c.n, String))
    return case((source.c.n == 0, source.c.message), else_=later)


def message_column(entry: ColumnElement[str]) -> ColumnElement[str]:
    """The message an entry is about, of a column of entries' ids."""
    return func.substr(entry, 1, _ID, type_=String)


def forget_mail(tx: Connection, account: int, ids: Sequence[str]) -> None:
    """Takes all that messages have in the index out of it, before their sources are dropped. With what they say goes
    their place in the queue of outgoing mail, which names people."""
    found = list(ids)
    for start in range(0, len(ids), PASS):
        gone = outgoing.c.message.in_(ids[start : start + PASS])
        tx.execute(delete(outgoing).where(outgoing.c.account == account, gone))
    for start in range(0, len(ids), PASS):
        later = (sources.c.account == account, sources.c.message.in_(ids[start : start + PASS]), sources.c.n > 0)
        rows = tx.execute(select(sources.c.message, sources.c.n).where(*later))
        found += [entry_of(message, n) for message, n in rows]
    forget_entries(tx, account, MESSAGE, found)
