"""A mail that somebody writes here: what it is to be, before it is one, and how long it is tried (rule E11)."""

from __future__ import annotations

from dataclasses import dataclass

QUEUED, SENDING, SENT, FAILED = "queued", "sending", "sent", "failed"
WANTED, KEPT, NONE = "wanted", "kept", "none"
"""Whether it stands in the folder of sent mail: not yet, it does, or it has no such place."""

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
WAITS_MS = (_MINUTE_MS, 5 * _MINUTE_MS, 15 * _MINUTE_MS, _HOUR_MS, 4 * _HOUR_MS, 12 * _HOUR_MS)
"""From one try to the next; the last one again and again."""
TRIED_MS = 48 * _HOUR_MS
"""So long a mail is tried."""
SPREAD = 0.2
"""Up to so much later, so that what failed together doesn't come back together."""
PATIENCE_MS = 2_000
"""So long after it was sent, a copy is looked for before we put one into the folder of sent mail."""
KEEPER_PATIENCE_MS = 10 * _MINUTE_MS
"""The same where the provider is known to keep what it sends by itself."""
_SOONEST_MS = 5_000


def next_try(attempts: int, until: int, now: int, chance: float, after_ms: int | None = None) -> int | None:
    """When a mail is tried again after so many tries that failed; None where that would be too late (`until`).

    chance: from 0 to 1. after_ms: how long its server asks us to wait.
    """
    wait = WAITS_MS[min(max(attempts, 1), len(WAITS_MS)) - 1]
    at = now + max(int(wait * (1 + SPREAD * chance)), after_ms or 0)
    return at if at <= until else None


def next_look(sent_at: int, now: int, *, keeps: bool) -> int | None:
    """When the folder of sent mail is looked into next for a copy that its server makes; None where it has had its
    time, and we put one there. keeps: the provider is known to do so."""
    waited = now - sent_at
    patience = KEEPER_PATIENCE_MS if keeps else PATIENCE_MS
    if waited >= patience:
        return None
    return now + min(max(waited, _SOONEST_MS), patience - waited)


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
