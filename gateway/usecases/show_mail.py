"""Show messages, their text and files, and threads: to each reader what they may open (rules E2, E13, F)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import structlog

from gateway.core.body import Content, content
from gateway.core.refusals import Away, Denied, Lost
from gateway.core.resources import Message, Thread
from gateway.store import reading_mail as mail
from gateway.store.access import Principal
from gateway.store.blobs import Blobs
from gateway.store.bodies import StoredBody, find_body, pieces, unpack
from gateway.store.deletions import DELETED, FILED, NOTE
from gateway.store.engine import Store, Tx
from gateway.store.reading import Page, Position
from gateway.store.reading_mail import HELD, Filter
from gateway.usecases.fetch_files import LARGE, Files, Handed, Opened, find_opened

__all__ = [
    "Filter",
    "MimeLimits",
    "Read",
    "list_messages",
    "list_threads",
    "open_message",
    "show_attachment",
    "show_message",
    "show_source",
    "show_thread",
    "stream_raw",
]
_log = structlog.get_logger(__name__)
_OTHER_TEXT = "Another copy of this mail, which came by another road, says something else."


@dataclass(frozen=True, slots=True)
class MimeLimits:
    """Bounds of rule B4b, from the settings, with which messages were read when they came."""

    parts: int = 1_000
    depth: int = 50


@dataclass(frozen=True, slots=True)
class Read:
    """A message with what it says; of one that is locked, nothing."""

    message: Message
    content: Content


async def list_messages(
    store: Store, reader: Principal, after: Position | None, limit: int, wanted: Filter
) -> Page[Message]:
    """The account's messages; whether the reader may ask for held or deleted ones is the door's to check first."""
    return await store.read(lambda tx: mail.list_messages(tx, reader.account, after, limit, wanted, reader.eyes))


async def show_message(store: Store, reader: Principal, id: str) -> Message | None:
    """One message; held and deleted ones are the admins' (rules, F)."""
    return await store.read(lambda tx: mail.find_message(tx, reader.account, id, _states(reader), reader.eyes))


async def open_message(
    store: Store,
    blobs: Blobs,
    reader: Principal,
    id: str,
    limits: MimeLimits,
    files_at: str = "",
    *,
    images: bool = False,
    marked: bool = False,
) -> Read | None:
    """One message with its text and sanitised HTML. Where a copy that its reader may open as well says something else,
    that is noted (E13).

    files_at: the address below which the reader gets its attachments. images: they want to see remote ones. marked:
    the HTML comes with the markers of `core.folding`.
    """

    def find(tx: Tx) -> tuple[Opened | None, list[StoredBody]]:
        opened = find_opened(tx, reader.account, id, _states(reader), reader.eyes)
        others = opened.shown.others if opened is not None else ()
        found = [find_body(tx, reader.account, id, n) for n in others]
        return opened, [one for one in found if one is not None]

    opened, copies = await store.read(find)
    if opened is None or (opened.body is None and opened.shown.n is not None):
        return None
    message = opened.shown.message
    if opened.body is None:
        return Read(message, Content("", None))
    read = partial(_read, blobs, reader.account, limits)
    try:
        found = await read(opened.body, files_at=files_at, images=images, marked=marked)
        if not message.note and copies and await _differ(found, [partial(read, one) for one in copies]):
            message = replace(message, note=_OTHER_TEXT)
    except FileNotFoundError:
        _note_missing(id)
        return None
    return Read(message, found)


async def _read(
    blobs: Blobs,
    account: int,
    limits: MimeLimits,
    body: StoredBody,
    *,
    files_at: str = "",
    images: bool = False,
    marked: bool = False,
) -> Content:
    raw = await asyncio.to_thread(unpack, blobs, account, body)
    bounds = {"max_parts": limits.parts, "max_depth": limits.depth}
    read = partial(content, raw, files_at=files_at, images=images, marked=marked, **bounds)
    return await asyncio.to_thread(read) if len(raw) > LARGE else read()


async def _differ(found: Content, copies: Sequence[Callable[[], Awaitable[Content]]]) -> bool:
    """Whether one of the copies has another text; what only looks otherwise doesn't count."""
    said = found.text.split()
    for read in copies:
        if (await read()).text.split() != said:
            return True
    return False


async def stream_raw(
    store: Store, files: Files, reader: Principal, id: str
) -> Iterator[bytes] | Denied | Lost | Away | None:
    """The bytes of a message piece by piece, our trace fields first: a large mail is never whole in memory. Where they
    can't be had, that is known before the first piece."""
    opened = await _open(store, reader, id)
    if not isinstance(opened, Opened):
        return opened
    if opened.apart:
        fetched = await files.whole(reader.account, opened)
        return iter((fetched,)) if isinstance(fetched, bytes) else fetched
    if opened.body is None:
        return None
    try:
        rest = pieces(files.blobs, reader.account, opened.body)
        first = await asyncio.to_thread(next, rest, b"")
    except FileNotFoundError:
        _note_missing(id)
        return None
    return chain((opened.body.trace + first,), rest)


async def show_source(store: Store, blobs: Blobs, reader: Principal, id: str, most: int) -> bytes | Denied | None:
    """What is kept of a message as it came, our trace fields first, up to about so many bytes."""
    opened = await _open(store, reader, id)
    if not isinstance(opened, Opened):
        return opened
    if opened.body is None:
        return None
    found = bytearray(opened.body.trace)
    try:
        rest = pieces(blobs, reader.account, opened.body)
        while len(found) < most and (more := await asyncio.to_thread(next, rest, b"")):
            found += more
    except FileNotFoundError:
        _note_missing(id)
        return None
    return bytes(found)


async def show_attachment(
    store: Store, files: Files, reader: Principal, id: str, n: int
) -> Handed | Denied | Lost | Away | None:
    """The n-th attachment of a message with its decoded bytes."""
    opened = await _open(store, reader, id)
    if not isinstance(opened, Opened):
        return opened
    try:
        return await files.attachment(reader.account, opened, n)
    except FileNotFoundError:
        _note_missing(id)
        return None


async def _open(store: Store, reader: Principal, id: str) -> Opened | Denied | None:
    opened = await store.read(lambda tx: find_opened(tx, reader.account, id, _states(reader), reader.eyes))
    if opened is None or opened.shown.n is not None:
        return opened
    message = opened.shown.message
    return Denied(
        message.note or f"Only who may read the mailbox of {message.owner or 'its owner'} may open this mail."
    )


def _note_missing(id: str) -> None:
    """A purge may have been quicker by a moment; else the file was lost, or a backup was restored without it."""
    _log.error("mail.file_missing", message=id)


async def list_threads(
    store: Store, reader: Principal, after: Position | None, limit: int, mailbox: str | None
) -> Page[Thread]:
    """The account's threads, of those mailboxes that the reader may open."""
    return await store.read(
        lambda tx: mail.list_threads(tx, reader.account, after, limit, mailbox=mailbox, eyes=reader.eyes)
    )


async def show_thread(store: Store, reader: Principal, id: str) -> Thread | None:
    """One thread of a mailbox that the reader may open."""
    return await store.read(lambda tx: mail.find_thread(tx, reader.account, id, reader.eyes))


def _states(reader: Principal) -> tuple[str, ...]:
    return (FILED, NOTE, HELD, DELETED) if reader.role == "admin" else (FILED, NOTE)
