"""Ids of rows: ULIDs, opaque to others, sortable by the moment they were made, 26 characters of Crockford's base 32."""

from __future__ import annotations

import os
import random
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_RANDOM_BITS = 80
_LOWER_BITS = 40
_STEP_BITS = 32
_secret = random.SystemRandom()
_step = random.Random(os.urandom(32))  # noqa: S311 - the first id of a millisecond is the unguessable one
_lock = threading.Lock()
_moment = 0
_ahead_ms = 0
# The last id: its upper 88 bits as text, and its lower 40 as a number.
_upper = ""
_lower = 0


def new_id() -> str:
    """The next id. Ids of one process always rise, also within a millisecond and when the clock is set back."""
    global _moment, _upper, _lower
    now = shared_time()
    with _lock:
        lower = _lower + 1 + _step.getrandbits(_STEP_BITS)
        if now > _moment or lower >> _LOWER_BITS:
            _moment = max(now, _moment + 1)
            random_bits = _secret.getrandbits(_RANDOM_BITS)
            _upper = _text(_moment << _RANDOM_BITS - _LOWER_BITS | random_bits >> _LOWER_BITS, 90)
            lower = random_bits & (1 << _LOWER_BITS - 1) - 1
        _lower = lower
        upper = _upper
    return upper + _text(lower, _LOWER_BITS)


def shared_time() -> int:
    """Now, in milliseconds since 1970, by the clock that ids follow: the same for all machines that share a store."""
    return time.time_ns() // 1_000_000 + _ahead_ms


def follow_clock(ahead_ms: int) -> None:
    """From now on ids begin with another clock's time, which is so far ahead of ours: that of a database which several
    machines share. Where one of theirs is wrong, what it does next would otherwise stand before what was done already.
    """
    global _ahead_ms
    _ahead_ms = ahead_ms


def _text(number: int, bits: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(bits - 10, -1, -10)])


def moment_of(id: str) -> int:
    """When an id was made, in milliseconds since 1970; 0 for what is no id of ours."""
    at = 0
    for sign in id[:10]:
        at = at << 5 | max(_ALPHABET.find(sign), 0)
    return at


def first_id(at: int) -> str:
    """The lowest id of a moment, in milliseconds: ids begin with their time, so a range of ids is a range of times."""
    return _text(at, 50)
