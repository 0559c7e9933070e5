"""`smartgate crm`: the CRM that an account works in, where that is not our own cards."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway import app
from gateway.commands.output import InputError, group, moment, print_facts, print_json, settings
from gateway.core.resources import Crm, as_json
from gateway.sealing import SealError
from gateway.usecases.accounts import number_of
from gateway.usecases.connect_crm import ConnectError, Wish, connect, connect_crm, disconnect_crm, show_crm
from gateway.wiring import keyring

commands = group("The CRM an account works in: our own cards, until another one is connected.")
KINDS = ("kommo",)
MAX_SECRET = 16 * 1024
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Slug = Annotated[str, typer.Argument(help="The account's short name, as in its addresses.", metavar="SLUG")]


@commands.command("connect")
def connect_(
    slug: Slug,
    kind: Annotated[str, typer.Argument(help=f"Which CRM: {', '.join(KINDS)}.", metavar="KIND")],
    url: Annotated[str, typer.Option(help="The account's address: https://SUBDOMAIN.kommo.com.")],
    token_file: Annotated[str, typer.Option(metavar="FILE", help="Holds a long-lived token; - reads it.")] = "",
    client_id: Annotated[str, typer.Option(help="OAuth: the integration's id.", metavar="ID")] = "",
    client_secret_file: Annotated[str, typer.Option(metavar="FILE", help="OAuth: holds the secret key.")] = "",
    redirect_uri: Annotated[str, typer.Option(metavar="URI", help="OAuth: the integration's redirect URI.")] = "",
    code_file: Annotated[str, typer.Option(metavar="FILE", help="OAuth: holds the authorization code.")] = "",
    json: Json = False,
) -> None:
    """Connect an account to its CRM; address and credentials are tried at once."""
    if kind.lower() not in KINDS:
        raise InputError(f"kind {kind[:80]!a} is no CRM that can be connected; allowed: {', '.join(KINDS)}")
    chosen = settings()
    with app.transaction(chosen, reading=True) as tx:
        number_of(tx, slug)
    secret, code = _secret(client_secret_file), _secret(code_file)
    wish = Wish(url, _secret(token_file), client_id, secret, redirect_uri, code)
    try:
        ring = keyring(chosen)
        found = asyncio.run(connect(wish, private=chosen.webhook_allow_private))
        with app.transaction(chosen) as tx:
            crm = connect_crm(tx, number_of(tx, slug), found, ring)
    except (ConnectError, SealError) as fault:
        raise InputError(str(fault)) from fault
    _print(crm, json=json)


@commands.command("show")
def show(slug: Slug, json: Json = False) -> None:
    """Show the CRM of an account and how it is; never its credentials."""
    with app.transaction(settings(), reading=True) as tx:
        crm = show_crm(tx, number_of(tx, slug))
    _print(crm, json=json)


@commands.command("disconnect")
def disconnect(slug: Slug, json: Json = False) -> None:
    """Tell the CRM nothing any more and forget its credentials; what was made there stays."""
    with app.transaction(settings()) as tx:
        number = number_of(tx, slug)
        if not disconnect_crm(tx, number):
            raise InputError(f"account {slug} has no CRM connected")
        crm = show_crm(tx, number)
    _print(crm, json=json)


def _secret(file: str) -> str:
    """What a file holds, or standard input for `-`; nothing where no file is named."""
    if not file:
        return ""
    try:
        text = sys.stdin.read(MAX_SECRET + 1) if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeError) as fault:
        raise InputError(
            f"the file {file[:200]!a} can't be read: {getattr(fault, 'strerror', None) or fault}"
        ) from None
    if not 0 < len(text.strip()) <= MAX_SECRET:
        raise InputError(f"the file {file[:200]!a} holds no credential; allowed: 1 to {MAX_SECRET} characters")
    return text.strip()


def _print(crm: Crm, *, json: bool) -> None:
    if json:
        print_json(as_json(crm))
        return
    facts = [("CRM", "our own cards" if crm.kind == "embedded" else crm.kind), ("state", crm.state)]
    if crm.reason:
        facts.append(("why", crm.reason))
    if crm.connected_at is not None:
        facts += [
            ("address", crm.url or ""),
            ("account there", crm.account or ""),
            ("let in by", crm.auth or ""),
            ("since", moment(crm.connected_at)),
        ]
    print_facts(facts)
