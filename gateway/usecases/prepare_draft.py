"""Prepare a reply, a reply to all or a forward: to whom it goes, what it is called, and what it quotes (rule E11)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from functools import partial
from typing import Literal

from gateway.core.address import parse_address_list
from gateway.core.body import content
from gateway.core.header import read_header
from gateway.core.outgoing import Draft, Prepared
from gateway.core.recipients import Person
from gateway.core.refusals import Denied
from gateway.core.replying import FORWARD, Answered, quoted_text, recipients_of, subject_of
from gateway.core.resources import Mailbox, Message, Party
from gateway.core.words import decode_phrase
from gateway.store.access import Principal
from gateway.store.blobs import Blobs
from gateway.store.bodies import unpack
from gateway.store.deletions import FILED
from gateway.store.engine import Store, Tx
from gateway.usecases.fetch_files import LARGE, Opened, find_opened
from gateway.usecases.posting import find_senders

How = Literal["reply", "reply_all", "forward"]
_PARTS, _DEPTH = 1_000, 50


async def prepare(
    store: Store, blobs: Blobs, reader: Principal, how: How, id: str, domains: Collection[str]
) -> Prepared | Denied | None:
    """A draft for an answer to a message, or to hand it on. domains: of the gateway.

    A reply to all keeps the account's smart address in Cc, so that the answer is filed as the first mail was. None:
    there is no such message. Denied: its reader may not open it.
    """

    def find(tx: Tx) -> tuple[Opened | None, tuple[Mailbox, ...]]:
        return find_opened(tx, reader.account, id, (FILED,), reader.eyes), find_senders(tx, reader)

    opened, senders = await store.read(find)
    if opened is None:
        return None
    if opened.shown.n is None or opened.body is None:
        return Denied("Only who may open this mail may answer it or hand it on.")
    try:
        raw = await asyncio.to_thread(unpack, blobs, reader.account, opened.body)
    except FileNotFoundError:
        return None
    read = partial(content, raw, max_parts=_PARTS, max_depth=_DEPTH)
    text = (await asyncio.to_thread(read) if len(raw) > LARGE else read()).text
    return _prepared(opened.shown.message, raw, text, how, _nearest(senders, opened.shown.message), reader, domains)


def _prepared(
    message: Message,
    raw: bytes,
    text: str,
    how: How,
    senders: Sequence[Mailbox],
    reader: Principal,
    domains: Collection[str],
) -> Prepared:
    answered = Answered(
        _person(message.from_) if message.from_ is not None else None,
        _reply_to(raw),
        tuple(map(_person, message.to)),
        tuple(map(_person, message.cc)),
        message.direction == "outgoing",
        message.subject,
        text,
        message.date,
    )
    own = {reader.email.lower()} | ({senders[0].address, *senders[0].aliases} if senders else set())
    to, cc = recipients_of(answered, how, own, domains)
    forward = how == FORWARD
    draft = Draft(
        mailbox=senders[0].id if senders else "",
        to=tuple(map(_written, to)),
        cc=tuple(map(_written, cc)),
        subject=subject_of(message.subject, how),
        body=quoted_text(answered, how),
        answers=None if forward else message.id,
        forwards=message.id if forward else None,
    )
    files = tuple(one.filename for one in message.attachments if not one.inline) if forward else ()
    return Prepared(draft, files, tuple(one.id for one in senders))


def _nearest(senders: Sequence[Mailbox], message: Message) -> list[Mailbox]:
    """Mailboxes to answer from: the one it came to, then one that it names, then the others."""
    came = {one.mailbox for one in message.sources}
    named = {one.address.lower() for one in (*message.to, *message.cc)}

    def far(one: Mailbox) -> tuple[bool, bool]:
        return one.id not in came, named.isdisjoint((one.address, *one.aliases))

    return sorted(senders, key=far)


def _reply_to(raw: bytes) -> tuple[Person, ...]:
    """Where the author wants answers."""
    found = parse_address_list(read_header(raw).first("reply-to") or b"")
    return tuple(Person(one.address, decode_phrase(one.phrase)) for one in found.mailboxes)


def _person(party: Party) -> Person:
    return Person(party.address, party.name)


def _written(person: Person) -> str:
    """An address as people type it."""
    if not person.name:
        return person.address
    escaped = person.name.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'"{escaped}" <{person.address}>'
        if not person.name.replace(" ", "").isalnum()
        else f"{person.name} <{person.address}>"
    )
