"""`smartgate endpoint` and `smartgate delivery`: who is told of events, and what became of each on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, TypeVar

import typer

from gateway import app
from gateway.commands.output import InputError, group, moment, print_facts, print_json, print_table, settings
from gateway.core.refusals import Taken, Wrong
from gateway.core.resources import Delivery, as_json
from gateway.sealing import SealError
from gateway.usecases import deliveries, endpoints
from gateway.usecases.accounts import number_of
from gateway.usecases.endpoints import EndpointChange, Opened
from gateway.wiring import keyring

T = TypeVar("T")
endpoint_commands = group("Endpoints: webhooks that are told of events.")
delivery_commands = group("Deliveries: events on their way to endpoints.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Account = Annotated[str, typer.Option("--account", help="The account's short name.", metavar="SLUG")]
EndpointId = Annotated[str, typer.Argument(help="The endpoint's id, as `endpoint list` prints it.", metavar="ID")]
State = Annotated[Literal["waiting", "delivered", "dead"] | None, typer.Option(help="Only those in this state.")]


@endpoint_commands.command("add")
def add_endpoint(
    url: Annotated[str, typer.Argument(help="Where events are sent: https://HOST/PATH.", metavar="URL")],
    account: Account,
    type: Annotated[
        list[str] | None,
        typer.Option("--type", help="A type of event; may be repeated. Left out: all.", metavar="TYPE"),
    ] = None,
    json: Json = False,
) -> None:
    """Make a webhook; its secret is shown once."""
    chosen = settings()
    change = EndpointChange(url, tuple(type or ()))
    _right(
        endpoints.check_change(change) or asyncio.run(endpoints.check_url(url, private=chosen.webhook_allow_private))
    )
    with _sealing(), app.transaction(chosen) as tx:
        opened = _there(endpoints.add_endpoint(tx, number_of(tx, account), change, keyring(chosen)), url)
    _print_secret(opened, json=json)


@endpoint_commands.command("list")
def list_endpoints(account: Account, json: Json = False) -> None:
    """List the webhooks of an account; never their secrets."""
    with app.transaction(settings(), reading=True) as tx:
        found = endpoints.list_endpoints(tx, number_of(tx, account))
    if json:
        print_json([as_json(one) for one in found])
        return
    rows = [
        (one.id, one.url, ", ".join(one.types) or "all", one.state, one.reason, moment(one.created_at)) for one in found
    ]
    print_table(("ID", "URL", "TYPES", "STATE", "WHY", "SINCE"), rows, "No endpoint.")


@endpoint_commands.command("set")
def set_endpoint(
    endpoint: EndpointId,
    account: Account,
    url: Annotated[str | None, typer.Option(help="Where events are sent from now on.", metavar="URL")] = None,
    type: Annotated[
        list[str] | None, typer.Option("--type", help="A type of event; may be repeated. Replaces all.", metavar="TYPE")
    ] = None,
    state: Annotated[
        Literal["active", "disabled"] | None, typer.Option(help="A webhook that answered 410 is made active here.")
    ] = None,
    json: Json = False,
) -> None:
    """Change a webhook, or make one active again; then `delivery retry --endpoint` sends its dead letters."""
    chosen = settings()
    change = EndpointChange(url, tuple(type) if type else None, state)
    _right(endpoints.check_change(change))
    if url is not None:
        _right(asyncio.run(endpoints.check_url(url, private=chosen.webhook_allow_private)))
    with app.transaction(chosen) as tx:
        changed = _there(endpoints.change_endpoint(tx, number_of(tx, account), endpoint, change), endpoint)
    if json:
        print_json(as_json(changed))
        return
    print_facts([("endpoint", changed.id), ("URL", changed.url), ("state", changed.state)])


@endpoint_commands.command("rotate")
def rotate_secret(endpoint: EndpointId, account: Account, json: Json = False) -> None:
    """Make a new secret, shown once; for 24 hours the former one signs as well."""
    chosen = settings()
    with _sealing(), app.transaction(chosen) as tx:
        opened = _there(endpoints.rotate_secret(tx, number_of(tx, account), endpoint, keyring(chosen)), endpoint)
    _print_secret(opened, json=json)


@endpoint_commands.command("test")
def send_test(endpoint: EndpointId, account: Account, json: Json = False) -> None:
    """Put a test event on its way to a webhook; a running server sends it."""
    with app.transaction(settings()) as tx:
        sent = _there(endpoints.try_endpoint(tx, number_of(tx, account), endpoint), endpoint)
    _print_delivery(sent, json=json)


@endpoint_commands.command("remove")
def remove_endpoint(endpoint: EndpointId, account: Account, json: Json = False) -> None:
    """Take a webhook away; what was on its way to it is given up."""
    chosen, done = settings(), False
    while not done:
        with app.transaction(chosen) as tx:
            done = _there(endpoints.remove_some(tx, number_of(tx, account), endpoint), endpoint)
    if json:
        print_json({"id": endpoint, "removed": True})
        return
    typer.echo("The endpoint is removed.")


@delivery_commands.command("list")
def list_deliveries(
    account: Account,
    endpoint: Annotated[str | None, typer.Option(help="Only those to this endpoint.", metavar="ID")] = None,
    state: State = None,
    limit: Annotated[int, typer.Option(help="How many, at most.", min=1, max=10_000)] = 50,
    json: Json = False,
) -> None:
    """List deliveries, the newest event first; `--state dead` are the dead letters."""
    with app.transaction(settings(), reading=True) as tx:
        found = deliveries.list_some(tx, number_of(tx, account), endpoint, state, limit)
    if json:
        print_json([as_json(one) for one in found])
        return
    rows = [
        (
            one.id,
            one.type,
            one.state,
            one.attempts,
            one.status,
            one.error,
            moment(one.at),
            "" if one.next_at is None else moment(one.next_at),
        )
        for one in found
    ]
    print_table(("ID", "TYPE", "STATE", "TRIES", "STATUS", "WHY", "HAPPENED", "NEXT TRY"), rows, "No delivery.")


@delivery_commands.command("retry")
def retry_delivery(
    account: Account,
    delivery: Annotated[str | None, typer.Argument(help="The delivery's id.", metavar="[ID]")] = None,
    endpoint: Annotated[str | None, typer.Option(help="All dead letters of this endpoint.", metavar="ID")] = None,
    json: Json = False,
) -> None:
    """Send an event on its way again, or all dead letters of an endpoint; a running server sends them."""
    if (delivery is None) == (endpoint is None):
        raise InputError("name one thing to retry: a delivery's id, or --endpoint ID")
    chosen = settings()
    if delivery is not None:
        with app.transaction(chosen) as tx:
            again = _there(deliveries.again(tx, number_of(tx, account), delivery), delivery)
        _print_delivery(again, json=json)
        return
    count, some = 0, 1
    while some:
        with app.transaction(chosen) as tx:
            some = _there(deliveries.some_again(tx, number_of(tx, account), endpoint or ""), endpoint or "")
        count += some
    if json:
        print_json({"count": count})
        return
    typer.echo(f"{count} on their way again.")


@contextmanager
def _sealing() -> Iterator[None]:
    try:
        yield
    except SealError as fault:
        raise InputError(str(fault)) from fault


def _print_secret(opened: Opened, *, json: bool) -> None:
    if json:
        print_json({**as_json(opened.endpoint), "secret": opened.secret})
        return
    print_facts([("endpoint", opened.endpoint.id), ("URL", opened.endpoint.url), ("secret", opened.secret)])


def _print_delivery(one: Delivery, *, json: bool) -> None:
    if json:
        print_json(as_json(one))
        return
    typer.echo(f"The delivery {one.id} is on its way; `smartgate delivery list` tells what became of it.")


def _right(wrong: Wrong | None) -> None:
    if wrong is not None:
        raise InputError(wrong.detail)


def _there(found: T | Taken | None, id: Any) -> T:
    """What was asked for. Raises InputError where it isn't there, or something stands in the way."""
    if found is None:
        raise InputError(f"the account has nothing with the id {str(id)[:80]!a}")
    if isinstance(found, Taken):
        raise InputError(found.detail)
    return found
