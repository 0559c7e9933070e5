"""The pictures: drawn from what was kept, with words for what they show, and those of the documentation current."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

import bench.__main__
from bench import plots
from bench.__main__ import _PICTURES, _RESULTS, _show
from bench.figures import Result, Round, Side
from bench.plots import Kept, newest, ratio, wait
from bench.report import Report
from bench.rows import ROWS

SVG = "{http://www.w3.org/2000/svg}"


def side(*rates: float, p50: float = 5.0, p99: float = 50.0) -> Side:
    return Side(tuple(Round(rate, p50, p99, 0.5, 0.1, 0.0, 10) for rate in rates), 10, 10)


def kept(number: int, ours: Side, at: str = "2026-01-02") -> Kept:
    return Kept(Result(ROWS[number], side(100, 100), ours), at)


def words(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


@pytest.mark.parametrize("draw", [ratio, wait])
def test_a_picture_is_sound_and_says_in_words_what_it_shows(draw: object) -> None:
    assert callable(draw)
    tree = ElementTree.fromstring(draw([kept(0, side(150)), kept(1, side(90, 240))]))
    assert tree.get("role") == "img"
    assert tree.findtext(f"{SVG}title")
    assert "3 KB, 20 sessions kept open" in str(tree.findtext(f"{SVG}desc"))
    assert "prefers-color-scheme: dark" in str(tree.findtext(f"{SVG}style"))


def test_the_ratio_stands_beside_its_goal() -> None:
    picture = ratio([kept(0, side(150, 170))])
    assert "1.60× of 1.5" in words(picture)
    assert "goal 1.5×, reached" in picture


def test_the_waits_of_both_stand_in_the_row() -> None:
    shown = words(wait([kept(0, side(150, p50=1.25, p99=900))]))
    assert {"1.2 / 900.0", "5.0 / 50.0"} <= set(shown)


def test_a_goal_or_a_lucky_round_beyond_all_others_is_still_inside() -> None:
    tree = ElementTree.fromstring(ratio([kept(3, side(100, 930))]))
    width = float(str(tree.get("width")))
    ends = [float(str(line.get("x2"))) for line in tree.iter(f"{SVG}line")]
    assert max(ends) < width


def report(at: str, *results: Result) -> Report:
    return Report(at, "medians", {}, {}, results)


def test_each_row_is_drawn_as_it_was_kept_last(tmp_path: Path) -> None:
    first, again, other = kept(0, side(150)).result, kept(0, side(200)).result, kept(1, side(300)).result
    alone = Result(ROWS[2], None, side(100))
    report("2026-01-02 10:00", first, other, alone).save(tmp_path)
    report("2026-01-03 10:00", again).save(tmp_path)
    (tmp_path / "2026-01-04-torture.json").write_text("{}")
    found = newest(tmp_path)
    assert [(one.result.row.id, one.result.ratio("rate"), one.at) for one in found] == [
        ("3k-1", 2.0, "2026-01-03"),
        ("3k-20", 3.0, "2026-01-02"),
    ]
    assert "2026-01-02 to 2026-01-03" in words(ratio(found))


def test_a_run_keeps_pictures_of_its_own_rows(tmp_path: Path) -> None:
    names = [path.name for path in plots.keep([kept(0, side(150)).result], tmp_path, "2026-01-02")]
    assert names == ["2026-01-02-ratio.svg", "2026-01-02-wait.svg"]
    assert plots.keep([], tmp_path, "2026-01-03") == []


def test_a_kept_run_is_written_with_its_pictures_and_draws_those_of_the_documentation_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, pictures = tmp_path / "results", tmp_path / "images"
    monkeypatch.setattr(bench.__main__, "_RESULTS", results)
    monkeypatch.setattr(bench.__main__, "_PICTURES", pictures)
    sound, wrong = kept(0, side(150)).result, Result(ROWS[1], side(100), Side(side(90).rounds, 10, 9))
    status = _show(report("2026-01-02 10:00", sound, wrong), Console(file=StringIO()), keep=True)
    assert status == 1
    assert sorted(path.name for path in results.iterdir()) == [
        "2026-01-02-ratio.svg",
        "2026-01-02-wait.svg",
        "2026-01-02.json",
        "2026-01-02.md",
    ]
    assert [one.result.row.id for one in newest(results)] == ["3k-1"]
    assert (pictures / plots.RATIO).read_text() == (results / "2026-01-02-ratio.svg").read_text()


def test_the_pictures_of_the_documentation_are_those_of_the_newest_results() -> None:
    found = newest(_RESULTS)
    assert (_PICTURES / plots.RATIO).read_text() == ratio(found), "draw them anew: python -m bench plots"
    assert (_PICTURES / plots.WAIT).read_text() == wait(found), "draw them anew: python -m bench plots"
