"""Tell why mails were filed or not: receipts of one account, of the operators, or of all, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.admission import OPERATORS
from gateway.core.resources import Receipt
from gateway.store.accounts import list_accounts, require_account
from gateway.store.engine import Tx
from gateway.store.reading_receipts import Attempt, Search, list_receipts


@dataclass(frozen=True, slots=True)
class Traced:
    """One attempt. account: the slug; "" for the operators' own."""

    account: str
    rule: str
    subject: str | None
    receipt: Receipt


def trace_mail(
    tx: Tx,
    slug: str | None,
    *,
    postmaster: bool = False,
    message_id: str | None = None,
    since: int | None = None,
    verdict: str | None = None,
    sender: str | None = None,
    id: str | None = None,
    limit: int = 50,
) -> list[Traced]:
    """The newest receipts that fit. slug None: every account's. Raises MissingError for an unknown account.

    sender: of the envelope. id: of the receipt, as a refusal's link ends, or of the message, as a 250 says.
    """
    wanted = Search(verdict=verdict, message_id=message_id, since=since, sender=sender, id=id)
    whose = {} if postmaster and slug is None else _accounts(tx, slug)
    if postmaster or slug is None:
        whose[OPERATORS] = ""
    found = [
        _traced(name, attempt)
        for number, name in whose.items()
        for attempt in list_receipts(tx, number, None, limit, wanted).rows
    ]
    return sorted(found, key=lambda traced: traced.receipt.id, reverse=True)[:limit]


def _accounts(tx: Tx, slug: str | None) -> dict[int, str]:
    rows = list_accounts(tx) if slug is None else [require_account(tx, slug)]
    return {row.number: row.slug for row in rows}


def _traced(account: str, attempt: Attempt) -> Traced:
    return Traced(account, attempt.rule, attempt.subject, attempt.receipt)
