"""The whole way with real processes: a mail by SMTP, a server killed at the worst moment, one card and one note.

The moment is when Kommo has done what it was asked and has not answered yet.
"""

from __future__ import annotations

import asyncio
import signal
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import Program
from tests.crm.kommo_server import Kommo
from tests.crm.wire import Reply, Request
from tests.web.site import letter

PATIENCE = 120.0
MOMENT = ("POST", "/api/v4/leads/notes")


class Deadly(Kommo):
    """Says when the note was made, and never answers who made it."""

    def __init__(self) -> None:
        super().__init__()
        self._usual = self._handle
        self._handle = self._do
        self.done = threading.Event()
        self.noted = threading.Event()

    async def _do(self, request: Request) -> Reply:
        reply = self._usual(request)
        assert isinstance(reply, Reply)
        if (request.method, request.path) == MOMENT and not self.done.is_set():
            self.done.set()
            await asyncio.Event().wait()
        if self.account.attached:
            self.noted.set()
        return reply


@contextmanager
def beside(server: Kommo) -> Iterator[None]:
    """A server in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.open(), loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_server_killed_between_the_effect_and_its_answer_makes_nothing_twice(tmp_path: Path) -> None:
    server = Deadly()
    where = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/store.db",
        "SMTP_LISTEN": "127.0.0.1:0",
        "HTTP_LISTEN": "127.0.0.1:0",
        "WEBHOOK_ALLOW_PRIVATE": "true",
    }

    def run(*arguments: str) -> Program:
        return Program(*arguments, folder=tmp_path, **where)

    (tmp_path / "token").write_text("long-lived")
    with beside(server):
        for command in (
            ("account", "add", "acme", "--name", "Acme", "--owner", "ana@acme.example"),
            ("crm", "connect", "acme", "kommo", "--url", server.url, "--token-file", str(tmp_path / "token")),
        ):
            assert run(*command).end(None).status == 0
        first = run("serve")
        host, port = first.listeners(2)["smtp"]
        with smtplib.SMTP(host, port) as client:
            mail = letter(files=[("offer.pdf", "application/pdf", b"%PDF-1.7")])
            client.sendmail("ana@acme.example", ["acme+lead@mail.kommo.com"], mail)
        assert server.done.wait(PATIENCE)
        first.end(signal.SIGKILL)
        second = run("serve")
        second.listeners(2)
        assert server.noted.wait(PATIENCE)
        assert second.end().status == 0
    account = server.account
    assert [len(one) for one in (account.contacts, account.leads, account.notes, account.files)] == [1, 1, 1, 1]
