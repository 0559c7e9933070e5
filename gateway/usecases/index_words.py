"""Fill the index of search, beside the mail: what was filed is found a moment later, and filing has nothing of it.

It goes in small pieces and rests three times as long as a piece took, so that it never has more than a quarter of the
time. Under full load it falls behind and catches up afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import structlog

from gateway.core.body import content
from gateway.core.terms import parts, terms
from gateway.store import unindexed
from gateway.store.blobs import BlobError, Blobs
from gateway.store.bodies import unpack
from gateway.store.engine import Store, Tx, is_postgresql
from gateway.store.ids import first_id, moment_of, new_id
from gateway.store.searching import KINDS, MESSAGE, Entry, empty_index
from gateway.store.troubles import is_passing
from gateway.store.unindexed import LATER, Unindexed

PIECE = 8
MOST_BYTES = 4 * 1024 * 1024
"""So much of a large mail is read; its text stands before its files."""
_REST = 3.0
_LATER_EVERY = 10.0
_BACK_MS = 30_000
_FAR_BACK_MS = 15 * 60_000
_FAR_EVERY = 60.0
_ALL_EVERY = 6 * 3600.0
_LEASE_MS = 30_000
_RENEW_SECONDS = 10.0
_log = structlog.get_logger(__name__)


class Indexer:
    """Indexes what isn't indexed yet. parts, depth: bounds with which messages are read (B4b)."""

    def __init__(self, store: Store, blobs: Blobs, parts: int = 1_000, depth: int = 50) -> None:
        self._store, self._blobs = store, blobs
        self._parts, self._depth = parts, depth
        self._me = new_id()
        self._shared = is_postgresql(store.url)
        self._lease = float("-inf")
        self._known: dict[int, tuple[str | None, ...]] = {}
        self._far = self._all = self._later = float("-inf")

    async def look(self) -> int:
        """Indexes all that is new since the last look, and what was never looked at."""
        if self._shared and not await self._in_charge():
            return 0
        count = 0
        for account, kind in await self._store.read(unindexed.unwalked):
            count += await self._walk(account, kind)
        now = time.monotonic()
        everything = now - self._all >= _ALL_EVERY
        far = now - self._far >= _FAR_EVERY
        later = far or now - self._later >= _LATER_EVERY
        newest = await self._store.read(unindexed.newest_rows)
        for account, ids in newest.items():
            changed = self._known.get(account) != ids
            if everything or changed or far:
                count += await self._index_account(account, ids, everything=everything, far=far)
                count += await self._go_through(account, LATER, "") if later else 0
        self._known = newest
        self._all = now if everything else self._all
        self._far = now if far else self._far
        self._later = now if later else self._later
        return count

    async def rebuild(self, told: Callable[[int, int], None]) -> int:
        """Empties the index and fills it anew, without a rest. told: how many rows are done, and of how many."""
        total = await self._store.read(unindexed.count_rows)
        await self._store.write(empty_index)
        done = 0
        for account, kind in await self._store.read(unindexed.unwalked):
            for of in _with_later(kind):
                after = ""
                while piece := await self._piece(account, of, after):
                    done += len(piece)
                    after = piece[-1].id
                    told(min(done, total), total)
            await self._store.write(partial(_walked, account, kind), account=account)
        return done

    async def _in_charge(self) -> bool:
        if time.monotonic() - self._lease < _RENEW_SECONDS:
            return True
        now = time.time_ns() // 1_000_000
        held = await self._store.write_each(_lease, (self._me, now, now + _LEASE_MS))
        self._lease = time.monotonic() if held else float("-inf")
        return bool(held)

    async def _index_account(self, account: int, ids: Sequence[str | None], *, everything: bool, far: bool) -> int:
        """What came since the newest rows that were known, and a little before."""
        known = self._known.get(account, ())
        last = max((moment_of(id) for id in (known or ids) if id), default=0)
        since = first_id(max(last - (_FAR_BACK_MS if far else _BACK_MS), 0)) if known and not everything else ""
        count = 0
        for kind in KINDS:
            count += await self._go_through(account, kind, since)
        return count

    async def _walk(self, account: int, kind: str) -> int:
        count = 0
        for of in _with_later(kind):
            count += await self._go_through(account, of, "")
        await self._store.write(partial(_walked, account, kind), account=account)
        return count

    async def _go_through(self, account: int, kind: str, since: str) -> int:
        count = 0
        begun = time.monotonic()
        while piece := await self._piece(account, kind, since):
            count += len(piece)
            since = piece[-1].id
            await asyncio.sleep(_REST * (time.monotonic() - begun))
            begun = time.monotonic()
        return count

    async def _piece(self, account: int, kind: str, since: str) -> list[Unindexed]:
        found = await self._store.read(lambda tx: unindexed.find_unindexed(tx, account, kind, since, PIECE))
        if found:
            made = await asyncio.to_thread(lambda: [self._entry(account, kind, one) for one in found])
            await self._put(account, kind, [one for one in made if one is not None])
        return found

    async def _put(self, account: int, kind: str, entries: list[Entry]) -> None:
        """One that the database doesn't take keeps no other from being found; it is put in without its words."""
        try:
            await self._store.write_each(_add, (account, kind, entries))
        except Exception as fault:
            if is_passing(fault) or not any(one.terms for one in entries):
                raise
            if len(entries) == 1:
                _log.error("search.not_indexed", id=entries[0].id, reason=str(fault)[:200])
            for one in entries:
                await self._put(account, kind, [one if len(entries) > 1 else replace(one, terms=())])

    def _entry(self, account: int, kind: str, row: Unindexed) -> Entry | None:
        """None for a large mail while what keeps it is away: a later look finds it again."""
        if kind not in (MESSAGE, LATER):
            return Entry(account, kind, row.id, row.at, parts(row.texts))
        text = ""
        if row.body is not None:
            try:
                raw = unpack(self._blobs, account, row.body)[:MOST_BYTES]
                text = content(raw, max_parts=self._parts, max_depth=self._depth).text
            except BlobError:
                return None
            except OSError:  # the file of a large mail is missing: the rest of it is found all the same
                pass
        return Entry(account, MESSAGE, row.id, row.at, terms((*row.texts, text)))


def _with_later(kind: str) -> tuple[str, ...]:
    """What is gone through for a kind to be complete."""
    return (kind, LATER) if kind == MESSAGE else (kind,)


def _add(tx: Tx, pieces: Sequence[tuple[int, str, list[Entry]]]) -> list[int]:
    return [unindexed.add_entries(tx, *piece) for piece in pieces]


def _lease(tx: Tx, asked: Sequence[tuple[str, int, int]]) -> list[bool]:
    return [unindexed.take_lease(tx, *one) for one in asked]


def _walked(account: int, kind: str, tx: Tx) -> None:
    unindexed.set_walked(tx, account, kind)
