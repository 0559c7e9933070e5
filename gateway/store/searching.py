"""The index of search as it is written and asked: one face for FTS5 of SQLite and tsvector of PostgreSQL.

Every term is put down behind the account's number, in six places, and the letter of a kind. So the words of an account
stand together, whoever looks for one reads of nobody else's, and the size of other accounts costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import zstandard
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Text,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import TSVECTOR

from gateway.core.terms import BORDER, Phrase
from gateway.store.bodies import pack
from gateway.store.prepared import Prepared
from gateway.store.reading import PASS
from gateway.store.search_tables import search_entries, search_walks

MESSAGE, CONTACT, LEAD, CUSTOMER = "m", "c", "l", "k"
KINDS = (MESSAGE, CONTACT, LEAD, CUSTOMER)
NEWEST = 1_000
"""So many of the newest are looked through first on PostgreSQL, whose index has no order: a common word is there."""
_SHIFT = 20
_LAST_MOMENT = (1 << 63 - _SHIFT) - 1
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PLACES = 6
_BY_PREFIX = 2
_COMPLETIONS = 100
_MOST_BYTES = 16 * 1024 * 1024
_FTS = table("search_words", column("rowid"), column("search_words"), column("words"))
_TAKE_OUT = text("INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', :number, :words)")
_PUT_IN = Prepared(insert(_FTS).values(rowid=bindparam("number"), words=bindparam("words")))
_ADD = Prepared(insert(search_entries))
_ADD_VECTOR = Prepared(
    insert(search_entries).values(
        account=bindparam("of"),
        kind=bindparam("what"),
        id=bindparam("which"),
        number=bindparam("place"),
        words=cast(bindparam("vector", type_=Text), TSVECTOR),
    )
)
_LAST = Prepared(
    select(func.max(search_entries.c.number)).where(
        search_entries.c.number >= bindparam("first"), search_entries.c.number < bindparam("end")
    )
)
_COMPLETE = text(
    "WITH RECURSIVE found(term) AS (SELECT (SELECT term FROM search_terms WHERE term >= :begin LIMIT 1) UNION ALL "
    "SELECT (SELECT term FROM search_terms WHERE term >= found.term || char(1) LIMIT 1) FROM found "
    "WHERE found.term >= :begin AND found.term < :end) "
    "SELECT term FROM found WHERE term >= :begin AND term < :end LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be found. at: when it came, in milliseconds; its place in lists. terms: of `core.terms`."""

    account: int
    kind: str
    id: str
    at: int
    terms: Sequence[str]


def put_entries(tx: Connection, entries: Sequence[Entry]) -> None:
    """Puts entries into the index, in place of those that are there."""
    kinds: dict[tuple[int, str], list[str]] = {}
    for entry in entries:
        kinds.setdefault((entry.account, entry.kind), []).append(entry.id)
    for (account, kind), ids in kinds.items():
        forget_entries(tx, account, kind, ids)
    add_new(tx, entries)


def add_new(tx: Connection, entries: Sequence[Entry]) -> None:
    """As `put_entries`, of what is known not to be there."""
    if not entries:
        return
    numbers = _numbers(tx, [entry.at for entry in entries])
    words = [words_of(entry) for entry in entries]
    rows: list[dict[str, Any]] = [
        {"account": one.account, "kind": one.kind, "id": one.id, "number": number}
        for one, number in zip(entries, numbers, strict=True)
    ]
    if _on_postgresql(tx):
        vectors = [
            {"of": one.account, "what": one.kind, "which": one.id, "place": number, "vector": _vector(said)}
            for one, number, said in zip(entries, numbers, words, strict=True)
        ]
        _ADD_VECTOR.each(tx, vectors)
        return
    _PUT_IN.each(
        tx, [{"number": row["number"], "words": " ".join(said)} for row, said in zip(rows, words, strict=True)]
    )
    packed = [{"words": _pack(" ".join(one.terms))} for one in entries]
    _ADD.each(tx, [row | more for row, more in zip(rows, packed, strict=True)])


def forget_entries(tx: Connection, account: int, kind: str, ids: Sequence[str]) -> None:
    """Takes entries out of the index; harmless for what isn't there."""
    for start in range(0, len(ids), PASS):
        mine = _of(account, kind) & search_entries.c.id.in_(ids[start : start + PASS])
        _take_out(tx, mine)
        tx.execute(delete(search_entries).where(mine))


def forget_account(tx: Connection, account: int) -> None:
    """Takes out all that an account has, some at a time."""
    while ids := [
        (row.kind, row.id)
        for row in tx.execute(
            select(search_entries.c.kind, search_entries.c.id).where(search_entries.c.account == account).limit(PASS)
        )
    ]:
        for kind in KINDS:
            forget_entries(tx, account, kind, [id for of, id in ids if of == kind])
    tx.execute(delete(search_walks).where(search_walks.c.account == account))


def purge(tx: Connection) -> None:
    """Writes the index anew without what was taken out of it: until then its pages still hold the words."""
    if not _on_postgresql(tx):
        tx.execute(text("INSERT INTO search_words (search_words) VALUES ('optimize')"))


def empty_index(tx: Connection) -> None:
    """Begins anew: nothing is indexed, and every account is gone through again."""
    if not _on_postgresql(tx):
        tx.execute(text("INSERT INTO search_words (search_words) VALUES ('delete-all')"))
    tx.execute(delete(search_entries))
    tx.execute(delete(search_walks))


def not_indexed(account: int, kind: str, id: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a row isn't in the index."""
    return ~exists().where(_of(account, kind), search_entries.c.id == id)


def newest_indexed(tx: Connection, account: int, kind: str) -> str | None:
    """The highest id of this kind in the index."""
    return tx.execute(select(func.max(search_entries.c.id)).where(_of(account, kind))).scalar()


def number_of(tx: Connection, account: int, kind: str, id: str) -> int | None:
    """Where an entry stands; None where it isn't in the index."""
    query = select(search_entries.c.number).where(_of(account, kind), search_entries.c.id == id)
    return tx.execute(query).scalar()


def place_of(tx: Connection, account: int, kind: str, at: int, id: str) -> int:
    """Where a row of that moment stands, or would stand: a list goes on there also where the index came to be, or was
    made anew, since its last page."""
    place = number_of(tx, account, kind, id)
    return place if place is not None else first_number(min(max(at, 0), _LAST_MOMENT))


def first_number(at: int) -> int:
    """The lowest place of a moment."""
    return at << _SHIFT


def hits(
    tx: Connection, account: int, kind: str, phrases: Sequence[Phrase], below: int | None, *, newest: int | None = None
) -> FromClause:
    """What holds all of the phrases, as a table of `number` and `id`. below: only what stands before that place.

    newest: of so many of the newest only, read in their order; else by the index.
    """
    conditions = [_of(account, kind)]
    if not _on_postgresql(tx):
        conditions += [_FTS.c.search_words.op("MATCH")(_match(tx, account, kind, phrases))]
        conditions += [] if below is None else [_FTS.c.rowid < below]
        joined = _FTS.join(search_entries, search_entries.c.number == _FTS.c.rowid)
        found = select(_FTS.c.rowid.label("number"), search_entries.c.id).select_from(joined)
        return found.where(*conditions).subquery("hits")
    conditions += [] if below is None else [search_entries.c.number < below]
    if newest is not None:
        query = select(search_entries.c.number, search_entries.c.id, search_entries.c.words)
        last = query.where(*conditions).order_by(search_entries.c.number.desc()).limit(newest)
        few = last.cte("newest").prefix_with("MATERIALIZED", dialect="postgresql")
        return select(few.c.number, few.c.id).where(_holds(few.c.words, account, kind, phrases)).subquery("hits")
    conditions.append(_holds(search_entries.c.words, account, kind, phrases))
    every = select(search_entries.c.number, search_entries.c.id).where(*conditions)
    return every.cte("hits").prefix_with("MATERIALIZED", dialect="postgresql")


def passes(tx: Connection) -> tuple[int | None, ...]:
    """How `hits` is asked, one after the other until a page is full."""
    return (NEWEST, None) if _on_postgresql(tx) else (None,)


def is_hit(
    tx: Connection, account: int, kind: str, phrases: Sequence[Phrase], id: ColumnElement[str]
) -> ColumnElement[bool]:
    """The condition that a row holds all of the phrases, for lists that are read in an order of their own."""
    mine = (_of(account, kind), search_entries.c.id == id)
    if _on_postgresql(tx):
        return exists().where(*mine, _holds(search_entries.c.words, account, kind, phrases))
    match = _FTS.c.search_words.op("MATCH")(_match(tx, account, kind, phrases))
    return exists().where(*mine, _FTS.c.rowid == search_entries.c.number, match)


def is_complete(tx: Connection, account: int, kind: str) -> bool:
    """Whether all the account had was indexed once; until then, its rows are gone through."""
    query = select(search_walks.c.complete).where(search_walks.c.account == account, search_walks.c.kind == kind)
    return bool(tx.execute(query).scalar())


def _of(account: int, kind: str) -> ColumnElement[bool]:
    return (search_entries.c.account == account) & (search_entries.c.kind == kind)


def _on_postgresql(tx: Connection) -> bool:
    return tx.dialect.name == postgresql.dialect.name


def _mark(account: int, kind: str) -> str:
    """What stands before each term of an account's entries of a kind."""
    places = []
    for _ in range(_PLACES):
        account, digit = divmod(account, len(_DIGITS))
        places.append(_DIGITS[digit])
    return "".join(reversed(places)) + kind


def words_of(entry: Entry) -> list[str]:
    """The terms of an entry as the index has them."""
    mark = _mark(entry.account, entry.kind)
    return [BORDER if term == BORDER else mark + term for term in entry.terms]


def _numbers(tx: Connection, moments: Sequence[int]) -> list[int]:
    """The next place of each of these moments that nobody has."""
    free: dict[int, int] = {}
    numbers = []
    for at in moments:
        if at not in free:
            [(last,)] = _LAST.all(tx, first=first_number(at), end=first_number(at + 1))
            free[at] = first_number(at) if last is None else last + 1
        numbers.append(free[at])
        free[at] += 1
    return numbers


def _pack(text: str) -> bytes:
    return pack(b"", text.encode()).data


def _take_out(tx: Connection, which: ColumnElement[bool]) -> None:
    """SQLite's index wants to be told what it was told when the entry was put in."""
    if _on_postgresql(tx):
        return
    for row in tx.execute(select(search_entries).where(which)).all():
        kept = zstandard.ZstdDecompressor().decompress(row.words, max_output_size=_MOST_BYTES).decode()
        words = words_of(Entry(row.account, row.kind, row.id, 0, kept.split()))
        tx.execute(_TAKE_OUT, {"number": row.number, "words": " ".join(words)})


def _vector(words: Sequence[str]) -> str:
    """Words with their places, as PostgreSQL reads them (a tsvector)."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(words, 1):
        if word != BORDER:
            places.setdefault(word, []).append(at)
    return " ".join(f"'{word}':{','.join(map(str, at))}" for word, at in places.items())


def _holds(words: Any, account: int, kind: str, phrases: Sequence[Phrase]) -> ColumnElement[bool]:
    mark = _mark(account, kind)
    asked = []
    for phrase in phrases:
        terms = [f"'{mark}{term}'" for term in phrase.terms]
        asked.append(f"({' <-> '.join(terms)}{':*' if phrase.open else ''})")
    holds: ColumnElement[bool] = words.op("@@", is_comparison=True)(
        cast(literal(" & ".join(asked)), postgresql.TSQUERY)
    )
    return holds


def _match(tx: Connection, account: int, kind: str, phrases: Sequence[Phrase]) -> str:
    """The phrases in FTS5's language."""
    mark = _mark(account, kind)
    asked = []
    for phrase in phrases:
        *before, last = [mark + term for term in phrase.terms]
        if phrase.open:
            asked.append(f"({_open(tx, before, last, len(phrase.terms[-1]))})")
        else:
            asked.append(_quoted(*before, last))
    return " AND ".join(asked)


def _open(tx: Connection, before: list[str], last: str, letters: int) -> str:
    """A term that may go on: by the index of beginnings where it is short, else as each word that it begins.

    Each of these words is read in the order of the list, and no further than a page; FTS5 itself would put together all
    places of all of them first.
    """
    if letters > _BY_PREFIX:
        span = {"begin": last, "end": last + "\U0010ffff", "most": _COMPLETIONS + 1}
        found = [row.term for row in tx.execute(_COMPLETE, span)]
        if len(found) <= _COMPLETIONS:
            return " OR ".join(_quoted(*before, word) for word in found) or _quoted(*before, last)
    return f"{_quoted(*before, last)} *"


def _quoted(*words: str) -> str:
    return f'"{" ".join(words)}"'
