"""The SMTP dialog: one method a command, each says what it answers and nothing more (RFC 5321 section 4.1)."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

import structlog

from gateway.core.envelope import Admission, Envelope
from gateway.core.replies import Reply
from gateway.smtp import answers
from gateway.smtp.intake import Intake
from gateway.smtp.paths import read_mail, read_rcpt
from gateway.smtp.wire import FarewellError, Wire

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")
_HELLO_NAME = re.compile(r"[!-~]{1,255}")


class DeskError(Exception):
    """The desk couldn't answer; the log has been told why (B10)."""


@dataclass(slots=True)
class Transaction:
    """From MAIL to its end. deferred: some recipient was answered with a temporary refusal."""

    sender: str
    utf8: bool
    at: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    admissions: list[Admission] = field(default_factory=list)
    deferred: bool = False

    @property
    def accepted(self) -> bool:
        return any(admission.accepted for admission in self.admissions)


class SmtpSession(Wire):
    """One peer's conversation. A fault of the desk is answered with 451 and told to the log only (B10)."""

    _helo = ""
    _errors = 0
    _transaction: Transaction | None = None

    async def converse(self) -> None:
        farewell: Reply | None = None
        try:
            self.say_bytes(self.door.greeting())
            while True:
                self.allow(self.door.limits.idle_seconds, answers.TIMED_OUT)
                await self._obey(await self.next_line())
                if self.talkative:
                    await self.flush()
        except FarewellError as parting:
            farewell = parting.reply
        except Exception:
            _log.exception("smtp.session_failed", peer=self.peer)
            farewell = answers.SESSION_TROUBLE
        await self._end_transaction()
        if farewell is not None:
            self.say(farewell)
        self.part(linger=farewell is not None)

    async def _obey(self, line: bytes | None) -> None:
        """Run one command line, or say why it isn't one (B4a: only CR LF ends a command)."""
        if line is None:
            return self._mistake(answers.LINE_TOO_LONG)
        if not line.endswith(b"\r\n"):
            return self._mistake(answers.BARE_LF)
        line = line[:-2]
        if b"\r" in line or b"\0" in line:
            return self._mistake(answers.CONTROL_CHARACTER)
        verb, _, rest = line.partition(b" ")
        command = self._COMMANDS.get(verb.upper())
        if command is None:
            return self._mistake(answers.UNKNOWN_COMMAND)
        try:
            argument = rest.strip(b" \t").decode()
        except UnicodeDecodeError:
            return self._mistake(answers.NOT_UTF8)
        await command(self, argument)
        return None

    # Commands

    async def _ehlo(self, argument: str) -> None:
        await self._hello(argument, self.door.extended_hello())

    async def _helo_command(self, argument: str) -> None:
        await self._hello(argument, self.door.hello())

    async def _hello(self, name: str, welcome: bytes) -> None:
        if not _HELLO_NAME.fullmatch(name):
            return self._mistake(answers.HELLO_SYNTAX)
        await self._end_transaction()
        self._helo = name
        self.say_bytes(welcome)
        return None

    async def _mail(self, argument: str) -> None:
        if not self._helo:
            return self._mistake(answers.NEED_HELLO)
        if self._transaction is not None:
            return self._mistake(answers.NESTED_MAIL)
        mail = read_mail(argument, self.door.limits.max_message_bytes)
        if isinstance(mail, Reply):
            return self.say(mail) if mail is answers.TOO_BIG else self._mistake(mail)
        self._transaction = Transaction(mail.sender, mail.utf8)
        return self.say(answers.SENDER_OK)

    async def _rcpt(self, argument: str) -> None:
        transaction = self._transaction
        if transaction is None:
            return self._mistake(answers.NEED_MAIL)
        address = read_rcpt(argument, transaction.utf8)
        if isinstance(address, Reply):
            return self._mistake(address)
        if len(transaction.admissions) >= self.door.limits.max_recipients:
            transaction.deferred = True
            return self.say(answers.TOO_MANY_RECIPIENTS)
        try:
            admission = await self._ask(
                "admit_recipient", self.door.desk.admit_recipient(address, transaction.admissions)
            )
        except DeskError:
            transaction.deferred = True
            return self.say(answers.TROUBLE)
        transaction.admissions.append(admission)
        if 400 <= admission.reply.code < 500:
            transaction.deferred = True
        return self._relay(admission.reply)

    async def _data(self, argument: str) -> None:
        transaction = self._transaction
        if argument:
            return self._mistake(answers.NO_ARGUMENT)
        if transaction is None:
            return self._mistake(answers.NEED_MAIL)
        if not transaction.accepted:
            return await self._data_for_nobody(transaction)
        self.say_bytes(answers.START_MAIL)
        self.allow(self.door.limits.data_seconds, answers.MESSAGE_TIMED_OUT)
        intake = Intake(self)
        try:
            content = await intake.receive()
            if isinstance(content, Reply):
                await self._end_transaction()
                return self.say(content)
            self._transaction = None
            reply = await self._ask("file_mail", self.door.desk.file_mail(self._envelope(transaction), content))
        except DeskError:
            return self.say(answers.TROUBLE)
        finally:
            intake.close()
        if reply.positive:
            self._errors = 0
        return self._relay(reply)

    async def _data_for_nobody(self, transaction: Transaction) -> None:
        if not transaction.admissions and not transaction.deferred:
            return self._mistake(answers.NEED_RECIPIENT)
        noted = await self._end_transaction()
        if not noted:
            return self.say(answers.TROUBLE)
        return self.say(answers.NO_RECIPIENT_NOW if transaction.deferred else answers.NO_VALID_RECIPIENT)

    async def _rset(self, argument: str) -> None:
        if argument:
            return self._mistake(answers.NO_ARGUMENT)
        await self._end_transaction()
        return self.say(answers.OK)

    async def _noop(self, argument: str) -> None:
        self.say(answers.OK)

    async def _quit(self, argument: str) -> None:
        if argument:
            return self._mistake(answers.NO_ARGUMENT)
        await self._end_transaction()
        self.say(answers.BYE)
        raise FarewellError(None)

    async def _vrfy(self, argument: str) -> None:
        if argument:
            self.say(answers.VRFY)
        else:
            self._mistake(answers.VRFY_SYNTAX)

    async def _help(self, argument: str) -> None:
        self.say(answers.HELP)

    async def _auth(self, argument: str) -> None:
        self._mistake(answers.NO_LOGIN)

    async def _not_offered(self, argument: str) -> None:
        self._mistake(answers.NOT_IMPLEMENTED)

    async def _web_request(self, argument: str) -> None:
        """A browser was pointed at this port: what follows may hold lines that look like commands."""
        raise FarewellError(answers.NOT_MAIL)

    _COMMANDS: ClassVar[dict[bytes, Callable[[SmtpSession, str], Awaitable[None]]]] = {
        b"EHLO": _ehlo,
        b"HELO": _helo_command,
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"RSET": _rset,
        b"NOOP": _noop,
        b"QUIT": _quit,
        b"VRFY": _vrfy,
        b"HELP": _help,
        b"AUTH": _auth,
        **dict.fromkeys((b"EXPN", b"ETRN", b"TURN", b"SEND", b"SOML", b"SAML", b"BDAT", b"STARTTLS"), _not_offered),
        **dict.fromkeys((b"GET", b"POST", b"PUT", b"HEAD", b"CONNECT", b"OPTIONS"), _web_request),
    }

    # Inside

    def _mistake(self, reply: Reply) -> None:
        """Answer a command that can't be run; too many of them end the session (A8)."""
        self._errors += 1
        if self._errors >= self.door.limits.max_command_errors:
            raise FarewellError(answers.TOO_MANY_ERRORS)
        self.say(reply)

    def _relay(self, reply: Reply) -> None:
        """Say what the desk says; its 421 ends the session (RFC 5321 section 3.8)."""
        if reply.code == 421:
            raise FarewellError(reply)
        self.say(reply)

    async def _ask(self, question: str, answer: Awaitable[_T]) -> _T:
        """Wait for the desk, however long it takes. Raises DeskError for whatever it raises (B10)."""
        self.allow(math.inf, answers.TIMED_OUT)
        try:
            return await answer
        except asyncio.CancelledError as fault:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            _log.exception("smtp.desk_failed", question=question, peer=self.peer)
            raise DeskError from fault
        except Exception as fault:
            _log.exception("smtp.desk_failed", question=question, peer=self.peer)
            raise DeskError from fault
        finally:
            self.allow(self.door.limits.idle_seconds, answers.TIMED_OUT)

    async def _end_transaction(self) -> bool:
        """End a transaction that brought no message; False when what was refused in it couldn't be noted."""
        transaction, self._transaction = self._transaction, None
        if transaction is None or not transaction.admissions:
            return True
        try:
            await self._ask("note_refusals", self.door.desk.note_refusals(self._envelope(transaction)))
        except DeskError:
            return False
        return True

    def _envelope(self, transaction: Transaction) -> Envelope:
        return Envelope(
            road="smtp",
            peer=self.peer,
            helo=self._helo,
            sender=transaction.sender,
            admissions=tuple(transaction.admissions),
            at=transaction.at,
            tls=self.tls_version,
        )
