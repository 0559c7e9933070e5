"""Show what an account's people see first: the days' numbers, what needs them, and whether anything came yet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.store.access import Principal
from gateway.store.engine import Store, Tx
from gateway.store.needs import LockedOut, Silenced, Unsent, count_dead, find_locked_out, find_silenced, find_unsent
from gateway.store.reading_outcomes import Named, find_closed_leads, find_oldest_held, find_progress
from gateway.store.reading_receipts import DAY_MS, count_days, recent_events

DAYS = 30
MOST_HELD = 1_000
_RECENT_MS = 14 * DAY_MS


@dataclass(frozen=True, slots=True)
class Home:
    """days: attempts by (day since 1970 in UTC, verdict). today: that number. held: when held mails came, oldest first.

    closed: leads that are closed and were written to, with the moment, newest first. steps: of getting started, done
    or not. locked_out: mailboxes to connect again. unsent: the reader's own mail that could not be sent. silenced:
    back ends that are told nothing; dead: deliveries that were given up; both the admins'.
    """

    days: Mapping[tuple[int, str], int]
    today: int
    held: tuple[int, ...]
    closed: tuple[tuple[Named, int], ...]
    steps: Mapping[str, bool]
    locked_out: tuple[LockedOut, ...] = ()
    unsent: tuple[Unsent, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    dead: int = 0

    @property
    def needs(self) -> int:
        """How many things need somebody."""
        single = (self.closed, self.locked_out, self.unsent, self.silenced)
        return sum(map(len, single)) + bool(self.held) + bool(self.dead)


async def show_home(store: Store, reader: Principal) -> Home:
    """The numbers of the reader's account as of now."""
    now = time.time_ns() // 1_000_000
    today = now // DAY_MS

    def home(tx: Tx) -> Home:
        account, admin = reader.account, reader.role == "admin"
        return Home(
            days=count_days(tx, account, (today - DAYS + 1) * DAY_MS),
            today=today,
            held=tuple(find_oldest_held(tx, account, MOST_HELD)) if admin else (),
            closed=_closed(tx, account, now - _RECENT_MS),
            steps=find_progress(tx, account, admin=admin),
            locked_out=find_locked_out(tx, account, reader.eyes),
            unsent=find_unsent(tx, account, reader.user, now - _RECENT_MS),
            silenced=find_silenced(tx, account) if admin else (),
            dead=count_dead(tx, account) if admin else 0,
        )

    return await store.read(home)


def _closed(tx: Tx, account: int, since: int) -> tuple[tuple[Named, int], ...]:
    """Replies on closed leads (C6a), one a lead, the newest."""
    newest: dict[str, int] = {}
    for event in recent_events(tx, account, "lead.closed_reply", 50):
        if event.at >= since:
            newest.setdefault(event.subject, event.at)
    closed = find_closed_leads(tx, account, tuple(newest))
    return tuple((closed[lead], at) for lead, at in newest.items() if lead in closed)
