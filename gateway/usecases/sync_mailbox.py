"""Sync mailboxes: claim those that are due, hold them while they are looked into, and write down how that ended (E5).

A mailbox belongs to one poller at a time; whatever it writes depends on its lease (`store.mailbox_leases`). Nothing
here speaks to a mail server: the door does, with the credential that is opened here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from gateway import metrics
from gateway.core import syncplan
from gateway.core.mailboxes import (
    AUTH_FAILED,
    IMPORTING,
    PASSWORD,
    READY,
    Credential,
)
from gateway.core.syncplan import EVERYTHING, Cursor, Pace, Share
from gateway.sealing import Keyring, SealError
from gateway.store import mailbox_leases as leases
from gateway.store.engine import Store, Tx, is_postgresql
from gateway.store.ids import new_id, shared_time
from gateway.store.mailbox_leases import Claiming, Leased, Settling
from gateway.store.outbox import add_event
from gateway.store.remote import find_cursors
from gateway.usecases.mail_servers import MailServers, Trouble, open_credential, seal_credential

__all__ = ["Cursor", "Leased", "Opened", "Pace", "Syncing", "Trouble"]
_log = structlog.get_logger(__name__)
_AHEAD_MS = 300_000
"""An access token that ends within so long is renewed first: a look may take a while."""
KEPT_FREE = 4
"""So many connections to a host are not used to wait for news."""
_WORDS_OF_SEAL = "The credential of this mailbox can't be opened with the keys of this server; connect it again"
_WORDS_WITHOUT = "There is no credential for this mailbox; connect it again"


@dataclass(frozen=True, slots=True)
class Opened:
    """A mailbox in hand, and what it is opened with."""

    lease: Leased
    credential: Credential


class Syncing:
    """Use cases of one poller over one store. holder: its name in leases.

    per_host: connections to one mail server at most, of all pollers together. clock: the time that all pollers share.
    chance: a number from 0 to 1, another each time.
    """

    def __init__(
        self,
        store: Store,
        servers: MailServers,
        keyring: Callable[[], Keyring],
        pace: Pace,
        per_host: int,
        clock: Callable[[], int] = shared_time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.pace, self.clock = pace, clock
        self.holder = new_id()
        self._store, self._servers, self._keyring = store, servers, keyring
        self._per_host, self._chance = per_host, chance

    async def take_over(self) -> None:
        """On SQLite, where one server syncs: takes what its predecessor had in hand. On PostgreSQL leases run out."""
        if not is_postgresql(self._store.url):
            await self._store.write(leases.drop_leases)

    async def claim(
        self, room: int, only: tuple[int, str] | None = None, share: Share = EVERYTHING
    ) -> tuple[Leased, ...]:
        """Takes mailboxes that are due in hand, so many at most. only: this one, though its time has not come. share:
        what an account gets of that."""
        wanted = Claiming(self.holder, self.clock(), room, self._per_host, only, share)
        if only is None and not await self._store.read(lambda tx: leases.is_due(tx, wanted.now)):
            return ()
        claimed: tuple[Leased, ...] = await self._store.write_each(_claim, wanted)
        return claimed

    async def keep(self, held: Sequence[Leased]) -> set[tuple[int, str]]:
        """Holds mailboxes for longer; gives those that were lost to somebody else."""
        lost: set[tuple[int, str]] = await self._store.write_each(_keep, (tuple(held), self.clock()))
        return lost

    async def wait_on(self, waits: Sequence[Leased]) -> set[tuple[int, str]]:
        """Those of which we may go on waiting for news: nobody has taken, paused, changed or disconnected them."""
        return await self._store.read(lambda tx: leases.find_waits(tx, waits))

    async def let_go(self, held: Iterable[Leased], *, soon: bool = False) -> None:
        """Lets mailboxes go as they are. soon: a connection that waited for news was lost, so they are looked into
        within minutes, each at another moment."""
        again = None
        if soon:
            again = syncplan.next_try(self.clock(), 2, self._chance())
        await self._store.write(partial(leases.drop_holds, held=tuple(held), again_at=again))

    async def want(self, key: tuple[int, str]) -> None:
        """There is news of a mailbox that somebody else has in hand: it is looked into once more after that."""
        await self._store.write(lambda tx: leases.set_wanted(tx, *key, self.clock()), account=key[0])

    async def cursors(self, lease: Leased) -> dict[str, Cursor]:
        """How far its folders are synced, by role."""
        return await self._store.read(lambda tx: find_cursors(tx, lease.account, lease.id))

    async def open(self, lease: Leased, *, anew: bool = False) -> Opened | Trouble | None:
        """What the mailbox is opened with; None where it is ours no more.

        An access token that is about to end, or that was refused (anew), is renewed under the lease, so that no two do
        so at once; what came is kept before it is used, as the former refresh token may be worth nothing by now.
        """
        if lease.credential is None:
            return Trouble("revoked", _WORDS_WITHOUT)
        try:
            credential = open_credential(self._keyring(), lease.credential, lease.account, lease.id)
        except SealError:
            return Trouble("locked", _WORDS_OF_SEAL)
        if credential.kind == PASSWORD or not (anew or credential.expires_at < self.clock() + _AHEAD_MS):
            return Opened(lease, credential)
        renewed = await self._servers.renew(credential)
        if isinstance(renewed, Trouble):
            return renewed
        sealed = seal_credential(self._keyring(), renewed, lease.account, lease.id)
        kept = await self._store.write(partial(_keep_credential, lease, sealed, self.clock()), account=lease.account)
        return Opened(replace(lease, credential=sealed), renewed) if kept else None

    async def succeed(
        self, lease: Leased, *, imported: bool, waits: bool, logged_in: bool, spent: bool = False, note: str = ""
    ) -> bool | None:
        """All of a mailbox was looked into; None where it is ours no more. True: we wait for news of it, as was wanted
        (waits), with some connections to its host left for others.

        imported: its import is over. logged_in: its credential was accepted, so what was refused before counts no more;
        over a connection that waited nothing is known of that. spent: it has fetched as much as its provider lets it in
        a day, and goes on tomorrow. note: what its owner is to be told.
        """
        at = self.clock()
        next_at = syncplan.next_look(at, self.pace, self._chance())
        if spent:
            next_at = syncplan.tomorrow(at, self._chance())
        state = READY if imported or lease.state == READY else IMPORTING
        room = max(0, self._per_host - KEPT_FREE) if waits else 0
        tries = 0 if logged_in else None
        settling = Settling(lease, at, state, note, 0, tries, next_at, not spent, room)
        return await self._store.write(partial(leases.settle, one=settling), account=lease.account)

    async def fail(self, lease: Leased, trouble: Trouble, *, progressed: bool = False) -> None:
        """A look came to nothing, or to half of it (E10). Where somebody has to act, the owner is told of it.
        progressed: some of it was filed, so the failures before count no more."""
        failures = 0 if progressed else lease.failures
        write = partial(_fail, lease, trouble, failures, self.clock(), self._chance())
        standing = await self._store.write(write, account=lease.account)
        if standing is None:
            return
        _log.info(
            "mailbox.failed",
            account=lease.account,
            mailbox=lease.id,
            reason=trouble.kind,
            state=standing.state,
            failures=standing.failures,
        )
        if standing.state == AUTH_FAILED:
            _log.warning("mailbox.auth_failed", account=lease.account, mailbox=lease.id)

    async def progress(self, key: tuple[int, str]) -> tuple[int, int]:
        """How many of how many messages of a mailbox's import are filed."""
        return await self._store.read(lambda tx: leases.get_progress(tx, *key))

    async def watch(self) -> None:
        """Tells the figures how many mailboxes there are by state, and how late the one is that waits the longest."""
        states, oldest = await self._store.read(leases.get_figures)
        late = 0 if oldest is None else max(0, self.clock() - oldest)
        metrics.mailboxes_counted(states, late / 1000)


def _claim(tx: Tx, wanted: Sequence[Claiming]) -> list[tuple[Leased, ...]]:
    return [leases.claim_mailboxes(tx, one) for one in wanted]


def _keep(tx: Tx, held: Sequence[tuple[tuple[Leased, ...], int]]) -> list[set[tuple[int, str]]]:
    return [leases.keep_leases(tx, some, now) for some, now in held]


def _keep_credential(lease: Leased, sealed: bytes, now: int, tx: Tx) -> bool:
    if leases.find_owned(tx, lease) is None:
        return False
    leases.set_owned(tx, lease, now, credential=sealed)
    return True


def _fail(lease: Leased, trouble: Trouble, failures: int, at: int, chance: float, tx: Tx) -> syncplan.Standing | None:
    """None where it is ours no more. Log-ins are counted as they stand now: a click may have had one refused meanwhile.
    In the commit that says that somebody has to act stands the event that tells them so."""
    row = leases.find_owned(tx, lease)
    if row is None:
        return None
    standing = syncplan.after_trouble(trouble.kind, lease.state, failures, row.tries, at, chance, trouble.after_ms)
    leases.settle(
        tx, Settling(lease, at, standing.state, trouble.says, standing.failures, standing.tries, standing.next_at)
    )
    if standing.state == AUTH_FAILED:
        add_event(tx, lease.account, "mailbox.auth_failed", lease.id, at)
    return standing
