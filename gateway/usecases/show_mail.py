"""Show messages, their text and files, and threads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

import structlog

from gateway.core.attachments import Attachment
from gateway.core.body import Content, attachment, content
from gateway.core.resources import Message, Thread
from gateway.store import reading_mail as mail
from gateway.store.access import Principal
from gateway.store.blobs import Blobs
from gateway.store.bodies import StoredBody, find_body, pieces, unpack
from gateway.store.engine import Store, Tx
from gateway.store.reading import Page, Position
from gateway.store.reading_mail import DELETED, FILED, HELD, Filter

__all__ = [
    "Filter",
    "MimeLimits",
    "Raw",
    "list_messages",
    "list_threads",
    "show_attachment",
    "show_content",
    "show_message",
    "show_raw",
    "show_thread",
    "stream_raw",
]
_log = structlog.get_logger(__name__)
LARGE = 16 * 1024
"""Bytes from which a message is parsed in a thread: what is hostile in it can take tenths of a second to clean."""


@dataclass(frozen=True, slots=True)
class MimeLimits:
    """Bounds of rule B4b, from the settings, with which messages were read when they came."""

    parts: int = 1_000
    depth: int = 50


@dataclass(frozen=True, slots=True)
class Raw:
    """A message by bytes. trace: the header fields we put before what was received."""

    trace: bytes
    message: bytes


async def list_messages(
    store: Store, reader: Principal, after: Position | None, limit: int, wanted: Filter
) -> Page[Message]:
    """The account's messages; whether the reader may ask for held or deleted ones is the door's to check first."""
    return await store.read(lambda tx: mail.list_messages(tx, reader.account, after, limit, wanted))


async def show_message(store: Store, reader: Principal, id: str) -> Message | None:
    """One message; held and deleted ones are the admins' (rules, F)."""
    return await store.read(lambda tx: mail.find_message(tx, reader.account, id, _states(reader)))


async def show_raw(store: Store, blobs: Blobs, reader: Principal, id: str) -> Raw | None:
    """The bytes of a message that the reader may open."""

    body = await _find(store, reader, id)
    if body is None:
        return None
    try:
        return Raw(body.trace, await asyncio.to_thread(unpack, blobs, reader.account, body))
    except FileNotFoundError:
        _note_missing(id)
        return None


async def stream_raw(store: Store, blobs: Blobs, reader: Principal, id: str) -> Iterator[bytes] | None:
    """The same piece by piece, our trace fields first: a large mail is never whole in memory. Where it can't be had,
    that is known before the first piece."""
    body = await _find(store, reader, id)
    if body is None:
        return None
    try:
        rest = pieces(blobs, reader.account, body)
        first = await asyncio.to_thread(next, rest, b"")
    except FileNotFoundError:
        _note_missing(id)
        return None
    return chain((body.trace + first,), rest)


async def _find(store: Store, reader: Principal, id: str) -> StoredBody | None:
    def find(tx: Tx) -> StoredBody | None:
        if mail.find_message(tx, reader.account, id, _states(reader)) is None:
            return None
        return find_body(tx, reader.account, id)

    return await store.read(find)


def _note_missing(id: str) -> None:
    """A purge may have been quicker by a moment; else the file was lost, or a backup was restored without it."""
    _log.error("mail.file_missing", message=id)


async def show_content(raw: Raw, limits: MimeLimits, files_at: str = "", *, images: bool = False) -> Content:
    """Text and sanitised HTML of a message.

    files_at: the address below which the reader gets its attachments. images: they want to see remote ones.
    """
    read = partial(
        content, raw.message, max_parts=limits.parts, max_depth=limits.depth, files_at=files_at, images=images
    )
    return await asyncio.to_thread(read) if len(raw.message) > LARGE else read()


async def show_attachment(raw: Raw, n: int, limits: MimeLimits) -> tuple[Attachment, bytes] | None:
    """The n-th attachment of a message with its decoded bytes."""
    if len(raw.message) > LARGE:
        return await asyncio.to_thread(attachment, raw.message, n, max_parts=limits.parts, max_depth=limits.depth)
    return attachment(raw.message, n, max_parts=limits.parts, max_depth=limits.depth)


async def list_threads(
    store: Store, reader: Principal, after: Position | None, limit: int, mailbox: str | None
) -> Page[Thread]:
    """The account's threads."""
    return await store.read(lambda tx: mail.list_threads(tx, reader.account, after, limit, mailbox=mailbox))


async def show_thread(store: Store, reader: Principal, id: str) -> Thread | None:
    """One thread of the account."""
    return await store.read(lambda tx: mail.find_thread(tx, reader.account, id))


def _states(reader: Principal) -> tuple[str, ...]:
    return (FILED, HELD, DELETED) if reader.role == "admin" else (FILED,)
