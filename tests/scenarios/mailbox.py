"""People's own mailboxes for stories: mail is handed to filing as their synchronisation does, beside SMTP."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.admission import Directory, admit, read_recipient
from gateway.core.envelope import Admission, Envelope
from gateway.core.facts import Origin
from gateway.core.mail import read_mail
from gateway.store.accounts import find_account
from gateway.store.bodies import pack
from gateway.store.engine import Tx
from gateway.store.tables import mailbox_addresses
from gateway.usecases.filing import Filing, FilingSettings, file
from gateway.usecases.filing_facts import Handing
from tests.scenarios.house import DOMAINS, NOW, House, wire

DAY = 86_400_000
ANAS, DIMAS = "01ANASMAILBOX", "01DIMASMAILBOX"
"""Ids of two mailboxes. Filing asks for no more of them than that."""
SMART = "smart"


@dataclass(frozen=True)
class Copy:
    """One copy of a mail. mailbox: where it stands, or `smart` for one that a smart address gets. at: when it came
    there, now: when we hear of it. auto_create: of the mailbox. rcpt: the smart address."""

    text: str
    mailbox: str = ANAS
    folder: str = "inbox"
    auto_create: str = "off"
    at: int = NOW - DAY
    now: int = NOW
    rcpt: str = "acme@mail.kommo.com"


async def fetch(house: House, text: str, mailbox: str = ANAS, folder: str = "inbox", **more: object) -> Filing:
    """Files one mail of a mailbox."""
    [filing] = await fetch_all(house, [Copy(text, mailbox, folder, **more)])  # type: ignore[arg-type]
    return filing


async def fetch_all(house: House, copies: Sequence[Copy]) -> list[Filing]:
    """Files copies in one transaction, in their order."""
    return await house.store.write(lambda tx: file_copies(house.settings, tx, copies))


def file_copies(settings: FilingSettings, tx: Tx, copies: Sequence[Copy]) -> list[Filing]:
    account = find_account(tx, "acme")
    assert account is not None
    return file(settings, tx, [_handing(account.number, one) for one in copies])


def _handing(account: int, copy: Copy) -> Handing:
    message = wire(copy.text)
    mail, body, started = read_mail(message), pack(b"", message), time.monotonic_ns()
    if copy.mailbox != SMART:
        envelope = Envelope("imap", "imap.acme.example", "", "", (), copy.now)
        origin = Origin(copy.mailbox, copy.folder, copy.auto_create, copy.at)
        return Handing(account, envelope, mail, body, copy.now, started, origin=origin)
    admissions: list[Admission] = [admit(read_recipient(copy.rcpt, DOMAINS), Directory(account, "current"), [])]
    envelope = Envelope("smtp", "127.0.0.1", "", "dimas@acme.example", tuple(admissions), copy.now)
    return Handing(account, envelope, mail, body, copy.now, started)


async def own(house: House, mailbox: str, *addresses: str) -> None:
    """Addresses and confirmed aliases of a mailbox."""

    def add(tx: Tx) -> None:
        account = find_account(tx, "acme")
        assert account is not None
        rows = [{"account": account.number, "email": one, "mailbox": mailbox} for one in addresses]
        tx.execute(mailbox_addresses.insert(), rows)

    await house.store.write(add)
