"""Connections that wait for news of a mailbox (IMAP IDLE, RFC 2177), so that new mail is there at once (E5).

The event loop watches all of them; what comes is read in a thread. Every so often a mailbox is looked into though
nothing came, as servers end what says nothing for half an hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway.mailboxes.hands import Hands
from gateway.mailboxes.session import Session, SessionError
from gateway.usecases.sync_mailbox import Leased

RENEW_SECONDS = 24 * 60.0
QUIET_SECONDS = 2.0
"""So long after one look no news begin the next: a server that tells of some all the time gets no more of us."""
Key = tuple[int, str]


@dataclass(slots=True)
class Wait:
    """A session that waits for news of the mailbox that its lease was of."""

    lease: Leased
    session: Session
    timer: asyncio.TimerHandle
    begun: float
    reading: asyncio.Task[None] | None = None


class Waits:
    """All that this process waits on. news: told of a mailbox of which there is some. lost: told of one whose
    connection has ended; it is closed by then. Both are called in the event loop."""

    def __init__(
        self,
        hands: Hands,
        news: Callable[[Key], None],
        lost: Callable[[Leased], None],
        renew_seconds: float = RENEW_SECONDS,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        self._hands, self._news, self._lost = hands, news, lost
        self._renew_seconds, self._quiet_seconds = renew_seconds, quiet_seconds
        self._waits: dict[Key, Wait] = {}

    def __len__(self) -> int:
        return len(self._waits)

    @property
    def leases(self) -> list[Leased]:
        """Of all that is waited for."""
        return [one.lease for one in self._waits.values()]

    async def begin(self, lease: Leased, session: Session, inbox: str, uidnext: int) -> None:
        """Waits for news of an inbox from now on. Raises SessionError. uidnext: as it was looked at last; what came
        since is news already. What came with the permission to wait was read with it, so that no selector tells of it:
        it is listened to once at first."""
        status = await self._hands.do(session.examine, inbox)
        await self._hands.do(session.begin_idle)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._renew_seconds, self._news, lease.key)
        wait = self._waits[lease.key] = Wait(lease, session, timer, loop.time())
        if status.uidnext is not None and status.uidnext != uidnext:
            self._tell(wait)
        wait.reading = loop.create_task(self._read(wait))

    async def take(self, key: Key) -> Session | None:
        """Ends the waiting for a mailbox; its session, if it is still of use."""
        wait = self._remove(key)
        if wait is None:
            return None
        if wait.reading is not None:
            await asyncio.wait([wait.reading])
        try:
            await self._hands.do(wait.session.end_idle)
        except SessionError:
            await self._hands.do(wait.session.close)
            return None
        return wait.session

    async def drop(self, key: Key) -> None:
        """Ends the waiting, and the connection."""
        session = await self.take(key)
        if session is not None:
            await self._hands.do(session.close)

    def _remove(self, key: Key) -> Wait | None:
        wait = self._waits.pop(key, None)
        if wait is not None:
            wait.timer.cancel()
            asyncio.get_running_loop().remove_reader(wait.session.fileno())
        return wait

    def _readable(self, wait: Wait) -> None:
        """Something came. It is not looked for again until that is read."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(wait.session.fileno())
        wait.reading = loop.create_task(self._read(wait))

    async def _read(self, wait: Wait) -> None:
        key = wait.lease.key
        try:
            heard = await self._hands.do(wait.session.heard)
        except SessionError:
            if self._waits.get(key) is wait:
                self._remove(key)
                await self._hands.do(wait.session.close)
                self._lost(wait.lease)
            return
        if self._waits.get(key) is wait:
            asyncio.get_running_loop().add_reader(wait.session.fileno(), self._readable, wait)
            if heard:
                self._tell(wait)

    def _tell(self, wait: Wait) -> None:
        """There is news: of it is told now, or a little later where the last look was but a moment ago."""
        loop = asyncio.get_running_loop()
        rest = wait.begun + self._quiet_seconds - loop.time()
        if rest <= 0:
            self._news(wait.lease.key)
            return
        wait.timer.cancel()
        wait.timer = loop.call_later(rest, self._news, wait.lease.key)
