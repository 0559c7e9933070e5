"""The whole product as processes of their own on one store: its web door, and pollers that are stopped and killed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from anyio.from_thread import start_blocking_portal

from tests.mailboxes.person import Person
from tests.name_server import NameServer
from tests.serving import PATIENCE, Api, Serving

BEGUN = "app.started"


class Processes:
    """Use it with `with`: the web door serves meanwhile, pollers are started as they are asked for.

    authorities: whom it trusts to vouch for mail servers. settings: more of them, as the environment names them.
    api: as the account's owner, an admin, sees it. names: the name server that it asks, which knows no name at first.
    """

    def __init__(self, folder: Path, authorities: Path, **settings: str) -> None:
        self.folder = folder
        self._stack = ExitStack()
        portal = self._stack.enter_context(start_blocking_portal())
        self.names = self._stack.enter_context(portal.wrap_async_context_manager(NameServer()))
        host, port = self.names.address
        self._settings = {
            "MAILBOX_CA_FILE": str(authorities),
            "MAILBOX_ALLOW_PRIVATE": "true",
            "DNS_SERVERS": f"{host}:{port}",
            "LOG_LEVEL": "info",
        }
        self._settings |= settings
        self._made: list[Serving] = []
        self.web = self.serving("http", listens=("http",))
        self.place = self.web.place
        self.token = self.web.add_account()

    def __enter__(self) -> Self:
        self.web.start()
        self.api = Api(self.web.url, self.token)
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()
        for one in self._made:
            one.kill()
        self._stack.close()

    def serving(self, role: str, *, listens: tuple[str, ...] = (), spoil: str = "") -> Serving:
        """One more process, not yet started, with a role. spoil: code that runs before the program."""
        own = self.folder / f"{role}{len(self._made)}"
        own.mkdir()
        store = self.folder / "store"
        made = Serving(own, store=store, options=("--only", role), listens=listens, spoil=spoil, **self._settings)
        self._made.append(made)
        return made

    def poller(self, spoil: str = "") -> Serving:
        """A poller that has begun."""
        made = self.serving("mailboxes", spoil=spoil)
        begin(made)
        return made

    def connect(self, person: Person, port: int | None = None, api: Api | None = None, **more: Any) -> str:
        """Connects somebody's mailbox over the API, through a port of theirs; its id."""
        return str((api or self.api).post("/mailboxes", wish(person, port) | more)["id"])

    def user(self, email: str, **more: Any) -> Api:
        """Somebody new of the account who is no admin, as they see it."""
        self.api.post("/users", {"email": email, "name": email, "role": "user"} | more)
        made = self.web.json("token", "create", "--account", "acme", "--user", email)
        api = Api(self.web.url, made["token"])
        self._stack.callback(api.close)
        return api

    def mailbox(self, id: str) -> Any:
        """A mailbox as the API shows it."""
        return self.api.get(f"/mailboxes/{id}")

    def wait_for(self, id: str, state: str) -> Any:
        """Returns once a mailbox is in a state."""
        wait_until(lambda: self.mailbox(id)["state"] == state, lambda: self.mailbox(id))
        return self.mailbox(id)


def wish(person: Person, port: int | None = None) -> dict[str, Any]:
    """What is sent to connect somebody's mailbox."""
    imap = {"host": "localhost", "port": port or person.dovecot.imaps, "security": "tls"}
    return {"address": person.address, "kind": "personal", "password": person.password, "imap": imap}


def begin(serving: Serving) -> None:
    """Starts a process that listens nowhere, and returns once it has begun."""
    before = said(serving).count(BEGUN)
    serving.start()
    wait_until(lambda: said(serving).count(BEGUN) > before or serving.over, lambda: said(serving)[-2_000:])


def said(serving: Serving) -> str:
    """What it wrote to standard error so far."""
    path = serving.folder / "stderr.log"
    return serving.said() if path.exists() else ""


def wait_until(so: Callable[[], object], what: Callable[[], object], every: float = 0.05) -> None:
    """Looks every so many seconds until it is so. what: what there is instead, where it never comes."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / every)):
        if so():
            return
        pause.wait(every)
    raise AssertionError(f"it never came to this: {what()}")
