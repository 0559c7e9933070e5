"""`smartgate demo`: the whole product with a demo account and a few mails played through the real SMTP port.

A real client (smtplib) hands the mails over, and the cards are read back over the HTTP API, as any program would.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import smtplib
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import Any

import typer

from config import Listen, Settings
from gateway import app, logs
from gateway.core.options import MissingError
from gateway.usecases import accounts, tokens

SLUG, NAME = "acme", "Acme Coffee Machines"
ANA = "Ana Lima <ana@acme.example>"
ELIF = "Elif Kaya <elif@kaya-hotels.example>"
TOM = "Tom Berg <tom@bergs-bakery.example>"
OWNER = "ana@acme.example"
TEMPLATES: tuple[Mapping[str, Any], ...] = (
    {
        "name": "Offer",
        "subject": "Your offer: {{ lead.name }}",
        "body": """Hello {{ contact.first_name | default: "there" }},

thank you for asking about {{ lead.name }}. The offer is attached.
{% if lead.price > 0 %}It comes to {{ lead.price }} in all.
{% endif %}
{{ user.name }}
{{ account.name }}""",
    },
    {
        "name": "How is it going?",
        "body": """Hello {{ contact.first_name | default: "there" }},

how are you getting on with it? Write back if anything is unclear.

{{ user.name }}""",
    },
)
PATIENCE = 30.0
"""Seconds to wait for an answer of our own server before giving up."""


@dataclass(frozen=True, slots=True)
class Story:
    """One mail: what a person did, and what their mail server hands us because of it."""

    told: str
    sender: str
    recipient: str
    content: bytes


@dataclass(slots=True)
class Desk:
    """Writes the demo's mails: each run has its own subjects and ids, so that a store that is kept sees new mails."""

    domain: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    sent: int = 0

    @property
    def number(self) -> str:
        return f"{self.now:%d%H%M%S}"

    def write(
        self, author: str, to: str, subject: str, text: str, *, cc: str = "", answers: str = "", **more: str
    ) -> EmailMessage:
        """One mail with the headers a mail program writes."""
        self.sent += 1
        mail = EmailMessage()
        mail["From"], mail["To"] = author, to
        if cc:
            mail["Cc"] = cc
        mail["Subject"] = subject
        mail["Date"] = format_datetime(self.now + timedelta(seconds=self.sent))
        mail["Message-ID"] = make_msgid(domain=address(author).partition("@")[2])
        if answers:
            mail["In-Reply-To"] = mail["References"] = answers
        for name, value in more.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        return mail

    def stories(self) -> list[Story]:
        """The play, in order."""
        plain, contact, lead = (f"{SLUG}{suffix}@{self.domain}" for suffix in ("", "+contact", "+lead"))
        offer = self.write(
            ANA, ELIF, f"Offer {self.number}: espresso machines", "Dear Elif,\n\nfour machines ...\n", cc=lead
        )
        subject, answers = f"Re: {offer['Subject']}", str(offer["Message-ID"])
        answer = self.write(ELIF, ANA, subject, "Dear Ana,\n\nwe take six.\n", cc=lead, answers=answers)
        sample = self.write(
            ANA, TOM, f"Sample {self.number} of our house blend", "Hello Tom,\n\nhere it is.\n", cc=contact
        )
        thanks = self.write(TOM, ANA, f"Re: {sample['Subject']}", "Lovely. More soon.\n", cc=plain)
        hidden = self.write(ANA, ELIF, f"Delivery {self.number}", "It comes on Monday.\n")
        typo = self.write(ANA, TOM, f"Invoice {self.number}", "Please find ...\n", cc=f"{SLUG}+leads@{self.domain}")
        noor, words = "Noor Aydin <noor@kaya-hotels.example>", "I am back on Monday.\n"
        away = self.write(noor, ANA, f"Away: {subject}", words, cc=lead, answers=answers, Auto_Submitted="auto-replied")
        return [
            _story(f"Ana writes to Elif at Kaya Hotels and puts {lead} in Cc.", offer, lead),
            _story("Elif answers to all. It is the same conversation, so no second lead.", answer, lead),
            _story(f"Ana writes to Tom, a baker, and puts {contact} in Cc.", sample, contact),
            _story(f"Tom answers with {plain} in Cc: shown on his card, nothing new is made.", thanks, plain),
            _story(f"Ana hides {lead} in Bcc. She is told what to do instead.", hidden, lead),
            _story(f"Ana mistypes: {SLUG}+leads@{self.domain}.", typo, f"{SLUG}+leads@{self.domain}"),
            _story(
                "A colleague of Elif is away; her mail program says so by itself. A robot makes no contacts.",
                away,
                lead,
            ),
            _story("The connection broke, so Ana's mail server sends the first mail again.", offer, lead),
        ]


def address(person: str) -> str:
    """The address of `Name <address>`."""
    return person.partition("<")[2].removesuffix(">")


def _story(told: str, mail: EmailMessage, recipient: str) -> Story:
    return Story(told, address(str(mail["From"])), recipient, mail.as_bytes(policy=mail.policy.clone(linesep="\r\n")))


def run(settings: Settings, folder: Path, *, fresh: bool, once: bool) -> int:
    """Plays the demo, then serves until told to stop; the exit status."""
    logs.configure("error" if settings.log_level != "debug" else "debug", settings.log_format)
    chosen = _demo_settings(settings, folder)
    with _occupied(folder, alone=fresh):
        if fresh:
            _clear(chosen)
        return asyncio.run(_serve(settings, chosen, _enter(chosen), once=once))


@contextmanager
def _occupied(folder: Path, *, alone: bool) -> Iterator[None]:
    """Holds the demo's folder while it is in use. alone: nobody else may; a store is not cleared under a server."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise app.StoreError(f"the folder {folder} of the demo can't be used: {error.strerror}") from error
    try:
        flock(held, (LOCK_EX if alone else LOCK_SH) | LOCK_NB)
    except OSError as error:
        in_use = f"another demo runs in {folder}"
        hint = "end it first, or name another --folder" if alone else "it is being cleared; try again in a moment"
        raise app.StoreError(f"{in_use}: {hint}") from error
    try:
        yield
    finally:
        os.close(held)


async def _serve(asked: Settings, chosen: Settings, token: str, *, once: bool) -> int:
    gateway = app.Gateway(chosen, frozenset({"smtp", "http"}))
    with app.interruptible() as told:
        try:
            await gateway.start()
            stage = Stage(gateway, chosen, asked, token)
            playing = asyncio.create_task(asyncio.to_thread(stage.play))
            stopping = asyncio.create_task(told.wait())
            await asyncio.wait([playing, stopping], return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                await playing
            if not once and not told.is_set():
                typer.echo(f"\nServing. Ctrl-C ends it; what was filed stays in {chosen.blob_path.parent}.")
                await told.wait()
                typer.echo("\nThe demo has ended.")
            stopping.cancel()
        finally:
            await gateway.stop()
    return 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the play takes place and what it is told with."""

    gateway: app.Gateway
    settings: Settings
    asked: Settings
    token: str

    def play(self) -> None:
        """Sends every mail and prints what became of it, then the cards and how to go on."""
        self._introduce()
        self._write_templates()
        desk = Desk(self.settings.domains[0])
        smtp = self.gateway.port("smtp")
        with smtplib.SMTP(_reachable(smtp.host), smtp.port, "mail.acme.example", timeout=PATIENCE) as client:
            for number, story in enumerate(desk.stories(), 1):
                code, reply = hand_over(client, story)
                typer.echo(f"\n{number}. {story.told}")
                mark = typer.style("✓ Filed", fg="green") if code < 400 else typer.style("✕ Refused", fg="red")
                typer.echo(f"   {mark}  {code} {reply}")
        self._show_cards()
        self._invite()

    def _introduce(self) -> None:
        domain = self.settings.domains[0]
        typer.echo(f"Smartgate is running, with a demo account: {NAME}.\n")
        for role in self.gateway.listeners:
            listen = self.gateway.port(role)
            wanted = self.asked.smtp_listen if role == "smtp" else self.asked.http_listen
            taken = f" ({wanted} is taken)" if wanted.port not in (0, listen.port) else ""
            typer.echo(f"  {'mail' if role == 'smtp' else 'web ':<5} {listen}{taken}")
        typer.echo("\nWhen somebody of the team writes to a client, they put one of these addresses in Cc:\n")
        for suffix, does in (("", "the mail shows on the cards of people the team knows"),
                             ("+contact", "... and people it doesn't know become contacts"),
                             ("+lead", "... and a lead is opened")):  # fmt: skip
            typer.echo(f"  {f'{SLUG}{suffix}@{domain}':<{len(SLUG + domain) + 11}} {does}")
        typer.echo("\nHere are eight mails, handed to the real SMTP port one by one:")

    def _write_templates(self) -> None:
        """Two templates to try, where the account has none."""
        if self._ask("/v1/templates"):
            return
        for template in TEMPLATES:
            self._ask("/v1/templates", template)

    def _show_cards(self) -> None:
        leads = {lead["id"]: lead for lead in self._ask("/v1/leads?limit=200")}
        typer.echo("\nWhat stands in the CRM now, read back over the API:\n")
        for contact in reversed(self._ask("/v1/contacts?limit=50")):
            typer.echo(f"  {contact['name']}  <{contact['emails'][0]}>")
            for lead in (leads[id] for id in contact["leads"] if id in leads):
                typer.echo(f"    lead   {lead['name']}  ({lead['status']})")
            for mail in reversed(self._ask(f"/v1/contacts/{contact['id']}/messages?limit=20")):
                arrow = "from us" if mail["direction"] == "outgoing" else "to us"
                typer.echo(f"    mail   {mail['subject']}  ({arrow})")

    def _invite(self) -> None:
        smtp, url, domain = self.gateway.port("smtp"), self.gateway.public_url, self.settings.domains[0]
        with app.transaction(self.settings) as tx:
            _, secret = tokens.create_token(tx, SLUG, OWNER)
        lead = f"{SLUG}+lead@{domain}"
        host, port = _reachable(smtp.host), smtp.port
        typer.echo("\nLook at it in a browser (this link signs you in once, within 15 minutes):\n")
        typer.echo(f"  {typer.style(accounts.sign_in_url(url, secret), bold=True)}")
        typer.echo("\nSend a mail of your own, and reload:\n")
        typer.echo(f"  {one_liner(host, port, lead)}")
        typer.echo("\nor, with swaks:\n")
        typer.echo(f"  swaks --server {host}:{port} --from {OWNER} --to {lead} --h-To pat@client.example --h-Cc {lead} "
                   "--h-Subject 'My first lead'")  # fmt: skip
        typer.echo("\nRead it as a program does:\n")
        typer.echo(f"  curl -H 'Authorization: Bearer {self.token}' {url}/v1/leads")
        typer.echo("\nA new sign-in link, later:\n")
        place = f"SMARTGATE_DATABASE_URL={self.settings.database_url} SMARTGATE_PUBLIC_URL={url}"
        typer.echo(f"  {place} {_program()} token create --account {SLUG} --user {OWNER}")

    def _ask(self, path: str, sent: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a list, or of what is sent nothing."""
        http = self.gateway.port("http")
        url = f"http://{Listen(_reachable(http.host), http.port)}{path}"
        data = None if sent is None else json.dumps(sent).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - our own listener
            rows: list[dict[str, Any]] = json.load(answer).get("data", [])
            return rows


def hand_over(client: smtplib.SMTP, story: Story) -> tuple[int, str]:
    """Hands one mail over as a mail server does: the last reply, with its code."""
    client.ehlo_or_helo_if_needed()
    code, reply = client.mail(story.sender)
    if code < 400:
        code, reply = client.rcpt(story.recipient)
    if code < 400:
        code, reply = client.data(story.content)
    else:
        client.rset()
    return code, reply.decode("utf-8", "replace")


def one_liner(host: str, port: int, lead: str) -> str:
    """A command that sends a mail with nothing but Python."""
    lines = (
        f"From: Ana <{OWNER}>",
        "To: Pat <pat@client.example>",
        f"Cc: {lead}",
        "Subject: My first lead",
        "",
        "Hello Pat",
    )
    text = "\\r\\n".join(lines)
    code = f"import smtplib; print(smtplib.SMTP('{host}', {port}).sendmail('{OWNER}', '{lead}', '{text}') or 'sent')"
    return f'python3 -c "{code}"'


def _demo_settings(settings: Settings, folder: Path) -> Settings:
    """The settings, with a store of the demo's own and free ports where the usual ones are taken."""
    path = folder.absolute()
    return settings.model_copy(
        update={
            "database_url": f"sqlite:///{path / 'smartgate.db'}",
            "blob_url": (path / "blobs").as_uri(),
            "smtp_listen": app.free_port(settings.smtp_listen),
            "http_listen": app.free_port(settings.http_listen),
        }
    )


def _clear(settings: Settings) -> None:
    for name in ("smartgate.db", "smartgate.db-wal", "smartgate.db-shm"):
        (settings.blob_path.parent / name).unlink(missing_ok=True)
    shutil.rmtree(settings.blob_path, ignore_errors=True)


def _enter(settings: Settings) -> str:
    """A token of the demo account's owner; the account is opened where it isn't there."""
    with app.transaction(settings) as tx:
        try:
            return tokens.create_token(tx, SLUG, OWNER)[0].secret
        except MissingError:
            house = app.house(settings)
            return accounts.open_account(tx, house, SLUG, NAME, OWNER, ["acme.example"]).token


def _reachable(host: str) -> str:
    """Where a client on this machine finds a listener on every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on


def _program(arguments: Sequence[str] = sys.argv) -> str:
    """How this program was called, for a command to copy."""
    path = Path(arguments[0])
    near = path.is_absolute() and path.is_relative_to(Path.cwd())
    return shlex.quote(str(path.relative_to(Path.cwd()) if near else path))
