"""`python -m bench [ROW…]`: measure rows of the speed table side by side with Postfix, print them, keep them."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import lag, machine
from bench.figures import Result
from bench.ours import Ours
from bench.peer import Peer, PeerError
from bench.postfix import Postfix
from bench.report import Report
from bench.rows import ROWS, Row, UnknownRowError, chosen
from bench.runner import Configurations, Plan, measure

_RESULTS = Path(__file__).resolve().parent / "results"
_FEWEST_KEPT = 5
_DISTURBED = 0.25


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: all rows measured and to be believed; 1: not; 2: asked wrongly."""
    asked = _parser().parse_args(arguments)
    screen = Console(width=None if sys.stdout.isatty() else 150)
    if asked.list:
        for row in ROWS:
            screen.print(f"{row.id:12} {row.title}, goal ≥ {row.goal} times Postfix", highlight=False)
        screen.print(f"{lag.ID:12} {lag.TITLE}, goal p99 ≤ {lag.GOAL_MS:g} ms; only where it is named", highlight=False)
        return 0
    try:
        names = asked.rows or os.environ.get("ROW", "").replace(",", " ").split()
        if list(names) == [lag.ID]:
            return _lag(asked.dir, asked.seconds, screen)
        rows = chosen(names)
        report = _run(rows, asked)
    except UnknownRowError as error:
        screen.print(f"[red]{error}")
        return 2
    except PeerError as error:
        screen.print(f"[red]{error}")
        return 1
    return _show(report, screen, keep=asked.only is None and asked.rounds >= _FEWEST_KEPT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="ids of rows (also in the variable ROW); none: all")
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    parser.add_argument("--rounds", type=_positive, default=5, help="of each server (5); fewer are shown, not kept")
    parser.add_argument("--seconds", type=float, default=None, help="length of a round instead of the row's own")
    parser.add_argument("--only", choices=("postfix", "smartgate"), help="run one server alone; shown, not kept")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="a disk for both servers' mail (/var/tmp)")
    return parser


def _run(rows: Sequence[Row], asked: argparse.Namespace) -> Report:
    """Measure row after row under a progress bar."""
    plan = Plan(asked.dir, asked.rounds, asked.seconds)
    facts = machine.facts(asked.dir)
    at = time.strftime("%Y-%m-%d %H:%M")
    results: list[Result] = []
    configurations: Configurations = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        sides = 1 if asked.only else 2
        task = progress.add_task("starting", total=len(rows) * plan.bursts(sides))
        for row in rows:
            peer: Peer | None = Postfix() if asked.only != "smartgate" else None
            ours: Peer | None = Ours() if asked.only != "postfix" else None
            result, used = measure(
                row, plan, peer, ours, lambda what: progress.update(task, advance=1, description=what)
            )
            results.append(result)
            configurations.update(used)
    seconds = f"{asked.seconds:g} s" if asked.seconds else "the row's seconds"
    how = f"medians of {asked.rounds} interleaved rounds of {seconds} each"
    return Report(at, how, facts, configurations, results)


def _show(report: Report, screen: Console, *, keep: bool) -> int:
    """Print the table with all that is needed to judge it; keep it where it is whole."""
    screen.print(report.table())
    for name, value in report.machine.items():
        screen.print(f"  {name}: {value}", highlight=False)
    for name, settings in report.configurations.items():
        shown = "; ".join(f"{key} = {value}" for key, value in settings.items())
        screen.print(f"\n  {name}: {shown}", highlight=False)
    faults = [f"{result.row.id}: {fault}" for result in report.results for fault in result.faults]
    for result in report.results:
        if result.disturbance > _DISTURBED:
            screen.print(
                f"[yellow]{result.row.id}: others used {result.disturbance:.0%} of the cores meanwhile: measure again"
            )
    for fault in faults:
        screen.print(f"[red]not to be believed: {fault}")
    if keep and not faults:
        screen.print(f"\nkept in {' and '.join(str(path) for path in report.save(_RESULTS))}", highlight=False)
    return 1 if faults else 0


def _lag(folder: Path, seconds: float | None, screen: Console) -> int:
    """The row without a peer: measured alone, shown, and kept where it had its whole time."""
    measured = lag.measure(folder, seconds or lag.SECONDS)
    page = lag.report(measured, seconds or lag.SECONDS, folder)
    screen.print(page, highlight=False)
    if seconds is None and not measured.faults:
        screen.print(f"kept in {lag.save(measured, page, _RESULTS)}", highlight=False)
    return 1 if measured.faults else 0


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of rounds: at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
