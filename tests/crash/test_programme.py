"""The crash programme says what it counted, keeps it in full size, and fails where a zero is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.crash import __main__ as command
from tests.crash import programme
from tests.crash.programme import Size, Step

PARTS = {
    # faults a part finds                    what is counted
    (): {"lost": 0, "doubled": 0, "half-written": 0, "torn or orphaned": 0, "other faults": 0},
    ("lost: <1@x>", "lost: <2@x>", "torn: the file ab", "answered '550'"): {
        "lost": 2,
        "doubled": 0,
        "half-written": 0,
        "torn or orphaned": 1,
        "other faults": 1,
    },
}


@pytest.mark.parametrize(("faults", "zeros"), PARTS.items(), ids=["none is found", "some are found"])
def test_a_fault_is_counted_told_kept_and_makes_the_exit_status_1(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    faults: Sequence[str],
    zeros: dict[str, int],
) -> None:
    def part(size: Size, seed: int, folder: Path, step: Step) -> programme.Tally:
        step("played", size.rounds)
        return programme.tally("played", 0.0, {"kills": size.rounds}, faults)

    monkeypatch.setattr(command, "PARTS", {"played": part})
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(command, "programs", lambda: tmp_path)
    monkeypatch.setattr(command, "installed", lambda: True)
    assert command.main(["--full", "--seed", "7"]) == int(bool(faults))
    told = capsys.readouterr().out
    assert all(fault in told for fault in faults)
    (page,), (data,) = tmp_path.glob("*-torture.md"), tmp_path.glob("*-torture.json")
    assert "200 kills" in page.read_text()
    (kept,) = json.loads(data.read_text())["parts"]
    assert (kept["zeros"], kept["faults"]) == (zeros, list(faults))


MISSING: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "strace": lambda patch: patch.setattr(shutil, "which", lambda name: None),
    "PostgreSQL": lambda patch: patch.setattr(command, "programs", lambda: None),
    "Dovecot": lambda patch: patch.setattr(command, "installed", lambda: False),
}


@pytest.mark.parametrize("needed", MISSING)
def test_without_what_it_needs_nothing_is_proved_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], needed: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(command, "programs", lambda: tmp_path)
    MISSING[needed](monkeypatch)
    assert command.main([]) == 1
    assert f"{needed} is missing" in capsys.readouterr().out
