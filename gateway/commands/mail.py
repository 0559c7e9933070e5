"""`smartgate explain` and `smartgate trace`: why a mail would be, or was, filed or not."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import app
from gateway.commands.output import InputError, clean, moment, print_json, print_table, settings
from gateway.core.mail import read_mail
from gateway.core.resources import as_json
from gateway.usecases.explain_mail import LOOPBACK, explain_mail, normal_line_ends
from gateway.usecases.trace_mail import Traced, trace_mail

MARKS = {"ok": "✓", "refuse": "✕", "hold": "‖", "skip": "-", "note": "·"}
"""How the outcome of a step is shown."""
VERDICTS = ("file", "refuse", "hold")
_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]


def explain(
    file: Annotated[str, typer.Argument(help="A mail as a file, or - for standard input.", metavar="FILE|-")],
    rcpt: Annotated[list[str], typer.Option(help="A recipient of the envelope; may be given again.", metavar="ADDR")],
    sender: Annotated[
        str | None, typer.Option(help="The envelope's sender; left out: the From address; empty: none.", metavar="ADDR")
    ] = None,
    peer: Annotated[str | None, typer.Option(help="Where it comes from; left out: this machine.", metavar="IP")] = None,
    json: Json = False,
) -> None:
    """Say what would be decided on a mail, and why. Nothing is stored."""
    chosen = settings()
    raw = _read(file)
    if peer is not None and not _is_ip(peer):
        raise InputError(f"--peer {peer!a} is no IP address; allowed: one such as 192.0.2.1")
    filing = app.filing_settings(chosen, app.public_url(chosen))
    message = normal_line_ends(raw)
    mail = read_mail(message, filing.limits)
    auth = asyncio.run(app.look_into(app.authenticator(chosen), mail, message, sender, peer or LOOPBACK))
    with app.transaction(chosen, reading=True) as tx:
        decision = explain_mail(tx, filing, mail, rcpt, sender, peer, auth)
    if json:
        print_json(decision)
        return
    print_decision(decision)


def trace(
    account: Annotated[str | None, typer.Option(help="Only this account's.", metavar="SLUG")] = None,
    postmaster: Annotated[bool, typer.Option("--postmaster", help="The operators' own mail.")] = False,
    message_id: Annotated[str | None, typer.Option(help="With or without its angle brackets.", metavar="ID")] = None,
    since: Annotated[str | None, typer.Option(help="Not older than this: 30m, 1h, 2d.", metavar="AGE")] = None,
    verdict: Annotated[str | None, typer.Option(help="file, refuse or hold.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.", min=1, max=100_000)] = 50,
    json: Json = False,
) -> None:
    """Say why mails were filed or not: the receipts of every attempt."""
    chosen = settings()
    if verdict is not None and verdict not in VERDICTS:
        raise InputError(f"--verdict {verdict!a} is not allowed; allowed: {', '.join(VERDICTS)}")
    after = None if since is None else time.time_ns() // 1_000_000 - _age(since)
    with app.transaction(chosen, reading=True) as tx:
        found = trace_mail(
            tx, account, postmaster=postmaster, message_id=message_id, since=after, verdict=verdict, limit=limit
        )
    if json:
        print_json([{"account": one.account or None} | as_json(one.receipt) for one in found])
        return
    head = ("AT", "ACCOUNT", "VERDICT", "RULE", "FROM", "SUBJECT", "REPLY")
    print_table(head, [_row(one) for one in found], "No attempt that fits.")


def print_decision(decision: Mapping[str, Any]) -> None:
    """A decision as people read it: the verdict, who is in the mail, what comes of it, and the steps."""
    typer.echo(f"{_VERDICT[decision['verdict']]} (rule {decision['rule']})")
    typer.echo(f"  {clean(decision['reply'])}")
    if decision["participants"]:
        typer.echo(f"\nWho is in it ({decision['direction']})")
        for person in decision["participants"]:
            name = f" ({clean(person['name'])})" if person["name"] else ""
            typer.echo(f"  {person['role']:<5} {person['kind']:<7} {clean(person['address'])}{name}")
    creates = decision["creates"]
    made = [f"contact {clean(one['email'])} ({clean(one['name'])})" for one in creates["contacts"]]
    made += [f"lead {clean(creates['lead']['name'])}"] if creates["lead"] else []
    if made:
        typer.echo("\nIt makes")
        for line in made:
            typer.echo(f"  {line}")
    typer.echo("\nWhy")
    for step in decision["steps"]:
        typer.echo(f"  {MARKS.get(step['outcome'], ' ')} {step['rule']:<4} {clean(step['detail'])}")


_VERDICT = {"file": "✓ It is filed", "refuse": "✕ It is refused", "hold": "‖ It is held for review"}


def _row(one: Traced) -> tuple[Any, ...]:
    receipt = one.receipt
    return (
        moment(receipt.at),
        one.account or "postmaster",
        receipt.verdict,
        one.rule,
        receipt.sender or "<>",
        one.subject,
        receipt.reply,
    )


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"the mail {file!a} can't be read: {error.strerror}") from error


def _age(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if match is None:
        raise InputError(f"--since {text!a} is not allowed; allowed: a number and s, m, h or d, such as 30m, 1h or 2d")
    return int(match[1]) * _UNITS[match[2]]


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
