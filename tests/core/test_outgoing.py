"""How long a mail is tried, and when its copy is looked for (E11)."""

from __future__ import annotations

from gateway.core.outgoing import KEEPER_PATIENCE_MS, TRIED_MS, next_look, next_try

MINUTE = 60_000


def test_a_mail_is_tried_ever_more_seldom_and_for_two_days() -> None:
    waits, now, tries = [], 0, 0
    while (at := next_try(tries + 1, TRIED_MS, now, 0.0)) is not None:
        waits.append((at - now) // MINUTE)
        now, tries = at, tries + 1
    assert waits == [1, 5, 15, 60, 240, 720, 720, 720]


def test_what_failed_together_is_spread_and_a_server_is_heard() -> None:
    assert next_try(1, TRIED_MS, 0, 1.0) == 72_000
    assert next_try(1, TRIED_MS, 0, 0.0, 10 * MINUTE) == 10 * MINUTE
    assert next_try(0, TRIED_MS, 0, 0.0) == MINUTE


def test_a_copy_is_looked_for_until_its_server_has_had_its_time() -> None:
    assert next_look(0, 0, keeps=False) == 2_000
    assert next_look(0, 2_000, keeps=False) is None
    looks, now = [], 0
    while (at := next_look(0, now, keeps=True)) is not None:
        looks.append(at)
        now = at
    assert looks == [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, KEEPER_PATIENCE_MS]
