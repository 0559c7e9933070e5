"""The whole product beside the stand's Dovecot: one server for many stories, each in an account of its own.

Its roles are those of mailboxes, the web and SMTP. What a story does goes over the API, SMTP or the command line; the
servers of an address are found by a name server of this machine, so that a person types an address and a password.
"""

from __future__ import annotations

import asyncio
import itertools
import smtplib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gateway.store.engine import Place
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.person import Person
from tests.name_server import NameServer
from tests.serving import PATIENCE, Api, Serving

T = TypeVar("T")
CLIENT = "carol@client.example"
OURS = ("mailbox.fault", "mailboxes.failed", "Traceback", "store.away")
"""What the log says of trouble that is nobody's but ours."""
_serial = itertools.count(1)


class Names:
    """A name server in a thread of its own, by which the servers of `acme.example` are found."""

    def __init__(self, imaps: int) -> None:
        self._zones = {
            "_imaps._tcp.acme.example": [("SRV", f"0 0 {imaps} imap.acme.example")],
            "imap.acme.example": [("A", "127.0.0.1")],
        }
        self._ready: Future[tuple[str, int]] = Future()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        self.address = "{}:{}".format(*self._ready.result(PATIENCE))

    async def _serve(self) -> None:
        async with NameServer(self._zones) as server:
            self._ready.set_result(server.address)
            await self._over.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENCE)
        self._loop.close()


class Desk(Api):
    """`/v1` as one user sees it, with what changes things."""

    def patch(self, path: str, **change: Any) -> Any:
        return self._ask("PATCH", path, json=change).json()

    def delete(self, path: str, **query: str) -> None:
        self._ask("DELETE", path, params=query)

    def status(self, path: str) -> int:
        """What a GET is answered."""
        return self._client.get(path).status_code


@dataclass(frozen=True)
class Firm:
    """An account of one story. desk: its only user's, an admin, who owns what is connected there."""

    product: Product
    slug: str
    owner: str
    desk: Desk

    @property
    def smart(self) -> str:
        return f"{self.slug}@mail.kommo.com"

    def connect(self, person: Person, *, wait: bool = True, **more: Any) -> str:
        """Connects somebody's mailbox as they do it, and waits until it is imported; its id."""
        made = self.desk.post("/mailboxes", {"address": person.address, "password": person.password, **more})
        if wait:
            self.until(made["id"], lambda box: box["state"] == "ready")
        return str(made["id"])

    def mailbox(self, id: str) -> Any:
        return self.desk.get(f"/mailboxes/{id}")

    def until(self, id: str, so: Callable[[Any], bool]) -> Any:
        """A mailbox as it is once it has come to this."""
        return until(lambda: self.mailbox(id), so)

    def sync(self, id: str) -> Any:
        """Has a mailbox looked into, and waits until all that is on its server now was seen."""
        before = self.desk.post(f"/mailboxes/{id}/sync", {})["last_sync_at"]
        return self.until(id, lambda box: box["last_sync_at"] != before and box["next_sync_at"] > box["last_sync_at"])

    def contact(self, *emails: str) -> str:
        """A person the account knows; the id."""
        return str(self.desk.post("/contacts", {"emails": list(emails)})["id"])

    def messages(self, **query: str) -> list[Any]:
        """Up to 200 messages, those that came last first."""
        found: list[Any] = self.desk.get("/messages", limit=200, **query)["data"]
        return found

    def subjects(self, **query: str) -> list[str]:
        """Of the messages, in order."""
        return sorted(one["subject"] for one in self.messages(**query))

    def send(self, mail: bytes, *rcpt: str, sender: str = "ann@acme.example") -> None:
        """Hands a mail over at the SMTP port, as the team's mail server does."""
        with smtplib.SMTP(*self.product.serving.smtp, local_hostname="mx.acme.example", timeout=PATIENCE) as client:
            client.sendmail(sender, list(rcpt), mail)

    def run(self, *arguments: str, stdin: bytes = b"") -> Any:
        """A command of `smartgate mailbox`, of this account, and what it says as JSON."""
        return self.product.serving.json("mailbox", *arguments, "--account", self.slug, stdin=stdin)

    def person(self, **given: Any) -> Person:
        """Somebody of the team with an empty mailbox on the stand."""
        return self.product.dovecot.person(**given)


class Product:
    """The server, with accounts for stories. served: it runs; else the store and the command line are all there is.

    imaps: the port at which the names lead to the stand's IMAP, where that is a line that can be made bad.
    """

    def __init__(
        self,
        place: Place,
        folder: Path,
        dovecot: Dovecot,
        authority: Path,
        *,
        served: bool = True,
        imaps: int | None = None,
    ) -> None:
        self.dovecot = dovecot
        self._names = Names(imaps or dovecot.imaps)
        url = f"sqlite:///{place}" if isinstance(place, Path) else str(place)
        self.serving = Serving(
            folder,
            options=("--only", "mailboxes,http,smtp"),
            DATABASE_URL=url,
            BLOB_URL=(folder / "blobs").as_uri(),
            DNS_SERVERS=self._names.address,
            MAILBOX_ALLOW_PRIVATE="true",
            MAILBOX_CA_FILE=str(authority),
            MAILBOX_CONNECTIONS_PER_HOST="200",
            SECRET_KEY="a key of at least thirty-two characters",
        )
        self._desks: list[Desk] = []
        assert self.serving.run("db", "upgrade").returncode == 0
        self._served = False
        if served:
            self.serve()

    def serve(self) -> None:
        """Starts the server."""
        self._served = True
        self.serving.start()

    def open(self) -> Firm:
        """An account of its own, whose domain is that of the stand's people."""
        slug, owner = f"firm{next(_serial)}", "dimas@acme.example"
        return self.firm(slug, owner, self.serving.add_account(slug, owner))

    def firm(self, slug: str, owner: str, token: str) -> Firm:
        """An account that is there, as its owner has it."""
        desk = Desk(self.serving.url, token)
        self._desks.append(desk)
        return Firm(self, slug, owner, desk)

    def __enter__(self) -> Product:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.serving.kill()

    def close(self) -> None:
        """Ends it as a service manager does. What it said holds no trouble of its own."""
        for desk in self._desks:
            desk.close()
        status = self.serving.stop() if self._served else 0
        self._names.close()
        said = self.serving.said() if self._served else ""
        assert [line for line in said.splitlines() if any(word in line for word in OURS)] == []
        assert status == 0, said[-2_000:]


def until(look: Callable[[], T], so: Callable[[T], bool]) -> T:
    """What is seen once it has come to this."""
    end = time.monotonic() + PATIENCE
    while not so(seen := look()):
        assert time.monotonic() < end, f"it never came to this: {seen}"
        time.sleep(0.05)
    return seen


def letters(
    first: int, last: int, *, author: str = CLIENT, to: str = "ann@acme.example", more: str = ""
) -> list[bytes]:
    """Mails that differ by their number, with it in their subject."""
    return [letter(n, author=author, to=to, more=more) for n in range(first, last + 1)]


def letter(
    n: int = 0,
    *,
    author: str = CLIENT,
    to: str = "ann@acme.example",
    cc: Sequence[str] = (),
    subject: str = "",
    id: str | None = "",
    text: str = "",
    more: str = "",
) -> bytes:
    """A mail. id: its Message-ID, None for none."""
    head = [f"From: {author}", f"To: {to}", f"Date: Sun, 29 Nov 2026 10:{n // 60 % 60:02}:{n % 60:02} +0000"]
    head += [f"Cc: {', '.join(cc)}"] if cc else []
    head += [f"Subject: {subject or f'Offer {n}'}"]
    head += [f"Message-ID: {id or f'<{n}@mail.example>'}"] if id is not None else []
    return "\r\n".join([*head, *([more] if more else []), "", text or f"Hello number {n}", ""]).encode()
