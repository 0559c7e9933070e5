"""The index of search in a store that was filled: what the clock would have put in, mail by mail, in minutes.

The terms of the texts, of which there are some dozens, are made once; a subject's and a client's are each mail's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import zstandard

from gateway.core.body import content
from gateway.core.terms import BORDER, parts, terms
from gateway.store.searching import CONTACT, KINDS, LEAD, MESSAGE, Entry, first_number, words_of

Row = tuple[object, ...]


class Filed(Protocol):
    """What is found of a mail that was filled in."""

    at: int
    first: bool
    client: str
    name: str
    number: int


class Indexed:
    """Fills the index of one account. texts: the raw mails, used in turn. people: names and addresses in every mail."""

    def __init__(self, account: int, texts: Sequence[bytes], people: Sequence[str]) -> None:
        self._account = account
        self._people = people
        self._texts = [terms([content(one, max_parts=100, max_depth=10).text]) for one in texts]
        self._packer = zstandard.ZstdCompressor(level=1)

    def rows(
        self, mails: Iterable[Filed], ids: Callable[[Filed], tuple[str, str, str]], subject: Callable[[Filed], str]
    ) -> Iterator[tuple[Row, Row]]:
        """Of each mail the rows of the index and of its entries. ids: of message, contact and lead."""
        for mail in mails:
            message, contact, lead = ids(mail)
            said = self._texts[mail.number % len(self._texts)]
            head = terms([subject(mail), *self._people, mail.name, mail.client])
            yield self._pair(MESSAGE, message, mail.at, 0, [*head, BORDER, *said])
            if mail.first:
                yield self._pair(CONTACT, contact, mail.at, 1, parts([mail.name, mail.client]))
                yield self._pair(LEAD, lead, mail.at, 2, parts([subject(mail)]))

    def _pair(self, kind: str, id: str, at: int, place: int, found: Sequence[str]) -> tuple[Row, Row]:
        entry = Entry(self._account, kind, id, at, found)
        number = first_number(at) + place
        words = " ".join(words_of(entry))
        packed = self._packer.compress(" ".join(found).encode())
        return (number, words), (self._account, kind, id, number, packed)


def put(store: sqlite3.Connection, rows: Iterable[tuple[Row, Row]]) -> None:
    """Writes such rows."""
    some = list(rows)
    store.executemany("INSERT INTO search_words (rowid, words) VALUES (?, ?)", [words for words, _ in some])
    store.executemany("INSERT INTO search_entries VALUES (?, ?, ?, ?, ?)", [entry for _, entry in some])


def complete(store: sqlite3.Connection, account: int) -> None:
    """All of it is indexed."""
    store.executemany("INSERT OR REPLACE INTO search_walks VALUES (?, ?, '', 1)", [(account, kind) for kind in KINDS])
