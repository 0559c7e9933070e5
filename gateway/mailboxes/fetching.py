"""Messages of one folder, fetched in as few round trips and octets as it takes (rules E4 and E7).

One round trip gives the structure and the first 16 KiB of each message of a batch: of most mail that is all of it, and
nothing more is asked. Of a larger one the texts follow, those of all messages with the same sections in one command. A
message is fetched as a whole where nothing else gives what the same mail by SMTP would give: without a Message-ID,
because it is then known by its content (B9), and where its structure can't be trusted. Only PEEK is ever said: nothing
is marked as seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from gateway.core.dates import parse_date
from gateway.core.header import Header, read_header
from gateway.core.mail import DEFAULT_LIMITS, message_id_of
from gateway.core.remote import Skeleton
from gateway.core.skeleton import Plan, header_alone, plan, without_files
from gateway.mailboxes.responses import Value, moment, number
from gateway.mailboxes.session import Fetched

FIRST_BYTES = 16 * 1024
"""So much of each message comes with its structure."""
HEADER_BYTES = DEFAULT_LIMITS.header_bytes
NAMELESS_BYTES = 1024 * 1024
"""Up to this size a message without a Message-ID is fetched as a whole."""
WHOLE_BYTES = 35 * 1024 * 1024
"""No larger message is fetched as a whole."""
HELD_BYTES = 32 * 1024 * 1024
"""So many octets of messages are handed over together: what is larger on the whole is asked for one by one."""
_BATCH = 100
_TEXTS_AT_ONCE = 16 * 1024 * 1024
_FIRST = f"(UID INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[]<0.{FIRST_BYTES}>)"
_ALONE = f"(UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]<0.{HEADER_BYTES}>)"
_TOO_LARGE = "The text of this message can't be read without fetching all of it, and it is too large for that."
_UNREADABLE = "the server does not give this message"

Items = dict[bytes, Value]


class Asked(Protocol):
    """The command UID FETCH."""

    def __call__(self, uids: Sequence[int], items: str) -> tuple[dict[int, Items], bool]:
        """What was told of which message. True: all that was told could be read, and nothing was refused."""


@dataclass(slots=True)
class _Message:
    """A message on its way. start: its first octets; complete: they are all. read: its header, as far as it is there.
    plan: what else of it is fetched."""

    uid: int
    at: int | None
    size: int
    start: bytes
    structure: Value
    read: Header
    header: bytes | None = None
    complete: bool = False
    plan: Plan | None = None
    texts: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Held:
    """How many octets of messages are held."""

    octets: int = 0

    def has_room(self, octets: int) -> bool:
        """Whether so many more are taken; the first ones always are."""
        return not self.octets or self.octets + octets <= HELD_BYTES


def fetch_messages(ask: Asked, uids: Sequence[int], *, whole: bool) -> list[Fetched]:
    """Messages in the order of their UIDs; whole: with their files. Those that are gone are left out."""
    fetched: dict[int, Fetched] = {}
    held = _Held()
    for at in range(0, len(uids), _BATCH):
        batch = uids[at : at + _BATCH]
        fetched |= _fetch_batch(ask, batch, held, whole=whole)
    return [fetched[uid] for uid in sorted(fetched)]


def _fetch_batch(ask: Asked, uids: Sequence[int], held: _Held, *, whole: bool) -> dict[int, Fetched]:
    told, sound = ask(uids, _FIRST)
    messages = [_message(uid, items) for uid, items in told.items() if isinstance(items.get(b"BODY[]"), bytes)]
    done: dict[int, Fetched] = {}
    if not sound or len(messages) < len(told):
        known = {one.uid for one in messages}
        for uid in uids:
            if uid not in known and (found := _fetch_alone(ask, uid, held, present=uid in told)) is not None:
                done[uid] = found
    _add_headers(ask, messages)
    planned = []
    for one in messages:
        if (ready := _ready(one, whole=whole)) is not None:
            done[one.uid] = ready
        elif (not whole or one.size > WHOLE_BYTES) and _plan(one):
            planned.append(one)
    late = _add_texts(ask, planned, held)
    for one in messages:
        if one.uid not in done:
            done[one.uid] = _late(one) if one.uid in late else _skeleton(one) or _fetch_whole(ask, one, held)
    return done


def _message(uid: int, items: Items) -> _Message:
    start = items[b"BODY[]"]
    assert isinstance(start, bytes)
    size = number(items.get(b"RFC822.SIZE"))
    read = read_header(start)
    at, structure = moment(items.get(b"INTERNALDATE")), items.get(b"BODYSTRUCTURE")
    one = _Message(uid, at, size or len(start), start, structure, read)
    one.complete = (len(start) < FIRST_BYTES and size <= FIRST_BYTES) or FIRST_BYTES < len(start) == size
    if one.complete or read.body_at < len(start):
        one.header = start[: read.body_at]
    return one


def _ready(one: _Message, *, whole: bool) -> Fetched | None:
    """A message of which nothing more is wanted."""
    if one.complete and (whole or _nameless(one) or without_files(one.start, one.read)):
        return _fetched(one, one.start, whole=True)
    return None


def _nameless(one: _Message) -> bool:
    return one.size <= NAMELESS_BYTES and message_id_of(one.read.first("message-id")) is None


def _plan(one: _Message) -> bool:
    """Whether a message can be had by its texts; says which."""
    if one.header is not None and not _nameless(one):
        one.plan = plan(one.header, one.structure)
    return one.plan is not None


def _add_headers(ask: Asked, messages: Sequence[_Message]) -> None:
    """The headers that are longer than what came first; of one beyond all limits the part that is read."""
    long = {one.uid: one for one in messages if one.header is None}
    if not long:
        return
    told, _ = ask(sorted(long), f"(UID BODY.PEEK[HEADER]<0.{HEADER_BYTES}>)")
    for uid, items in told.items():
        header = items.get(b"BODY[HEADER]")
        if uid in long and isinstance(header, bytes):
            long[uid].read = read_header(header)
            long[uid].header = _cut(header)


def _cut(header: bytes) -> bytes:
    """A header up to the last line that is read of it."""
    cut = header[:HEADER_BYTES]
    return cut if len(cut) < HEADER_BYTES else cut[: cut.rfind(b"\n") + 1]


def _add_texts(ask: Asked, messages: Sequence[_Message], held: _Held) -> set[int]:
    """The texts of messages; UIDs of those for which there is no room."""
    late: set[int] = set()
    for group in _groups(messages):
        if not held.has_room(_TEXTS_AT_ONCE):
            late.update(one.uid for one in group)
            continue
        wanted = group[0].plan.wanted if group[0].plan else {}
        items = " ".join(f"BODY.PEEK[{section}]<0.{most}>" for section, most in wanted.items())
        told, _ = ask([one.uid for one in group], f"(UID {items})")
        for one in group:
            for name, text in told.get(one.uid, {}).items():
                if name.startswith(b"BODY[") and isinstance(text, bytes):
                    one.texts[name[5:-1].decode("latin-1")] = text
                    held.octets += len(text)
    return late


def _groups(messages: Sequence[_Message]) -> Iterator[list[_Message]]:
    """Messages of which the same sections are wanted, no more together than is held at one time."""

    def wanted(one: _Message) -> list[tuple[str, int]]:
        return list(one.plan.wanted.items()) if one.plan else []

    for sections, group in groupby(sorted(messages, key=wanted), key=wanted):
        if not sections:
            continue
        most = max(1, _TEXTS_AT_ONCE // sum(octets for _, octets in sections))
        same = sorted(group, key=lambda one: one.uid)
        yield from (same[at : at + most] for at in range(0, len(same), most))


def _skeleton(one: _Message) -> Fetched | None:
    made: Skeleton | None = one.plan.filled(one.texts) if one.plan else None
    return _fetched(one, made.message, skeleton=made) if made else None


def _late(one: _Message) -> Fetched:
    return Fetched(one.uid, None, False, (), one.at or 0, one.size)


def _fetch_whole(ask: Asked, one: _Message, held: _Held) -> Fetched:
    """All of a message, by itself; of one that is too large its header, with a note."""
    if one.complete:
        return _fetched(one, one.start, whole=True)
    if one.size <= WHOLE_BYTES:
        if not held.has_room(one.size):
            return _late(one)
        told, _ = ask([one.uid], "(UID BODY.PEEK[])")
        message = told.get(one.uid, {}).get(b"BODY[]")
        if isinstance(message, bytes):
            held.octets += len(message)
            return _fetched(one, message, whole=True)
    if one.size > WHOLE_BYTES and one.header is not None:
        return _fetched(one, header_alone(one.header, _TOO_LARGE))
    return Fetched(one.uid, None, False, (), one.at or 0, one.size, _UNREADABLE)


def _fetch_alone(ask: Asked, uid: int, held: _Held, *, present: bool) -> Fetched | None:
    """A message of which nothing could be read with the others: without its structure. None: it is gone."""
    told, sound = ask([uid], _ALONE)
    items = told.get(uid)
    if items is None:
        return None if sound and not present else Fetched(uid, None, False, (), 0, 0, _UNREADABLE)
    header = items.get(b"BODY[HEADER]")
    size = number(items.get(b"RFC822.SIZE"))
    one = _Message(uid, moment(items.get(b"INTERNALDATE")), size, b"", None, read_header(b""))
    one.header = _cut(header) if isinstance(header, bytes) else None
    return _fetch_whole(ask, one, held)


def _fetched(one: _Message, message: bytes, *, whole: bool = False, skeleton: Skeleton | None = None) -> Fetched:
    at = one.at if one.at is not None else parse_date(read_header(message).first("date") or b"")
    return Fetched(one.uid, message, whole, skeleton.files if skeleton else (), at or 0, one.size or len(message))
