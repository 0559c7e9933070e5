"""`smartgate user` and `smartgate token`: the people of an account and what they come in with."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway import app
from gateway.commands.output import group, moment, print_facts, print_json, print_table, settings
from gateway.core.options import check_flag
from gateway.core.resources import User, as_json, rfc3339
from gateway.usecases import tokens, users
from gateway.usecases.accounts import sign_in_url

user_commands = group("Users: their addresses are team, and they may sign in.")
token_commands = group("Tokens: what programs and people come in with.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Account = Annotated[str, typer.Option("--account", help="The account's short name.", metavar="SLUG")]
Mail = Annotated[str, typer.Argument(help="The user's e-mail address.", metavar="MAIL")]
Role = Annotated[str, typer.Option(help="admin or user.")]


@user_commands.command("add")
def add_user(
    mail: Mail,
    account: Account,
    name: Annotated[str, typer.Option(help="Left out: what stands before the @.")] = "",
    role: Role = "user",
    shared_mail: Annotated[str, typer.Option(help="May read shared mailboxes: true or false.")] = "false",
    json: Json = False,
) -> None:
    """Make a person a user of an account."""
    chosen = settings()
    flag = check_flag("shared_mail", shared_mail)
    with app.transaction(chosen) as tx:
        user = users.add_user(tx, account, mail, chosen.domains, name, role, shared_mail=flag)
    _print_user(user, "is a user now", json=json)


@user_commands.command("list")
def list_users(account: Account, json: Json = False) -> None:
    """List the users of an account."""
    with app.transaction(settings(), reading=True) as tx:
        found = users.list_users(tx, account)
    if json:
        print_json([as_json(user) for user in found])
        return
    rows = [(user.email, user.name, user.role, user.shared_mail, moment(user.created_at)) for user in found]
    print_table(("EMAIL", "NAME", "ROLE", "SHARED MAIL", "SINCE"), rows, "No user.")


@user_commands.command("set")
def set_user(
    mail: Mail,
    account: Account,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    role: Annotated[str | None, typer.Option(help="admin or user.")] = None,
    shared_mail: Annotated[str | None, typer.Option(help="May read shared mailboxes: true or false.")] = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Take a forgotten password away, and end the sessions of its user.")
    ] = False,
    json: Json = False,
) -> None:
    """Change a user's name, role or right, or take their password away."""
    chosen = settings()
    flag = None if shared_mail is None else check_flag("shared_mail", shared_mail)
    with app.transaction(chosen) as tx:
        if no_password:
            users.forget_password(tx, account, mail)
        user = users.set_user(tx, account, mail, users.Change(name, role, flag))
    _print_user(user, "is changed", json=json)


@user_commands.command("remove")
def remove_user(mail: Mail, account: Account, json: Json = False) -> None:
    """Take a user away, with their tokens and sessions."""
    with app.transaction(settings()) as tx:
        user = users.remove_user(tx, account, mail)
    _print_user(user, "is removed", json=json)


@token_commands.command("create")
def create_token(
    account: Account,
    user: Annotated[str, typer.Option(help="The user's e-mail address.", metavar="MAIL")],
    name: Annotated[str, typer.Option(help="What it is for, such as the program's name.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, write or admin; may be given more than once. Left out: all the user may do."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it ends: 12h, 90d, or a date. Left out: never.", metavar="WHEN")
    ] = None,
    json: Json = False,
) -> None:
    """Make an API token and a sign-in link for a user; both are shown once."""
    chosen = settings()
    scopes = tuple(part.strip() for text in scope for part in text.split(",")) if scope else None
    with app.transaction(chosen) as tx:
        token, link_secret = tokens.create_token(tx, account, user, tokens.Wish(name, scopes, expires))
    link = sign_in_url(app.public_url(chosen), link_secret)
    if json:
        about = {key: value for key, value in as_json(token).items() if key in ("id", "name", "scopes", "expires_at")}
        print_json({"token": token.secret, "sign_in_url": link, **about})
        return
    print_facts([("API token", token.secret), ("sign in (once, 15 minutes)", link), ("may", ", ".join(token.scopes))])


@token_commands.command("list")
def list_tokens(account: Account, json: Json = False) -> None:
    """List the tokens, links and sessions that work; never their secrets."""
    with app.transaction(settings(), reading=True) as tx:
        found = tokens.list_tokens(tx, account)
    if json:
        print_json(
            [
                {
                    "id": token.id,
                    "kind": token.kind,
                    "name": token.name,
                    "user": token.email,
                    "scopes": list(token.scopes),
                    "created_at": rfc3339(token.created_at),
                    "expires_at": rfc3339(token.expires_at) if token.expires_at is not None else None,
                    "last_used_at": rfc3339(token.last_used_at) if token.last_used_at is not None else None,
                }
                for token in found
            ]
        )
        return
    rows = [
        (
            one.id,
            one.kind,
            one.name,
            one.email,
            ", ".join(one.scopes),
            moment(one.created_at),
            moment(one.expires_at) if one.expires_at else "never",
            moment(one.last_used_at) if one.last_used_at else "never",
        )
        for one in found
    ]
    print_table(("ID", "KIND", "NAME", "USER", "MAY", "SINCE", "ENDS", "LAST USED"), rows, "No token.")


@token_commands.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="The token's id, as `token list` prints it.", metavar="ID")],
    account: Account,
    json: Json = False,
) -> None:
    """End a token; the next request with it is refused."""
    with app.transaction(settings()) as tx:
        tokens.revoke_token(tx, account, token)
    if json:
        print_json({"id": token, "revoked": True})
        return
    typer.echo("The token is revoked.")


def _print_user(user: User, what: str, *, json: bool) -> None:
    if json:
        print_json(as_json(user))
        return
    typer.echo(f"{user.email} {what} ({user.role}{', shared mail' if user.shared_mail else ''}).")
