"""Ids of rows: ULIDs, opaque to others, sortable by the moment they were made, 26 characters of Crockford's base 32."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_RANDOM_BITS = 80
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """The next id. Ids of one process always rise, also within a millisecond and when the clock is set back."""
    global _last
    fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | int.from_bytes(os.urandom(10), "big")
    with _lock:
        if fresh <= _last:
            fresh = _last + 1 + int.from_bytes(os.urandom(4), "big")
        _last = fresh
    return _written(fresh)


def first_id(at: int) -> str:
    """The lowest id a row made at `at` (milliseconds since 1970) can have: a bound for look-ups by time."""
    return _written(at << _RANDOM_BITS)


def _written(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
