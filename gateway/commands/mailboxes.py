"""`smartgate mailbox`: people's own mailboxes, connected, shown, changed, synced and disconnected."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Literal

import typer

from config import Settings
from gateway import app, wiring_mailboxes
from gateway.commands.mailbox_dialog import (
    ask_password,
    confirmed,
    consent_words,
    follow,
    is_looked_into,
    print_found,
    print_mailbox,
    read_password,
    read_server,
    right,
    takes_password,
)
from gateway.commands.output import (
    InputError,
    confirm_erasing,
    group,
    moment,
    print_json,
    print_table,
    progress,
    settings,
)
from gateway.core.mailboxes import SYNCED, Found
from gateway.core.options import check_flag
from gateway.core.resources import Mailbox, as_json
from gateway.sealing import SealError
from gateway.usecases import connect_mailbox, disconnect_mailbox, mailboxes, users
from gateway.usecases.connect_mailbox import Halt, Opened, Wish
from gateway.usecases.edit_session import Principal
from gateway.usecases.mail_servers import MailServers
from gateway.usecases.mailboxes import Change, Edit
from gateway.usecases.operate_mailbox import list_all, operator_for, operator_of
from gateway.wiring import keyring

commands = group("Mailboxes: people's own, connected and kept in sync.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Account = Annotated[str, typer.Option("--account", help="The account's short name.", metavar="SLUG")]
Which = Annotated[str, typer.Argument(help="The mailbox's address, or its id.", metavar="MAILBOX")]
Address = Annotated[str, typer.Argument(help="The mailbox's address.", metavar="ADDRESS")]
Kind = Annotated[Literal["personal", "shared"], typer.Option(help="Whose it is: one user's, or the team's.")]
Security = Literal["tls", "starttls"]
Created = Literal["off", "contact", "lead"]
PasswordFile = Annotated[str, typer.Option(metavar="FILE", help="Holds the password; - reads it.")]


@commands.command("discover")
def discover(address: Address, json: Json = False) -> None:
    """Find the servers of an address and how they let one in; nothing is connected."""
    chosen = settings()
    print_found(_found(_door(chosen), chosen, address), json=json)


@commands.command("add")
def add(
    address: Address,
    account: Account,
    kind: Kind = "personal",
    owner: Annotated[str, typer.Option(help="The owner's address; left out, the mailbox's own.", metavar="MAIL")] = "",
    password_file: PasswordFile = "",
    imap: Annotated[str, typer.Option(help="Left out, it is found.", metavar="HOST:PORT")] = "",
    imap_security: Annotated[Security, typer.Option(help="STARTTLS is then required.")] = "tls",
    smtp: Annotated[str, typer.Option(help="For sending; left out, it is found.", metavar="HOST:PORT")] = "",
    smtp_security: Annotated[Security, typer.Option(help="STARTTLS is then required.")] = "tls",
    login: Annotated[str, typer.Option(help="The log-in name; left out, the address.", metavar="NAME")] = "",
    sent: Annotated[str, typer.Option(help="The folder of sent mail, where it isn't found.", metavar="PATH")] = "",
    auto_create: Annotated[Created, typer.Option(help="What its mail creates.")] = "off",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show how far the import is, until it is over.")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", help="Trust servers that were guessed.")] = False,
    json: Json = False,
) -> None:
    """Connect a mailbox; its password is asked for, or read from a file or standard input, and tried at once."""
    chosen = settings()
    wish = Wish(
        address,
        kind,
        imap=read_server(imap, imap_security, login, "imap"),
        smtp=read_server(smtp, smtp_security, login, "smtp"),
        sent=sent,
        auto_create=auto_create,
    )
    mail = _door(chosen)
    with app.transaction(chosen, reading=True) as tx:
        writer = operator_for(tx, account, address, owner, kind)
        taken = connect_mailbox.find_conflict(tx, writer, wish)
    if taken is not None:
        raise InputError(taken.detail)
    opened = _opened(chosen, mail, wish, password_file, yes=yes)
    try:
        with app.transaction(chosen) as tx:
            made = right(connect_mailbox.add_opened(tx, writer, opened, keyring(chosen)), address)
    except SealError as fault:
        raise InputError(str(fault)) from fault
    if wait:
        followed = follow(chosen, writer, made, "importing")
        if followed is None:
            typer.echo("No server imports it at this moment; `smartgate serve` does as soon as it runs.", err=True)
        made = followed or made
    print_mailbox(made, json=json)


@commands.command("list")
def list_mailboxes(account: Account, json: Json = False) -> None:
    """List the mailboxes of an account; never their credentials."""
    with app.transaction(settings(), reading=True) as tx:
        found = list_all(tx, account)
        owners = {user.id: user.email for user in users.list_users(tx, account)}
    if json:
        print_json([as_json(one) for one in found])
        return
    rows = [
        (
            one.id,
            one.address,
            one.kind,
            owners.get(one.owner),
            one.state,
            None if one.last_sync_at is None else moment(one.last_sync_at),
            one.error,
        )
        for one in found
    ]
    print_table(("ID", "ADDRESS", "KIND", "OWNER", "STATE", "SYNCED", "WHAT IS WRONG"), rows, "No mailbox.")


@commands.command("show")
def show(mailbox: Which, account: Account, json: Json = False) -> None:
    """Show a mailbox and how it is."""
    with app.transaction(settings(), reading=True) as tx:
        _, found = operator_of(tx, account, mailbox)
    print_mailbox(found, json=json)


@commands.command("set")
def set_mailbox(
    mailbox: Which,
    account: Account,
    kind: Annotated[Literal["personal", "shared"] | None, typer.Option(help="Whose it is from now on.")] = None,
    owner: Annotated[str | None, typer.Option(help="Of one that becomes personal.", metavar="MAIL")] = None,
    share_with_admins: Annotated[str | None, typer.Option(help="Admins read it: true or false.")] = None,
    alias: Annotated[
        list[str] | None, typer.Option(help="Another address of it; replaces all.", metavar="MAIL")
    ] = None,
    threads: Annotated[str | None, typer.Option(help="Group messages into threads: true or false.")] = None,
    auto_create: Annotated[Created | None, typer.Option(help="What its mail creates.")] = None,
    keep_attachments: Annotated[str | None, typer.Option(help="Keep attachments here: true or false.")] = None,
    state: Annotated[Literal["paused", "ready"] | None, typer.Option(help="Pause it, or go on.")] = None,
    sent: Annotated[str | None, typer.Option(help="The folder of sent mail.", metavar="PATH")] = None,
    password_file: Annotated[str, typer.Option(metavar="FILE", help="Holds a new password; - reads it.")] = "",
    json: Json = False,
) -> None:
    """Change a mailbox; a new password is tried at once."""
    chosen = settings()
    with app.transaction(chosen, reading=True) as tx:
        writer, found = operator_of(tx, account, mailbox)
        ids = {user.email: user.id for user in users.list_users(tx, account)}
    change = Change(
        kind,
        None if owner is None else ids.get(owner.strip().lower(), owner),
        _flag("share_with_admins", share_with_admins),
        None if alias is None else tuple(one for one in alias if one),
        _flag("threads", threads),
        auto_create,
        _flag("keep_attachments", keep_attachments),
        read_password(password_file) if password_file else None,
        state,
        sent,
    )
    wanted = Edit(writer, found.id, change, lambda _: True, chosen.domains)
    print_mailbox(_changed(chosen, wanted), json=json)


@commands.command("sync")
def sync(mailbox: Which, account: Account, json: Json = False) -> None:
    """Have a mailbox looked into at once, by a running server or else by this command."""
    chosen = settings()
    with app.transaction(chosen) as tx:
        writer, found = operator_of(tx, account, mailbox)
        wanted = right(mailboxes.want_sync(tx, writer, found.id), mailbox)
    synced = follow(chosen, writer, wanted, "syncing")
    if synced is None:
        _door(chosen)
        with progress("syncing") as tell:
            done = asyncio.run(wiring_mailboxes.sync_once(chosen, writer.account, found.id, tell))
        if not done:
            raise InputError(f"somebody else is looking into {found.address} at this moment; try again in a minute")
        with app.transaction(chosen, reading=True) as tx:
            _, synced = operator_of(tx, account, found.id)
    print_mailbox(synced, json=json)
    if synced.state not in SYNCED or (synced.error and not is_looked_into(found, synced)):
        raise typer.Exit(1)


@commands.command("disconnect")
def disconnect(
    mailbox: Which,
    account: Account,
    emails: Annotated[Literal["keep", "delete"], typer.Option(help="What becomes of its mail here.")] = "keep",
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask; needed where no terminal is to ask at.")] = False,
    json: Json = False,
) -> None:
    """Disconnect a mailbox and forget its credential; its mail stays here, or goes. The server's is left alone."""
    chosen = settings()
    with app.transaction(chosen, reading=True) as tx:
        writer, found = operator_of(tx, account, mailbox)
        mails = disconnect_mailbox.count_mail(tx, writer, found.id)
    alone = f"{mails.alone:,} of them came by it alone and will be gone."
    said = f"{found.address} brought {mails.messages:,} messages; {alone}"
    if emails == "delete" and not yes:
        confirm_erasing("Delete them here?", lambda: typer.echo(said, err=True))
    with app.transaction(chosen) as tx:
        disconnect_mailbox.set_apart(tx, writer, found.id, with_mail=emails == "delete")
    if emails == "delete":
        _purge(chosen, writer, found.id)
    if not app.empty_log(chosen):
        typer.echo("A program at work keeps the store's log; it is emptied when a server is idle.", err=True)
    with app.transaction(chosen, reading=True) as tx:
        _, found = operator_of(tx, account, found.id)
    print_mailbox(found, json=json)


def _purge(chosen: Settings, writer: Principal, id: str) -> None:
    more = 1
    while more:
        with app.transaction(chosen) as tx:
            more = disconnect_mailbox.purge_some(tx, writer.account, id)


def _changed(chosen: Settings, wanted: Edit) -> Mailbox:
    sealed, password = None, wanted.change.password
    try:
        if password is not None:
            with app.transaction(chosen, reading=True) as tx:
                row = right(mailboxes.judge(tx, wanted), wanted.id)
            sealed = right(asyncio.run(mailboxes.log_in(_door(chosen), row, password, keyring(chosen))), wanted.id)
    except SealError as fault:
        raise InputError(str(fault)) from fault
    with app.transaction(chosen) as tx:
        row = right(mailboxes.judge(tx, wanted), wanted.id)
        return mailboxes.edit_row(tx, wanted.writer, row, wanted.change, sealed)


def _opened(chosen: Settings, mail: MailServers, wish: Wish, password_file: str, *, yes: bool) -> Opened:
    """The mailbox after a log-in; what has to be asked for is asked."""
    address = right(connect_mailbox.check_address(wish.address, chosen.domains), wish.address)
    password = read_password(password_file) if password_file else ""
    if not password:
        found = None if wish.imap is not None else _found(mail, chosen, address)
        if found is None or takes_password(found):
            password = ask_password(address, found)
    wanted = replace(wish, address=address, password=password)
    opened = asyncio.run(connect_mailbox.open_mailbox(mail, wanted))
    if isinstance(opened, Halt) and opened.found is not None and confirmed(opened.found, yes=yes):
        wanted = replace(wanted, imap=opened.found.servers.imap, smtp=opened.found.servers.smtp)
        opened = asyncio.run(connect_mailbox.open_mailbox(mail, wanted))
    if isinstance(opened, Halt):
        raise InputError(consent_words(chosen, opened, address, wish.kind))
    return right(opened, address)


def _found(mail: MailServers, chosen: Settings, address: str) -> Found:
    return right(asyncio.run(connect_mailbox.discover(mail, address, chosen.domains)), address)


def _door(chosen: Settings) -> MailServers:
    return wiring_mailboxes.mail_servers(chosen)


def _flag(name: str, text: str | None) -> bool | None:
    return None if text is None else check_flag(name, text)
