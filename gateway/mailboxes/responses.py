"""Answers of an IMAP server as values (RFC 9051 section 4): octets, None for NIL, lists.

imapclient's own reader goes sign by sign, and where one message's structure is broken it loses the whole batch; this
one goes word by word and loses that message. It never nests calls, so that no depth of brackets hurts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone

Value = bytes | None | list["Value"]
Record = bytes | tuple[bytes, bytes]
"""As imaplib has it: a line, or what stands before a literal and the literal."""

_WORD = re.compile(rb'[ \t]*+(?:([()])|"((?:[^"\\]++|\\.)*+)"|((?:[^ \t()"\[]|\[[^\]]*+\])++))', re.S)
_ESCAPED = re.compile(rb"\\(.)", re.S)
_LITERAL = re.compile(rb"~?\{\d+\+?\}\Z")
_PARTIAL = re.compile(rb"<\d+>\Z")
_DATE = re.compile(
    rb" *(\d{1,2})-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-(\d{4})"
    rb" (\d\d):(\d\d):(\d\d)(?: ?([+-])(\d\d)(\d\d))?",
    re.I,
)
_MONTHS = {name: n for n, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
LAST_UID = 2**32 - 1
"""There is no higher one (RFC 9051 section 2.3.1.1)."""
_MOST_UIDS = 2_000_000
_MOST_VALUES = 20_000
"""So many values an answer has at most: each takes many times the octet or two that it is sent in."""
_MOST_DIGITS, _UID_DIGITS = 18, 10


def answers(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The records of each answer: pairs with their literals, then the line that ends it."""
    answer: list[Record] = []
    for record in records:
        answer.append(record)
        if not isinstance(record, tuple):
            yield answer
            answer = []


def weight(answer: Sequence[Record]) -> int:
    """No less than how many values an answer holds."""
    lines = (record[0] if isinstance(record, tuple) else record for record in answer)
    return sum(line.count(b"(") + line.count(b" ") + line.count(b'"') + 2 for line in lines)


def values(answer: Sequence[Record]) -> list[Value]:
    """What an answer holds. Raises ValueError where its brackets or quotes don't close, or it holds too much."""
    if weight(answer) > _MOST_VALUES:
        raise ValueError("not so many values are taken")
    top: list[Value] = []
    stack = [top]
    for record in answer:
        line = _LITERAL.sub(b"", record[0]) if isinstance(record, tuple) else record
        _read_line(line, stack)
        if isinstance(record, tuple):
            stack[-1].append(record[1])
    if len(stack) != 1:
        raise ValueError("a bracket that is not closed")
    return top


def _read_line(line: bytes, stack: list[list[Value]]) -> None:
    at, end = 0, len(line.rstrip(b" \t"))
    match = _WORD.match
    while at < end:
        word = match(line, at, end)
        if word is None:
            raise ValueError("a quote that is not closed")
        at = word.end()
        bracket, quoted, bare = word.groups()
        if bare is not None:
            stack[-1].append(None if bare in (b"NIL", b"nil", b"Nil") else bare)
        elif quoted is not None:
            stack[-1].append(_ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
        elif bracket == b"(":
            inner: list[Value] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif len(stack) > 1:
            stack.pop()
        else:
            raise ValueError("a bracket that was not opened")


def items_of(answer: Sequence[Record]) -> dict[bytes, Value]:
    """What a FETCH answer tells of its message, by the names of the items in capitals, without the place of a partial
    text ("BODY[]<0>"). Raises ValueError where it can't be read."""
    found = values(answer)
    pairs = found[1] if len(found) > 1 else None
    if not isinstance(pairs, list):
        raise ValueError("no list of items")
    items: dict[bytes, Value] = {}
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(name, bytes):
            raise ValueError("an item without a name")
        items[_PARTIAL.sub(b"", name.upper())] = value
    return items


def number(value: Value) -> int:
    """A number of no more than 63 bits; 0 for what is none."""
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) <= _MOST_DIGITS else 0


def moment(value: Value) -> int | None:
    """An INTERNALDATE as milliseconds since 1970; None where it is no moment, or one before that."""
    found = _DATE.match(value) if isinstance(value, bytes) else None
    if found is None:
        return None
    day, month, year, hour, minute, second = found.groups()[:6]
    away = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0))
    try:
        zone = timezone(-away if found[7] == b"-" else away)
        at = datetime(int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), int(second), tzinfo=zone)
    except ValueError:
        return None
    seconds = int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * 1_000 if seconds >= 0 else None


def uids_of(records: Iterable[Record]) -> list[int]:
    """The numbers of answers to SEARCH, ascending; what else stands there ("(MODSEQ 5)") is passed over."""
    lines = (record for record in records if isinstance(record, bytes))
    words = (word for line in lines for word in line.partition(b"(")[0].split())
    uids = {int(word) for word in words if word.isdigit() and len(word) <= _UID_DIGITS}
    return sorted(uid for uid in uids if uid <= LAST_UID)


def as_set(uids: Iterable[int]) -> str:
    """Ascending UIDs as a sequence set: "4:6,9"."""
    ranges: list[tuple[int, int]] = []
    for uid in uids:
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], uid)
        else:
            ranges.append((uid, uid))
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in ranges)


def of_set(text: bytes) -> list[int] | None:
    """The UIDs of a sequence set; None where it is none, or names more than any folder holds."""
    uids: set[int] = set()
    for one in text.split(b","):
        first, _, last = one.partition(b":")
        if not first.isdigit() or (last and not last.isdigit()) or max(len(first), len(last)) > _UID_DIGITS:
            return None
        low, high = sorted((int(first), int(last or first)))
        if high - low + len(uids) > _MOST_UIDS:
            return None
        uids.update(range(low, high + 1))
    return sorted(uids)
