"""What all workers of a server count together by address (rule A8), in memory that they share.

The memory is made before the workers are, and inherited. Who is inside is written by each worker into rows of its own,
which are emptied when a worker begins in the place of one that died; what is taken is counted in `gateway.counting`.
"""

from __future__ import annotations

import mmap
import os
import time
from struct import Struct

from gateway.counting import Clock, Lock, SharedBuckets, hashed
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.visitors import Counts

_WAYS = 8
_PRESENCE_SETS = 2_048
_PRESENT = Struct("=QQ")
"""Hash of the key, and how many."""


class SharedPresence:
    """How many are inside by key, as `gateway.smtp.visitors.Presence`; `place` is the worker that enters and leaves."""

    def __init__(self, places: int, secret: bytes) -> None:
        self.place = 0
        self._secret = secret
        self._rows = [mmap.mmap(-1, _PRESENCE_SETS * _WAYS * _PRESENT.size) for _ in range(places)]

    def count(self, key: str) -> int:
        wanted = hashed(key, self._secret)
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
        rows, wanted = self._rows[self.place], hashed(key, self._secret)
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
