"""How long something under way will still take, as far as it can be told from how far it came (rule E4)."""

from __future__ import annotations

_FEWEST = 10
_SHORTEST_MS = 2_000


def time_left(done: int, total: int, began: int, now: int) -> int | None:
    """Milliseconds until all is done at the pace there was; None while that would be a guess. Times: ms since 1970."""
    passed = now - began
    if done < _FEWEST or done >= total or passed < _SHORTEST_MS:
        return None
    return passed * (total - done) // done
