"""Who has which mailbox in hand: a lease with an epoch, on which every write of a look at it depends.

Any number of pollers may claim at once. A claim ends by itself after a while, so that what a killed one had in hand is
due again; its epoch is then another one, and what the former owner still wants to write is not written. Times are those
of `ids.shared_time`, the database's own where several machines share one, so that clocks that differ do no harm.

Who waits for news of a mailbox (IDLE) stays its holder without an end: it keeps the connection, and others take the
mailbox only once it is overdue.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import RowMapping, and_, case, func, literal_column, null, or_, select, tuple_, update

from gateway.core.mailboxes import SYNCED, Servers, servers_of
from gateway.core.syncplan import EVERYTHING, Share, Waiting, choose
from gateway.store.engine import Tx
from gateway.store.tables import mailboxes

LEASE_MS = 30_000
OVERDUE_MS = 120_000
"""A mailbox whose holder waits for news of it is taken by another once its time is past for so long."""
_ASKED_FOR_MS = 5_000
_LOOKED_AT = 500
"""Among so many that are due the next ones are chosen."""
_CLAIMS = 0x6D61696C626F78
"""The advisory lock under which is claimed: connections to a host are counted, so one counts at a time."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A mailbox in the hands of a holder, as it was when it was claimed. credential: sealed."""

    account: int
    id: str
    holder: str
    epoch: int
    claimed_at: int
    address: str
    host: str
    servers: Servers
    credential: bytes | None
    state: str
    auto_create: str
    keep_attachments: bool
    sent_path: str | None
    failures: int
    tries: int
    day: int
    moved: int

    @property
    def key(self) -> tuple[int, str]:
        return self.account, self.id


@dataclass(frozen=True, slots=True)
class Owned:
    """What a look changes of a mailbox in hand, as it stands in the transaction that writes. proposals: JSON."""

    address: str
    state: str
    proposals: str
    done: int
    total: int | None
    day: int
    moved: int
    tries: int
    wanted_at: int | None


@dataclass(frozen=True, slots=True)
class Claiming:
    """What is wanted: so many mailboxes that are due now, for a holder. only: nothing but this one, which it has a
    connection to or which somebody asked for; its time need not have come. share: what an account gets of that."""

    holder: str
    now: int
    room: int
    per_host: int
    only: tuple[int, str] | None = None
    share: Share = EVERYTHING


@dataclass(frozen=True, slots=True)
class Settling:
    """How a look ended. state, error, failures, tries: as the mailbox is from now on; None for tries that stay as they
    are, as nobody logged in. went_well: it is up to date.
    waits: its holder would keep the connection and wait for news, where fewer than so many do so at that host."""

    lease: Leased
    at: int
    state: str
    error: str
    failures: int
    tries: int | None
    next_at: int | None
    went_well: bool = False
    waits: int = 0


def claim_mailboxes(tx: Tx, wanted: Claiming) -> tuple[Leased, ...]:
    """Takes mailboxes that are due into the hands of a holder. Never waits for anybody: what others are at is left."""
    if not _may_claim(tx):
        return ()
    chosen = _only(tx, wanted) if wanted.only is not None else _due(tx, wanted)
    if not chosen:
        return ()
    query = select(mailboxes).where(tuple_(mailboxes.c.account, mailboxes.c.id).in_(chosen), _is_free(wanted.now))
    rows = tx.execute(query.with_for_update(skip_locked=True)).mappings().all()
    for row in rows:
        tx.execute(
            update(mailboxes)
            .where(mailboxes.c.account == row["account"], mailboxes.c.id == row["id"])
            .values(holder=wanted.holder, epoch=row["epoch"] + 1, lease_until=wanted.now + LEASE_MS)
        )
    order = {key: place for place, key in enumerate(chosen)}
    return tuple(_leased(row, wanted) for row in sorted(rows, key=lambda row: order[row["account"], row["id"]]))


def is_due(tx: Tx, now: int) -> bool:
    """Whether any mailbox is due, in hand or not: a look that takes nothing needs no turn among those who write."""
    query = select(mailboxes.c.account).where(mailboxes.c.next_sync_at <= now, mailboxes.c.state.in_(SYNCED))
    return tx.execute(query.limit(1)).first() is not None


def _may_claim(tx: Tx) -> bool:
    if tx.dialect.name == "sqlite":
        return True
    return bool(tx.scalar(select(func.pg_try_advisory_xact_lock(_CLAIMS))))


def _is_free(now: int) -> Any:
    """Nobody looks into it now."""
    return or_(mailboxes.c.lease_until.is_(null()), mailboxes.c.lease_until <= now)


def _only(tx: Tx, wanted: Claiming) -> list[tuple[int, str]]:
    assert wanted.only is not None
    account, id = wanted.only
    query = select(mailboxes.c.account, mailboxes.c.id).where(
        mailboxes.c.account == account, mailboxes.c.id == id, mailboxes.c.state.in_(SYNCED), _is_free(wanted.now)
    )
    return [(row.account, row.id) for row in tx.execute(query)]


def _due(tx: Tx, wanted: Claiming) -> list[tuple[int, str]]:
    connections, in_hand = _connections(tx, wanted.now)
    full = [host for host, count in connections.items() if count >= wanted.per_host]
    mine = mailboxes.c.holder == wanted.holder
    waits = and_(mailboxes.c.holder.is_not(null()), mailboxes.c.lease_until.is_(null()))
    late = or_(mailboxes.c.next_sync_at <= wanted.now - OVERDUE_MS, mailboxes.c.wanted_at <= wanted.now - _ASKED_FOR_MS)
    query = (
        select(mailboxes.c.account, mailboxes.c.id, mailboxes.c.host, mailboxes.c.wanted_at, mine.label("mine"), waits)
        .where(
            mailboxes.c.next_sync_at <= wanted.now,
            mailboxes.c.state.in_(SYNCED),
            _is_free(wanted.now),
            or_(~waits, mine, late),
            # A connection that is open already takes no further room at its host.
            or_(mailboxes.c.host.not_in(full), and_(waits, mine)),
        )
        .order_by(case((mailboxes.c.wanted_at.is_not(null()), 0), else_=1), mailboxes.c.next_sync_at)
        .limit(_LOOKED_AT)
    )
    rows = tx.execute(query).all()
    for row in rows:
        if row.mine and row[-1]:
            connections[row.host] -= 1
    due = [Waiting(row.account, row.id, row.host, row.wanted_at is not None) for row in rows]
    chosen = choose(due, in_hand, connections, wanted.room, wanted.per_host, wanted.share)
    return [(one.account, one.id) for one in chosen]


def _connections(tx: Tx, now: int) -> tuple[Counter[str], Counter[int]]:
    """How many connections all pollers have, by host; how many mailboxes they look into, by account."""
    looks = func.coalesce(mailboxes.c.lease_until > now, literal_column("false"))
    query = select(mailboxes.c.account, mailboxes.c.host, looks, func.count()).where(
        mailboxes.c.holder.is_not(null()), or_(mailboxes.c.lease_until.is_(null()), mailboxes.c.lease_until > now)
    )
    hosts: Counter[str] = Counter()
    accounts: Counter[int] = Counter()
    for account, host, looked_into, count in tx.execute(query.group_by(mailboxes.c.account, mailboxes.c.host, looks)):
        hosts[host] += count
        accounts[account] += count if looked_into else 0
    return hosts, accounts


def _leased(row: RowMapping, wanted: Claiming) -> Leased:
    return Leased(
        row["account"],
        row["id"],
        wanted.holder,
        row["epoch"] + 1,
        wanted.now,
        row["address"],
        row["host"],
        servers_of(json.loads(row["servers"])),
        row["credential"],
        row["state"],
        row["auto_create"],
        row["keep_attachments"],
        row["sent_path"],
        row["failures"],
        row["tries"],
        row["day"],
        row["moved"],
    )


def keep_leases(tx: Tx, held: Sequence[Leased], now: int) -> set[tuple[int, str]]:
    """Holds mailboxes for longer; those that are somebody else's by now are given back."""
    lost = set()
    for one in sorted(held, key=lambda one: one.key):
        kept = tx.execute(update(mailboxes).where(_owned(one)).values(lease_until=now + LEASE_MS))
        if kept.rowcount == 0:
            lost.add(one.key)
    return lost


def _owned(lease: Leased) -> Any:
    return and_(
        mailboxes.c.account == lease.account,
        mailboxes.c.id == lease.id,
        mailboxes.c.holder == lease.holder,
        mailboxes.c.epoch == lease.epoch,
    )


def find_owned(tx: Tx, lease: Leased) -> Owned | None:
    """A mailbox as it is now, held until the transaction ends; None where it is the holder's no more, or is looked into
    no more (paused, disconnected)."""
    names = (mailboxes.c[field.name] for field in fields(Owned))
    query = select(*names).where(_owned(lease), mailboxes.c.state.in_(SYNCED)).with_for_update()
    row = tx.execute(query).one_or_none()
    return None if row is None else Owned(*row)


def set_owned(tx: Tx, lease: Leased, now: int, **values: Any) -> None:
    """Writes to a mailbox that was found to be owned in this transaction, and holds it for longer."""
    tx.execute(update(mailboxes).where(_owned(lease)).values(lease_until=now + LEASE_MS, **values))


def settle(tx: Tx, one: Settling) -> bool | None:
    """Writes down how a look ended and lets the mailbox go; None where that is not ours to say any more. True: its
    holder waits for news of it. What was asked for since the claim stays."""
    row = find_owned(tx, one.lease)
    if row is None:
        return None
    waits = one.waits > 0 and _count_waits(tx, one.lease.host) < one.waits
    asked = row.wanted_at is not None and row.wanted_at > one.lease.claimed_at
    values: dict[str, Any] = {"state": one.state, "error": one.error, "failures": one.failures}
    values |= {} if one.tries is None else {"tries": one.tries}
    values["next_sync_at"] = one.at if asked and one.next_at is not None else one.next_at
    values |= {"lease_until": None, "holder": one.lease.holder if waits else None}
    if one.went_well:
        values["last_sync_at"] = one.at
    if not asked:
        values["wanted_at"] = None
    tx.execute(update(mailboxes).where(_owned(one.lease)).values(values))
    return waits


def _count_waits(tx: Tx, host: str) -> int:
    """How many connections to a host are open to hear of news."""
    query = select(func.count()).where(
        mailboxes.c.holder.is_not(null()), mailboxes.c.lease_until.is_(null()), mailboxes.c.host == host
    )
    return int(tx.scalar(query) or 0)


def drop_holds(tx: Tx, held: Iterable[Leased], again_at: int | None = None) -> None:
    """Lets mailboxes go as they are; those that others have taken are left. again_at: they are looked into then, at the
    latest."""
    values: dict[str, Any] = {"holder": None, "lease_until": None}
    if again_at is not None:
        later = mailboxes.c.next_sync_at > again_at
        values["next_sync_at"] = case((later, again_at), else_=mailboxes.c.next_sync_at)
    for one in sorted(held, key=lambda one: one.key):
        tx.execute(update(mailboxes).where(_owned(one)).values(values))


def find_waits(tx: Tx, waits: Sequence[Leased]) -> set[tuple[int, str]]:
    """Those of which their holder may go on waiting for news: they are looked into, and nobody else has taken them, as
    who saves another credential does."""
    found = set()
    for begin in range(0, len(waits), 500):
        some = {one.key: one for one in waits[begin : begin + 500]}
        query = select(mailboxes.c.account, mailboxes.c.id, mailboxes.c.holder).where(
            tuple_(mailboxes.c.account, mailboxes.c.id).in_(some), mailboxes.c.state.in_(SYNCED)
        )
        for row in tx.execute(query):
            lease = some[row.account, row.id]
            if row.holder == lease.holder:
                found.add(lease.key)
    return found


def set_wanted(tx: Tx, account: int, id: str, now: int) -> None:
    """Somebody wants a mailbox to be looked into at once, or as soon as the look under way is over."""
    query = update(mailboxes).where(mailboxes.c.account == account, mailboxes.c.id == id)
    tx.execute(query.where(mailboxes.c.state.in_(SYNCED)).values(wanted_at=now, next_sync_at=now))


def drop_leases(tx: Tx) -> int:
    """Takes every mailbox out of the hands it is in, and ends the epochs of those who had them (a SQLite store has one
    server: who starts follows one that has ended, or is about to)."""
    query = update(mailboxes).where(mailboxes.c.holder.is_not(null()))
    return tx.execute(query.values(holder=None, lease_until=None, epoch=mailboxes.c.epoch + 1)).rowcount


def get_progress(tx: Tx, account: int, id: str) -> tuple[int, int]:
    """How many of how many messages of its import are filed."""
    query = select(mailboxes.c.done, mailboxes.c.total)
    row = tx.execute(query.where(mailboxes.c.account == account, mailboxes.c.id == id)).one_or_none()
    return (0, 0) if row is None else (row.done, row.total or 0)


def get_figures(tx: Tx) -> tuple[Mapping[str, int], int | None]:
    """How many mailboxes there are by state; the time of the one that is due the longest, None where none is."""
    states = tx.execute(select(mailboxes.c.state, func.count()).group_by(mailboxes.c.state))
    oldest = select(func.min(mailboxes.c.next_sync_at)).where(mailboxes.c.state.in_(SYNCED))
    return {row[0]: row[1] for row in states}, tx.scalar(oldest)
