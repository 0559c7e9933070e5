"""The load programme says what it saw, keeps it in full size, and fails where a zero is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.load import __main__ as command
from tests.load.honest import Honest
from tests.load.house import MIB, lag
from tests.load.programme import Row, Size, Step, row
from tests.load.watch import Watched

FILED = Honest({"250 2.6.0": 3}, [0.001, 0.002, 0.1])
CASES = {
    # what was seen                          honest                             memory faults trouble   zeros broken
    "all is well": (FILED, 4.0, (), (), []),
    "an honest mail was put off": (
        Honest({"250 2.6.0": 1, "421 4.3.2": 2}, [0.1]), 4.0, (), (), ["honest mails not filed"],
    ),
    "no honest mail was filed": (Honest(), 4.0, (), (), ["honest mails not filed"]),
    "a guest stayed": (FILED, 4.0, ("ended otherwise: still there",), (), ["ended otherwise"]),
    "too much memory": (FILED, 40.0, (), (), ["over the bound"]),
    "an exception": (FILED, 4.0, (), ("an exception nobody caught",), ["uncaught"]),
}  # fmt: skip


@pytest.mark.parametrize(("honest", "memory", "faults", "trouble", "broken"), CASES.values(), ids=CASES)
def test_what_must_not_be_is_counted_told_kept_and_makes_the_exit_status_1(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    honest: Honest,
    memory: float,
    faults: tuple[str, ...],
    trouble: tuple[str, ...],
    broken: list[str],
) -> None:
    seen = Watched(None, honest, 2.0, 4 * MIB, 2 * MIB, 5.0, trouble)

    def played(size: Size, step: Step) -> Iterator[Row]:
        step("played", 1)
        yield row("played", "a crowd", seen, {"421 4.4.2": 7}, memory, 16.0, "KiB each", faults)

    monkeypatch.setattr(command, "PARTS", {"played": played})
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    assert command.main(["--full"]) == int(bool(broken))
    told = capsys.readouterr().out
    assert all(fault in told for fault in faults)
    (page,), (data,) = tmp_path.glob("*-load.md"), tmp_path.glob("*-load.json")
    assert "7 × 421 4.4.2" in page.read_text()
    (kept,) = json.loads(data.read_text())["rows"]
    assert [name for name, count in kept["zeros"].items() if count] == broken


def test_the_lag_is_the_bound_that_99_of_100_ticks_kept_since_the_first_reading() -> None:
    def reading(*counts: float) -> dict[str, float]:
        bounds = ("0.001", "0.01", "0.1", "+Inf")
        return {
            f'smartgate_loop_lag_seconds_bucket{{le="{bound}"}}': count
            for bound, count in zip(bounds, counts, strict=True)
        }

    assert lag(reading(0, 0, 0, 0), reading(99, 100, 100, 100)) == 1
    assert lag(reading(0, 0, 0, 0), reading(98, 100, 100, 100)) == 10
    assert lag(reading(98, 98, 98, 98), reading(98, 98, 198, 198)) == 100
    assert lag(reading(0, 0, 0, 0), reading(0, 0, 0, 1)) == float("inf")
