"""The worst of mails through the real port: each is answered, nobody else is kept from sending, the lag is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.lag import Lag, measure, told
from bench.load import Outcome
from bench.worst import LARGEST, worst

SMALL = 0.03
"""A megabyte instead of thirty-five: what makes them slow to read stays in them."""


def test_the_worst_of_mails_are_answered_and_ordinary_ones_are_filed_meanwhile(tmp_path: Path) -> None:
    found = measure(tmp_path, 2.0, SMALL)

    assert found.faults == []
    assert set(found.worst) == {name for name, _ in worst(SMALL)}
    assert {reply[:3] for reply in found.worst.values()} == {"250", "554"}
    assert found.ordinary.refused == {}
    assert found.ordinary.accepted > 0


def test_the_worst_of_mails_are_within_what_is_taken() -> None:
    assert [name for name, raw in worst(SMALL) if not 50_000 < len(raw) < LARGEST * SMALL + 64 * 1024] == []


FAULTS = {
    "an ordinary mail that was not taken": (Lag([1], Outcome(1, {"DATA 451": 2})), "ordinary mail: 2 times DATA 451"),
    "one of the worst put off": (Lag([1], Outcome(1), {"a mail": "451 4.3.0 x"}), "a mail: 451 4.3.0 x"),
    "one of the worst without an answer": (Lag([1], Outcome(1), {"a mail": "no answer"}), "a mail: no answer"),
    "no ordinary mail": (Lag([1]), "nothing was measured"),
}


@pytest.mark.parametrize(("found", "fault"), FAULTS.values(), ids=FAULTS)
def test_what_must_not_be_believed_says_so(found: Lag, fault: str) -> None:
    assert told(found, 1.0).faults == (fault,)


def test_the_table_shows_the_slowest_hundredth_beside_the_goal() -> None:
    found = told(Lag([1000, 30_000], Outcome(2, {}, 1.0, [2000, 3000]), {"a mail": "250 2.6.0 Filed."}, 1), 1.0)

    assert [(line.middle, line.reached) for line in found.lines] == [(30.0, False), (3.0, None)]
    assert "1 of the worst answered: 1 kinds 250" in found.lines[1].note
