"""Erase a person from an account, as they may ask for (GDPR, article 17): their card, their mail, and every trace.

A message they take part in goes as a whole, also where other clients take part: a person can't be taken out of a mail's
text, quotes and files with any certainty (docs/decisions/0021-what-erasing-a-person-means.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from gateway.core.address import parse_address
from gateway.core.options import AccountError
from gateway.store import accounts, erasing
from gateway.store.blobs import Blobs
from gateway.store.engine import Tx
from gateway.store.erasing import Traces


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, or would be. mentions: ids of other messages in whose words the address stands; they stay. None
    where the index of search isn't complete yet, so that nobody can tell.
    """

    account: int
    counts: dict[str, int]
    mentions: tuple[str, ...] | None
    blobs: tuple[str, ...]


def look_for_person(tx: Tx, slug: str, address: str) -> Erasure:
    """What erasing would take away. Raises AccountError for what is no address, or one of the team."""
    account, traces = _find(tx, slug, address)
    return Erasure(account, _counts(traces), traces.mentions, traces.blobs)


def erase_person(tx: Tx, slug: str, address: str, *, mentions: bool = False) -> Erasure:
    """Takes it away, in the transaction that is handed in; files are to be dropped after it (`drop_blobs`).

    mentions: messages in which only the words hold the address as well.
    """
    account, traces = _find(tx, slug, address)
    if mentions and traces.mentions is None:
        raise AccountError("the index of search isn't complete yet: `smartgate db reindex`, then erase with --mentions")
    if mentions:
        traces = erasing.with_messages(tx, account, traces, traces.mentions or ())
    counts = _counts(traces) | erasing.erase_traces(tx, account, traces, time.time_ns() // 1_000_000)
    return Erasure(account, counts, traces.mentions, traces.blobs)


def drop_blobs(blobs: Blobs, erasure: Erasure) -> None:
    """Takes away the files of large mails, once nothing shows them. Where that is cut short, the clock of the next
    server does it: their names stand in the tombstones until then (`purge_files`). Raises OSError."""
    for name in erasure.blobs:
        blobs.drop(erasure.account, name)


def _find(tx: Tx, slug: str, address: str) -> tuple[int, Traces]:
    account = accounts.require_account(tx, slug)
    parsed = parse_address(address)
    if parsed is None:
        raise AccountError(f"{address[:80]!a} is no e-mail address; allowed: one address such as pat@client.example")
    if accounts.find_user(tx, account.number, parsed.key) is not None:
        raise AccountError(f"{parsed.key!a} is a user of account {account.slug}: `smartgate user remove` comes first")
    return account.number, erasing.find_traces(tx, account.number, parsed.key)


def _counts(traces: Traces) -> dict[str, int]:
    return {
        "contacts": len(traces.contacts),
        "addresses": len(traces.keys),
        "messages": len(traces.messages),
        "shared_messages": traces.shared,
        "leads": len(traces.leads),
        "customers": len(traces.customers),
        "receipts": len(traces.receipts),
        "large_mails": len(traces.blobs),
        "mentions": len(traces.mentions or ()),
    }
