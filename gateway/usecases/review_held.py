"""Held mail is released or refused by an admin (rule B7); what nobody looked at in time is refused by the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial

from gateway.core.admission import admit, read_recipient
from gateway.core.decision import Decision, Verdict
from gateway.core.envelope import Admission, Envelope
from gateway.core.mail import Mail, read_mail
from gateway.core.refusals import Taken
from gateway.core.resources import Message
from gateway.core.tally import Tally
from gateway.store.access import Principal
from gateway.store.accounts import find_slug
from gateway.store.audit import note
from gateway.store.blobs import Blobs
from gateway.store.bodies import unpack
from gateway.store.deletions import DELETED, FILED, bury, get_state
from gateway.store.engine import Store, Tx
from gateway.store.held import HELD, Held, find_held, old_held, remove_held
from gateway.store.outbox import add_event
from gateway.store.reading_mail import find_message
from gateway.store.undoing import add_undoing
from gateway.usecases.filing import FilingSettings, decide_all, file
from gateway.usecases.filing_facts import Handing

DAY_MS = 86_400_000
_AT_ONCE = 500


async def release_held(
    store: Store, blobs: Blobs, admin: Principal, id: str, settings: FilingSettings
) -> Message | Decision | Taken | None:
    """Files a held mail: the rules run again with today's facts, the hold waived, its own recipients and time.

    The message as it is then; the decision where the rules refuse it today, and it stays held; Taken where it is filed
    already; None where there is no such mail.
    """
    held = await store.read(lambda tx: find_held(tx, admin.account, id))
    if held is None:
        return await store.read(lambda tx: _decided(tx, admin.account, id))
    mail = await _read(blobs, admin, held, settings)
    return await store.write(partial(_release, admin, id, mail, settings), account=admin.account)


async def release_all(
    store: Store, blobs: Blobs, admin: Principal, ids: Sequence[str], settings: FilingSettings
) -> str:
    """The same of several, in one transaction; the id under which what came of it is told (`undo_mail`)."""
    held = await store.read(lambda tx: [find_held(tx, admin.account, id) for id in ids])
    mails = [(one.id, await _read(blobs, admin, one, settings)) for one in held if one is not None]

    def release(tx: Tx) -> str:
        results = [_release(admin, id, mail, settings, tx) for id, mail in mails]
        done = sum(isinstance(one, Message) for one in results)
        denied = sum(isinstance(one, Decision) for one in results)
        return add_undoing(tx, admin, "message.released", Tally(done, denied, len(ids) - done - denied), _now())

    return await store.write(release, account=admin.account)


async def _read(blobs: Blobs, admin: Principal, held: Held, settings: FilingSettings) -> Mail:
    return await asyncio.to_thread(lambda: read_mail(unpack(blobs, admin.account, held.body), settings.limits))


def _release(
    admin: Principal, id: str, mail: Mail, settings: FilingSettings, tx: Tx
) -> Message | Decision | Taken | None:
    account = admin.account
    held = find_held(tx, account, id)
    if held is None:
        return _decided(tx, account, id)
    handing = _handing(tx, account, held, mail, settings)
    [decision] = decide_all(tx, [handing], settings)
    if decision.verdict is not Verdict.FILE:
        return decision
    remove_held(tx, account, id)
    file(settings, tx, [handing])
    note(tx, admin, "message.released", id, _now())
    return find_message(tx, account, id)


def _handing(tx: Tx, account: int, held: Held, mail: Mail, settings: FilingSettings) -> Handing:
    admissions: list[Admission] = []
    for address in held.recipients:
        wanted = read_recipient(address, settings.domains)
        directory = find_slug(tx, wanted.slug, held.at, settings.former_name_days)
        admissions.append(admit(wanted, directory, admissions))
    envelope = Envelope(held.road, held.peer, held.helo, held.sender, tuple(admissions), held.at, held.tls)
    return Handing(account, envelope, mail, held.body, held.at, time.monotonic_ns(), held.auth, released=held.id)


async def refuse_held(store: Store, admin: Principal, id: str) -> Message | Taken | None:
    """Drops the content of a held mail; its receipt and a tombstone stay. The message as it was; Taken where it was
    let in, None where there is none."""

    def refuse(tx: Tx) -> Message | Taken | None:
        message = find_message(tx, admin.account, id, (HELD,))
        return message if _refuse(tx, admin, id) else _decided(tx, admin.account, id)

    return await store.write(refuse, account=admin.account)


async def refuse_all(store: Store, admin: Principal, ids: Sequence[str]) -> str:
    """The same of several, in one transaction; the id under which what came of it is told. Nobody can take it back."""

    def refuse(tx: Tx) -> str:
        done = sum(_refuse(tx, admin, id) for id in ids)
        return add_undoing(tx, admin, "message.refused", Tally(done, missing=len(ids) - done), _now())

    return await store.write(refuse, account=admin.account)


def _refuse(tx: Tx, admin: Principal, id: str) -> bool:
    if get_state(tx, admin.account, id) != HELD:
        return False
    _drop(tx, [(admin.account, id)])
    note(tx, admin, "message.refused", id, _now())
    return True


async def refuse_forgotten(store: Store, held_days: int) -> int:
    """Refuses what has been held too long; how many there were."""
    before = _now() - held_days * DAY_MS

    def refuse(tx: Tx) -> int:
        forgotten = old_held(tx, before, _AT_ONCE)
        _drop(tx, forgotten)
        return len(forgotten)

    return await store.write(refuse)


def _drop(tx: Tx, refused: Sequence[tuple[int, str]]) -> None:
    """Leaves tombstones, and tells those who heard of the held mail that it is no more."""
    now = _now()
    for account, id in refused:
        conversation = bury(tx, account, id, now)
        add_event(tx, account, "message.deleted", id, now, conversation)


def _decided(tx: Tx, account: int, id: str) -> Taken | None:
    """What stands in the way of a review: the mail was filed, whoever let it in; None where there is no such mail."""
    filed = find_message(tx, account, id, (FILED, DELETED)) is not None
    return Taken("This mail is not held; it is filed.", id) if filed else None


def _now() -> int:
    return time.time_ns() // 1_000_000
