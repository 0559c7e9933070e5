"""A mail that somebody writes here: what it is to be, before it is one (rule E11)."""

from __future__ import annotations

from dataclasses import dataclass

QUEUED, SENDING, SENT, FAILED = "queued", "sending", "sent", "failed"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send along. data: its bytes, as they are."""

    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to send. mailbox: the id of the connected one it goes through. to, cc, bcc: addresses, each
    with or without a name, as people type them. body: plain text, or HTML where `html` says so. answers: the id of the
    message it replies to. forwards: the id of the one it hands on, whose files go along."""

    mailbox: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    html: bool = False
    answers: str | None = None
    forwards: str | None = None
    uploads: tuple[Upload, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft that answers or hands on a message, and what goes along with it. files: names of the attachments of the
    message that is forwarded; they are fetched when it is sent. senders: ids of the mailboxes that the reader may send
    from, the one of the draft first."""

    draft: Draft
    files: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
