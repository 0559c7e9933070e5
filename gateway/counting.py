"""Token buckets: how much somebody may take within a time, counted by this process or by all workers together.

The memory that workers share is made before they are, and inherited. A row is found by a keyed hash of its key, in a
set of eight; of a full set the row that was counted longest ago gives way. Tokens are taken under a lock of the system,
which a worker that is killed lets go; who has to wait too long for it counts without.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from struct import Struct

Clock = Callable[[], float]

_KEPT = 50_000
"""So many addresses, or blocks, are remembered by each counter: a few megabytes."""
_WAYS, _SETS = 8, 8_192
_BUCKET = Struct("=Qdd")
"""Hash of the key, tokens left, and when that was."""
_PATIENCE_SECONDS = 0.1
"""So long the lock is asked for. It is held for some microseconds; only a worker that was stopped keeps it longer."""


class Buckets:
    """Token buckets by key: each holds `capacity`, refills evenly over `seconds`, and may go into debt."""

    def __init__(self, capacity: float, seconds: float, clock: Clock, kept: int = _KEPT) -> None:
        self.capacity = capacity
        self._per_second = capacity / seconds
        self._clock = clock
        self._kept = kept
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def level(self, key: str) -> float:
        """What is left."""
        found = self._levels.get(key)
        if found is None:
            return self.capacity
        level, at = found
        return min(self.capacity, level + (self._clock() - at) * self._per_second)

    def take(self, key: str) -> float:
        """Take one token, also where nothing is left. What is left then."""
        level = self.level(key) - 1
        self._levels[key] = (level, self._clock())
        self._levels.move_to_end(key)
        if len(self._levels) > self._kept:
            self._levels.popitem(last=False)
        return level

    def give(self, key: str) -> None:
        """Puts a token back that was taken."""
        self._levels[key] = (min(self.capacity, self.level(key) + 1), self._clock())


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
    """Token buckets as `Buckets`, one for all workers."""

    def __init__(self, capacity: float, seconds: float, lock: Lock, secret: bytes, clock: Clock) -> None:
        self.capacity = capacity
        self._per_second = capacity / seconds
        self._lock, self._secret, self._clock = lock, secret, clock
        self._memory = mmap.mmap(-1, _SETS * _WAYS * _BUCKET.size)

    def level(self, key: str) -> float:
        """What is left."""
        return self._find(hashed(key, self._secret))[1]

    def take(self, key: str) -> float:
        """Take one token, also where nothing is left. What is left then."""
        wanted = hashed(key, self._secret)
        with self._lock:
            at, level = self._find(wanted)
            self._memory[at : at + _BUCKET.size] = _BUCKET.pack(wanted, level - 1, self._clock())
        return level - 1

    def give(self, key: str) -> None:
        """Puts a token back that was taken."""
        wanted = hashed(key, self._secret)
        with self._lock:
            at, level = self._find(wanted)
            full = min(self.capacity, level + 1)
            self._memory[at : at + _BUCKET.size] = _BUCKET.pack(wanted, full, self._clock())

    def _find(self, wanted: int) -> tuple[int, float]:
        """Where the row of a key stands or would stand, and what is left."""
        width = _WAYS * _BUCKET.size
        begin = wanted % _SETS * width
        oldest = (float("inf"), 0)
        for n, (found, level, since) in enumerate(_BUCKET.iter_unpack(self._memory[begin : begin + width])):
            at = begin + n * _BUCKET.size
            if found == wanted:
                return at, min(self.capacity, level + (self._clock() - since) * self._per_second)
            oldest = min(oldest, (since if found else 0.0, at))
        return oldest[1], self.capacity


def hashed(key: str, secret: bytes) -> int:
    """A number no peer can foresee, never nought."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8, key=secret).digest(), "little") | 1
