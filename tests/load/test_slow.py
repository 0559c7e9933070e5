"""Slow senders: wherever in the dialog they stop or drip, they are sent away, and others are served meanwhile (A8)."""

from __future__ import annotations

import pytest

from tests.load.conftest import GUESTS, LMTP_GUESTS, Siege
from tests.load.house import MIB
from tests.load.phases import PHASES

DOORS = {name: (name, GUESTS, phase) for name, phase in PHASES.items()}
DOORS |= {f"{name}, LMTP": (name, LMTP_GUESTS, phase) for name, phase in PHASES.items() if phase.lmtp}


@pytest.mark.parametrize("door", DOORS)
def test_a8_slow_senders_end_as_the_limit_says(siege: Siege, door: str) -> None:
    _, guests, phase = DOORS[door]
    assert siege.came[door].but(phase.ends) == {}
    assert siege.came[door].by.total() == guests


def test_every_mail_of_an_honest_sender_is_filed_while_slow_ones_hold_connections(siege: Siege) -> None:
    assert siege.honest.others == {}
    assert siege.honest.filed > 0


def test_slow_senders_take_bounded_memory_and_leave_no_fault_behind(siege: Siege) -> None:
    assert siege.grown < 96 * MIB
    assert siege.trouble == ()
