"""`smartgate backup` and `restore`: a store as one file, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gateway import app
from gateway.commands.output import moment, print_json, settings
from gateway.core.resources import rfc3339
from gateway.usecases import back_up
from gateway.usecases.back_up import Kept, Told

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; one that is there is replaced.", metavar="FILE")],
    json: Json = False,
) -> None:
    """Write the whole store into one file, while servers run on it."""
    chosen = settings()
    with progress("backing up") as told:
        kept = back_up.back_up(chosen.database, app.large_mails(chosen), file, app.version(), told)
    if json:
        _print_json(kept)
        return
    typer.echo(f"{file} holds the store {chosen.database_name} as it was at {moment(kept.made_at)}: {_held(kept)}.")
    if kept.missing:
        typer.echo(f"{kept.missing} large mails were erased meanwhile and are not in it.")
    typer.echo("SMARTGATE_SECRET_KEY is not in it: without that key nobody reads the credentials it holds. Keep both.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `smartgate backup` wrote.", metavar="FILE")],
    json: Json = False,
) -> None:
    """Make the store of the settings from a backup, of either database; the store must have no accounts."""
    chosen = settings()
    with progress("restoring") as told:
        kept = back_up.restore(chosen.database, app.large_mails(chosen), file, told)
    if json:
        _print_json(kept)
        return
    typer.echo(f"The store {chosen.database_name} is as it was at {moment(kept.made_at)}: {_held(kept)}.")
    typer.echo("Credentials need the SMARTGATE_SECRET_KEY of then. Search is filled by the next `smartgate serve`.")


@contextmanager
def progress(what: str) -> Iterator[Told]:
    """How far something is, where somebody looks at a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _held(kept: Kept) -> str:
    accounts, messages = kept.rows.get("accounts", 0), kept.rows.get("messages", 0)
    return f"accounts {accounts}, messages {messages}, large mails {kept.blobs}, rows in all {sum(kept.rows.values())}"


def _print_json(kept: Kept) -> None:
    print_json(
        {
            "file": str(kept.file),
            "schema": kept.schema,
            "made_at": rfc3339(kept.made_at),
            "bytes": kept.bytes,
            "rows": kept.rows,
            "blobs": kept.blobs,
            "missing_blobs": kept.missing,
            "secret_key": False,
        }
    )
