"""The queue of mail that was written here, on its way out (rule E11): who has which mail in hand, and how far each is.

Any number of processes may claim at once; of one mailbox one mail is under way at a time. A claim ends by itself: what
a killed process had in hand is due again then, still `sending`, so that who takes it next knows that nobody knows what
became of it. Whatever its holder still wants to write depends on the claim.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, null, or_, select, update

from gateway.core.outgoing import FAILED, NONE, QUEUED, SENDING, SENT, WANTED
from gateway.core.resources import Sending
from gateway.store.engine import Tx
from gateway.store.outbox import add_event
from gateway.store.reading import collect, contains
from gateway.store.tables import bodies, messages, outgoing, sources

LEASE_MS = 60_000
WRITTEN = "api"
"""The road of a source that was written here."""
_CLAIMS = 0x6F7574676F696E
"""The advisory lock under which is claimed, so that two claims never take two mails of one mailbox."""
_LOOKED_AT = 500
CLOSED = b""
"""Stands where a mail of the program itself was sealed, once it went out."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail on its way out, as its row says. sealed: of what is no message; then `message` is an id of its own."""

    account: int
    message: str
    mailbox: str
    user: str
    message_id: str
    recipients: tuple[str, ...]
    waiting: tuple[str, ...]
    refused: tuple[str, ...]
    state: str
    error: str
    kept: str
    attempts: int
    created_at: int
    next_at: int | None
    until: int
    sent_at: int | None
    holder: str | None
    sealed: bytes | None

    @property
    def key(self) -> tuple[int, str]:
        return self.account, self.message

    @property
    def uncertain(self) -> bool:
        """Whether somebody handed it over and did not come to say what became of it."""
        return self.state == SENDING and self.sent_at is None


@dataclass(frozen=True, slots=True)
class Claiming:
    """So many mails are wanted that are due, for a holder, until the end of their lease."""

    holder: str
    now: int
    room: int


_NAMES = tuple(field.name for field in fields(Outgoing))
_COLUMNS = tuple(outgoing.c[name] for name in _NAMES)
_LISTS = ("recipients", "waiting", "refused")


def add_outgoing(tx: Tx, row: Outgoing) -> None:
    """Puts a mail into the queue."""
    tx.execute(insert(outgoing).values(_values({name: getattr(row, name) for name in _NAMES})))


def get_outgoing(tx: Tx, account: int, message: str) -> Outgoing | None:
    """A mail as it stands in the queue, or when it had left it."""
    row = tx.execute(select(*_COLUMNS).where(*_mine(account, message)).with_for_update()).first()
    return None if row is None else _row(tuple(row))


def is_due(tx: Tx, now: int) -> bool:
    """Whether there is anything to do."""
    return tx.execute(select(outgoing.c.message).where(outgoing.c.next_at <= now).limit(1)).first() is not None


def count_waiting(tx: Tx) -> int:
    """How many mails are on their way."""
    query = select(func.count()).where(outgoing.c.next_at.is_not(null()), outgoing.c.state.in_((QUEUED, SENDING)))
    return int(tx.execute(query).scalar_one())


def claim_outgoing(tx: Tx, wanted: Claiming) -> tuple[Outgoing, ...]:
    """Takes mails that are due, as they were before; of each mailbox one at most, while none of it is under way."""
    if tx.dialect.name != "sqlite":
        tx.execute(select(func.pg_advisory_xact_lock(_CLAIMS)))
    other = outgoing.alias()
    busy = select(other.c.message).where(
        other.c.account == outgoing.c.account,
        other.c.mailbox == outgoing.c.mailbox,
        other.c.holder.is_not(null()),
        other.c.next_at > wanted.now,
    )
    query = select(*_COLUMNS).where(outgoing.c.next_at <= wanted.now, ~busy.exists())
    due = [_row(tuple(row)) for row in tx.execute(query.order_by(outgoing.c.next_at).limit(_LOOKED_AT))]
    first: dict[tuple[int, str], Outgoing] = {}
    for one in due:
        first.setdefault((one.account, one.mailbox), one)
    claimed = tuple(first.values())[: wanted.room]
    for one in claimed:
        state = case((outgoing.c.waiting != "[]", SENDING), else_=outgoing.c.state)
        values = {"holder": wanted.holder, "next_at": wanted.now + LEASE_MS, "state": state}
        tx.execute(update(outgoing).where(*_mine(one.account, one.message)).values(values))
    return claimed


def keep_claims(tx: Tx, held: Collection[tuple[Outgoing, str]], now: int) -> None:
    """Holds mails longer, each for its holder, where what is done for them takes long."""
    for one, holder in sorted(held, key=lambda pair: pair[0].key):
        mine = (*_mine(one.account, one.message), outgoing.c.holder == holder)
        tx.execute(update(outgoing).where(*mine).values(next_at=now + LEASE_MS))


def drop_claims(tx: Tx, now: int) -> None:
    """What a server had in hand that is no more is due at once."""
    held = (outgoing.c.holder.is_not(null()), outgoing.c.next_at.is_not(null()))
    tx.execute(update(outgoing).where(*held).values(holder=None, next_at=now))


def doubt_queue(tx: Tx) -> None:
    """Of what waits nobody knows any more whether it was sent meanwhile, as of a store that comes out of a backup."""
    waits = (outgoing.c.state == QUEUED, outgoing.c.sent_at.is_(null()))
    tx.execute(update(outgoing).where(*waits).values(state=SENDING))


def settle(tx: Tx, one: Outgoing, holder: str, now: int, **values: Any) -> bool:
    """Writes down what became of a mail and lets it go; False where it is the holder's no more. That it was sent, or
    failed, is an event in the same commit."""
    mine = (*_mine(one.account, one.message), outgoing.c.holder == holder)
    changed = tx.execute(update(outgoing).where(*mine).values(_values(values | {"holder": None}))).rowcount == 1
    if changed and values.get("state") in (SENT, FAILED) and one.sealed is None:
        _tell(tx, one.account, one.message, str(values["state"]), now)
    return changed


def set_outgoing(tx: Tx, one: Outgoing, now: int, **values: Any) -> None:
    """Changes a mail that nobody has in hand; that it failed is an event in the same commit."""
    tx.execute(update(outgoing).where(*_mine(one.account, one.message)).values(_values(values)))
    if values.get("state") == FAILED and one.state != FAILED and one.sealed is None:
        _tell(tx, one.account, one.message, FAILED, now)


def drop_outgoing(tx: Tx, account: int, message: str) -> None:
    """Forgets a mail."""
    tx.execute(delete(outgoing).where(*_mine(account, message)))


def close_sealed(tx: Tx, one: Outgoing, state: str, now: int) -> None:
    """What a mail of the program itself said is forgotten, as it went out or failed. Its Message-ID is known until it
    is worth nothing any more: no copy of it is filed so long (`find_sealed`)."""
    if one.until <= now:
        drop_outgoing(tx, one.account, one.message)
        return
    nobody = {"waiting": (), "refused": (), "error": "", "holder": None, "kept": NONE, "sealed": CLOSED}
    values = _values(nobody | {"state": state, "next_at": one.until})
    tx.execute(update(outgoing).where(*_mine(one.account, one.message)).values(values))


def find_sealed(tx: Tx, account: int, names: Collection[str]) -> frozenset[str]:
    """Those of some Message-IDs that are of mail of the program itself, such as a sign-in link that still works:
    whoever reads the mailbox it went through, or came to, must not find it there."""
    mine = (outgoing.c.account == account, outgoing.c.message_id.in_(tuple(names)), outgoing.c.sealed.is_not(null()))
    return frozenset(tx.execute(select(outgoing.c.message_id).where(*mine)).scalars())


def forget_recipients(tx: Tx, account: int, keys: Collection[str]) -> int:
    """Takes people (addresses as compared) out of mails of which they are no participants, as those in Bcc: nothing
    more is sent to them. How many mails these are."""
    named = or_(*(contains(outgoing.c.recipients, _sought(key)) for key in keys))
    query = select(*_COLUMNS).where(outgoing.c.account == account, named).with_for_update()
    every = [_row(tuple(row)) for row in tx.execute(query)]
    rows = [one for one in every if any(to.lower() in keys for to in one.recipients)]
    for one in rows:
        left = {name: [to for to in getattr(one, name) if to.lower() not in keys] for name in _LISTS}
        if not left["recipients"]:
            drop_outgoing(tx, account, one.message)
            continue
        lines = [line for line in one.error.split("\n") if not any(key in line.lower() for key in keys)]
        ended = bool(one.waiting) and not left["waiting"]
        end = {"state": SENT if one.sent_at else FAILED, "next_at": None, "holder": None} if ended else {}
        values = _values(left | end | {"error": "\n".join(lines)})
        tx.execute(update(outgoing).where(*_mine(account, one.message)).values(values))
    return len(rows)


def _sought(key: str) -> str:
    """What stands in a list of addresses that may hold this one: its domain alone where a store knows nothing of its
    capital letters."""
    return json.dumps(key)[1:-1] if key.isascii() else key[key.rindex("@") :]


def cancel_waiting(tx: Tx, account: int, now: int, why: str, *, mailbox: str = "", user: str = "") -> int:
    """What waits in the queue for a mailbox, or was written by a user (ids), is sent no more: it has failed, in words.
    How many mails these are. What was sent and only lacks its copy in the folder of sent mail goes without one."""
    whose = outgoing.c.mailbox == mailbox if mailbox else outgoing.c.user == user
    query = select(*_COLUMNS).where(outgoing.c.account == account, whose, outgoing.c.next_at.is_not(null()))
    rows = [_row(tuple(row)) for row in tx.execute(query.with_for_update())]
    for one in rows:
        if one.sealed is not None:
            drop_outgoing(tx, account, one.message)
        elif one.waiting:
            left = tuple(dict.fromkeys((*one.refused, *one.waiting)))
            gone = {"waiting": (), "refused": left, "next_at": None, "holder": None, "kept": _without(one)}
            set_outgoing(tx, one, now, state=FAILED, error=why, **gone)
        elif mailbox:
            set_outgoing(tx, one, now, next_at=None, holder=None, kept=_without(one))
    return sum(bool(one.waiting) for one in rows)


def _without(one: Outgoing) -> str:
    return NONE if one.kept == WANTED else one.kept


def find_sendings(tx: Tx, account: int, ids: Sequence[str]) -> dict[str, Sending]:
    """How far messages are that were written here."""
    query = select(outgoing.c.message, outgoing.c.state, outgoing.c.error, outgoing.c.next_at, outgoing.c.waiting)
    found = collect(tx, query.where(outgoing.c.account == account), outgoing.c.message, ids, outgoing.c.message)
    return {
        id: Sending(row.state, row.error, row.next_at if row.state == QUEUED else None)
        for id, rows in found.items()
        for row in rows
    }


def find_kept_body(tx: Tx, account: int, message: str) -> tuple[str, int] | None:
    """The state of a message that was written here, and the number of the source that holds it; None where it is gone,
    or taken away by all who could open it."""
    mine = (sources.c.account == account, sources.c.message == message, sources.c.road == WRITTEN)
    own = and_(messages.c.account == sources.c.account, messages.c.id == sources.c.message)
    body = and_(bodies.c.account == sources.c.account, bodies.c.message == sources.c.message, bodies.c.n == sources.c.n)
    query = select(messages.c.state, sources.c.n).join_from(sources, messages, own).join(bodies, body)
    row = tx.execute(query.where(*mine, sources.c.removed_at.is_(None))).first()
    return None if row is None else (row.state, row.n)


def find_reported(tx: Tx, account: int, mailbox: str, envelope: str, names: Sequence[str]) -> Outgoing | None:
    """The mail that a report speaks of, which came to the mailbox it was sent from: by our own id of it, else by its
    Message-ID."""
    which: ColumnElement[bool] = outgoing.c.message_id.in_(tuple(names))
    if envelope:
        which = or_(outgoing.c.message == envelope, which)
    query = select(*_COLUMNS).where(outgoing.c.account == account, outgoing.c.mailbox == mailbox, which)
    rows = [_row(tuple(row)) for row in tx.execute(query.limit(2).with_for_update())]
    return next((one for one in rows if one.message == envelope), rows[0] if rows else None)


def _tell(tx: Tx, account: int, message: str, state: str, now: int) -> None:
    mine = (messages.c.account == account, messages.c.id == message)
    conversation = tx.execute(select(messages.c.conversation).where(*mine)).scalar()
    add_event(tx, account, "message.sent" if state == SENT else "message.failed", message, now, conversation)


def _mine(account: int, message: str) -> tuple[ColumnElement[bool], ...]:
    return (outgoing.c.account == account, outgoing.c.message == message)


def _row(found: tuple[Any, ...]) -> Outgoing:
    values: dict[str, Any] = dict(zip(_NAMES, found, strict=True))
    values |= {name: tuple(json.loads(values[name])) for name in _LISTS}
    return Outgoing(**values)


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(list(one)) if name in _LISTS else one for name, one in given.items()}
