"""The desk behind the SMTP door: admits recipients, files mail, and notes the attempts that never came to a mail."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from email.utils import formatdate
from functools import partial
from typing import Protocol

import structlog

from gateway import metrics
from gateway.core.admission import OPERATORS, Directory, admit, read_recipient
from gateway.core.decision import Verdict
from gateway.core.envelope import Admission, Envelope
from gateway.core.facts import NOT_EVALUATED, Auth
from gateway.core.mail import Mail
from gateway.core.quota import HOUR_MS
from gateway.core.replies import Reply
from gateway.store.accounts import find_slugs
from gateway.store.blobs import Blobs, Spool
from gateway.store.bodies import IN_ROW, StoredBody, pack, refer
from gateway.store.engine import Store, Tx
from gateway.store.filing import Pages, write
from gateway.usecases.filing import Filing, FilingSettings, file
from gateway.usecases.filing_facts import Handing
from gateway.usecases.filing_receipts import note_refusals, note_refused_mail
from gateway.usecases.reading import MailReader

_log = structlog.get_logger(__name__)
_NOT_IN_HELO = re.compile(r"[^ -~]|[()\\]")


class OpenSpool(Protocol):
    """A large message as a door holds it: one that `open_spool` gave."""

    size: int

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


_FOREIGN = "a large message is filed from a spool of this desk's own"


class Authenticity(Protocol):
    """How a door learns whether the author is who From says (rule B5)."""

    def at_once(self, peer: str) -> Auth | None:
        """The facts where the mail's text makes no difference to them, else None."""

    async def evaluate(self, envelope: Envelope, mail: Mail, size: int, read_at: Callable[[int, int], bytes]) -> Auth:
        """The facts of one mail; read_at gives so many octets of it from an offset on."""


class FilingDesk:
    """Use cases of the SMTP and LMTP doors over one store.

    hostname: ours, for the trace header field. authenticity: None where nobody looks into it. reader: who reads what is
    not soon read; left out, a thread does.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        settings: FilingSettings,
        hostname: str,
        authenticity: Authenticity | None = None,
        reader: MailReader | None = None,
    ) -> None:
        self._authenticity = authenticity
        self._store, self._blobs, self._settings, self._hostname = store, blobs, settings, hostname
        self._file, self._refuse = partial(file, settings), partial(_refuse, settings)
        self._reader = reader or MailReader(settings.limits)
        self._large = asyncio.Semaphore(blobs.at_once)
        self._alerts: tuple[int, set[tuple[str, str]]] = (0, set())

    def open_spool(self) -> Spool:
        return self._blobs.open_spool()

    async def admit_recipient(self, address: str, admitted: Sequence[Admission]) -> Admission:
        """The answer to one RCPT (rules A1 to A6). A refusal carries the link to the page of its rule."""
        wanted = read_recipient(address, self._settings.domains)
        found: Directory | None = None
        if wanted.ours and wanted.slug and not wanted.operator:
            days = self._settings.former_name_days
            found = await self._store.peek(find_slugs, (wanted.slug, _now(), days))
        admission = admit(wanted, found, admitted)
        if admission.accepted:
            return admission
        rule = admission.steps[-1].rule
        metrics.recipient_refused(rule)
        _log.info("recipient.refused", rule=rule, account=wanted.slug if admission.account else None)
        linked = admission.reply.with_link(self._settings.why_url(rule))
        return Admission(linked, admission.steps, admission.written, admission.account)

    async def file_mail(self, envelope: Envelope, content: bytes | OpenSpool) -> Reply:
        """Decides on one mail for the account of its recipients and answers once that is durable (B11)."""
        started = time.monotonic_ns()
        account = next(one.recipient.account for one in envelope.admissions if one.recipient is not None)
        trace = received_line(envelope, self._hostname)
        spool: Spool | None = None
        with ExitStack() as until_filed:
            if isinstance(content, bytes) and len(content) <= IN_ROW:
                mail, body = await self._reader.read(content), pack(trace, content)
            else:
                spool = self._spool_of(content, until_filed)
                mail, body = await self._read_large(account, trace, content, spool)
            auth = await self._authenticate(account, envelope, mail, content)
            block = self._settings.block(envelope.peer)
            handing = Handing(account, envelope, mail, body, _now(), started, auth, block=block)
            filing: Filing = await self._store.write_each(self._file, handing)
            decision = filing.decision
            if spool is not None and not filing.kept:
                await asyncio.to_thread(spool.withdraw, account)  # no row will ever name it
        seconds = (time.monotonic_ns() - started) / 1e9
        metrics.mail_done(envelope.road, decision.verdict.value, decision.rule, seconds)
        if decision.quota is not None:
            self._alert(decision.account, decision.quota, handing.at // HOUR_MS)
        _tell(filing, envelope)
        return filing.reply

    def _alert(self, account: str, scope: str, hour: int) -> None:
        """Tells operators of a quota that holds mail (B8b): each time by a figure, once an hour in the log."""
        metrics.quota_reached(scope)
        if self._alerts[0] != hour:
            self._alerts = (hour, set())
        if (account, scope) not in self._alerts[1]:
            self._alerts[1].add((account, scope))
            _log.warning("mail.quota_reached", account=account, scope=scope)

    def _spool_of(self, content: bytes | OpenSpool, until_filed: ExitStack) -> Spool:
        """The spool that a large mail came in; one of our own where it came in memory."""
        if isinstance(content, bytes):
            return until_filed.enter_context(closing(self._blobs.open_spool()))
        if not isinstance(content, Spool):
            raise TypeError(_FOREIGN)
        return content

    async def _read_large(
        self, account: int, trace: bytes, content: bytes | OpenSpool, spool: Spool
    ) -> tuple[Mail, StoredBody]:
        """Reads a large mail while it is made durable. content: its bytes, or the spool that has them.

        A few at a time: more would only keep the disk from the commits, or fill memory on their way to the bucket.
        """
        async with self._large:
            if isinstance(content, bytes):
                await asyncio.to_thread(spool.write, content)
            settling = asyncio.create_task(asyncio.to_thread(spool.settle, account))
            try:
                mail = await self._reader.read(spool)
            finally:
                await asyncio.wait([settling])  # it works on a file that its owner is about to close
        return mail, refer(trace, settling.result(), partial(spool.land, account) if spool.lands else None)

    async def _authenticate(self, account: int, envelope: Envelope, mail: Mail, content: object) -> Auth:
        """What rule B5 needs, found before the transaction begins; the operators' mail is taken as it is (A5)."""
        if self._authenticity is None or account == OPERATORS:
            return NOT_EVALUATED
        found = self._authenticity.at_once(envelope.peer)
        if found is not None:
            return found
        if isinstance(content, bytes):
            return await self._authenticity.evaluate(envelope, mail, mail.size, partial(_cut, content))
        if not isinstance(content, Spool):
            raise TypeError(_FOREIGN)
        return await self._authenticity.evaluate(envelope, mail, mail.size, content.read_at)

    async def refuse_mail(self, envelope: Envelope, reply: Reply) -> dict[int, Reply]:
        """A mail that the door refused for its size: each account it was for gets its receipt and its link (A8)."""
        said: dict[int, Reply] = await self._store.write_each(self._refuse, (envelope, reply))
        for account in said:
            metrics.mail_done(envelope.road, "refuse", "A8", 0.0)
            _log.info("mail.refused", rule="A8", account=account, peer=envelope.peer)
        return said

    async def note_refusals(self, envelope: Envelope) -> None:
        """A transaction that ended before its text came: each account it named gets the receipt of what it was told."""
        if any(not one.accepted and one.account is not None for one in envelope.admissions):
            await self._store.write_each(_note, envelope)


def _tell(filing: Filing, envelope: Envelope) -> None:
    """One line a mail, without anybody's address or words; filed ones only where somebody asks for every detail."""
    decision = filing.decision
    about = {
        "rule": decision.rule,
        "account": decision.account,
        "receipt": filing.receipt,
        "message": filing.message,
        "peer": envelope.peer,
    }
    if decision.verdict is Verdict.FILE:
        _log.debug("mail.filed", **about)
    elif decision.verdict is Verdict.HOLD:
        _log.info("mail.held", **about)
    else:
        _log.info("mail.refused", **about)


def _refuse(settings: FilingSettings, tx: Tx, mails: Sequence[tuple[Envelope, Reply]]) -> list[dict[int, Reply]]:
    pages = Pages()
    said = [note_refused_mail(tx, pages, envelope, reply, settings.why_url) for envelope, reply in mails]
    write(tx, pages)
    return said


def _note(tx: Tx, envelopes: Sequence[Envelope]) -> list[None]:
    pages = Pages()
    for envelope in envelopes:
        note_refusals(tx, pages, envelope)
    write(tx, pages)
    return [None] * len(envelopes)


def _cut(content: bytes, at: int, size: int) -> bytes:
    return content[at : at + size]


def received_line(envelope: Envelope, hostname: str) -> bytes:
    """The trace header field we put before the message (RFC 5321 section 4.4). Names no recipient."""
    helo = _NOT_IN_HELO.sub("", envelope.helo)[:200]
    peer = f"IPv6:{envelope.peer}" if ":" in envelope.peer else envelope.peer
    protocol = envelope.road.upper() if envelope.road == "lmtp" else "ESMTP"
    secured = f"{protocol}S" if envelope.tls else protocol
    stamp = formatdate(envelope.at / 1000, localtime=False)
    line = f"Received: from {helo or 'unknown'} ([{peer}])\r\n\tby {hostname} with {secured};\r\n\t{stamp}\r\n"
    return line.encode("ascii", "replace")


def _now() -> int:
    return time.time_ns() // 1_000_000
