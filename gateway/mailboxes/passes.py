"""One look into a mailbox: its two folders, what is new in them, what has gone from them (E3, E4, E8).

The plan is `core.syncplan`, the mail is filed by `usecases.file_fetched`, in batches that move the cursor with them. A
folder that fails never moves its own, and the other one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gateway.core import syncplan
from gateway.core.mailboxes import INBOX, SENT
from gateway.core.sent_names import words_about_sent
from gateway.core.syncplan import Cursor, Import, Seen
from gateway.mailboxes.hands import Hands
from gateway.mailboxes.session import Fetched, Session, SessionError
from gateway.usecases.file_fetched import Batch, FetchedDesk, Folder
from gateway.usecases.sync_mailbox import Leased, Syncing, Trouble

T = TypeVar("T")
_AT_ONCE = 16 * 1024 * 1024
"""Bytes of whole messages that are filed together."""
_USABLE = ("gone", "protocol")


LOST, STOPPED, SPENT = "lost", "stopped", "spent"


class EndedError(Exception):
    """A look ends before all was looked into; what was in hand is filed.

    why: `lost` (the mailbox is somebody else's by now, or is looked into no more: nothing of it may be written),
    `stopped` (we were told to stop) or `spent` (it has fetched as much as its provider lets it in a day).
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of a look. imported: the import of both folders is over. uidnext: of the inbox, as it was seen. note:
    what the owner is to be told. trouble: of a folder that failed while the other went on."""

    imported: bool
    inbox: str
    uidnext: int
    note: str
    trouble: Trouble | None


class Look:
    """A look into one mailbox over one session. stopping: asked between batches. most: bytes of a whole message."""

    def __init__(
        self,
        syncing: Syncing,
        desk: FetchedDesk,
        hands: Hands,
        lease: Leased,
        session: Session,
        stopping: Callable[[], bool],
        most: int,
    ) -> None:
        self._syncing, self._desk, self._hands = syncing, desk, hands
        self._lease, self._session, self._stopping, self._most = lease, session, stopping, most
        self._clock, self._pace = syncing.clock, syncing.pace
        self._before = self._counted = session.moved
        self.filed = 0
        """Messages that were filed so far."""

    @property
    def moved(self) -> int:
        """Bytes that came from the server."""
        return self._session.moved - self._before

    async def run(self) -> Looked:
        """Both folders. Raises SessionError where the connection is lost, and EndedError."""
        folders = await self._ask(self._session.folders, self._lease.sent_path)
        cursors = await self._syncing.cursors(self._lease)
        trouble: Trouble | None = None
        imported, uidnext = True, 0
        for role, path in ((INBOX, folders.inbox), (SENT, folders.sent)):
            if path is None:
                continue
            try:
                seen = await self._folder(role, path, cursors.get(role))
            except SessionError as error:
                if error.trouble.kind not in _USABLE:
                    raise
                trouble, imported = error.trouble, False
                continue
            uidnext = seen.uidnext if role == INBOX else uidnext
        note = words_about_sent(self._lease.sent_path, folders.sent, folders.candidates)
        return Looked(imported, folders.inbox, uidnext, note, trouble)

    async def _ask(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self._hands.do(function, *arguments)

    async def _folder(self, role: str, path: str, cursor: Cursor | None) -> Seen:
        seen = await self._examine(path)
        before = cursor
        aside = await self._desk.unread(self._lease, role, seen.uidvalidity)
        if cursor is None or syncplan.begins_anew(cursor, path, seen) or not cursor.imported:
            cursor = await self._import(role, path, cursor, seen)
        came = await self._ask(self._session.above, cursor.last_uid)
        cursor = await self._take(role, cursor, came, None)
        gone, cursor = await self._find_gone(role, cursor, seen, came)
        gone += await self._try_again(role, cursor, aside)
        if gone or cursor != before:
            anew = before is None or not before.imported or before.uidvalidity != cursor.uidvalidity
            _must(await self._desk.reach(self._lease, role, cursor, gone, self._moved_since(), anew=anew))
        return seen

    async def _examine(self, path: str) -> Seen:
        status = await self._ask(self._session.examine, path)
        uidnext = status.uidnext
        if uidnext is None:
            uidnext = max(await self._ask(self._session.all), default=0) + 1
        return Seen(status.uidvalidity, status.exists, uidnext, status.modseq)

    async def _import(self, role: str, path: str, cursor: Cursor | None, seen: Seen) -> Cursor:
        """The import of a folder, from its beginning or from where it was cut short (E4)."""
        another = cursor is not None and cursor.path != path
        if syncplan.begins_anew(cursor, path, seen):
            cursor = None
        known = await self._desk.former(self._lease, role, seen.uidvalidity)
        recent = await self._recent(syncplan.import_end(cursor, seen))
        every = await self._ask(self._session.all) if known else []
        plan = syncplan.plan_import(cursor, path, seen, recent, every, known, self._pace)
        if cursor is None:
            total = len(plan.uids)
            _must(await self._desk.begin(self._lease, role, plan.cursor, total, another=another))
        reached = await self._take(role, plan.cursor, plan.uids, plan)
        return syncplan.end_import(reached, seen, self._clock())

    async def _recent(self, end: int) -> list[int]:
        """UIDs below `end` of what came within the import's month: all, or the newest where there are more than are
        taken. A server compares days of its own, so that the first ones are looked at by the moment."""
        now, most = self._clock(), self._pace.import_messages
        found = [uid for uid in await self._ask(self._session.since, syncplan.since_day(now, self._pace)) if uid < end]
        if len(found) <= most:
            return found
        certain = set(await self._ask(self._session.since, syncplan.certain_day(now, self._pace)))
        start, recent = syncplan.window_start(now, self._pace), list[int]()
        while found and len(recent) < most:
            some, found = found[-most:], found[:-most]
            at = await self._ask(self._session.dates, [uid for uid in some if uid not in certain])
            recent = [uid for uid in some if uid in certain or at.get(uid, start) >= start] + recent
        return recent

    async def _take(self, role: str, cursor: Cursor, uids: Sequence[int], plan: Import | None) -> Cursor:
        """Fetches and files, batch after batch; the cursor after the last."""
        for some in syncplan.batches(uids, self._lease.failures):
            pieces = list(self._pieces(await self._fetch(role, cursor, some))) or [[]]
            left = some
            for piece in pieces:
                last = some[-1] if piece is pieces[-1] else piece[-1].uid
                done = sum(uid <= last for uid in left)
                left = left[done:]
                cursor = await self._file(role, syncplan.reach(cursor, last), piece, plan, done)
            self._go_on()
        return cursor

    def _pieces(self, fetched: Sequence[Fetched]) -> Iterator[list[Fetched]]:
        """What is filed together: all of it, or less where whole messages with their files are kept."""
        piece: list[Fetched] = []
        size = 0
        for one in fetched:
            larger = one.size if one.late or self._is_kept_whole(one) else len(one.message or b"")
            if piece and size + larger > _AT_ONCE:
                yield piece
                piece, size = [], 0
            piece.append(one)
            size += larger
        if piece:
            yield piece

    def _is_kept_whole(self, one: Fetched) -> bool:
        return self._lease.keep_attachments and bool(one.files) and not one.whole and one.size <= self._most

    async def _fetch(self, role: str, cursor: Cursor, uids: Sequence[int]) -> list[Fetched]:
        """Fetches some; where that fails for what one of them is, each alone."""
        try:
            return await self._ask(self._session.fetch, uids)
        except SessionError as error:
            if error.trouble.kind in _USABLE:
                if len(uids) == 1:
                    return [_unread(uids[0], error.trouble)]
                return [one for uid in uids for one in await self._fetch(role, cursor, [uid])]
            if len(uids) == 1 and self._lease.failures >= syncplan.SUSPECTED:
                await self._file(role, syncplan.reach(cursor, uids[0]), [_unread(uids[0], error.trouble)], None, 1)
            raise

    async def _file(
        self, role: str, cursor: Cursor, fetched: Sequence[Fetched], plan: Import | None, counted: int
    ) -> Cursor:
        """Files a piece and moves the cursor with it."""
        start = syncplan.window_start(self._clock(), self._pace)
        kept, ties = [], set()
        for one in fetched:
            at = None if one.error else one.at or None
            if plan is not None and not syncplan.is_new(one.uid, at, plan, start):
                if not plan.ties:
                    continue
                ties.add(one.uid)
            kept += await self._completed(one)
        folder = Folder(self._lease.account, self._lease.id, role)
        batch = Batch(
            self._lease, folder, cursor.uidvalidity, cursor, kept, ties, self._moved_since(), counted if plan else 0
        )
        _must(await self._desk.file(batch))
        self.filed += sum(one.message is not None for one in kept)
        return cursor

    async def _completed(self, one: Fetched) -> list[Fetched]:
        """A message with what is still to be fetched of it; nothing where it has gone meanwhile."""
        try:
            found = await self._ask(self._session.fetch, [one.uid]) if one.late else [one]
        except SessionError as error:
            if error.trouble.kind not in _USABLE:
                raise
            found = [_unread(one.uid, error.trouble)]
        return [await self._whole(each) if self._is_kept_whole(each) else each for each in found]

    async def _whole(self, one: Fetched) -> Fetched:
        """A message with its files, where the mailbox keeps them (E7); without them where it has gone meanwhile."""
        found = await self._ask(lambda: self._session.fetch([one.uid], whole=True))
        return replace(found[0], files=()) if found and found[0].message is not None else one

    def _moved_since(self) -> int:
        """Bytes that came since this was last asked."""
        moved, self._counted = self._session.moved - self._counted, self._session.moved
        return moved

    def _go_on(self) -> None:
        """Between batches: whether there is a next one."""
        if self._stopping():
            raise EndedError(STOPPED)
        today = syncplan.moved_today(self._lease.day, self._lease.moved, self._clock())
        if syncplan.is_spent(self._lease.host, today + self.moved):
            raise EndedError(SPENT)

    async def _find_gone(self, role: str, cursor: Cursor, seen: Seen, came: Sequence[int]) -> tuple[list[int], Cursor]:
        """UIDs that are no longer there: as the server tells (RFC 7162), or by comparing all."""
        after = replace(cursor, modseq=seen.modseq, present=syncplan.present_now(seen, came))
        if cursor.modseq is not None and seen.modseq is not None:
            if cursor.modseq == seen.modseq:
                return [], after
            told = await self._ask(self._session.vanished, cursor.uidvalidity, cursor.modseq)
            if told is not None:
                return await self._known_among(role, cursor, told), after
        if not syncplan.is_to_compare(cursor, seen, came, self._clock()):
            return [], after
        known = await self._desk.known(self._lease, role, cursor.uidvalidity)
        there = await self._ask(self._session.all)
        return syncplan.went(known, there), replace(after, compared_at=self._clock())

    async def _known_among(self, role: str, cursor: Cursor, told: Sequence[int]) -> list[int]:
        """Those of some UIDs that we know: a server names whatever it wants."""
        if not told:
            return []
        return sorted(set(await self._desk.known(self._lease, role, cursor.uidvalidity)).intersection(told))

    async def _try_again(self, role: str, cursor: Cursor, aside: Sequence[int]) -> list[int]:
        """Tries each message alone that could not be read before; those that have gone meanwhile."""
        gone = []
        for uid in aside:
            fetched = await self._fetch(role, cursor, [uid])
            if not fetched:
                gone.append(uid)
                continue
            await self._file(role, cursor, fetched, None, 0)
            self._go_on()
        return gone


def _unread(uid: int, trouble: Trouble) -> Fetched:
    return Fetched(uid, None, False, (), 0, 0, trouble.says)


def _must(written: bool) -> None:
    if not written:
        raise EndedError(LOST)
