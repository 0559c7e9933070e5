"""`smartgate account`: tenants, their names and options."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway import app
from gateway.commands.output import (
    InputError,
    confirm_erasing,
    group,
    moment,
    print_facts,
    print_json,
    print_table,
    settings,
)
from gateway.core.options import OPTIONS
from gateway.core.resources import Account, as_json
from gateway.usecases import accounts

commands = group("Accounts: each has a name that its three smart addresses are made of.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Slug = Annotated[str, typer.Argument(help="The account's short name, as in its addresses.", metavar="SLUG")]


@commands.command("add")
def add(
    slug: Slug,
    name: Annotated[str, typer.Option(help="The account's name as people read it.")],
    owner: Annotated[str, typer.Option(help="E-mail address of the first user, who becomes admin.", metavar="MAIL")],
    domain: Annotated[
        list[str], typer.Option(help="A domain whose every address is team; may be given again.", metavar="DOMAIN")
    ] = [],  # noqa: B006 - typer reads the default, nobody changes it
    json: Json = False,
) -> None:
    """Open an account; its addresses take mail from now on."""
    chosen = settings()
    with app.transaction(chosen) as tx:
        opened = accounts.open_account(tx, app.house(chosen), slug, name, owner, domain)
    if json:
        print_json(
            {
                "account": opened.account.slug,
                "id": opened.account.id,
                "addresses": as_json(opened.account.addresses),
                "user": opened.owner.email,
                "token": opened.token,
                "sign_in_url": opened.sign_in_url,
            }
        )
        return
    typer.echo(f"Account {opened.account.slug} is open. Put one of these in Cc of a mail to a client:")
    _print_addresses(opened.account)
    typer.echo(f"\n{opened.owner.email} is its admin. Shown once:")
    print_facts([("API token", opened.token), ("sign in (once, 15 minutes)", opened.sign_in_url)])


@commands.command("list")
def list_(json: Json = False) -> None:
    """List every account."""
    chosen = settings()
    with app.transaction(chosen, reading=True) as tx:
        found = accounts.list_accounts(tx, app.house(chosen))
    if json:
        print_json([as_json(account) for account in found])
        return
    rows = [
        (one.slug, one.name, one.copy_policy, one.strangers, one.own_domains, moment(one.created_at)) for one in found
    ]
    head = ("SLUG", "NAME", "COPY POLICY", "STRANGERS", "OWN DOMAINS", "SINCE")
    print_table(head, rows, "No account yet: `smartgate account add SLUG --name NAME --owner MAIL` opens one.")


@commands.command("show")
def show(slug: Slug, json: Json = False) -> None:
    """Show one account with its addresses, options and users."""
    chosen = settings()
    with app.transaction(chosen, reading=True) as tx:
        account, users = accounts.show_account(tx, app.house(chosen), slug)
    if json:
        print_json(as_json(account) | {"users": [as_json(user) for user in users]})
        return
    _print(account)
    typer.echo("\nUsers")
    print_table(
        ("EMAIL", "NAME", "ROLE", "SHARED MAIL"),
        [(user.email, user.name, user.role, user.shared_mail) for user in users],
        "none",
    )


@commands.command("rename")
def rename(
    old: Annotated[str, typer.Argument(help="The name it has.", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="The name it gets.", metavar="NEW")],
    json: Json = False,
) -> None:
    """Give an account another name. Its old addresses stay reserved to it (rule A4)."""
    chosen = settings()
    with app.transaction(chosen) as tx:
        account = accounts.rename_account(tx, app.house(chosen), old, new)
    if json:
        print_json(as_json(account))
        return
    grace = (
        f"work for {account.rename_grace_days} more days" if account.rename_grace_days else "are refused from now on"
    )
    typer.echo(f"The account is {account.slug} now; the addresses of {old} {grace}.")
    _print_addresses(account)


@commands.command("set")
def set_(
    slug: Slug,
    pairs: Annotated[list[str], typer.Argument(help=f"Options: {', '.join(OPTIONS)}.", metavar="OPTION=VALUE...")],
    json: Json = False,
) -> None:
    """Change options of an account, all or none; the next mail is decided by them."""
    chosen = settings()
    with app.transaction(chosen) as tx:
        account = accounts.set_account(tx, app.house(chosen), slug, _pairs(pairs))
    if json:
        print_json(as_json(account))
        return
    _print(account)


@commands.command("erase")
def erase(
    slug: Slug,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask; needed where no terminal is to ask at.")] = False,
    json: Json = False,
) -> None:
    """Take an account away with all its mails, cards, users and receipts. This can't be undone."""
    chosen = settings()
    if not yes:
        confirm_erasing(f"Erase account {slug!a} with all it holds?")
    with app.transaction(chosen) as tx:
        number = accounts.erase_account(tx, slug)
    app.drop_files(chosen, number)
    if json:
        print_json({"account": slug, "erased": True})
        return
    typer.echo(f"Account {slug} is erased.")


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        option, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!a} is no OPTION=VALUE; allowed options: {', '.join(OPTIONS)}")
        if option in pairs:
            raise InputError(f"option {option!a} is given twice")
        pairs[option] = value
    return pairs


def _print(account: Account) -> None:
    print_facts(
        [
            ("account", account.slug),
            ("id", account.id),
            ("name", account.name),
            ("file on known cards", account.addresses.attach),
            ("add contacts", account.addresses.contact),
            ("open a lead", account.addresses.lead),
            ("copy_policy", account.copy_policy),
            ("strangers", account.strangers),
            ("own_domains", account.own_domains),
            ("never_log", account.never_log),
            ("rename_grace_days", account.rename_grace_days),
            ("link_mailbox", account.link_mailbox),
            ("since", moment(account.created_at)),
        ]
    )


def _print_addresses(account: Account) -> None:
    addresses = account.addresses
    print_facts(
        [
            (f"  {addresses.attach}", "shows the mail on the cards of people you know"),
            (f"  {addresses.contact}", "and makes contacts of those you don't"),
            (f"  {addresses.lead}", "and opens a lead"),
        ]
    )
