"""What a batch of mails holds while it is decided on, where several machines file into one database.

PostgreSQL lets writers run side by side; what one mail's decision depends on must stand still until it is committed.
A mail holds its account against changes that people make there (shared: other mails go on), and its identity, its
Message-ID, those it answers and its clients against other mails that meet it there. Locks are advisory, end with the
transaction and are taken in one order, so that two batches never wait for each other; then the rows of its
conversations; then the counters of its quotas. Unique keys are the last guard. On SQLite one writes at a time, and
nothing of this is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from hashlib import blake2b

import orjson
from sqlalchemy import BigInteger, Connection, cast, func, select
from sqlalchemy.dialects import postgresql

from gateway.store.lists import among, listed, texts
from gateway.store.prepared import Prepared
from gateway.store.tables import conversations

EVERYWHERE = -1
"""In place of an account: what is done may concern any."""

MOST = 1_000
"""Locks of one transaction: the server has room for some thousands in all (max_locks_per_transaction)."""

_GIVEN = texts("keys", "given")
_NUMBER = cast(_GIVEN.c.value, BigInteger)
_HOLD = Prepared(select(func.pg_advisory_xact_lock(_NUMBER)).select_from(_GIVEN))
_SHARE = Prepared(select(func.pg_advisory_xact_lock_shared(_NUMBER)).select_from(_GIVEN))
_CONVERSATIONS = Prepared(
    select(conversations.c.id)
    .where(among(conversations.c.account, "of"), among(conversations.c.id, "keys"))
    .order_by(conversations.c.account, conversations.c.id)
    .with_for_update()
)


def hold_alone(tx: Connection, account: int) -> None:
    """Keeps every other writer out of an account, or out of the store, until the transaction ends."""
    if not _needed(tx):
        return
    if account == EVERYWHERE:
        _HOLD.run(tx, keys=listed([_key("store")]))
    else:
        _SHARE.run(tx, keys=listed([_key("store")]))
        _HOLD.run(tx, keys=listed([_key("account", account)]))


def hold_accounts(tx: Connection, accounts: Collection[int], wanted: int) -> bool:
    """Holds the accounts of a batch before anything of them is read.

    wanted: how many things the batch may have to hold besides, at most. True: the accounts are held beside other
    mails, and those things are to be held with `hold`. False: there is nothing more to hold, as on SQLite, or where
    they are so many that the accounts themselves are held alone.
    """
    if not _needed(tx):
        return False
    keys = sorted(_key("account", account) for account in accounts)
    _SHARE.run(tx, keys=listed([_key("store")]))
    few = wanted + len(keys) <= MOST
    (_SHARE if few else _HOLD).run(tx, keys=listed(keys))
    return few


def hold(tx: Connection, things: Iterable[tuple[int, str, str]]) -> None:
    """Holds what decisions depend on, each an account, a kind and a name; waits for who holds any of it."""
    keys = sorted({_key(kind, account, name) for account, kind, name in things})
    if keys and _needed(tx):
        _HOLD.run(tx, keys=listed(keys))


def hold_conversations(tx: Connection, of: Collection[int], ids: Collection[str]) -> None:
    """Holds conversations that a batch may join: mails that meet nowhere else may meet in one (C6)."""
    if ids and _needed(tx):
        _CONVERSATIONS.run(tx, of=listed(of), keys=listed(ids))


def _needed(tx: Connection) -> bool:
    return tx.dialect.name == postgresql.dialect.name


def _key(*what: str | int) -> int:
    """A lock's number; two things may share one, which costs a wait and nothing else."""
    return int.from_bytes(blake2b(orjson.dumps(what), digest_size=8).digest(), "big", signed=True)
