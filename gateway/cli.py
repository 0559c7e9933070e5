"""The command line `smartgate`: puts the commands together and gives every failure its one line and exit status."""

from __future__ import annotations

import io
import sys

import typer

from gateway.commands import accounts, crm, hooks, house, keeping, mail, mailboxes, users
from gateway.commands.output import group, hush

app = group("smartgate: a mail that has one address in Cc becomes a record in the CRM.")
app.command("serve")(house.serve)
app.command("demo")(house.demo)
app.command("explain")(mail.explain)
app.command("trace")(mail.trace)
app.command("backup")(keeping.backup)
app.command("restore")(keeping.restore)
app.command("erase-person")(keeping.erase_person)
app.command("egress")(house.egress)
app.command("version")(house.version)
app.add_typer(accounts.commands, name="account")
app.add_typer(users.user_commands, name="user")
app.add_typer(users.token_commands, name="token")
app.add_typer(mailboxes.commands, name="mailbox")
app.add_typer(crm.commands, name="crm")
app.add_typer(hooks.endpoint_commands, name="endpoint")
app.add_typer(hooks.delivery_commands, name="delivery")
app.add_typer(house.db_commands, name="db")
app.add_typer(house.config_commands, name="config")


def main() -> None:
    """Entry point of the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except BrokenPipeError:
        hush()
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise SystemExit(130) from None
