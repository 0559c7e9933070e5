"""Held mail is released or refused by an admin (rule B7); what nobody looked at in time is refused by the clock."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from gateway.core.admission import admit, read_recipient
from gateway.core.decision import Decision, Verdict
from gateway.core.envelope import Admission, Envelope
from gateway.core.mail import Mail, read_mail
from gateway.core.resources import Message
from gateway.store.access import Principal
from gateway.store.accounts import find_slug
from gateway.store.blobs import Blobs
from gateway.store.bodies import unpack
from gateway.store.engine import Store, Tx
from gateway.store.held import HELD, Held, bury_held, find_held, old_held, remove_held
from gateway.store.reading_mail import find_message
from gateway.usecases.filing import FilingSettings, decide_all, file
from gateway.usecases.filing_facts import Handing

DAY_MS = 86_400_000
_AT_ONCE = 500


async def release_held(
    store: Store, blobs: Blobs, admin: Principal, id: str, settings: FilingSettings
) -> Message | Decision | None:
    """Files a held mail: the rules run again with today's facts, the hold waived, its own recipients and time.

    The message as it is then; the decision where the rules refuse it today, and it stays held; None where there is no
    such held mail.
    """
    held = await store.read(lambda tx: find_held(tx, admin.account, id))
    if held is None:
        return None
    mail = await asyncio.to_thread(lambda: read_mail(unpack(blobs, admin.account, held.body), settings.limits))
    return await store.write(partial(_release, admin.account, id, mail, settings), account=admin.account)


def _release(account: int, id: str, mail: Mail, settings: FilingSettings, tx: Tx) -> Message | Decision | None:
    held = find_held(tx, account, id)
    if held is None:
        return None
    handing = _handing(tx, account, held, mail, settings)
    [decision] = decide_all(tx, [handing], settings)
    if decision.verdict is not Verdict.FILE:
        return decision
    remove_held(tx, account, id)
    file(settings, tx, [handing])
    return find_message(tx, account, id)


def _handing(tx: Tx, account: int, held: Held, mail: Mail, settings: FilingSettings) -> Handing:
    admissions: list[Admission] = []
    for address in held.recipients:
        wanted = read_recipient(address, settings.domains)
        directory = find_slug(tx, wanted.slug, held.at, settings.former_name_days)
        admissions.append(admit(wanted, directory, admissions))
    envelope = Envelope(held.road, held.peer, held.helo, held.sender, tuple(admissions), held.at, held.tls)
    return Handing(account, envelope, mail, held.body, held.at, time.monotonic_ns(), held.auth, released=held.id)


async def refuse_held(store: Store, admin: Principal, id: str) -> Message | None:
    """Drops the content of a held mail; its receipt and a tombstone stay. The message as it was; None where none is."""

    def refuse(tx: Tx) -> Message | None:
        message = find_message(tx, admin.account, id, (HELD,))
        if message is not None:
            bury_held(tx, admin.account, id)
        return message

    return await store.write(refuse, account=admin.account)


async def refuse_forgotten(store: Store, held_days: int) -> int:
    """Refuses what has been held too long; how many there were."""
    before = time.time_ns() // 1_000_000 - held_days * DAY_MS

    def refuse(tx: Tx) -> int:
        forgotten = old_held(tx, before, _AT_ONCE)
        for account, id in forgotten:
            bury_held(tx, account, id)
        return len(forgotten)

    return await store.write(refuse)
