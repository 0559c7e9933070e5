"""PostgreSQL crashes under load, and workers die: the server recovers, and each mail is there once (B9, B10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.crashes import MAILS_A_ROUND, crash_rounds

pytestmark = pytest.mark.postgresql
SEED, ROUNDS, SENDERS = 20261123, 2, 8


def test_what_was_acknowledged_before_a_crash_of_postgresql_is_there_once_and_so_is_all_else(tmp_path: Path) -> None:
    done = crash_rounds(tmp_path, SEED, ROUNDS, SENDERS)
    assert done.faults == ()
    assert (done.rounds, done.killed, done.mails) == (ROUNDS, 1, ROUNDS * MAILS_A_ROUND)
    assert done.interrupted + done.deferred, "nothing came in the middle of anything"
