"""Send a mail that somebody wrote here: filed at once, and put into the queue in the same transaction (rule E11).

What is filed is the very message that goes out, as mail of the sender's mailbox and its folder of sent mail. The copy
that is found there later has the same Message-ID, and so is the same message (B9).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.core.composing import Letter, compose
from gateway.core.envelope import Envelope
from gateway.core.facts import Origin
from gateway.core.header import read_header
from gateway.core.mail import Mail, read_mail
from gateway.core.mailboxes import AUTH_FAILED, DISCONNECTED, SENT
from gateway.core.outgoing import FAILED, KEPT, QUEUED, TRIED_MS, WANTED, Draft, Upload
from gateway.core.recipients import Person, Recipients, read_recipients, wrong_words
from gateway.core.refusals import Away, Denied, Lost, Taken, Wrong
from gateway.core.replying import references_of
from gateway.core.resources import Mailbox, Message
from gateway.core.visibility import may_know, may_send
from gateway.store import audit
from gateway.store.access import Principal
from gateway.store.blobs import Blobs
from gateway.store.bodies import IN_ROW, StoredBody, pack, refer, unpack
from gateway.store.deletions import FILED
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time
from gateway.store.mailboxes import MailboxRow, get_mailbox
from gateway.store.outgoing import Outgoing, add_outgoing, get_outgoing, set_outgoing
from gateway.store.reading_mail import find_message, find_shown
from gateway.usecases.fetch_files import LARGE, Files, Opened, find_opened
from gateway.usecases.filing import FilingSettings, file
from gateway.usecases.filing_facts import Handing
from gateway.usecases.posting import find_senders, new_message_id, new_outgoing

_ENCODED = 1.37
"""So much longer are files in base64 with its line ends."""
_MEGABYTE = 1_000_000
_TAKEN_BACK = "It was taken back before it was sent."
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SendSettings:
    """What sending takes from the settings. most_bytes: of a message, with its files as they are transferred."""

    filing: FilingSettings
    most_bytes: int = 35 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Found:
    """What a draft refers to. answered, forwarded: messages that its writer may open."""

    box: MailboxRow
    answered: Opened | None
    forwarded: Opened | None


async def send_mail(
    store: Store, files: Files, reader: Principal, draft: Draft, settings: SendSettings
) -> Message | Wrong | Denied | Lost | Away:
    """The message as it is filed, on its way out: its `sending` says how far it is.

    Wrong: a field of the draft, such as `to/0` or `mailbox`. Denied: the mailbox is known to the reader, who may not
    send from it. Lost, Away: a file of the mail that is forwarded can't be had, or not now.
    """
    wrong = wrong_words(draft)
    if wrong is not None:
        return wrong
    recipients = read_recipients(draft, settings.filing.domains)
    if isinstance(recipients, Wrong):
        return recipients
    found = await store.read(partial(_find, reader, draft))
    if not isinstance(found, _Found):
        return found
    uploads = await _uploads(files, reader, draft, found, settings)
    if not isinstance(uploads, tuple):
        return uploads
    references = await _references(files.blobs, reader.account, found.answered)
    letter = _letter(reader, draft, found.box, recipients, uploads, references)
    message = await asyncio.to_thread(compose, letter)
    if len(message) > settings.most_bytes:
        return _too_large(len(message), settings)
    read = partial(read_mail, message, settings.filing.limits)
    mail = await asyncio.to_thread(read) if len(message) > LARGE else read()
    with ExitStack() as until_filed:
        body = await _body(files.blobs, reader.account, message, until_filed)
        send = partial(_send, reader, draft, recipients, letter, mail, body, settings)
        return await store.write(send, account=reader.account)


async def retry_mail(store: Store, reader: Principal, id: str) -> Message | Denied | Taken | None:
    """Puts a mail that failed into the queue again, for those it has not reached; None where there is none. Taken: it
    has not failed, or there is no way to send it."""

    def retry(tx: Tx) -> Message | Denied | Taken | None:
        one = _find_own(tx, reader, id)
        if not isinstance(one, Outgoing):
            return one
        if one.state != FAILED:
            return Taken("This mail has not failed.", id)
        box = get_mailbox(tx, reader.account, one.mailbox)
        why = "its mailbox is there no more" if box is None else _unfit(box)
        if why is not None:
            return Taken(f"{why[:1].upper()}{why[1:]}.", id)
        now = shared_time()
        left = one.refused or one.recipients
        fresh = {"waiting": left, "refused": (), "attempts": 0, "next_at": now, "until": now + TRIED_MS}
        kept = one.kept if one.kept == KEPT else WANTED
        set_outgoing(tx, one, now, state=QUEUED, error="", kept=kept, holder=None, **fresh)
        audit.note(tx, reader, "message.retried", id, now)
        return find_message(tx, reader.account, id, (FILED,), reader.eyes)

    return await store.write(retry, account=reader.account)


async def cancel_mail(store: Store, reader: Principal, id: str) -> Message | Denied | Taken | None:
    """Takes a mail out of the queue that nobody has in hand: it has failed then, as somebody took it back. Taken: it is
    no longer in the queue; None: there is none."""

    def cancel(tx: Tx) -> Message | Denied | Taken | None:
        one = _find_own(tx, reader, id)
        if not isinstance(one, Outgoing):
            return one
        if one.state != QUEUED or one.holder is not None:
            return Taken("This mail is no longer waiting: it is being sent, was sent, or has failed.", id)
        now = shared_time()
        left = tuple(dict.fromkeys((*one.refused, *one.waiting)))
        set_outgoing(tx, one, now, state=FAILED, error=_TAKEN_BACK, waiting=(), refused=left, next_at=None)
        audit.note(tx, reader, "message.cancelled", id, now)
        return find_message(tx, reader.account, id, (FILED,), reader.eyes)

    return await store.write(cancel, account=reader.account)


async def list_senders(store: Store, reader: Principal) -> tuple[Mailbox, ...]:
    """The mailboxes that the reader may send from, their own first; a smart address is none of them."""
    return await store.read(lambda tx: find_senders(tx, reader))


def _find(reader: Principal, draft: Draft, tx: Tx) -> _Found | Wrong | Denied:
    box = _sender(tx, reader, draft.mailbox)
    if not isinstance(box, MailboxRow):
        return box
    others: list[Opened | None] = []
    for field, id in (("answers", draft.answers), ("forwards", draft.forwards)):
        opened = find_opened(tx, reader.account, id, (FILED,), reader.eyes) if id else None
        if id and opened is None:
            return Wrong(field, f"{id[:80]!a} is no message of this account; allowed: the id of one you may open")
        if opened is not None and opened.shown.n is None:
            return Denied("Only who may open this mail may answer it or hand it on.")
        others.append(opened)
    return _Found(box, *others)


def _sender(tx: Tx, reader: Principal, id: str) -> MailboxRow | Wrong | Denied:
    """The mailbox to send from; a smart address has none, so nobody sends from one."""
    box = get_mailbox(tx, reader.account, id)
    if box is None or not may_know(reader.eyes, box.box):
        return Wrong("mailbox", f"{id[:80]!a} is no mailbox here; allowed: the id of a connected one that is yours")
    if not may_send(reader.eyes, box.box):
        return Denied("Only its owner sends from a personal mailbox, and from a shared one who has the right to.")
    why = _unfit(box)
    return box if why is None else Wrong("mailbox", why)


def _unfit(box: MailboxRow) -> str | None:
    """Why nothing can be sent through a mailbox now."""
    if box.state == DISCONNECTED:
        return f"{box.address} is disconnected; connect it again, then send"
    if box.state == AUTH_FAILED:
        return f"the mail server of {box.address} no longer lets us in; connect it again, then send"
    if not box.can_send or box.servers.smtp is None:
        return f"no server for sending is known for {box.address}; connect it again and name one"
    return None


async def _uploads(
    files: Files, reader: Principal, draft: Draft, found: _Found, settings: SendSettings
) -> tuple[Upload, ...] | Wrong | Lost | Away:
    """What goes along, the files of the forwarded mail last; those that only stand in its text stay behind."""
    uploads = list(draft.uploads)
    if found.forwarded is not None:
        for one in found.forwarded.shown.message.attachments:
            if one.inline:
                continue
            try:
                handed = await files.attachment(reader.account, found.forwarded, one.n)
            except FileNotFoundError:
                handed = None
            if handed is None:
                return Lost(f"The file {one.filename} of the mail you forward can't be had any more.")
            if isinstance(handed, Lost | Away):
                return handed
            uploads.append(Upload(handed.filename, handed.content_type, handed.data))
    size = int(sum(len(one.data) for one in uploads) * _ENCODED)
    return _too_large(size, settings) if size > settings.most_bytes else tuple(uploads)


def _too_large(size: int, settings: SendSettings) -> Wrong:
    most = int(settings.most_bytes / _ENCODED) // _MEGABYTE
    return Wrong("attachments", f"with its files it has {size / _MEGABYTE:.0f} MB; allowed: files of {most} MB in all")


async def _references(blobs: Blobs, account: int, answered: Opened | None) -> tuple[str, ...]:
    """The References of an answer; of a mail whose text is gone, only itself."""
    if answered is None:
        return ()
    named = answered.shown.message.message_id
    if answered.body is None:
        return references_of(named, ())
    try:
        raw = await asyncio.to_thread(unpack, blobs, account, answered.body)
    except FileNotFoundError:
        return references_of(named, ())
    earlier = read_mail(raw[: read_header(raw).body_at]).references
    return references_of(named, tuple(reversed(earlier)))


def _letter(
    reader: Principal,
    draft: Draft,
    box: MailboxRow,
    recipients: Recipients,
    uploads: tuple[Upload, ...],
    references: tuple[str, ...],
) -> Letter:
    ids = tuple(one for one in references if one.isascii() and one.isprintable())
    return Letter(
        Person(box.address, "".join(sign if sign.isprintable() else " " for sign in reader.name)),
        recipients.to,
        recipients.cc,
        draft.subject,
        draft.body,
        draft.html,
        uploads,
        shared_time(),
        new_message_id(box.address),
        ids,
    )


async def _body(blobs: Blobs, account: int, message: bytes, until_filed: ExitStack) -> StoredBody:
    """What is kept of it; a large one is durable before its row is written."""
    if len(message) <= IN_ROW:
        return pack(b"", message)
    spool = until_filed.enter_context(closing(blobs.open_spool()))
    await asyncio.to_thread(spool.write, message)
    name = await asyncio.to_thread(spool.settle, account)
    return refer(b"", name, partial(spool.land, account) if spool.lands else None)


def _send(
    reader: Principal,
    draft: Draft,
    recipients: Recipients,
    letter: Letter,
    mail: Mail,
    body: StoredBody,
    settings: SendSettings,
    tx: Tx,
) -> Message | Wrong | Denied:
    """Files it and queues it. The mailbox may have been taken from its sender since it was looked at."""
    box = _sender(tx, reader, draft.mailbox)
    if not isinstance(box, MailboxRow):
        return box
    account, now = reader.account, letter.at
    envelope = Envelope("api", "", "", box.address, (), now)
    origin = Origin(box.id, SENT, box.auto_create, now)
    [filing] = file(
        settings.filing, tx, [Handing(account, envelope, mail, body, now, time.monotonic_ns(), origin=origin)]
    )
    id = filing.message or ""
    until = now + TRIED_MS
    row = new_outgoing(
        account, id, box.id, reader.user, letter.message_id, recipients.envelope, now, until, kept=WANTED
    )
    add_outgoing(tx, row)
    audit.note(tx, reader, "message.sent", id, now, mailbox=box.address)
    found = find_message(tx, account, id, (FILED,), reader.eyes)
    assert found is not None, "it was filed in this transaction"
    _log.info("outgoing.queued", account=account, message=id, recipients=len(recipients.envelope))
    return found


def _find_own(tx: Tx, reader: Principal, id: str) -> Outgoing | Denied | Taken | None:
    """A mail that was written here, of a mailbox that the reader may send from."""
    shown = find_shown(tx, reader.account, id, (FILED,), reader.eyes)
    if shown is None:
        return None
    one = get_outgoing(tx, reader.account, id)
    if shown.n is None or (one is not None and not _may(tx, reader, one)):
        return Denied("Only who may send from its mailbox may do this.")
    return Taken("This mail was not written here.", id) if one is None else one


def _may(tx: Tx, reader: Principal, one: Outgoing) -> bool:
    box = get_mailbox(tx, reader.account, one.mailbox)
    return box is not None and may_send(reader.eyes, box.box)
