"""How commands speak: tables for people, one JSON value for programs, one line on standard error for what is wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import typer
from typer.core import TyperGroup

from config import Settings, SettingsError, load
from gateway import logs
from gateway.app import ListenError, StoreError
from gateway.core.options import AccountError


class InputError(Exception):
    """What was given can't be worked with; str() is one line for the person who gave it."""


class Plain(TyperGroup):
    """A group whose commands end with one line on standard error and status 1 when something is wrong."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (AccountError, StoreError, ListenError, SettingsError, InputError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error


def group(help: str) -> typer.Typer:
    """A group of commands; without one, it prints its help."""
    return typer.Typer(
        cls=Plain,
        help=help,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def settings() -> Settings:
    """The settings of this run, with the log set up as they say. Raises SettingsError."""
    found = load()
    logs.configure(found.log_level, found.log_format)
    return found


def at_a_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def confirm_erasing(question: str, tell: Callable[[], None] = lambda: None) -> None:
    """Asks before what can't be undone; tell says beforehand what it is. Raises InputError where the answer is no, and
    where nobody can be asked: a script, or a shell over ssh without a terminal, has to say that it means it."""
    if not at_a_terminal():
        raise InputError("nothing was erased: it can't be undone, and no terminal is there to ask at; --yes means it")
    tell()
    if not typer.confirm(question, err=True):
        raise InputError("nothing was erased")


def print_json(value: Any) -> None:
    """One JSON value and nothing else. ASCII only, so that any locale and any half of a character can be printed."""
    typer.echo(json.dumps(value, indent=2))


def print_table(head: Sequence[str], rows: Sequence[Sequence[Any]], nothing: str) -> None:
    """A table; in plain aligned columns where nobody looks at a terminal. nothing: said when there is no row."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if not cells:
        typer.echo(nothing)
    elif sys.stdout.isatty():
        _rich_table(head, cells)
    else:
        widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
        for row in (head, *cells):
            typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_facts(facts: Sequence[tuple[str, Any]]) -> None:
    """Names and values below one another."""
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        typer.echo(f"{name.ljust(width)}  {clean(value)}".rstrip())


def clean(value: Any) -> str:
    """A value as it may stand on a terminal: what a peer sent can neither colour it nor start a line."""
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(clean, value))
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(value))


def moment(milliseconds: int) -> str:
    """A time for people, in their own time zone."""
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def hush() -> None:
    """Whoever read our output has gone, as `head` does: nothing more is said, also by Python at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """How far something is, where somebody looks at a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=f"{what}: {done:,} of {total:,}")

        yield told


def _rich_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)
