"""An account of ours beside an account of Kommo's: mail comes in by the real desk, and its events are told to Kommo."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from crm_adapter.events import Event
from crm_adapter.kommo import Kommo
from crm_adapter.kommo_auth import Authority, LongLived
from crm_adapter.port import Delivered, Outcome
from gateway.sealing import Keyring
from gateway.store.accounts import find_account
from gateway.store.blobs import BlobStore
from gateway.usecases.ledger import Book, Library
from tests.crm import kommo_server
from tests.stores import Stores
from tests.web.site import Made, Site, letter, open_site

KEYRING = Keyring(["a key of at least thirty-two characters"])
RESOURCES = {"contact": "contacts", "lead": "leads", "message": "messages"}
TRIES = 8


@dataclass
class Rig:
    """Both sides. outcomes: what each try came to, in order."""

    site: Site
    server: kommo_server.Kommo
    book: Book
    crm: Kommo
    authority: Authority = field(default_factory=lambda: LongLived("long-lived"))
    outcomes: list[Outcome] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    async def hand(self, *rcpt: str, **how: Any) -> None:
        """A mail comes in; the reply has to be a good one."""
        reply = await self.site.hand(letter(**how), *rcpt)
        assert reply.startswith("250"), reply

    async def events(self, types: Sequence[str] = ()) -> list[Event]:
        """What happened that Kommo wasn't told of, as it would be told now."""
        found = (await self.site.api.get("/v1/events")).json()["data"]
        return [
            Event(one["id"], one["type"], one["at"], "acme", one["subject"], await self._data(one))
            for one in found
            if one["id"] not in self.told and (not types or one["type"] in types)
        ]

    async def _data(self, event: dict[str, str]) -> dict[str, Any]:
        path = f"/v1/{RESOURCES.get(event['type'].partition('.')[0], 'receipts')}/{event['subject']}"
        answer = await self.site.api.get(path)
        data: dict[str, Any] = answer.json() if answer.status_code == 200 else {"id": event["subject"], "gone": True}
        return data

    async def tell(self, *types: str) -> list[Outcome]:
        """Tells Kommo of all that happened, each event until it is delivered."""
        outcomes: list[Outcome] = []
        for event in await self.events(types):
            for _ in range(TRIES):
                outcomes.append(await self.crm.deliver(event, self.book))
                if isinstance(outcomes[-1], Delivered):
                    self.told.add(event.id)
                    break
            else:
                raise AssertionError(f"{event.type} was not delivered: {outcomes}")
        self.outcomes += outcomes
        return outcomes

    async def try_once(self, type: str) -> Outcome:
        """One try of the first event of a type."""
        return await self.crm.deliver((await self.events([type]))[0], self.book)

    @property
    def names(self) -> list[str]:
        return [card["name"] for card in self.server.account.contacts.values()]

    @property
    def leads(self) -> list[dict[str, Any]]:
        return list(self.server.account.leads.values())

    @property
    def notes(self) -> list[dict[str, Any]]:
        return list(self.server.account.notes.values())

    def calls(self, method: str, path: str) -> int:
        return sum(one.method == method and one.path.startswith(path) for one in self.server.seen)


@asynccontextmanager
async def rig(
    stores: Stores, made: Made, folder: Path, authority: Authority | None = None, settle: float = 0
) -> AsyncIterator[Rig]:
    """Both sides, opened."""
    place = stores.copy(made.place, folder)
    site = open_site(made, place, folder)
    server = kommo_server.Kommo()
    await server.open()
    account = await site.store.read(lambda tx: find_account(tx, "acme"))
    assert account is not None
    book = Library(site.store, BlobStore(folder / "blobs"), KEYRING).book(account.number, "K1")
    crm = adapter(server, authority or LongLived("long-lived"), settle)
    yield Rig(site, server, book, crm)
    await crm.close()
    await server.close()
    await site.close()
    stores.forget(place)


def adapter(server: kommo_server.Kommo, authority: Authority, settle: float = 0) -> Kommo:
    """An adapter as one process has it."""
    http = httpx2.AsyncClient(trust_env=False, timeout=10)
    return Kommo(http, server.url, authority, lambda mail: f"https://crm.example/mail/{mail}", settle)
