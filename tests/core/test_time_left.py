"""How long an import will still take is told once its pace can be seen."""

from __future__ import annotations

import pytest

from gateway.core.time_left import time_left

STORIES = {
    # story                       done total passed    left
    "half of it took a minute": (250, 500, 60_000, 60_000),
    "a tenth took ten seconds": (50, 500, 10_000, 90_000),
    "nothing is done yet": (0, 500, 60_000, None),
    "too few to tell a pace": (9, 500, 60_000, None),
    "too short to tell a pace": (100, 500, 1_999, None),
    "all is done": (500, 500, 60_000, None),
    "there is nothing to do": (0, 0, 60_000, None),
}


@pytest.mark.parametrize(("done", "total", "passed", "left"), STORIES.values(), ids=STORIES)
def test_what_is_left_goes_on_at_the_pace_there_was(done: int, total: int, passed: int, left: int | None) -> None:
    assert time_left(done, total, 1_000, 1_000 + passed) == left
