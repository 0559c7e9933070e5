"""Looks into mailboxes: claims those that are due, a few at a time, holds them meanwhile, and waits for news of others.

Any number of processes and machines may run it on one store. What is due stands in the store, so nothing begins anew
after a restart. At SIGTERM the batch in hand is filed, and what is in hand is let go.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from gateway import metrics
from gateway.core.mailboxes import Credential, Servers
from gateway.core.syncplan import is_spent, moved_today, share_of
from gateway.mailboxes.hands import Hands
from gateway.mailboxes.idle import QUIET_SECONDS, RENEW_SECONDS, Key, Waits
from gateway.mailboxes.passes import LOST, SPENT, EndedError, Look, Looked
from gateway.mailboxes.session import Session, SessionError
from gateway.usecases.file_fetched import FetchedDesk
from gateway.usecases.show_health import is_passing
from gateway.usecases.sync_mailbox import Leased, Opened, Syncing, Trouble

_log = structlog.get_logger(__name__)
EVERY_SECONDS = 1.0
GATHER_SECONDS = 0.05
"""From one look at what is due to the next, at least: places that became free meanwhile are filled together."""
BEAT_SECONDS = 10.0
AFTER_FAULT_SECONDS = 5.0
_SPARE_HANDS = 8
_OUR_FAULT = Trouble("fault", "Something went wrong on our side; it is tried again")

OpenSession = Callable[[str, Servers, Credential], Session]
"""Makes a session, not yet open; may raise SessionError where nobody may connect there."""


@dataclass(frozen=True, slots=True)
class PollerSettings:
    """workers: mailboxes looked into at one time. idle: connections that wait for news at most. message_bytes: of a
    whole message at most. counts: whether this one tells the figures of the whole store."""

    workers: int = 16
    idle: int = 1_000
    message_bytes: int = 35 * 1024 * 1024
    counts: bool = True
    every_seconds: float = EVERY_SECONDS
    beat_seconds: float = BEAT_SECONDS
    renew_seconds: float = RENEW_SECONDS
    quiet_seconds: float = QUIET_SECONDS


class Poller:
    """Runs from `start` to `stop`, in one event loop."""

    def __init__(
        self, syncing: Syncing, desk: FetchedDesk, open_session: OpenSession, settings: PollerSettings
    ) -> None:
        self._syncing, self._desk, self._open_session, self._settings = syncing, desk, open_session, settings
        self._hands = Hands(settings.workers + _SPARE_HANDS)
        self._waits = Waits(self._hands, self._heard, self._lost, settings.renew_seconds, settings.quiet_seconds)
        self._in_hand: dict[Key, Leased] = {}
        self._taken: set[Key] = set()
        self._fresh: set[Key] = set()
        self._looks: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._stirred = asyncio.Event()
        self._stopping = False
        self._away = False

    @property
    def busy(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return list(self._looks)

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run()), loop.create_task(self.hold())]

    def stir(self) -> None:
        """There may be something due."""
        self._stirred.set()

    async def stop(self, grace: float) -> None:
        """Takes nothing new, files the batches in hand and lets all mailboxes go; what takes longer is due again once
        its lease has run out."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        waits = self._waits.leases
        closing = [asyncio.ensure_future(self._waits.drop(one.key)) for one in waits]
        late: set[asyncio.Future[None]] = set()
        if under_way := [*self._looks, *closing]:
            _, late = await asyncio.wait(under_way, timeout=grace)
        held = [*self._in_hand.values(), *waits, *self._waits.leases]
        for look in late:
            look.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        with suppress(Exception):  # else their leases run out
            await self._syncing.let_go(held)
        self._hands.stop()

    async def _run(self) -> None:
        await self._guarded(self.take_over())
        while True:
            self._stirred.clear()
            if not await self._guarded(self.look()):
                await asyncio.sleep(AFTER_FAULT_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), self._settings.every_seconds)
            await asyncio.sleep(GATHER_SECONDS)

    async def take_over(self) -> None:
        """Where one server syncs, takes what the one before had in hand."""
        await self._syncing.take_over()

    async def look(self) -> int:
        """Takes in hand what is due and what there is room for; how many that are."""
        room = self._settings.workers - len(self._in_hand)
        share = share_of(self._settings.workers, Counter(lease.account for lease in self._in_hand.values()))
        claimed = await self._syncing.claim(room, share=share) if room > 0 else ()
        for lease in claimed:
            self._begin(lease)
        return len(claimed)

    async def look_into(self, key: Key) -> bool:
        """Looks into one mailbox now, and comes back once that is done. False: somebody else has it in hand."""
        claimed = await self._syncing.claim(1, key)
        looks = [self._begin(lease) for lease in claimed]
        await asyncio.gather(*looks)
        return bool(looks)

    async def progress(self, key: Key) -> tuple[int, int]:
        """How many of how many messages of a mailbox's import are filed."""
        return await self._syncing.progress(key)

    def _begin(self, lease: Leased) -> asyncio.Task[None]:
        self._in_hand[lease.key] = lease
        self._taken.discard(lease.key)
        return self._beside(self._look(lease))

    def _beside(self, doing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Does it while all else goes on."""
        task = asyncio.get_running_loop().create_task(doing)
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)
        return task

    async def hold(self) -> None:
        """Holds on to what is in hand, ends waiting that others have put an end to, and has the figures told."""
        while True:
            await asyncio.sleep(self._settings.beat_seconds)
            await self._guarded(self.beat())

    async def beat(self) -> None:
        """One time of that. No server is waited for, as what is in hand would be lost meanwhile."""
        self._taken |= await self._syncing.keep(list(self._in_hand.values())) if self._in_hand else set()
        waits = self._waits.leases
        if waits:
            still = await self._syncing.wait_on(waits)
            for one in waits:
                if one.key not in still and one.key not in self._in_hand:
                    self._beside(self._waits.drop(one.key))
        metrics.mailboxes_idle(len(self._waits))
        if self._settings.counts:
            await self._syncing.watch()

    async def _guarded(self, doing: Coroutine[Any, Any, object]) -> bool:
        """Does it. Trouble with the store is told once, and what else goes wrong each time."""
        try:
            await doing
        except Exception as fault:
            if not is_passing(fault):
                _log.exception("mailboxes.failed")
            elif not self._away:
                self._away = True
                _log.warning("store.away", job="mailboxes", reason=" ".join(str(fault).split())[:300])
            return False
        self._away = False
        return True

    async def _look(self, lease: Leased) -> None:
        """One mailbox from its claim to its being let go."""
        begun = time.monotonic()
        outcome, look = "fault", None
        try:
            outcome, look = await self._look_into(lease)
        except Exception as fault:
            if not is_passing(fault):
                _log.exception("mailbox.fault", account=lease.account, mailbox=lease.id)
                await self._guarded(self._syncing.fail(lease, _OUR_FAULT))
            else:
                await self._guarded(self._syncing.let_go([lease], soon=True))
        finally:
            self._has_ended(lease)
        seconds = time.monotonic() - begun
        metrics.mailbox_passed(outcome, seconds, look.moved if look else 0)
        if look is not None and look.filed:
            _log.info(
                "mailbox.synced",
                account=lease.account,
                mailbox=lease.id,
                filed=look.filed,
                bytes=look.moved,
                seconds=round(seconds, 3),
            )

    def _has_ended(self, lease: Leased) -> None:
        """A look is over: there is room for another, and what was news meanwhile has its turn."""
        if self._in_hand.get(lease.key) is lease:
            del self._in_hand[lease.key]
        if lease.key in self._fresh:
            self._fresh.discard(lease.key)
            self._heard(lease.key)
        self._stirred.set()

    async def _look_into(self, lease: Leased) -> tuple[str, Look | None]:
        if is_spent(lease.host, moved_today(lease.day, lease.moved, self._syncing.clock())):
            await self._syncing.succeed(lease, imported=False, waits=False, logged_in=False, spent=True)
            return SPENT, None
        found = await self._connect(lease)
        if isinstance(found, Trouble):
            await self._syncing.fail(lease, found)
            return found.kind, None
        if found is None:
            await self._syncing.let_go([lease])
            return LOST, None
        lease, session, logged_in = found
        look = Look(
            self._syncing,
            self._desk,
            self._hands,
            lease,
            session,
            lambda: self._stopping or lease.key in self._taken,
            self._settings.message_bytes,
        )
        try:
            outcome, waits = await self._finish(lease, session, look, logged_in=logged_in)
        except Exception:
            await self._hands.do(session.close)
            raise
        if not waits:
            await self._hands.do(session.close)
        return outcome, look

    async def _finish(self, lease: Leased, session: Session, look: Look, *, logged_in: bool) -> tuple[str, bool]:
        """The look itself, and what its end means for the mailbox. True: the session waits for news."""
        succeed = partial(self._syncing.succeed, lease, logged_in=logged_in)
        try:
            looked = await look.run()
        except SessionError as error:
            await self._syncing.fail(lease, error.trouble, progressed=look.filed > 0)
            return error.trouble.kind, False
        except EndedError as end:
            if end.why == SPENT:
                await succeed(imported=False, waits=False, spent=True)
            else:
                await self._syncing.let_go([lease])
            return end.why, False
        if looked.trouble is not None:
            await self._syncing.fail(lease, looked.trouble)
            return looked.trouble.kind, False
        can = "IDLE" in session.capabilities and len(self._waits) < self._settings.idle and not self._stopping
        waits = await succeed(imported=looked.imported, waits=can, note=looked.note)
        if waits is None:
            return LOST, False
        return "done", waits and await self._wait(lease, session, looked)

    async def _wait(self, lease: Leased, session: Session, looked: Looked) -> bool:
        try:
            await self._waits.begin(lease, session, looked.inbox, looked.uidnext)
        except SessionError:
            await self._syncing.let_go([lease], soon=True)
            return False
        return True

    async def _connect(self, lease: Leased) -> tuple[Leased, Session, bool] | Trouble | None:
        """A session that is open: the one that waited, or a new one (True). A refused access token is renewed once."""
        waited = await self._waits.take(lease.key)
        if waited is not None:
            return lease, waited, False
        for anew in (False, True):
            opened = await self._syncing.open(lease, anew=anew)
            if not isinstance(opened, Opened):
                return opened
            lease = opened.lease
            found = await self._open(opened)
            renewable = opened.credential.kind != "password"
            if isinstance(found, Trouble) and found.kind == "auth" and renewable and not anew:
                continue
            return found if isinstance(found, Trouble) else (lease, found, True)
        return None

    async def _open(self, opened: Opened) -> Session | Trouble:
        lease = opened.lease
        session: Session | None = None
        try:
            session = await self._hands.do(self._open_session, lease.address, lease.servers, opened.credential)
            await self._hands.do(session.open)
        except SessionError as error:
            if session is not None:
                await self._hands.do(session.close)
            return error.trouble
        return session

    def _heard(self, key: Key) -> None:
        """There is news of a mailbox that is waited for, or it was waited for long enough."""
        if key in self._in_hand:
            self._fresh.add(key)
        elif not self._stopping:
            self._beside(self._look_at_news(key))

    async def _look_at_news(self, key: Key) -> None:
        async def look() -> None:
            if not await self.look_into(key):
                await self._syncing.want(key)

        await self._guarded(look())

    def _lost(self, lease: Leased) -> None:
        """A connection that waited has ended."""
        if not self._stopping:
            self._beside(self._let_go(lease))

    async def _let_go(self, lease: Leased) -> None:
        await self._guarded(self._syncing.let_go([lease], soon=True))
