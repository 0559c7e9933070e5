"""Receipts: the lasting record of one attempt to hand us a message, one for each account it named (rules, B10, B11).

They are written in the same transaction as what they tell of; a refusal whose receipt can't be written is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.core.admission import OPERATORS
from gateway.core.decision import Decision, Verdict, shape
from gateway.core.envelope import Envelope, Step
from gateway.core.facts import Auth
from gateway.core.people import Cast
from gateway.core.replies import Reply
from gateway.store import tables
from gateway.store.accounts import get_account
from gateway.store.decisions import pack_decision
from gateway.store.engine import Tx
from gateway.store.filing import Pages, dump
from gateway.store.ids import new_id

_NOBODY = Cast((), (), None, "incoming", None)
_NO_MAIL = {"author": None, "subject": None, "message_id": None, "message": None, "size": 0}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One account's side of a transaction. at: when it was answered, ms since 1970. started: monotonic nanoseconds."""

    account: int
    envelope: Envelope
    at: int
    started: int


def final_reply(reply: Reply, receipt: str, message: str | None, why_url: Callable[[str], str]) -> Reply:
    """The reply with what only the store knows: the id of what was kept, or the link that explains a refusal."""
    if message is not None:
        return Reply(reply.code, reply.enhanced, f"{reply.text} id={message}")
    return reply.with_link(why_url(receipt))


def add_receipt(pages: Pages, receipt: str, attempt: Attempt, decision: Decision, reply: Reply, **about: Any) -> None:
    """Writes down one attempt for one account, naming that account's recipients only. reply: as the peer is told."""
    envelope = attempt.envelope
    pages.add(
        tables.receipts,
        account=attempt.account,
        id=receipt,
        at=attempt.at,
        road=envelope.road,
        peer=envelope.peer,
        helo=envelope.helo,
        tls=envelope.tls,
        sender=envelope.sender,
        recipients=dump([one.written for one in envelope.admissions if one.account == attempt.account]),
        verdict=decision.verdict.value,
        rule=decision.rule,
        reply=str(reply),
        decision=pack_decision(shape(decision, reply)),
        took_ms=(time.monotonic_ns() - attempt.started) // 1_000_000,
        **about,
    )


def note_refusals(tx: Tx, pages: Pages, envelope: Envelope, *, but: int | None = None) -> None:
    """Receipts of the accounts whose recipients were refused before any text came; `but` has one of its own."""
    for account in {one.account: None for one in envelope.admissions if not one.accepted}:
        if account is not None and account not in (but, OPERATORS):
            _note(tx, pages, account, envelope)


def note_refused_mail(
    tx: Tx, pages: Pages, envelope: Envelope, reply: Reply, why_url: Callable[[str], str]
) -> dict[int, Reply]:
    """Receipts of a mail that was refused for its size, unread (A8): what each account's peer is told."""
    said = {}
    for account in {one.account: None for one in envelope.admissions if one.accepted}:
        if account is not None:
            receipt = new_id()
            said[account] = reply.with_link(why_url(receipt))
            _write(tx, pages, receipt, account, envelope, said[account], (Step("A8", "refuse", f"{reply.text}."),))
    for account in {one.account: None for one in envelope.admissions if not one.accepted}:
        if account is not None and account not in said and account != OPERATORS:
            _note(tx, pages, account, envelope)
    return said


def _note(tx: Tx, pages: Pages, account: int, envelope: Envelope) -> None:
    last = next(one for one in reversed(envelope.admissions) if one.account == account and not one.accepted)
    _write(tx, pages, new_id(), account, envelope, last.reply, ())


def _write(
    tx: Tx, pages: Pages, receipt: str, account: int, envelope: Envelope, reply: Reply, last: tuple[Step, ...]
) -> None:
    """A receipt of what came to nothing before its text was read; its rule is that of its last step."""
    steps = (*(step for one in envelope.admissions if one.account == account for step in one.steps), *last)
    found = get_account(tx, account) if account != OPERATORS else None
    decision = Decision(
        verdict=Verdict.REFUSE,
        reply=reply,
        rule=next(step.rule for step in reversed(steps) if step.outcome == "refuse"),
        account=found.slug if found else "",
        action=None,
        cast=_NOBODY,
        automatic=False,
        duplicate_of=None,
        base_subject="",
        unread=(),
        auth=Auth(),
        steps=steps,
    )
    now = time.time_ns() // 1_000_000
    add_receipt(pages, receipt, Attempt(account, envelope, now, time.monotonic_ns()), decision, reply, **_NO_MAIL)
    if reply.code < 500 or account == OPERATORS:  # it comes again by itself (A6): nobody has to be told
        return
    pages.add(
        tables.events,
        account=account,
        id=new_id(),
        type="message.refused",
        at=now,
        subject=receipt,
        conversation=None,
    )
