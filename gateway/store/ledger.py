"""What adapters of CRM back ends remember: sealed values, leases and buckets, in one table that all processes share.

Time is the database's own: clocks of machines differ, and a lease must end for all of them at one moment. Every change
is one statement on one row, so whoever comes second waits for the row and then sees what the first one did.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, TextClause, delete, select, text

from gateway.store.tables import ledger

_CLOCKS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
}


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One row: a key in the book of one back end of one account."""

    account: int
    endpoint: str
    key: str

    @property
    def about(self) -> str:
        """What a value sealed for this row is bound to."""
        return f"ledger/{self.account}/{self.endpoint}/{self.key}"


def _timed(statement: str) -> dict[str, TextClause]:
    """A statement in which NOW is the database's clock, in milliseconds since 1970."""
    return {dialect: text(statement.replace("NOW", clock)) for dialect, clock in _CLOCKS.items()}


_SAVE = text(
    "INSERT INTO ledger (account, endpoint, key, value) VALUES (:account, :endpoint, :key, :value) "
    "ON CONFLICT (account, endpoint, key) DO UPDATE SET value = excluded.value"
)
_LEASE = _timed(
    "INSERT INTO ledger (account, endpoint, key, holder, until) VALUES (:account, :endpoint, :key, :holder, NOW + :ms) "
    "ON CONFLICT (account, endpoint, key) DO UPDATE SET holder = excluded.holder, until = excluded.until "
    "WHERE ledger.holder IS NULL OR ledger.until <= NOW RETURNING until"
)
_HELD = _timed(
    "UPDATE ledger SET until = until WHERE account = :account AND endpoint = :endpoint AND key = :key "
    "AND holder = :holder AND until > NOW"
)
_RENEW = _timed(
    "UPDATE ledger SET until = NOW + :ms WHERE account = :account AND endpoint = :endpoint AND key = :key "
    "AND holder = :holder AND until > NOW"
)
_LEAVE = text(
    "UPDATE ledger SET holder = NULL, until = NULL "
    "WHERE account = :account AND endpoint = :endpoint AND key = :key AND holder = :holder"
)
_TAKE = _timed(
    "INSERT INTO ledger (account, endpoint, key, until) VALUES (:account, :endpoint, :key, NOW + :step) "
    "ON CONFLICT (account, endpoint, key) DO UPDATE "
    "SET until = CASE WHEN ledger.until > NOW THEN ledger.until ELSE NOW END + :step RETURNING until - :step - NOW"
)


def find_value(tx: Connection, entry: Entry) -> bytes | None:
    """The sealed value of an entry."""
    found: bytes | None = tx.execute(select(ledger.c.value).where(*_mine(entry))).scalar()
    return found


def find_values(tx: Connection, account: int, endpoint: str, keys: Collection[str]) -> dict[str, bytes]:
    """The sealed values of those of the keys that have one."""
    query = select(ledger.c.key, ledger.c.value).where(
        ledger.c.account == account, ledger.c.endpoint == endpoint, ledger.c.key.in_(tuple(keys))
    )
    return {key: value for key, value in tx.execute(query) if value is not None}


def set_value(tx: Connection, entry: Entry, value: bytes | None) -> None:
    """Keeps a sealed value; None forgets it."""
    tx.execute(_SAVE, {**_key(entry), "value": value})
    if value is None:
        _drop_empty(tx, entry)


def drop_entry(tx: Connection, entry: Entry) -> None:
    """Forgets an entry and whoever holds it: what they save under its lease is refused from now on."""
    tx.execute(delete(ledger).where(*_mine(entry)))


def take_lease(tx: Connection, entry: Entry, holder: str, milliseconds: int) -> bool:
    """Makes somebody the holder of an entry for so long; False where another one is."""
    values = {**_key(entry), "holder": holder, "ms": milliseconds}
    return tx.execute(_LEASE[tx.dialect.name], values).first() is not None


def holds_lease(tx: Connection, entry: Entry, holder: str) -> bool:
    """Whether somebody is the holder still; if so, nobody else becomes it before this transaction ends."""
    held = tx.execute(_HELD[tx.dialect.name], {**_key(entry), "holder": holder})
    return bool(held.rowcount)


def renew_lease(tx: Connection, entry: Entry, holder: str, milliseconds: int) -> bool:
    """Makes a lease last so long from now on; False where it is over."""
    values = {**_key(entry), "holder": holder, "ms": milliseconds}
    return bool(tx.execute(_RENEW[tx.dialect.name], values).rowcount)


def leave_lease(tx: Connection, entry: Entry, holder: str) -> None:
    """Ends a lease early; harmless for who holds it no more."""
    if tx.execute(_LEAVE, {**_key(entry), "holder": holder}).rowcount:
        _drop_empty(tx, entry)


def take_place(tx: Connection, entry: Entry, step: int) -> int:
    """Takes the next place in a row of places that are `step` milliseconds apart: the milliseconds until it comes."""
    return max(0, int(tx.execute(_TAKE[tx.dialect.name], {**_key(entry), "step": step}).scalar_one()))


def _drop_empty(tx: Connection, entry: Entry) -> None:
    tx.execute(delete(ledger).where(*_mine(entry), ledger.c.value.is_(None), ledger.c.holder.is_(None)))


def _mine(entry: Entry) -> tuple[Any, ...]:
    return (ledger.c.account == entry.account, ledger.c.endpoint == entry.endpoint, ledger.c.key == entry.key)


def _key(entry: Entry) -> dict[str, Any]:
    return {"account": entry.account, "endpoint": entry.endpoint, "key": entry.key}
