"""What the commands of mailboxes ask, follow and print."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import typer

from config import Settings
from gateway import app
from gateway.commands.output import InputError, at_a_terminal, moment, print_facts, print_json, progress
from gateway.core.mailboxes import IMPORTING, MICROSOFT, PASSWORD, SYNCED, Found, Server, servers_as_json
from gateway.core.refusals import Denied, Stale, Taken, Wrong
from gateway.core.resources import Mailbox, as_json
from gateway.usecases.connect_mailbox import Halt
from gateway.usecases.edit_session import Principal
from gateway.usecases.operate_mailbox import Watched, watch

T = TypeVar("T")
MAX_PASSWORD = 16 * 1024
LOOK_SECONDS = 0.5
"""How often somebody who waits looks how far it is."""
START_SECONDS = 5.0
"""How long a server may take to begin; without one, nobody has to wait longer."""
QUIET_SECONDS = 90.0
"""How long nothing may move while a server has the mailbox to itself."""


def right(found: T | Wrong | Taken | Denied | Stale | Halt | None, what: str) -> T:
    """What was asked for. Raises InputError where it isn't there, is wrong, or something stands in the way."""
    if found is None or isinstance(found, Stale):
        raise InputError(f"{what[:80]!a} is not there any more")
    if isinstance(found, Wrong):
        raise InputError(f"{found.field}: {found.detail}")
    if isinstance(found, Halt):
        raise InputError(f"{found.wrong.field}: {found.wrong.detail}")
    if isinstance(found, Taken | Denied):
        raise InputError(found.detail)
    return found


def read_server(text: str, security: str, user: str, option: str) -> Server | None:
    """A server as it is typed, HOST:PORT; None where nothing is. Raises InputError."""
    if not text:
        return None
    host, _, port = text.strip().rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise InputError(f"--{option} {text[:80]!a} is no server; allowed: HOST:PORT such as imap.acme.example:993")
    return Server(host.lower(), int(port), security, user)


def read_password(file: str) -> str:
    """The password in a file, or on standard input for `-`. Raises InputError."""
    try:
        text = sys.stdin.read(MAX_PASSWORD) if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeError) as fault:
        raise InputError(
            f"the file {file[:200]!a} can't be read: {getattr(fault, 'strerror', None) or fault}"
        ) from None
    password = text.rstrip("\r\n")
    if not password:
        where = "standard input" if file == "-" else f"the file {file[:200]!a}"
        raise InputError(f"{where} holds no password")
    return password


def takes_password(found: Found) -> bool:
    """Whether a provider lets anybody in by a password, be it one that is made for programs (E1)."""
    return found.auth == PASSWORD or (found.auth != MICROSOFT and found.page is not None)


def ask_password(address: str, found: Found | None) -> str:
    """Asks for the password, or reads it from standard input where nobody can be asked. Raises InputError."""
    if not at_a_terminal():
        return read_password("-")
    if found is not None and found.page is not None:
        typer.echo(f"{found.name} may want an app password, which is made at {found.page}", err=True)
    asked: str = typer.prompt(f"Password of {address}", hide_input=True, err=True)
    return asked


def confirmed(found: Found, *, yes: bool) -> bool:
    """Whether a password may go to servers that were guessed."""
    if yes or not at_a_terminal():
        return yes
    typer.echo("These servers were guessed; a password goes there:", err=True)
    for server in (found.servers.imap, found.servers.smtp):
        if server is not None:
            typer.echo(f"  {server.host}:{server.port} ({server.security})", err=True)
    return typer.confirm("Go on?", err=True)


def consent_words(settings: Settings, halt: Halt, address: str, kind: str) -> str:
    """Why a mailbox can't be connected here yet, and where it can."""
    if halt.consent is not None:
        page = f"{app.public_url(settings)}/mailboxes/consent?{urlencode({'address': address, 'kind': kind})}"
        return f"{halt.reason}: open {page} and sign in there"
    if halt.found is not None:
        return f"{halt.reason}. Name them with --imap and --smtp, or trust them with --yes"
    return f"{halt.wrong.field}: {halt.wrong.detail}"


def follow(settings: Settings, writer: Principal, asked: Mailbox, what: str) -> Mailbox | None:
    """Shows how far a server is with a mailbox, until it has done what was asked, or could not; the mailbox then.

    None where no server takes it up, or the one that did says nothing any more.
    """
    seen, moved = _look(settings, writer, asked), time.monotonic()
    with progress(what) as tell:
        while seen is not None and not _is_done(asked, seen):
            if time.monotonic() - moved > (START_SECONDS if seen.lease is None else QUIET_SECONDS):
                return None
            rest()
            now = _look(settings, writer, asked)
            if now != seen:
                seen, moved = now, time.monotonic()
            if seen is not None and seen.mailbox.progress is not None:
                tell(seen.mailbox.progress.done, seen.mailbox.progress.total)
    return None if seen is None else seen.mailbox


def is_looked_into(before: Mailbox, now: Mailbox) -> bool:
    """Whether all of it was looked into in between."""
    return now.last_sync_at is not None and now.last_sync_at != before.last_sync_at


def rest() -> None:
    """Until it is looked again."""
    time.sleep(LOOK_SECONDS)


def print_mailbox(mailbox: Mailbox, *, json: bool) -> None:
    """A mailbox as it is; never its credential."""
    if json:
        print_json(as_json(mailbox))
        return
    far = mailbox.progress
    facts: list[tuple[str, Any]] = [
        ("mailbox", mailbox.address),
        ("id", mailbox.id),
        ("kind", mailbox.kind),
        ("state", mailbox.state),
    ]
    facts += [("what is wrong", mailbox.error)] if mailbox.error else []
    facts += [("imported", f"{far.done:,} of {far.total:,}")] if far is not None else []
    facts += [("synced", None if mailbox.last_sync_at is None else moment(mailbox.last_sync_at))]
    facts += [("next time", moment(mailbox.next_sync_at))] if mailbox.next_sync_at is not None else []
    facts += [
        ("reads from", f"{mailbox.imap['host']}:{mailbox.imap['port']}"),
        ("sent mail in", mailbox.sent),
        ("can send", mailbox.can_send),
        ("aliases", mailbox.aliases),
    ]
    facts += [("may be aliases", mailbox.proposals)] if mailbox.proposals else []
    facts += [("could not be read", mailbox.unread)] if mailbox.unread else []
    print_facts([*facts, ("creates", mailbox.auto_create), ("keeps attachments", mailbox.keep_attachments)])


def print_found(found: Found, *, json: bool) -> None:
    """What was found about a provider."""
    if json:
        known = {name: getattr(found, name) for name in ("address", "provider", "name", "auth", "page", "by", "sure")}
        print_json({**known, **servers_as_json(found.servers)})
        return
    smtp = found.servers.smtp
    print_facts(
        [
            ("provider", found.name),
            ("reads from", _shown(found.servers.imap)),
            ("sends by", None if smtp is None else _shown(smtp)),
            ("lets in by", found.auth),
            ("app passwords", found.page),
            ("found by", found.by if found.sure else f"{found.by}: look at the servers before a password goes there"),
        ]
    )


def _shown(server: Server) -> str:
    return f"{server.host}:{server.port} ({server.security})"


def _look(settings: Settings, writer: Principal, asked: Mailbox) -> Watched | None:
    with app.transaction(settings, reading=True) as tx:
        return watch(tx, writer, asked.id)


def _is_done(asked: Mailbox, seen: Watched) -> bool:
    """Whether it was looked into since, and the import is over; or the look came to nothing; or there are none now."""
    now = seen.mailbox
    failed = bool(now.error) and not seen.wanted and seen.lease is None
    return now.state not in SYNCED or (now.state != IMPORTING and is_looked_into(asked, now)) or failed
