"""`smartgate backup`, `restore` and `erase-person`: a store as one file and back, and a person out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway import app
from gateway.commands.output import clean as clean_text
from gateway.commands.output import confirm_erasing, moment, print_json, progress, settings
from gateway.core.resources import rfc3339
from gateway.usecases import back_up
from gateway.usecases import erase_person as erasing
from gateway.usecases.back_up import Kept
from gateway.usecases.erase_person import Erasure
from gateway.wiring import key_name

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
    typer.echo(f"The key in {key_name(chosen)} is not in it: without it nobody reads the credentials. Keep both.")


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
    typer.echo(f"Credentials need the key of then in {key_name(chosen)}.")
    typer.echo("Search is filled by the next `smartgate serve`.")


def erase_person(
    address: Annotated[str, typer.Argument(help="The person's e-mail address.", metavar="ADDR")],
    account: Annotated[str, typer.Option("--account", help="The account's short name.", metavar="SLUG")],
    mentions: Annotated[
        bool, typer.Option("--mentions", help="Messages that only name the address in their text go as well.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased, and erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask; needed where no terminal is to ask at.")] = False,
    json: Json = False,
) -> None:
    """Erase a person from an account: contact, messages they take part in, receipts. This can't be undone."""
    chosen = settings()
    with app.transaction(chosen, reading=True) as tx:
        found = erasing.look_for_person(tx, account, address)
    if dry_run:
        _print_erasure(address, found, "would be erased", clean=None, json=json)
        return
    if not yes:
        confirm_erasing(
            "Erase it for good?",
            lambda: _print_erasure(address, found, "will be erased", clean=None, json=False, err=True),
        )
    with app.transaction(chosen) as tx:
        done = erasing.erase_person(tx, account, address, mentions=mentions)
    try:
        erasing.drop_blobs(app.large_mails(chosen), done)
    except OSError as fault:
        typer.echo(f"{fault}: a running server takes the large mails away as soon as it can.", err=True)
    clean = app.sweep_store(chosen)
    _print_erasure(address, done, "is erased", clean=clean, json=json)


def _print_erasure(
    address: str, found: Erasure, what: str, *, clean: bool | None, json: bool, err: bool = False
) -> None:
    if json:
        print_json(
            {
                "erased": found.counts,
                "mentions": None if found.mentions is None else list(found.mentions),
                "dry_run": clean is None,
                "swept": clean,
            }
        )
        return
    counted = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in found.counts.items())
    typer.echo(f"{clean_text(address)} {what}: {counted}.", err=err)
    if found.mentions:
        typer.echo(f"Other messages name the address in their text: {', '.join(found.mentions)}.", err=err)
    if found.mentions is None:
        typer.echo("The index of search isn't complete yet, so messages that only name it are not looked for.", err=err)
    if clean is not None:
        typer.echo("Backups made before still hold it, and so does a CRM that was told of it.")
    if clean is False:
        typer.echo("Other programs kept the store from being written anew: run this again at a quiet time.", err=True)


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
