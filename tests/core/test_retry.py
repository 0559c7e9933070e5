"""When what failed is tried again."""

from __future__ import annotations

import pytest

from gateway.core.retry import LONGEST, WAITS, wait_after


def test_the_tries_come_when_they_were_promised() -> None:
    assert [wait_after(tries, 0.5) for tries in range(1, 14)] == [
        *map(pytest.approx, (1, 3, 10, 30, 120, 600, 3600, 10800, 21600, 43200, 86400, 86400)),
        None,
    ]


@pytest.mark.parametrize("tries", range(1, len(WAITS) + 1))
def test_they_spread_by_a_fifth(tries: int) -> None:
    assert wait_after(tries, 0.0) == pytest.approx(WAITS[tries - 1] * 0.8)
    assert wait_after(tries, 1.0) == pytest.approx(WAITS[tries - 1] * 1.2)


def test_what_the_other_side_asks_for_is_waited_for_up_to_a_day_and_never_shortens_ours() -> None:
    assert wait_after(1, 0.5, 60) == 60
    assert wait_after(5, 0.5, 1) == pytest.approx(120)
    assert wait_after(1, 0.5, 10**9) == LONGEST
