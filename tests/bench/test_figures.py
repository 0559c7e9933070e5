"""What the table claims follows from the rounds: medians, ratios, goals, and reasons not to believe a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.choice import ALL, YARDSTICKS, UnknownRowError, chosen
from bench.figures import Result, Round, Side, percentile, round_of
from bench.lines import Found, Line
from bench.load import Outcome
from bench.report import Report
from bench.rows import ROWS, Row
from bench.whole import rising

ROW = Row("3k-x", "3 KB, x", 3072, 10, goal=2.0, goal_p99=0.5, goal_cpu_ms=0.4)


def side(*rates: float, p99: float = 10.0, cpu: float = 1.0, kept: int | None = None) -> Side:
    rounds = tuple(Round(rate, p99 / 2, p99, cpu, 0.05, 0.1, 100) for rate in rates)
    return Side(rounds, 100 * len(rates), 100 * len(rates) if kept is None else kept)


def test_the_ratio_is_of_medians_so_that_one_bad_round_changes_nothing() -> None:
    result = Result(ROW, peer=side(100, 101, 99, 5, 100), ours=side(300, 310, 20, 305, 300))
    assert result.ratio("rate") == pytest.approx(3.0)


def test_the_spread_compares_rounds_that_ran_one_after_the_other() -> None:
    result = Result(ROW, peer=side(100, 200), ours=side(150, 500))
    assert result.spread == (1.5, 2.5)


JUDGED = {
    # story                                   ours                              goals
    "all reached": (side(200, p99=5, cpu=0.4), {"rate": True, "p99": True, "cpu": True}),
    "too slow": (side(199, p99=5, cpu=0.4), {"rate": False, "p99": True, "cpu": True}),
    "waits too long": (side(200, p99=5.1, cpu=0.4), {"rate": True, "p99": False, "cpu": True}),
    "too much CPU": (side(200, p99=5, cpu=0.41), {"rate": True, "p99": True, "cpu": False}),
}


@pytest.mark.parametrize(("ours", "goals"), JUDGED.values(), ids=JUDGED)
def test_goals(ours: Side, goals: dict[str, bool]) -> None:
    assert Result(ROW, side(100), ours).goals == goals


def test_where_only_one_side_ran_no_ratio_is_claimed() -> None:
    result = Result(ROW, side(100), None)
    assert result.ratio("rate") is None
    assert result.spread is None
    assert result.goals == {}


FAULTS = {
    "a sound row has none": (side(100), []),
    "the store holds less than was acknowledged": (
        side(100, kept=99),
        ["ours: acknowledged 100 mails, the store holds 99"],
    ),
    "nothing was accepted": (Side((Round(0, 0, 0, 0, 0, 0, 0),), 0, 0), ["ours: no mail was accepted"]),
    "mails were refused": (
        Side((Round(9, 1, 1, 1, 1, 0, 100, {"RCPT: 550 no": 2, "DATA: 451 later": 1}),), 100, 100),
        ["ours: 3 mails not accepted (2 times RCPT: 550 no)"],
    ),
}


@pytest.mark.parametrize(("ours", "faults"), FAULTS.values(), ids=FAULTS)
def test_faults(ours: Side, faults: list[str]) -> None:
    assert Result(ROW, side(100), ours).faults == faults


PERCENTILES = [
    ([], 99, 0),
    ([7], 50, 7),
    ([7], 99, 7),
    (range(1, 101), 50, 50),
    (range(1, 101), 99, 99),
    ([1, 2, 3], 99, 3),
]


@pytest.mark.parametrize(("values", "percent", "expected"), PERCENTILES)
def test_percentile(values: Sequence[int], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_a_round_is_counted_a_mail() -> None:
    outcome = Outcome(accepted=4, elapsed=2.0, waits=[4000, 1000, 3000, 2000], cpu=0.002)
    assert round_of(outcome, 0.008, 0.25) == Round(2.0, 2.0, 4.0, 2.0, 0.5, 0.25, 4, {})


def test_a_round_without_a_mail_is_zero_not_an_error() -> None:
    assert round_of(Outcome(refused={"RCPT: 550 no": 3}), 0.5).rate == 0


def test_the_table_has_every_row_of_the_goals() -> None:
    goals = {(row.database, row.processes, row.size, row.sessions, row.mails_a_connection): row.goal for row in ROWS}
    assert goals == {
        ("SQLite", 1, 3072, 1, 0): 1.5,
        ("SQLite", 1, 3072, 20, 0): 3.3,
        ("SQLite", 1, 3072, 20, 1): 2.8,
        ("SQLite", 1, 3072, 100, 0): 4.8,
        ("SQLite", 1, 51200, 20, 0): 2.8,
        ("SQLite", 1, 51200, 100, 0): 2.8,
        ("SQLite", 1, 1048576, 1, 0): 1.5,
        ("SQLite", 1, 1048576, 20, 0): 1.5,
        ("SQLite", 1, 1048576, 100, 0): 1.5,
        ("PostgreSQL", 1, 3072, 100, 0): 2.8,
        ("PostgreSQL", 2, 3072, 100, 0): 2.8,
        ("PostgreSQL", 4, 3072, 100, 0): 2.8,
    }
    assert len({row.id for row in ALL}) == len(ALL)


def test_what_has_a_yardstick_of_its_own_is_there_with_its_goal() -> None:
    assert {one.id: one.goal for one in YARDSTICKS} == {
        "cpu": "≤ 0.4 ms",
        "card": "≤ 20 ms, flat",
        "search": "≤ 20 ms, flat",
        "pages": "≤ 100 ms and 100 kB",
        "stored": "≥ 0.8 times",
        "memory": "≤ 64 MiB",
        "idle": "p99 ≤ 50 ms",
        "start": "≤ 1.5 s",
        "lag": "p99 ≤ 20 ms",
        "webhook": "p95 ≤ 1 s",
        "mailbox-500": "≥ 3 times mbsync",
        "mailbox-5000": "≥ 3 times mbsync",
        "mailbox-unchanged": "≥ 10 times mbsync",
        "mailbox-2000": "≤ 900 s",
    }


def test_rows_are_chosen_by_id_in_the_tables_order() -> None:
    assert [row.id for row in chosen(["memory", "3k-100", "cpu", "3k-1"])] == ["3k-1", "3k-100", "cpu", "memory"]
    assert chosen([]) == ALL


def test_an_unknown_row_is_named_with_those_that_exist() -> None:
    with pytest.raises(UnknownRowError, match=r"no row 4k-1; there are 3k-1, .*1m-100, .*lag"):
        chosen(["3k-1", "4k-1"])


def test_more_processes_are_compared_by_their_ratios_so_that_a_slower_machine_changes_nothing() -> None:
    one, two = (next(row for row in ROWS if row.id == id) for id in ("pg-3k-100", "pg-3k-100-w2"))
    fast, slow = Result(one, side(100), side(200)), Result(two, side(50), side(150))
    [found] = rising([fast, slow])
    assert found.lines[0].middle == pytest.approx(1.5)
    assert found.lines[0].reached is True
    assert rising([fast]) == rising([slow]) == []


LINES = {
    # story                                     line                                       reached   shown
    "at most, reached": (Line("x", (3.0, 1.0, 2.0), "ms", 2.0), True, "2.0 ms (1.0-3.0)"),
    "at most, missed": (Line("x", (2.1,), "ms", 2.0), False, "2.1 ms"),
    "at least, reached": (Line("x", (0.8,), "×", 0.8, "≥", 2), True, "0.80 ×"),
    "at least, missed": (Line("x", (0.79,), "×", 0.8, "≥", 2), False, "0.79 ×"),
    "more than, missed by being the same": (Line("x", (1.0,), "×", 1.0, ">", 2), False, "1.00 ×"),
    "without a goal": (Line("x", (5.0,), "KiB"), None, "5.0 KiB"),
    "not measured": (Line("x", (), "ms", 2.0), None, "- ms"),
}


@pytest.mark.parametrize(("line", "reached", "shown"), LINES.values(), ids=LINES)
def test_a_figure_is_judged_by_its_median(line: Line, reached: bool | None, shown: str) -> None:
    assert line.reached is reached
    assert f"| x | {shown} |" in report(found=[Found("x", (line,))]).markdown()


def report(*results: Result, found: Sequence[Found] = ()) -> Report:
    return Report("2026-01-02 03:04", "medians", {"cores": "2"}, {"postfix": {"version": "3.7"}}, results, found)


def test_the_page_shows_figures_goal_machine_and_configuration() -> None:
    page = report(Result(ROW, side(100), side(250, p99=4, cpu=0.3))).markdown()
    assert "| 3 KB, x | 100 | 250 | 2.50 (2.50-2.50) | ≥ 2.0 ✓ | 5.0 / 10.0 | 2.0 / 4.0 | 0.40 (≤ 0.5) ✓ |" in page
    assert "- cores: 2" in page
    assert "version = 3.7" in page


def test_a_row_not_to_be_believed_says_so_on_the_page() -> None:
    assert (
        "**Not to be believed**: 3k-x: ours: acknowledged 100"
        in report(Result(ROW, side(1), side(2, kept=9))).markdown()
    )


def test_what_is_kept_leaves_out_what_must_not_be_believed_and_says_why() -> None:
    good = Found("cpu", (Line("CPU of a mail", (0.3,), "ms", 0.4),))
    bad = Found("idle", (Line("a mail", (9.0,), "ms", 50.0),), faults=("3 connections were lost",))
    whole = report(Result(ROW, side(1), side(2)), Result(ROW, side(1), side(2, kept=9)), found=[good, bad])
    sound = whole.sound()
    assert len(whole.faults) == 2
    assert sound.faults == whole.faults
    assert [one.row for one in sound.found] == ["cpu"]
    assert len(sound.results) == 1
    assert "**Not to be believed**: idle: 3 connections were lost" in sound.markdown()


def test_a_row_that_could_not_be_measured_is_told() -> None:
    missed = Report("2026-01-02 03:04", "medians", {}, {}, [], [], {"pg-3k-100": "PostgreSQL is not installed"})
    assert missed.faults == ["pg-3k-100: PostgreSQL is not installed"]


def test_a_row_that_others_disturbed_is_named() -> None:
    calm, loud = (Found(name, (), disturbance=share) for name, share in (("calm", 0.2), ("loud", 0.3)))
    assert report(found=[calm, loud]).disturbed == {"loud": 0.3}


def test_a_second_run_of_a_day_does_not_overwrite_the_first(tmp_path: Path) -> None:
    first = report(Result(ROW, side(100), side(250))).save(tmp_path)
    second = report(Result(ROW, side(100), side(250))).save(tmp_path)
    assert [path.name for path in first] == ["2026-01-02.json", "2026-01-02.md"]
    assert [path.name for path in second] == ["2026-01-02T0304.json", "2026-01-02T0304.md"]
