"""When something that failed is tried again: 1, 3, 10, 30 s, 2, 10 min, 1, 3, 6, 12, 24, 24 h later, then never."""

from __future__ import annotations

_MINUTE, _HOUR = 60, 3_600
WAITS = (
    1,
    3,
    10,
    30,
    2 * _MINUTE,
    10 * _MINUTE,
    _HOUR,
    3 * _HOUR,
    6 * _HOUR,
    12 * _HOUR,
    24 * _HOUR,
    24 * _HOUR,
)
"""Seconds from one try to the next. The thirteenth is the last one, three and a half days after the first."""

SPREAD = 0.2
"""So much sooner or later, so that what failed together doesn't come back together."""

LONGEST = 24 * _HOUR


def wait_after(tries: int, chance: float, asked: float | None = None) -> float | None:
    """Seconds until the next try after so many that failed; None when it was the last.

    chance: from 0 to 1, where in the spread it lies. asked: what the other side wants us to wait (RFC 9110 section
    10.2.3); obeyed where it is longer than ours, up to a day.
    """
    if tries > len(WAITS):
        return None
    ours = WAITS[max(0, tries - 1)] * (1 - SPREAD + 2 * SPREAD * chance)
    return max(ours, min(asked or 0.0, LONGEST))
