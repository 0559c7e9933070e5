"""What outsiders caused, counted by account, key and hour of the clock (rule B8b; gateway/core/quota.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, delete, select, text

from gateway.store.lists import among, listed
from gateway.store.prepared import Prepared
from gateway.store.tables import quotas

Counted = tuple[int, str, int]
"""Account, key and hour."""

_FIND = Prepared(
    select(quotas.c.account, quotas.c.key, quotas.c.hour, quotas.c.count).where(
        among(quotas.c.account, "of"), among(quotas.c.key, "keys"), among(quotas.c.hour, "hours")
    )
)
_ADD = Prepared(
    text(
        "INSERT INTO quotas (account, key, hour, count) VALUES (:account, :key, :hour, :more) "
        "ON CONFLICT (account, key, hour) DO UPDATE SET count = quotas.count + excluded.count"
    )
)
_FORGET = Prepared(delete(quotas).where(quotas.c.account == bindparam("of"), quotas.c.hour < bindparam("now")))


def find_quotas(
    tx: Connection, of: Collection[int], keys: Collection[str], hours: Collection[int]
) -> dict[Counted, int]:
    """What is counted under these keys; no statement where there is nothing to ask for."""
    if not keys:
        return {}
    rows = _FIND.all(tx, of=listed(of), keys=listed(keys), hours=listed(hours))
    return {(account, key, hour): count for account, key, hour, count in rows}


def add_quotas(tx: Connection, more: Mapping[Counted, int]) -> None:
    """Counts what a batch created, in the order of its keys: writers that wait for each other do so in one order."""
    rows = [{"account": one[0], "key": one[1], "hour": one[2], "more": count} for one, count in sorted(more.items())]
    _ADD.each(tx, rows)


def forget_quotas(tx: Connection, hours: Mapping[int, int]) -> None:
    """Drops the rows of accounts (keys) from before an hour (values)."""
    _FORGET.each(tx, [{"of": account, "now": hour} for account, hour in hours.items()])
