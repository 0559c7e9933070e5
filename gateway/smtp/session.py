"""The SMTP dialog: one method a command, each says what it answers and nothing more (RFC 5321 section 4.1)."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, TypeVar

import structlog

from gateway.core.envelope import Admission, Envelope
from gateway.core.replies import Reply
from gateway.smtp import answers
from gateway.smtp.desk import DeskError, Spool
from gateway.smtp.entrance import Entrance
from gateway.smtp.intake import Intake
from gateway.smtp.paths import read_mail, read_rcpt
from gateway.smtp.transaction import Transaction
from gateway.smtp.visitors import Visitor
from gateway.smtp.wire import FarewellError

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")
_TURN = 5
"""After so many commands in a row it queues up with others that have as much to say; a mail takes fewer."""
_HELLO_NAME = re.compile(r"[!-~]{1,255}")


class SmtpSession(Entrance):
    """One peer's conversation. A fault of the desk is answered with 451 and told to the log only (B10).

    What LMTP does otherwise stands in the methods that `gateway.smtp.lmtp` overrides.
    """

    road = "smtp"
    protocol: ClassVar[str] = "ESMTP"
    need_hello: ClassVar[Reply] = answers.NEED_HELLO
    no_recipient: ClassVar[Reply] = answers.NO_VALID_RECIPIENT
    help: ClassVar[Reply] = answers.HELP
    visitor: Visitor
    _helo = ""
    _errors = 0
    _commands = 0
    _unknown = 0
    _transaction: Transaction | None = None

    async def converse(self) -> None:
        farewell: Reply | None = None
        try:
            await self._welcome()
            while True:
                self.allow(self.door.limits.idle_seconds, answers.TIMED_OUT)
                await self._obey(await self.next_line())
                if self.talkative or self._commands % _TURN == _TURN - 1:
                    await self.flush()
                    await self.door.turnstile.turn()
        except FarewellError as parting:
            farewell = parting.reply
        except Exception:
            _log.exception("smtp.session_failed", peer=self.peer)
            farewell = answers.SESSION_TROUBLE
        try:
            await self._end_transaction()
            if farewell is not None:
                self.say(farewell)
            self.part(linger=farewell is not None and not self.door.crowded)
        finally:
            self.visitor.leave()

    async def _welcome(self) -> None:
        """Learn who the peer is, and greet it where its address may come in."""
        self.visitor = self.door.visitors.visitor(self.peer)
        if self.door.behind_proxy(self.peer):
            await self.read_proxy_header()
            self.visitor = self.door.visitors.visitor(self.peer)
        refusal = self.visitor.enter()
        if refusal is not None:
            raise FarewellError(refusal)
        self.say_bytes(self.door.greeting(self.protocol))

    async def _obey(self, line: bytes | None) -> None:
        """Run one command line, or say why it isn't one (B4a: only CR LF ends a command)."""
        self._commands += 1
        if self._commands > self.door.limits.max_commands:
            raise FarewellError(answers.TOO_MANY_COMMANDS)
        if line is None:
            return self._mistake(answers.LINE_TOO_LONG)
        if not line.endswith(b"\r\n"):
            return self._mistake(answers.BARE_LF)
        line = line[:-2]
        if b"\r" in line or b"\0" in line:
            return self._mistake(answers.CONTROL_CHARACTER)
        verb, _, rest = line.partition(b" ")
        command = self.commands.get(verb.upper())
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
        await self._hello(argument, self.door.extended_hello(starttls=self._offers_tls))

    async def _helo_command(self, argument: str) -> None:
        await self._hello(argument, self.door.hello())

    async def _hello(self, name: str, welcome: bytes) -> None:
        if not _HELLO_NAME.fullmatch(name):
            return self._mistake(answers.HELLO_SYNTAX)
        await self._end_transaction()
        self._helo = name
        self.say_bytes(welcome)
        return None

    @property
    def _offers_tls(self) -> bool:
        return self.door.way.certificates is not None and self.tls_version is None

    async def _starttls(self, argument: str) -> None:
        """Begin TLS and forget all that was said in plain text (RFC 3207 section 4.2)."""
        if argument:
            return self._mistake(answers.NO_ARGUMENT)
        if self.tls_version is not None:
            return self._mistake(answers.ALREADY_TLS)
        certificates = self.door.way.certificates
        if certificates is None:
            return self._mistake(answers.NO_TLS)
        await self._end_transaction()
        await self.encrypt(certificates.context(), answers.BEGIN_TLS)
        self._helo = ""
        return None

    async def _mail(self, argument: str) -> None:
        if self.door.way.tls_required and self.tls_version is None and not self.visitor.spared:
            return self._mistake(answers.NEED_TLS)
        if not self._helo:
            return self._mistake(self.need_hello)
        if self._transaction is not None:
            return self._mistake(answers.NESTED_MAIL)
        mail = read_mail(argument, self.door.limits.max_message_bytes)
        if isinstance(mail, Reply):
            return self.say(mail) if mail is answers.TOO_BIG else self._mistake(mail)
        if not self.visitor.may_mail():
            return self.say(answers.TOO_MANY_MAILS)
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
        if not self.visitor.may_ask:
            transaction.deferred = True
            return self.say(answers.NO_MORE_NAMES)
        try:
            admission = await self._ask(
                "admit_recipient", self.door.desk.admit_recipient(address, self.earlier(transaction))
            )
        except DeskError:
            transaction.deferred = True
            return self.say(answers.TROUBLE)
        transaction.admissions.append(admission)
        if 400 <= admission.reply.code < 500:
            transaction.deferred = True
        await self._count(transaction, admission)
        return self._relay(admission.reply)

    async def _count(self, transaction: Transaction, admission: Admission) -> None:
        """Keep account of what a peer learns about who exists here (A8).

        The first account of a transaction is paid for at its end, where no mail comes for it. Once a peer is suspected
        it waits for every answer, so that the time tells nothing either.
        """
        accounts = {one.account for one in transaction.admissions if one.accepted}
        if admission.accepted:
            self._commands -= 1
            self.visitor.expect_mail()
        if not admission.accepted or len(accounts) > 1:
            self.visitor.learned()
        self._unknown += admission.reply.code >= 500
        if self.visitor.suspect:
            await asyncio.sleep(self.door.limits.tarpit_seconds)
        if self._unknown >= self.door.limits.max_unknown_recipients:
            raise FarewellError(answers.TOO_MANY_UNKNOWN)

    def earlier(self, transaction: Transaction) -> list[Admission]:
        """The answers that the next recipient is judged by (A6)."""
        return transaction.admissions

    async def _data(self, argument: str) -> None:
        transaction = self._transaction
        if argument:
            return self._mistake(answers.NO_ARGUMENT)
        if transaction is None:
            return self._mistake(answers.NEED_MAIL)
        if not transaction.accepted:
            return await self._data_for_nobody(transaction)
        self.say_bytes(answers.START_MAIL)
        intake = Intake(self)
        try:
            content = await intake.receive()
            if isinstance(content, Reply):
                replies = await self._not_kept(transaction, content)
            else:
                self._transaction = None
                replies = await self.file(transaction, content)
        finally:
            intake.close()
        self._answered(replies)
        return None

    async def file(self, transaction: Transaction, content: bytes | Spool) -> list[Reply]:
        """Hand a message to the desk; what is said of it."""
        envelope = self.envelope_of(transaction, transaction.admissions)
        try:
            return [await self._ask("file_mail", self.door.desk.file_mail(envelope, content))]
        except DeskError as failed:
            return [failed.reply]

    async def _not_kept(self, transaction: Transaction, reply: Reply) -> list[Reply]:
        """What is said of a message that couldn't be kept; a lasting no leaves a receipt first, as any refusal does."""
        if reply.code < 500:
            await self._end_transaction()
            return self.each(transaction, lambda _: reply)
        self._transaction = None
        self.visitor.learned()
        envelope = self.envelope_of(transaction, transaction.admissions)
        try:
            told = await self._ask("refuse_mail", self.door.desk.refuse_mail(envelope, reply))
        except DeskError:
            return self.each(transaction, lambda _: answers.TROUBLE)
        return self.each(transaction, lambda account: told[account] if account is not None else reply)

    def each(self, transaction: Transaction, said: Callable[[int | None], Reply]) -> list[Reply]:
        """One reply for the message: that of its account (A6)."""
        return [said(next(one.account for one in transaction.admissions if one.accepted))]

    def _answered(self, replies: list[Reply]) -> None:
        """Say what became of a message; it settles what the peer owed for its commands and mistakes (A8)."""
        self._commands = 0
        if any(reply.positive for reply in replies):
            self._errors = self._unknown = 0
        self.visitor.settle()
        *first, last = replies
        for reply in first:
            self.say(reply)
        if any(reply.code == 421 for reply in first):
            raise FarewellError(last)
        self._relay(last)

    async def _data_for_nobody(self, transaction: Transaction) -> None:
        if not transaction.admissions and not transaction.deferred:
            return self._mistake(answers.NEED_RECIPIENT)
        noted = await self._end_transaction()
        if not noted:
            return self.say(answers.TROUBLE)
        return self.say(answers.NO_RECIPIENT_NOW if transaction.deferred else self.no_recipient)

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
        self.say(self.help)

    async def _auth(self, argument: str) -> None:
        self._mistake(answers.NO_LOGIN)

    async def _not_offered(self, argument: str) -> None:
        self._mistake(answers.NOT_IMPLEMENTED)

    async def _web_request(self, argument: str) -> None:
        """A browser was pointed at this port: what follows may hold lines that look like commands."""
        raise FarewellError(answers.NOT_MAIL)

    commands: ClassVar[dict[bytes, Callable[[Any, str], Awaitable[None]]]] = {
        b"EHLO": _ehlo,
        b"HELO": _helo_command,
        b"STARTTLS": _starttls,
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"RSET": _rset,
        b"NOOP": _noop,
        b"QUIT": _quit,
        b"VRFY": _vrfy,
        b"HELP": _help,
        b"AUTH": _auth,
        **dict.fromkeys((b"EXPN", b"ETRN", b"TURN", b"SEND", b"SOML", b"SAML", b"BDAT"), _not_offered),
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
        return await self._unhurried(self.hear(question, answer))

    async def hear(self, question: str, answer: Awaitable[_T]) -> _T:
        """Hear one answer of the desk. Raises DeskError for whatever it raises (B10)."""
        try:
            return await answer
        except asyncio.CancelledError as fault:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self.door.failed(question, self.peer, fault)
            raise DeskError(fault) from fault
        except Exception as fault:
            self.door.failed(question, self.peer, fault)
            raise DeskError(fault) from fault

    async def hear_all(self, answers_: Iterable[Awaitable[_T]]) -> list[_T]:
        """Hear several at one time."""
        return await self._unhurried(asyncio.gather(*answers_))

    async def _unhurried(self, answer: Awaitable[_T]) -> _T:
        """What the house does is not the peer's time."""
        self.allow(math.inf, answers.TIMED_OUT)
        try:
            return await answer
        finally:
            self.allow(self.door.limits.idle_seconds, answers.TIMED_OUT)

    async def _end_transaction(self) -> bool:
        """End a transaction that brought no message; False when what was refused in it couldn't be noted."""
        transaction, self._transaction = self._transaction, None
        if transaction is None or not transaction.admissions:
            return True
        if transaction.accepted:
            self.visitor.learned()
            self.visitor.settle()
        return await self.note(transaction, transaction.admissions)

    async def note(self, transaction: Transaction, admissions: Iterable[Admission]) -> bool:
        """Let what was refused be noted; False when that couldn't be done."""
        try:
            await self._ask("note_refusals", self.door.desk.note_refusals(self.envelope_of(transaction, admissions)))
        except DeskError:
            return False
        return True

    def envelope_of(self, transaction: Transaction, admissions: Iterable[Admission]) -> Envelope:
        """What the desk is told of a transaction."""
        return Envelope(
            road=self.road,
            peer=self.peer,
            helo=self._helo,
            sender=transaction.sender,
            admissions=tuple(admissions),
            at=transaction.at,
            tls=self.tls_version,
        )
