"""The rows of mailboxes measure what they say beside mbsync, and say so where a mail is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import mailbox
from bench.lines import Found
from bench.mailbox import first_import
from bench.mbsync import dovecot
from bench.peer import PeerError
from bench.run import Run, Yardstick
from bench.runner import Plan
from tests.e2e.clients import need
from tests.mailboxes.dovecot import need_dovecot

FEW = 12


def plan(folder: Path) -> Plan:
    return Plan(folder, rounds=2, stored=FEW * 40, mailboxes=3)


def small() -> list[Yardstick]:
    few = Yardstick("mailbox-few", "", "", lambda plan: plan.rounds + 1, lambda run: first_import(FEW, run))
    return [few, mailbox.UNCHANGED, mailbox.ALL_WITHIN]


@pytest.mark.e2e
@pytest.mark.parametrize("row", small(), ids=lambda row: row.id)
def test_a_row_is_measured_and_leaves_nothing_behind(row: Yardstick, tmp_path: Path) -> None:
    need_dovecot()
    need("mbsync")
    steps: list[str] = []
    run = Run(plan(tmp_path), steps.append)
    found: Found = row.measure(run)
    assert found.faults == ()
    assert all(len(line.values) == 2 and min(line.values) > 0 for line in found.lines)
    assert len(steps) == row.steps(run.plan)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kept", "counted", "faults"),
    [
        (5, {"messages": 5, "remote": 5}, 0),
        (4, {"messages": 5, "remote": 5}, 1),
        (5, {"messages": 4, "remote": 5}, 1),
        (4, {"messages": 5, "remote": 6}, 2),
    ],
)
def test_a_mail_that_is_missing_on_either_side_is_a_fault(kept: int, counted: dict[str, Any], faults: int) -> None:
    assert len(mailbox.missing(5, kept, counted)) == faults


def test_programs_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.mbsync.shutil.which", lambda _: None)
    with pytest.raises(PeerError, match="dovecot-imapd and isync"), dovecot(tmp_path):
        pass
