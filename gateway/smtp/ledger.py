"""What all workers of a server count together by address (rule A8), in memory that they share.

The memory is made before the workers are, and inherited. A row is found by a keyed hash of its address, in a set of
eight; of a full set the row that was counted longest ago gives way. Tokens are taken under a lock of the system, which
a worker that is killed lets go; who has to wait too long for it counts without. Who is inside is written by each worker
into rows of its own, which are emptied when a worker begins in the place of one that died.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from hashlib import blake2b
from struct import Struct

from gateway.smtp.limits import SmtpLimits
from gateway.smtp.visitors import Clock, Counts

_WAYS = 8
_BUCKET_SETS, _PRESENCE_SETS = 8_192, 2_048
_BUCKET = Struct("=Qdd")
"""Hash of the key, tokens left, and when that was."""
_PRESENT = Struct("=QQ")
"""Hash of the key, and how many."""
_PATIENCE_SECONDS = 0.1
"""So long the lock is asked for. It is held for some microseconds; only a worker that was stopped keeps it longer."""


class Lock:
    """Keeps processes apart for a moment; let go by the system when one of them dies (fcntl(2), record locks)."""

    def __init__(self) -> None:
        self._file = os.memfd_create("smartgate-counts")

    def __enter__(self) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > until:
                    return
                os.sched_yield()
            else:
                return

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)


class SharedBuckets:
    """Token buckets as `gateway.smtp.visitors.Buckets`, one for all workers."""

    def __init__(self, capacity: float, seconds: float, lock: Lock, secret: bytes, clock: Clock) -> None:
        self.capacity = capacity
        self._per_second = capacity / seconds
        self._lock, self._secret, self._clock = lock, secret, clock
        self._memory = mmap.mmap(-1, _BUCKET_SETS * _WAYS * _BUCKET.size)

    def level(self, key: str) -> float:
        """What is left."""
        return self._find(_hash(key, self._secret))[1]

    def take(self, key: str) -> float:
        """Take one token, also where nothing is left. What is left then."""
        wanted = _hash(key, self._secret)
        with self._lock:
            at, level = self._find(wanted)
            self._memory[at : at + _BUCKET.size] = _BUCKET.pack(wanted, level - 1, self._clock())
        return level - 1

    def _find(self, wanted: int) -> tuple[int, float]:
        """Where the row of a key stands or would stand, and what is left."""
        width = _WAYS * _BUCKET.size
        begin = wanted % _BUCKET_SETS * width
        oldest = (float("inf"), 0)
        for n, (found, level, since) in enumerate(_BUCKET.iter_unpack(self._memory[begin : begin + width])):
            at = begin + n * _BUCKET.size
            if found == wanted:
                return at, min(self.capacity, level + (self._clock() - since) * self._per_second)
            oldest = min(oldest, (since if found else 0.0, at))
        return oldest[1], self.capacity


class SharedPresence:
    """How many are inside by key, as `gateway.smtp.visitors.Presence`; `place` is the worker that enters and leaves."""

    def __init__(self, places: int, secret: bytes) -> None:
        self.place = 0
        self._secret = secret
        self._rows = [mmap.mmap(-1, _PRESENCE_SETS * _WAYS * _PRESENT.size) for _ in range(places)]

    def count(self, key: str) -> int:
        wanted = _hash(key, self._secret)
        return sum(_find(rows, wanted)[1] for rows in self._rows)

    def enter(self, key: str) -> None:
        self._add(key, 1)

    def leave(self, key: str) -> None:
        self._add(key, -1)

    def clear(self) -> None:
        """Whoever was in this place before has gone, and so has everybody who was with it."""
        rows = self._rows[self.place]
        rows[:] = bytes(len(rows))

    def _add(self, key: str, step: int) -> None:
        """Nothing is counted where a set is full of others who are inside."""
        rows, wanted = self._rows[self.place], _hash(key, self._secret)
        at, count = _find(rows, wanted)
        if at >= 0:
            rows[at : at + _PRESENT.size] = _PRESENT.pack(wanted, max(0, count + step))


def _find(rows: mmap.mmap, wanted: int) -> tuple[int, int]:
    """Where the row of a key stands or may be put (-1: there is no room), and how many it says."""
    width = _WAYS * _PRESENT.size
    begin = wanted % _PRESENCE_SETS * width
    free = -1
    for n, (found, count) in enumerate(_PRESENT.iter_unpack(rows[begin : begin + width])):
        if found == wanted:
            return begin + n * _PRESENT.size, count
        if not count:
            free = begin + n * _PRESENT.size
    return free, 0


def _hash(key: str, secret: bytes) -> int:
    """A number no peer can foresee, never nought."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8, key=secret).digest(), "little") | 1


class Ledger:
    """The counts of a server with several workers. Make it before they are; each takes its place in its own process."""

    def __init__(self, limits: SmtpLimits, places: int, clock: Clock = time.monotonic) -> None:
        lock, secret = Lock(), os.urandom(16)
        self._sessions, self._expected = SharedPresence(places, secret), SharedPresence(places, secret)
        self._counts = Counts(
            connections=SharedBuckets(limits.connections_per_minute, 60, lock, secret, clock),
            mails=SharedBuckets(limits.mails_per_minute, 60, lock, secret, clock),
            names=SharedBuckets(limits.names_per_hour, 3600, lock, secret, clock),
            sessions=self._sessions,
            expected=self._expected,
        )

    def take_place(self, place: int) -> Counts:
        """From now on this process is the worker of that number."""
        for presence in (self._sessions, self._expected):
            presence.place = place
            presence.clear()
        return self._counts
