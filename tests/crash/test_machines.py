"""Any of several machines may die, and PostgreSQL restart: nothing is lost, doubled, or told out of order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.machines import run_machines

pytestmark = pytest.mark.postgresql
SEED, ROUNDS, SENDERS, LEASE_SECONDS = 20261130, 3, 12, 3.0


def test_machines_die_and_the_database_restarts_and_every_mail_and_event_is_there_once(tmp_path: Path) -> None:
    done = run_machines(tmp_path, SEED, ROUNDS, SENDERS, lease_seconds=LEASE_SECONDS)
    assert done.faults == ()
    assert done.told >= done.events > done.mails
    assert done.interrupted, "no kill came in the middle of anything"
