"""Commands about the program as a whole: `serve`, `demo`, `db`, `config` and `version`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from config import describe
from gateway import app, wiring
from gateway.commands.output import InputError, group, print_json, print_table, progress, settings

db_commands = group("The store: its schema and whether it is sound.")
config_commands = group("The settings in force.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]


def serve(
    only: Annotated[
        str,
        typer.Option(
            help="Roles to run, separated by commas; left out: all.", metavar="smtp,lmtp,http,mailboxes,deliveries"
        ),
    ] = "",
    workers: Annotated[int, typer.Option(help="Processes; more than 1 needs PostgreSQL.", min=1, max=64)] = 1,
) -> None:
    """Take mail and answer over HTTP until told to stop; SIGTERM finishes what is under way."""
    chosen = settings()
    roles = frozenset(role.strip() for role in only.split(",") if role.strip()) or frozenset(app.ROLES)
    unknown = sorted(roles - set(app.ROLES))
    if unknown:
        raise InputError(f"--only {unknown[0]!a} is no role; allowed: {', '.join(app.ROLES)}")
    if workers > 1:
        if not chosen.on_postgresql:
            raise InputError(
                f"--workers {workers} needs PostgreSQL; on SQLite only 1 is allowed, as a file has one writer"
            )
        status = app.serve_together(chosen, roles, workers, typer.echo)
    else:
        status = asyncio.run(app.serve(chosen, roles, typer.echo))
    if status:
        raise typer.Exit(status)


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its store.")] = Path("var/demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin with an empty store.")] = False,
    once: Annotated[bool, typer.Option("--once", help="End after the mails were played.")] = False,
) -> None:
    """Start the whole product with a demo account, play a few mails through the real SMTP port, then serve."""
    from gateway.demo import run

    status = run(settings(), folder, fresh=fresh, once=once)
    if status:
        raise typer.Exit(status)


def version(json: Json = False) -> None:
    """Print the version."""
    if json:
        print_json({"version": app.version()})
        return
    typer.echo(f"smartgate {app.version()}")


def egress(json: Json = False) -> None:
    """List the addresses we connect to mail servers and webhooks from, for their firewalls."""
    addresses = wiring.egress(settings())
    if json:
        print_json({"addresses": list(addresses)})
        return
    typer.echo("\n".join(addresses) or "No address is named: set SMARTGATE_EGRESS_ADDRESSES.")


@db_commands.command("upgrade")
def upgrade(json: Json = False) -> None:
    """Bring the store to the schema this version needs; make it where it isn't there."""
    chosen = settings()
    before, after = app.upgrade_store(chosen)
    if json:
        print_json({"path": chosen.database_name, "before": before, "after": after})
        return
    happened = "was made" if before is None else "was current already" if before == after else f"came from {before}"
    typer.echo(f"The store {chosen.database_name} has schema {after}; it {happened}.")


@db_commands.command("check")
def check(json: Json = False) -> None:
    """Say whether the store is there, sound and current, and this machine has the key of its secrets."""
    chosen = settings()
    revision = app.check_store(chosen)
    app.check_secrets(chosen)
    if json:
        print_json({"path": chosen.database_name, "schema": revision, "state": "ok"})
        return
    typer.echo(f"The store {chosen.database_name} is sound; its schema {revision} is current.")


@db_commands.command("reindex")
def reindex(json: Json = False) -> None:
    """Make the index of search anew, while servers run; until it is done they search without it."""
    chosen = settings()
    with progress("indexing") as told:
        count = asyncio.run(app.reindex(chosen, told))
    if json:
        print_json({"path": chosen.database_name, "indexed": count})
        return
    typer.echo(f"The index of the store {chosen.database_name} is made anew: {count} messages and cards.")


@config_commands.command("show")
def show(json: Json = False) -> None:
    """Print every setting, its value and where it came from; secrets are masked."""
    described = describe(settings())
    if json:
        print_json([{"name": one.name, "value": one.value, "source": one.source} for one in described])
        return
    print_table(("SETTING", "VALUE", "FROM"), [(one.name, one.value, one.source) for one in described], "")
