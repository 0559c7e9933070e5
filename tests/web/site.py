"""A site to try: a real store with two accounts, mail handed in by the real desk, and a client for each reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
from argon2 import PasswordHasher
from fastapi import FastAPI

from gateway.checks.door import Door
from gateway.checks.machine import MachineChecks
from gateway.checks.names import Names
from gateway.core.envelope import Admission, Envelope
from gateway.core.facts import Auth
from gateway.core.mail import read_mail
from gateway.counting import Buckets
from gateway.hashing import Hasher
from gateway.sealing import Keyring
from gateway.store import schema
from gateway.store.access import issue_token
from gateway.store.accounts import add_user, find_account
from gateway.store.blobs import BlobStore
from gateway.store.engine import Place, Store, Tx
from gateway.usecases import accounts
from gateway.usecases.accounts import House
from gateway.usecases.desk import FilingDesk
from gateway.usecases.explain_mail import explain_mail, normal_line_ends
from gateway.usecases.filing import FilingSettings
from gateway.usecases.index_words import Indexer
from gateway.web.app import build, close_streams
from gateway.web.services import WebServices
from gateway.web.tongues import LANGUAGES
from gateway.wiring import guess_counts
from tests.mailboxes.fake_servers import FakeServers

URL = "http://crm.example"
DOMAINS = ("mail.kommo.com", "in.example")
HOUSE = House(DOMAINS, 3650, URL)
KEYRING = Keyring(["a key of at least thirty-two characters"])
CLIENT = "Bob Miller <bob@bluefin.example>"
ANA = "Ana Putri <ana@acme.example>"


def letter(
    subject: str = "Offer",
    *,
    author: str = ANA,
    to: str = CLIENT,
    cc: str = "acme+lead@mail.kommo.com",
    text: str = "Hello Bob",
    id: str = "",
    files: Sequence[tuple[str, str, bytes]] = (),
) -> bytes:
    """A mail as a usual program writes it. id: its Message-ID. files: (name, content type, bytes)."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = author, to, subject
    if cc:
        mail["Cc"] = cc
    mail["Date"] = "Mon, 23 Nov 2026 09:42:17 +0700"
    mail["Message-ID"] = id or f"<{abs(hash((subject, author, to, text))):x}@acme.example>"
    mail.set_content(text)
    for name, kind, data in files:
        main, _, sub = kind.partition("/")
        mail.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@dataclass
class Looker:
    """Who tells the desk what is known of an author (B5): what a test says."""

    found: Auth = field(default_factory=Auth)

    def at_once(self, peer: str) -> Auth:
        return self.found

    async def evaluate(self, *_: object) -> Auth:
        raise AssertionError("everything is known at once")


@dataclass
class Post:
    """Mails sign-in links, as far as a test sees. letters: to, subject and text of each."""

    letters: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(
        self, tx: Tx, ring: Keyring, account: int, mailbox: str, to: str, subject: str, text: str, now: int, until: int
    ) -> bool:
        assert until > now
        self.letters.append((to, subject, text))
        return True


@dataclass
class Site:
    """The site, with what its accounts were given when they were opened."""

    store: Store
    app: FastAPI
    desk: FilingDesk
    acme: accounts.Opened
    other: accounts.Opened
    looker: Looker
    servers: FakeServers
    post: Post
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    def client(self, token: str | None = None, **headers: str) -> httpx2.AsyncClient:
        """A client that does not follow redirects. token: of the API."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=True)
        made = httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers)
        self.clients.append(made)
        return made

    @property
    def api(self) -> httpx2.AsyncClient:
        """The API as Acme's owner."""
        return self.client(self.acme.token)

    async def console(self, link: str | None = None) -> httpx2.AsyncClient:
        """A browser in which Acme's owner is signed in."""
        browser = self.client(Accept="text/html")
        answer = await browser.get(link or self.acme.sign_in_url)
        assert answer.status_code == 303
        return browser

    async def add_user(self, email: str, name: str, role: str = "user", kind: str = "api") -> str:
        """Makes another user of Acme; their token for the API, or with `sign_in` for a link."""

        def add(tx: Tx) -> str:
            account = find_account(tx, "acme")
            assert account is not None
            user = add_user(tx, account.number, email, name, role, accounts._now())
            return issue_token(tx, account.number, user.id, kind, accounts._now())

        return await self.store.write(add)

    async def hand(self, mail: bytes, *rcpt: str, sender: str = "ana@acme.example") -> str:
        """Hands a mail in as the SMTP door does; the reply's text. Recipients left out: the +lead address."""
        admissions: list[Admission] = []
        for address in rcpt or ("acme+lead@mail.kommo.com",):
            admissions.append(await self.desk.admit_recipient(address, admissions))
        envelope = Envelope("smtp", "192.0.2.7", "mx.acme.example", sender, tuple(admissions), accounts._now())
        if not any(one.accepted for one in admissions):
            await self.desk.note_refusals(envelope)
            return str(admissions[-1].reply)
        return str(await self.desk.file_mail(envelope, mail))

    async def index(self) -> None:
        """What the clock does every second: what was filed is found from then on."""
        blobs = self.app.state.services.blobs
        indexer = Indexer(self.store, blobs)
        while await indexer.look():
            pass

    async def close(self) -> None:
        close_streams(self.app)
        for client in self.clients:
            await client.aclose()
        await self.store.stop()


@dataclass(frozen=True)
class Made:
    """A store with two accounts, to be copied for each story."""

    place: Place
    acme: accounts.Opened
    other: accounts.Opened


def make_store(place: Place) -> Made:
    """Makes the store and the accounts Acme and Other."""
    with schema.transaction(place) as tx:
        acme = accounts.open_account(tx, HOUSE, "acme", "Acme Coffee", "ana@acme.example", ["acme.example"])
        other = accounts.open_account(tx, HOUSE, "other", "Other Inc", "olga@other.example", ["other.example"])
    return Made(place, acme, other)


def open_site(made: Made, place: Place, folder: Path) -> Site:
    """The site over a copy of the store. folder: for large mails."""
    store, blobs = Store(place), BlobStore(folder / "blobs")
    blobs.prepare()
    store.start()
    filing = FilingSettings(frozenset(DOMAINS), lambda what: f"{URL}/why/{what}")

    async def explain(raw: bytes, rcpt: Sequence[str], sender: str | None, peer: str | None) -> dict[str, Any]:
        seen = read_mail(normal_line_ends(raw), filing.limits)
        return await store.read(lambda tx: explain_mail(tx, filing, seen, rcpt, sender, peer))

    services = WebServices(
        store=store,
        blobs=blobs,
        filing=filing,
        domains=DOMAINS,
        public_url=lambda: URL,
        explain=explain,
        version="0",
        checks=MachineChecks("mx.kommo.example", (), Names([("127.0.0.1", 9)], 0.2), Door(lambda: None, "")),
        receipt_days=90,
        max_message_bytes=100_000,
        keyring=lambda: KEYRING,
        mail_servers=(servers := FakeServers()),
        hasher=Hasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        guesses=guess_counts(lambda most, seconds: Buckets(most, seconds, lambda: 0.0)),
        send_link=(post := Post()),
    )
    looker = Looker()
    desk = FilingDesk(store, blobs, filing, "mx.kommo.example", looker)
    return Site(store, build(services), desk, made.acme, made.other, looker, servers, post)


VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
BLOCKS = {
    "dd",
    "div",
    "dt",
    "figcaption",
    "h1",
    "h2",
    "h3",
    "li",
    "p",
    "pre",
    "section",
    "small",
    "td",
    "th",
    "time",
    "title",
}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in its turn, no id comes twice, nothing runs inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.headings: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.targets: list[str] = []
        self.title = self.lang = self.h1 = ""
        self.words: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{name}> is never closed" for name in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.lang = given.get("lang") or ""
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(tag)
        if id := given.get("id"):
            self.faults += [f"id {id} stands twice"] if id in self.ids else []
            self.ids.add(id)
        self._note_references(tag, given)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.faults.append(f"<{tag}> carries style or script inline")
        if tag == "script" and not given.get("src"):
            self.faults.append("a script stands in the page")
        if tag in BLOCKS:
            self.words.append(" ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if "title" in self.open and "svg" not in self.open:
            self.title += data
        if "h1" in self.open:
            self.h1 += data
        self.words.append(data)

    def _note_references(self, tag: str, given: dict[str, str | None]) -> None:
        href = given.get("href") or ""
        if tag == "a":
            self.links.append(href)
        if href.startswith("#"):
            self.targets.append(href[1:])
        for name in ("aria-labelledby", "for", "popovertarget"):
            self.targets += (given.get(name) or "").split()

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def check_page(answer: httpx2.Response) -> Page:
    """What holds for every HTML answer (7-console): title, lang, one h1, a strict policy, well-formed mark-up."""
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = Page(answer.text)
    assert page.faults == []
    assert page.title.strip()
    assert page.lang in LANGUAGES
    assert page.headings.count("h1") == 1
    assert page.h1.strip()
    assert [target for target in page.targets if target not in page.ids] == []
    return page
