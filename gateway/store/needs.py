"""What in an account needs somebody: mailboxes that lock us out, back ends that are told nothing, mail unsent."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from gateway.core.mailboxes import AUTH_FAILED
from gateway.core.visibility import Box, Eyes, may_edit
from gateway.store.ids import first_id
from gateway.store.outbox import DISABLED, GIVEN_UP, deliveries, endpoints
from gateway.store.tables import mailboxes, messages, outgoing

MOST = 20
"""So many of each kind are looked at."""
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class LockedOut:
    """A mailbox that somebody may connect again (E10). since: of its last good look, None for none."""

    id: str
    address: str
    error: str
    since: int | None


@dataclass(frozen=True, slots=True)
class Unsent:
    """A mail of somebody's that could not be sent (E11). message: its id."""

    message: str
    subject: str
    error: str


@dataclass(frozen=True, slots=True)
class Silenced:
    """A back end that is told nothing any more, or has to be mended first. state, reason: as endpoints have them."""

    id: str
    kind: str
    url: str
    reason: str


def find_locked_out(tx: Connection, account: int, eyes: Eyes) -> tuple[LockedOut, ...]:
    """Mailboxes that no longer let us in, of those that the reader may connect again."""
    box = (mailboxes.c.id, mailboxes.c.kind, mailboxes.c.owner, mailboxes.c.share_with_admins)
    told = (mailboxes.c.address, mailboxes.c.error, mailboxes.c.last_sync_at)
    query = select(*box, *told).where(mailboxes.c.account == account, mailboxes.c.state == AUTH_FAILED)
    rows = tx.execute(query.order_by(mailboxes.c.id)).all()
    mine = [row for row in rows if may_edit(eyes, Box(*row[:4]))]
    return tuple(LockedOut(row.id, row.address, row.error, row.last_sync_at) for row in mine[:MOST])


def find_silenced(tx: Connection, account: int) -> tuple[Silenced, ...]:
    """Back ends that are not told of anything: those a receiver gave up (410), and CRMs that don't let us in."""
    query = select(endpoints.c.id, endpoints.c.kind, endpoints.c.url, endpoints.c.reason, endpoints.c.state)
    rows = tx.execute(query.where(endpoints.c.account == account, endpoints.c.state != "active").limit(MOST)).all()
    # Who disconnects a CRM, or disables an endpoint, leaves no reason: that needs nobody.
    return tuple(Silenced(*row[:4]) for row in rows if row.reason or row.state != DISABLED)


def count_dead(tx: Connection, account: int) -> int:
    """How many deliveries were given up, MOST_COUNTED for that many or more."""
    dead = select(deliveries.c.event).where(deliveries.c.account == account, GIVEN_UP).limit(MOST_COUNTED)
    return tx.execute(select(func.count()).select_from(dead.subquery())).scalar_one()


def find_unsent(tx: Connection, account: int, user: str, since: int) -> tuple[Unsent, ...]:
    """The user's own mail since a moment that could not be sent, newest first."""
    same = (messages.c.account == outgoing.c.account) & (messages.c.id == outgoing.c.message)
    query = select(outgoing.c.message, messages.c.subject, outgoing.c.error).join_from(outgoing, messages, same)
    failed = (outgoing.c.account == account, outgoing.c.message >= first_id(since), outgoing.c.state == "failed")
    query = query.where(*failed, outgoing.c.user == user).order_by(outgoing.c.message.desc()).limit(MOST)
    return tuple(Unsent(row.message, row.subject or "", row.error) for row in tx.execute(query))
