"""`python -m tests.load`: the load programme, short or in its full size; exit status 1 where a zero is none."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import machine
from gateway.listening import allow_connections
from tests.load.programme import FULL, HEAD, PARTS, ROOT, SHORT, Row, Size, cells, save

RESULTS = ROOT / "bench" / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: every zero is one; 1: not, or the system lets nobody hold so many connections."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none: all")
    parser.add_argument("--full", action="store_true", help="the full size, and keep the output")
    asked = parser.parse_args(arguments)
    screen = Console(width=None if sys.stdout.isatty() else 200)
    if unknown := [part for part in asked.parts if part not in PARTS]:
        parser.error(f"{unknown[0]!r} is no part: {', '.join(PARTS)}")
    size = FULL if asked.full else SHORT
    if (possible := allow_connections(size.idle)) < size.idle:
        screen.print(f"[red]{size.idle} open connections are needed, the system allows {possible}: raise ulimit -Hn")
        return 1
    at, facts = time.strftime("%Y-%m-%d %H:%M"), machine.facts(Path(tempfile.gettempdir()))
    rows = _run(asked.parts or list(PARTS), size)
    screen.print(_table(rows))
    for one in rows:
        for fault in one.faults:
            screen.print(f"{one.crowd}: {fault}", style="red", highlight=False)
    if asked.full and not asked.parts:
        kept = save(RESULTS, at, facts, size, rows)
        screen.print(f"kept in {' and '.join(map(str, kept))}", highlight=False)
    return 1 if any(sum(one.zeros.values()) for one in rows) else 0


def _run(parts: Sequence[str], size: Size) -> list[Row]:
    """Each part after the other, under a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    rows: list[Row] = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for part in parts:
            task = progress.add_task(part, total=None)

            def step(_: str, total: int, task: int = task) -> None:
                progress.update(task, advance=1, total=total)  # type: ignore[arg-type]

            rows += PARTS[part](size, step)
    return rows


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="Load", box=box.SIMPLE_HEAD, title_justify="left")
    for name in HEAD:
        table.add_column(name, justify="right" if name == "s" else "left")
    for one in rows:
        table.add_row(*cells(one), style="red" if any(one.zeros.values()) else None)
    return table


if __name__ == "__main__":
    sys.exit(main())
