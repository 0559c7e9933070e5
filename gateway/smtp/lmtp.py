"""The LMTP dialog: as SMTP, but each accepted recipient gets a reply of its own after the message (RFC 2033)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from gateway.core.envelope import Admission
from gateway.core.replies import Reply
from gateway.smtp import answers
from gateway.smtp.desk import DeskError, Spool
from gateway.smtp.session import SmtpSession
from gateway.smtp.transaction import Transaction


class LmtpSession(SmtpSession):
    """One transaction may name recipients of several accounts; each account gives its own verdict (A6, A7)."""

    road = "lmtp"
    protocol = "LMTP"
    need_hello = answers.NEED_LHLO
    no_recipient = answers.NO_VALID_RECIPIENT_LMTP
    help = answers.HELP_LMTP

    def earlier(self, transaction: Transaction) -> list[Admission]:
        """None: a recipient of another account is taken as well (A6)."""
        return []

    async def file(self, transaction: Transaction, content: bytes | Spool) -> list[Reply]:
        """Hand the message to the desk once for each account, side by side; a reply for each accepted recipient."""
        accounts = list(dict.fromkeys(one.account for one in transaction.admissions if one.accepted))
        said = await self.hear_all(self._file_for(transaction, account, content) for account in accounts)
        replies = dict(zip(accounts, said, strict=True))
        others = [one for one in transaction.admissions if one.account not in replies]
        if others:
            await self.note(transaction, others)
        return [replies[one.account] for one in transaction.admissions if one.accepted]

    async def _file_for(self, transaction: Transaction, account: int | None, content: bytes | Spool) -> Reply:
        mine = self.envelope_of(transaction, (one for one in transaction.admissions if one.account == account))
        try:
            return await self.hear("file_mail", self.door.desk.file_mail(mine, content))
        except DeskError as failed:
            return failed.reply

    def each(self, transaction: Transaction, said: Callable[[int | None], Reply]) -> list[Reply]:
        """A reply for each recipient that was accepted."""
        return [said(one.account) for one in transaction.admissions if one.accepted]

    async def _not_smtp(self, argument: str) -> None:
        self._mistake(answers.NOT_SMTP)

    commands: ClassVar[dict[bytes, Callable[[Any, str], Awaitable[None]]]] = {
        **SmtpSession.commands,
        b"LHLO": SmtpSession.commands[b"EHLO"],
        b"EHLO": _not_smtp,
        b"HELO": _not_smtp,
    }
