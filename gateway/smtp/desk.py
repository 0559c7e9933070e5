"""What the SMTP door asks of the house behind it: three questions and a place for large messages."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.core.envelope import Admission, Envelope
from gateway.core.replies import Reply
from gateway.smtp import answers


class Spool(Protocol):
    """A large message on its way to disk.

    `write` is called from a worker thread, one call at a time; an OSError from it means the disk is full.
    """

    size: int

    def write(self, data: bytes) -> None: ...

    def close(self) -> None:
        """Drop it; harmless after it was filed."""


class Desk(Protocol):
    """The use cases this door needs. Whatever they raise is answered with 451 and told to the log only (B10)."""

    async def admit_recipient(self, address: str, admitted: Sequence[Admission]) -> Admission:
        """Answer one RCPT command (A1-A7).

        address: what stood between the angle brackets, verbatim, without a source route. admitted: the earlier
        answers of this transaction, refused ones included.
        """

    async def file_mail(self, envelope: Envelope, content: bytes | Spool) -> Reply:
        """Decide on a message and record it; only called when at least one recipient was accepted.

        content: the bytes exactly as they were sent, dots unstuffed; a spool when they were many.
        """

    async def refuse_mail(self, envelope: Envelope, reply: Reply) -> Mapping[int, Reply]:
        """Record that a mail was refused before `file_mail` could see it: what to say, by account."""

    async def note_refusals(self, envelope: Envelope) -> None:
        """Hear of a transaction that has admissions and ended without a message for `file_mail`."""

    def open_spool(self) -> Spool:
        """Begin a large message."""


class DeskError(Exception):
    """The desk couldn't answer; the log has been told why (B10). reply: what the peer is told."""

    def __init__(self, fault: BaseException) -> None:
        super().__init__(str(fault))
        full = isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT)
        self.reply = answers.DISK_FULL if full else answers.TROUBLE
