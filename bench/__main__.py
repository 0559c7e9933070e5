"""`python -m bench [ROW…]`: measure rows of the speed table, print them, keep them.

`python -m bench plots` draws the pictures of the documentation anew from what was kept; `python -m bench profile ROW`
shows where the server's time goes while the row's load runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import plots
from bench.choice import ALL, UnknownRowError, chosen
from bench.peer import PeerError
from bench.profiling import profile
from bench.report import Report
from bench.rows import Row
from bench.runner import Plan
from bench.whole import measure_all

_HERE = Path(__file__).resolve().parent
_RESULTS = _HERE / "results"
_PICTURES = _HERE.parent / "docs" / "images"
_FEWEST_KEPT = 5
_QUICK = {"rounds": 1, "seconds": 1.0, "stored": 20_000, "held": 1_000, "mailboxes": 200}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: all rows measured and to be believed; 1: not; 2: asked wrongly."""
    asked = _parser().parse_args(arguments)
    screen = Console(width=None if sys.stdout.isatty() else 170)
    names = asked.rows or os.environ.get("ROW", "").replace(",", " ").split()
    try:
        if asked.list:
            return _list(screen)
        if names == ["plots"]:
            return _draw(screen)
        if names[:1] == ["profile"]:
            return profile(names[1:], asked.dir, asked.seconds, screen)
        report = measure_all(chosen(names), _plan(asked), asked.only)
    except UnknownRowError as error:
        screen.print(f"[red]{error}")
        return 2
    except PeerError as error:
        screen.print(f"[red]{error}")
        return 1
    return _show(report, screen, keep=_is_kept(asked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="ids of rows (also in the variable ROW); none: all")
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    parser.add_argument("--quick", action="store_true", help="one short round of everything, to see that it works")
    parser.add_argument("--rounds", type=_positive, default=None, help="of each server (5); fewer are shown, not kept")
    parser.add_argument("--seconds", type=float, default=None, help="length of a round instead of the row's own")
    parser.add_argument("--only", choices=("postfix", "smartgate"), help="run one server alone; shown, not kept")
    parser.add_argument("--stored", type=_thousands, default=None, help="mails of a large store (1000000)")
    parser.add_argument("--held", type=_positive, default=None, help="idle connections of the row idle (10000)")
    parser.add_argument("--mailboxes", type=_positive, default=None, help="of the row mailbox-2000 (2000)")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="a disk for all servers' mail (/var/tmp)")
    return parser


def _plan(asked: argparse.Namespace) -> Plan:
    """What is named, else what --quick means, else the plan's own figures."""
    wanted = {name: getattr(asked, name) for name in _QUICK if getattr(asked, name) is not None}
    return Plan(asked.dir, **({**_QUICK, **wanted} if asked.quick else wanted))


def _is_kept(asked: argparse.Namespace) -> bool:
    """Only whole runs are: both servers, rounds enough for a median, and sizes as the goals name them."""
    smaller = asked.quick or asked.only or asked.stored or asked.held or asked.mailboxes
    return not smaller and (asked.rounds or _FEWEST_KEPT) >= _FEWEST_KEPT


def _list(screen: Console) -> int:
    for row in ALL:
        goal = f"≥ {row.goal} times Postfix" if isinstance(row, Row) else row.goal
        screen.print(f"{row.id:14} {row.title}, goal {goal}", highlight=False)
    return 0


def _draw(screen: Console) -> int:
    for path in plots.draw(_RESULTS, _PICTURES):
        screen.print(f"drawn {path}", highlight=False)
    return 0


def _show(report: Report, screen: Console, *, keep: bool) -> int:
    """Print the tables with all that is needed to judge them; keep them where they are whole."""
    for table in report.tables():
        screen.print(table)
    for name, value in report.machine.items():
        screen.print(f"  {name}: {value}", highlight=False)
    for name, settings in report.configurations.items():
        shown = "; ".join(f"{key} = {value}" for key, value in settings.items())
        screen.print(f"\n  {name}: {shown}", highlight=False)
    for row, share in report.disturbed.items():
        screen.print(f"[yellow]{row}: others used {share:.0%} of the cores meanwhile: measure again")
    for fault in report.faults:
        screen.print(f"[red]not to be believed: {fault}")
    sound = report.sound()
    if keep and (sound.results or sound.found):
        data, page = sound.save(_RESULTS)
        drawn = plots.keep(sound.results, _RESULTS, data.stem)
        screen.print(f"\nkept in {', '.join(str(path) for path in (data, page, *drawn))}", highlight=False)
        _draw(screen)
    return 1 if report.faults else 0


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is too small: at least 1")
    return value


def _thousands(text: str) -> int:
    value = int(text)
    if value < 1_000 or value % 1_000:
        raise argparse.ArgumentTypeError(f"{text} mails can't be dealt out evenly: a multiple of 1000 is needed")
    return value


if __name__ == "__main__":
    sys.exit(main())
