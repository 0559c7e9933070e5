"""Ids of rows: ULIDs, opaque to others, sortable by the moment they were made, 26 characters of Crockford's base 32."""

from __future__ import annotations

import os
import random
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_RANDOM_BITS = 80
_secret = random.SystemRandom()
_step = random.Random(os.urandom(32))  # noqa: S311 - the first id of a millisecond is the unguessable one
_lock = threading.Lock()
_moment = 0
_last = 0


def new_id() -> str:
    """The next id. Ids of one process always rise, also within a millisecond and when the clock is set back."""
    global _moment, _last
    now = time.time_ns() // 1_000_000
    with _lock:
        if now > _moment:
            _moment = now
            _last = now << _RANDOM_BITS | _secret.getrandbits(_RANDOM_BITS - 1)
        else:
            _last += 1 + _step.getrandbits(32)
        number = _last
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
