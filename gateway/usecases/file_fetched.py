"""File what was fetched of a mailbox: a batch of messages, and how far its folder is synced, in one transaction (E4).

A crash repeats a batch at most, and what it files again is known by then (B9). A message that can't be read or filed is
put aside in the same transaction, so that the rest goes on and nobody forgets it: it is tried alone a few times more.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog

from gateway import metrics
from gateway.core import syncplan
from gateway.core.address import Mailbox
from gateway.core.aliases import MOST, told_aliases, with_proposals
from gateway.core.envelope import Envelope
from gateway.core.facts import Origin
from gateway.core.mailboxes import IMPORTING, INBOX
from gateway.core.people import Team
from gateway.core.remote import RemoteFile
from gateway.core.reports import Report, after_report, read_report
from gateway.core.skeleton import with_sizes
from gateway.core.syncplan import Cursor
from gateway.store import facts, remote, troubles
from gateway.store.blobs import Blobs
from gateway.store.bodies import IN_ROW, StoredBody, head_of, pack, refer
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time
from gateway.store.mailbox_leases import Leased, Owned, find_owned, set_owned
from gateway.store.outgoing import find_reported, find_sealed, set_outgoing
from gateway.store.remote import Folder, Remote, find_kept
from gateway.usecases.filing import FilingSettings, file
from gateway.usecases.filing_facts import Handing
from gateway.usecases.reading import MailReader

__all__ = ["Batch", "Cursor", "Fetched", "FetchedDesk", "Folder"]
_log = structlog.get_logger(__name__)
_GONE_AT_ONCE = 1_000
_OUR_FAULT = "This message could not be filed; what is wrong is written in the log."


class Fetched(Protocol):
    """A message as the door fetched it (`mailboxes.session.Fetched`)."""

    @property
    def uid(self) -> int: ...

    @property
    def message(self) -> bytes | None: ...

    @property
    def files(self) -> tuple[RemoteFile, ...]: ...

    @property
    def at(self) -> int: ...

    @property
    def error(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one folder. cursor: as it is once they are filed; None where it stays. ties: UIDs that are only tied
    to what is known. moved: bytes that were fetched for them. counted: how much further the import is."""

    lease: Leased
    folder: Folder
    uidvalidity: int
    cursor: Cursor | None
    fetched: Sequence[Fetched]
    ties: Collection[int] = ()
    moved: int = 0
    counted: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    """A batch, read. handings: by UID. told: addresses that may be aliases (E14). reports: on mail of ours, by UID."""

    batch: Batch
    handings: dict[int, Handing]
    told: tuple[Mailbox, ...]
    reports: Mapping[int, Report] = field(default_factory=dict)


class FetchedDesk:
    """Use cases of the poller that write mail, or how far a folder is synced; each is False where the mailbox is in the
    hands of somebody else by now, or is looked into no more."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        settings: FilingSettings,
        reader: MailReader,
        clock: Callable[[], int] = shared_time,
    ) -> None:
        self._store, self._blobs, self._settings, self._reader, self._clock = store, blobs, settings, reader, clock
        self._turn = asyncio.Lock()

    async def begin(self, lease: Leased, role: str, cursor: Cursor, total: int, *, another: bool) -> bool:
        """The import of a folder was planned. another: the folder is, so that nothing of its numbers holds."""
        folder = Folder(lease.account, lease.id, role)
        return await self._write(lease, partial(_begin, lease, folder, cursor, total, self._clock(), another=another))

    async def former(self, lease: Leased, role: str, uidvalidity: int) -> int:
        """How many messages of a folder are known by numbers that hold no more."""
        folder = Folder(lease.account, lease.id, role)
        return await self._store.read(lambda tx: remote.count_former(tx, folder, uidvalidity))

    async def unread(self, lease: Leased, role: str, uidvalidity: int) -> list[int]:
        """UIDs of messages that were put aside and are to be tried again, alone."""
        folder = Folder(lease.account, lease.id, role)
        return await self._store.read(lambda tx: remote.find_unread(tx, folder, uidvalidity))

    async def known(self, lease: Leased, role: str, uidvalidity: int) -> list[int]:
        """UIDs of the messages that stand there as far as we know."""
        folder = Folder(lease.account, lease.id, role)
        return await self._store.read(lambda tx: remote.find_uids(tx, folder, uidvalidity))

    async def reach(
        self, lease: Leased, role: str, cursor: Cursor, gone: Sequence[int], moved: int, *, anew: bool
    ) -> bool:
        """All of a folder was looked at. gone: UIDs that are no longer there. anew: its import has ended, so that no
        former numbers hold any more. Many are written in pieces, the cursor with the last, so that others who write
        have their turn between them."""
        folder = Folder(lease.account, lease.id, role)
        pieces = [tuple(gone[at : at + _GONE_AT_ONCE]) for at in range(0, len(gone), _GONE_AT_ONCE)]
        for some in pieces[:-1]:
            if not await self._write(lease, partial(_go, lease, folder, cursor.uidvalidity, some, self._clock())):
                return False
        last = pieces[-1] if pieces else ()
        write = partial(_reach, lease, folder, cursor, last, moved, self._clock(), anew=anew)
        return await self._write(lease, write)

    async def file(self, batch: Batch) -> bool:
        """Files a batch. A message that fails is put aside; the others are filed without it."""
        with ExitStack() as until_filed:
            read = await self._read(batch, until_filed)
            try:
                return await self._file(read)
            except Exception as fault:
                if troubles.is_passing(fault) or isinstance(fault, OSError):
                    raise
                if len(batch.fetched) == 1:
                    _log.exception("mailbox.unfiled", account=batch.lease.account, mailbox=batch.lease.id)
                    return await self._file(_Read(batch, {}, ()))
        return await self._file_each(batch)

    async def _file_each(self, batch: Batch) -> bool:
        """One by one; the cursor moves with the last."""
        last = len(batch.fetched) - 1
        for n, one in enumerate(batch.fetched):
            cursor = batch.cursor if n == last else None
            moved, counted = (batch.moved, batch.counted) if n == last else (0, 0)
            alone = Batch(batch.lease, batch.folder, batch.uidvalidity, cursor, (one,), batch.ties, moved, counted)
            if not await self.file(alone):
                return False
        return True

    async def _file(self, read: _Read) -> bool:
        filed = await self._write(read.batch.lease, partial(_file, self._settings, read, self._clock()))
        if filed:
            aside = sum(one.uid not in read.handings for one in read.batch.fetched)
            metrics.mailbox_filed(len(read.handings), aside)
        return filed

    async def _write(self, lease: Leased, function: Callable[[Tx], bool]) -> bool:
        """One batch of a process at a time: they are large, and what others write has its turn between them."""
        async with self._turn:
            return await self._store.write(function, account=lease.account)

    async def _read(self, batch: Batch, until_filed: ExitStack) -> _Read:
        handings: dict[int, Handing] = {}
        told: dict[str, Mailbox] = {}
        reports: dict[int, Report] = {}
        for one in batch.fetched:
            if one.message is None:
                continue
            handings[one.uid] = await self._handing(batch, one, one.message, until_filed)
            report = read_report(one.message) if batch.folder.role == INBOX else None
            if report is not None:
                reports[one.uid] = report
            for box in told_aliases(one.message, batch.folder.role, self._settings.limits):
                if len(told) < MOST:
                    told.setdefault(box.key, box)
            await asyncio.sleep(0)  # others of this loop have their turn
        return _Read(batch, handings, tuple(told.values()), reports)

    async def _handing(self, batch: Batch, one: Fetched, message: bytes, until_filed: ExitStack) -> Handing:
        started, now, lease = time.monotonic_ns(), self._clock(), batch.lease
        mail = with_sizes(await self._reader.read(message), one.files)
        body = pack(b"", message) if len(message) <= IN_ROW else await self._settle(lease, message, until_filed)
        origin = Origin(lease.id, batch.folder.role, lease.auto_create, min(one.at or now, now))
        envelope = Envelope("imap", lease.host, "", "", (), now)
        return Handing(lease.account, envelope, mail, body, now, started, origin=origin)

    async def _settle(self, lease: Leased, message: bytes, until_filed: ExitStack) -> StoredBody:
        """A large message, durable before its row is written. Where no row comes to name it, it is swept later."""
        spool = until_filed.enter_context(closing(self._blobs.open_spool()))
        await asyncio.to_thread(spool.write, message)
        name = await asyncio.to_thread(spool.settle, lease.account)
        return refer(b"", name, partial(spool.land, lease.account) if spool.lands else None)


def _begin(lease: Leased, folder: Folder, cursor: Cursor, total: int, now: int, tx: Tx, *, another: bool) -> bool:
    row = find_owned(tx, lease)
    if row is None:
        return False
    if another:
        remote.drop_remotes(tx, folder, cursor.uidvalidity)
    remote.set_cursor(tx, folder, cursor)
    importing = {"total": (row.total or 0) + total} if row.state == IMPORTING else {}
    set_owned(tx, lease, now, **importing)
    return True


def _go(lease: Leased, folder: Folder, uidvalidity: int, gone: Sequence[int], now: int, tx: Tx) -> bool:
    if find_owned(tx, lease) is None:
        return False
    remote.set_gone(tx, folder, uidvalidity, gone, now)
    set_owned(tx, lease, now)
    return True


def _reach(
    lease: Leased, folder: Folder, cursor: Cursor, gone: Sequence[int], moved: int, now: int, tx: Tx, *, anew: bool
) -> bool:
    row = find_owned(tx, lease)
    if row is None:
        return False
    remote.set_gone(tx, folder, cursor.uidvalidity, gone, now)
    if anew:
        remote.set_former_gone(tx, folder, cursor.uidvalidity, now)
    remote.set_cursor(tx, folder, cursor)
    set_owned(tx, lease, now, **_moved(row, moved, now))
    return True


def _file(settings: FilingSettings, read: _Read, now: int, tx: Tx) -> bool:
    batch = read.batch
    row = find_owned(tx, batch.lease)
    if row is None:
        return False
    tied = [uid for uid in read.handings if uid in batch.ties]
    identities = {read.handings[uid].mail.identity for uid in tied}
    known = remote.find_known(tx, batch.lease.account, identities) if identities else {}
    sealed = find_sealed(tx, batch.lease.account, _names(read.handings.values()))
    filed = {
        uid: one
        for uid, one in read.handings.items()
        if (uid not in batch.ties or one.mail.identity in known) and one.mail.message_id not in sealed
    }
    filings = file(settings, tx, tuple(filed.values())) if filed else []
    ids: dict[int, str | None] = {uid: one.message for uid, one in zip(filed, filings, strict=True)}
    ids |= {uid: None for uid, one in read.handings.items() if one.mail.message_id in sealed}
    again = {uid: one.message for uid, one in zip(filed, filings, strict=True) if one.message and not one.kept}
    others = _find_others(tx, batch.folder, again, filed)
    _take_reports(tx, read, {uid for uid, one in zip(filed, filings, strict=True) if one.kept}, now)
    found = [
        Remote(
            one.uid,
            ids.get(one.uid),
            "[]" if one.uid in others else _parts(one.files),
            "" if one.uid in ids else one.error or _OUR_FAULT,
        )
        for one in batch.fetched
        if one.uid in ids or one.uid not in read.handings
    ]
    remote.set_remotes(tx, batch.folder, batch.uidvalidity, found)
    if batch.cursor is not None:
        remote.set_cursor(tx, batch.folder, batch.cursor)
    values = _moved(row, batch.moved, now) | _proposals(tx, settings, batch.lease.account, row, read.told)
    if row.state == IMPORTING and row.total is not None:
        values["done"] = min(row.done + batch.counted, row.total)
    set_owned(tx, batch.lease, now, **values)
    return True


def _take_reports(tx: Tx, read: _Read, new: Collection[int], now: int) -> None:
    """Mail of ours that did not arrive, as reports say that are seen for the first time (E11)."""
    for uid, report in read.reports.items():
        lease = read.batch.lease
        one = find_reported(tx, lease.account, lease.id, report.envelope, report.names) if uid in new else None
        if one is not None and one.sent_at is not None and one.sealed is None:
            state, error, refused = after_report(one.recipients, one.refused, one.error, report)
            set_outgoing(tx, one, now, state=state, error=error, refused=refused)
            _log.info("outgoing.reported", account=lease.account, message=one.message)


def _names(handings: Collection[Handing]) -> set[str]:
    """Their Message-IDs."""
    return {one.mail.message_id for one in handings if one.mail.message_id is not None}


def _find_others(tx: Tx, folder: Folder, again: Mapping[int, str], filed: Mapping[int, Handing]) -> set[int]:
    """UIDs of messages that we have from this folder, by other deliveries: whoever knows a mail can send another one
    that passes for it (B9), and the files of that are none of its own (E13). again: by UID, what they are a copy of.

    The header tells, with its lines of each server on the way: what was moved, or got another number, has it unchanged.
    """
    kept = find_kept(tx, folder, set(again.values())) if again else {}
    return {uid for uid, id in again.items() if id in kept and not _is_same(filed[uid].body, *kept[id])}


def _is_same(body: StoredBody, kept: StoredBody, written: bool) -> bool:
    """Of what was written here all files are kept: none is asked for on a server."""
    if written:
        return False
    head = head_of(body)
    return head == head_of(kept) and (head is not None or body.data == kept.data)


def _parts(files: Sequence[RemoteFile]) -> str:
    return json.dumps([asdict(one) for one in files]) if files else "[]"


def _moved(row: Owned, moved: int, now: int) -> dict[str, Any]:
    return {"day": syncplan.day_of(now), "moved": syncplan.moved_today(row.day, row.moved, now) + moved}


def _proposals(tx: Tx, settings: FilingSettings, account: int, row: Owned, told: Sequence[Mailbox]) -> dict[str, Any]:
    """Aliases that the batch tells of and that nobody knew of (E14)."""
    kept = tuple(json.loads(row.proposals))
    new = [box for box in told if box.key not in kept and box.key != row.address]
    if not new or len(kept) >= MOST:
        return {}
    addresses = facts.find_team(tx, {account}, {box.key for box in new})[account]
    team = Team(addresses, facts.find_own_domains(tx, {account})[account], settings.domains)
    found = with_proposals(kept, new, team)
    return {} if found == kept else {"proposals": json.dumps(found)}
