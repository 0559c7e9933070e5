"""A whole run: every row that was asked for, one after the other, under one progress bar, into one report."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import machine
from bench.figures import Result
from bench.lines import Found, Line
from bench.ours import Ours, Sqlite
from bench.peer import Peer
from bench.postfix import Postfix
from bench.postgresql import Postgresql
from bench.report import Report
from bench.rows import Row
from bench.run import Run, Yardstick
from bench.runner import Configurations, Plan, Stepped, measure

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


def ours(row: Row) -> Ours:
    """Our server as a row wants it."""
    if row.database == "SQLite":
        return Ours(Sqlite())
    more = f", {row.processes} processes" if row.processes > 1 else ""
    return Ours(Postgresql(), name=f"smartgate on {row.database}{more}", processes=row.processes)


def measure_all(rows: Sequence[Row | Yardstick], plan: Plan, only: str | None = None) -> Report:
    """Measure row after row. only: one of the two servers, by its name. A row that can't be measured is told as
    missing, and the next one follows; where it is the only one, its error is raised."""
    at, facts = time.strftime("%Y-%m-%d %H:%M"), machine.facts(plan.folder)
    configurations: Configurations = {}
    found: list[Found] = []
    missing: dict[str, str] = {}
    sides = 1 if only else 2
    expected = [row.steps(plan) if isinstance(row, Yardstick) else plan.bursts(sides) for row in rows]
    with Progress(*_COLUMNS, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=sum(expected))
        with Run(plan, lambda what: progress.update(task, advance=1, description=what)) as run:
            for number, row in enumerate(rows):
                progress.update(task, description=row.id)
                try:
                    used = _measure(row, run, found, only)
                except Exception as error:  # whatever is wrong with one row, the others take half an hour to repeat
                    if len(rows) == 1:
                        raise
                    missing[row.id] = f"not measured: {_short(error)}"
                    used = {}
                configurations.update(used)
                progress.update(task, completed=sum(expected[: number + 1]))
    found += rising(run.results)
    return Report(at, _how(plan), facts, configurations, run.results, found, missing)


def _measure(row: Row | Yardstick, run: Run, found: list[Found], only: str | None) -> Configurations:
    """One row; what came of it is put where it belongs."""
    if isinstance(row, Yardstick):
        found.append(row.measure(run))
        return dict(found[-1].configurations)
    result, used = _beside_postfix(row, run.plan, only, run.stepped)
    run.results.append(result)
    return used


def _beside_postfix(row: Row, plan: Plan, only: str | None, stepped: Stepped) -> tuple[Result, Configurations]:
    peer: Peer | None = Postfix() if only != "smartgate" else None
    own: Peer | None = ours(row) if only != "postfix" else None
    return measure(row, plan, peer, own, stepped)


def rising(results: Sequence[Result]) -> list[Found]:
    """How much faster more processes are than fewer, where both were measured: their ratios to Postfix against each
    other, so that a machine that slowed down between the two rows changes nothing."""
    ratios = {result.row.id: result.ratio("rate") for result in results}
    lines = []
    for result in results:
        fewer = ratios.get(result.row.above or "")
        mine = ratios[result.row.id]
        if fewer and mine is not None:
            what = f"{result.row.id} against {result.row.above}"
            lines.append(Line(what, (mine / fewer,), "×", 1.0, ">", 2, "mails a second, by their ratios to Postfix"))
    return [Found("rising", tuple(lines))] if lines else []


def _short(error: Exception) -> str:
    """The first and the last line of what it says: a server may have ended with a long trace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0] if len(lines) == 1 else f"{lines[0]} … {lines[-1]}"


def _how(plan: Plan) -> str:
    seconds = f"{plan.seconds:g} s" if plan.seconds else "the row's seconds"
    return f"medians of {plan.rounds} interleaved rounds of {seconds} each"
