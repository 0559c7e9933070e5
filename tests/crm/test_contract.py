"""One contract for all adapters: whatever fails, each event has its effect there exactly once, in order.

The same mails come in by the real desk and go through the real carrier to each kind of back end, which fails as a story
says. Then both sides are compared.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import func, select, update

from crm_adapter import kommo_wire, webhook
from crm_adapter.factory import Adapters, Means
from crm_adapter.kommo import Kommo as KommoAdapter
from crm_adapter.kommo_connect import connect
from gateway.jobs.deliveries import Carrier
from gateway.sealing import Keyring
from gateway.store import tables
from gateway.store.accounts import find_account
from gateway.store.blobs import BlobStore
from gateway.store.endpoints import EndpointRow, add_endpoint, find_endpoint
from gateway.store.engine import Tx
from gateway.store.outbox import UNSETTLED
from gateway.usecases import endpoints
from gateway.usecases.connect_crm import Wish, connect_crm
from gateway.usecases.deliver_events import Courier
from gateway.usecases.endpoints import EndpointChange, Opened
from gateway.usecases.event_data import Telling
from gateway.usecases.ledger import Library
from tests.crm.hook_server import Hook
from tests.crm.kommo_server import Kommo
from tests.crm.wire import AFTER, BEFORE, SILENT, SLOW, Late, Reply, Wire
from tests.stores import Stores
from tests.web.site import Made, Site, letter, open_site

KEYRING = Keyring(["a key of at least thirty-two characters"])
PDF = ("offer.pdf", "application/pdf", b"%PDF-1.7 and more than one part of it")
PATIENCE = 60.0


@dataclass(frozen=True)
class Effects:
    """What a back end has in the end: sorted names of contacts and leads, and subjects of mails."""

    contacts: list[str]
    leads: list[str]
    mails: list[str]


EXPECTED = Effects(
    ["Bob Miller", "Cara Diaz", "Dan Roe"], ["Offer", "Question"], ["Offer", "Question", "Re: Offer", "Something else"]
)
MAILS: list[dict[str, Any]] = [
    {"subject": "Offer", "cc": "Cara Diaz <cara@corp.example>, acme+lead@mail.kommo.com", "files": [PDF]},
    {"subject": "Question", "to": "Dan Roe <dan@roe.example>"},
    {"subject": "Re: Offer"},
    {"subject": "Something else", "cc": "acme+contact@mail.kommo.com", "rcpt": "acme+contact@mail.kommo.com"},
]


@dataclass
class Contract:
    """A site, a back end of one kind, and what carries events there. means: how the adapters go out."""

    kind: str
    site: Site
    folder: Path
    wire: Wire | None
    account: int = 0
    endpoint: str = ""
    means: Means = field(default_factory=lambda: Means(allow_private=True))
    carriers: list[Carrier] = field(default_factory=list)

    async def open(self) -> None:
        account = await self.site.store.read(lambda tx: find_account(tx, "acme"))
        assert account is not None
        self.account = account.number
        if self.wire is not None:
            await self.wire.open()
        self.endpoint = await self._connect()

    async def _connect(self) -> str:
        store = self.site.store
        if isinstance(self.wire, Kommo):
            found = await connect(Wish(self.wire.url, "long-lived"), private=True)
            made = await store.write(lambda tx: connect_crm(tx, self.account, found, KEYRING))
            self.wire.seen.clear()
            return made.id
        if isinstance(self.wire, Hook):
            change = EndpointChange(f"{self.wire.url}/hook")
            opened = await store.write(lambda tx: endpoints.add_endpoint(tx, self.account, change, KEYRING))
            assert isinstance(opened, Opened)
            self.wire.secret = opened.secret
            return opened.endpoint.id
        row = EndpointRow(self.account, "E1", "embedded", "", (), "active", 1)
        await store.write(lambda tx: add_endpoint(tx, row))
        return row.id

    async def mail(self) -> None:
        """The mails of the story come in."""
        for mail in MAILS:
            how = {name: value for name, value in mail.items() if name != "rcpt"}
            reply = await self.site.hand(letter(**how), mail.get("rcpt", "acme+lead@mail.kommo.com"))
            assert reply.startswith("250"), reply

    def carry(self, courier: type[Courier] = Courier, lease: float = 30) -> Carrier:
        """A process that carries begins to."""
        telling = Telling(
            BlobStore(self.folder / "blobs"), lambda: KEYRING, lambda: "http://gate.example", "in.example"
        )
        library = Library(self.site.store, telling.blobs, KEYRING)
        carrier = Carrier(courier(self.site.store, telling, Adapters(self.means), library.book), lease)
        carrier.start()
        self.carriers.append(carrier)
        return carrier

    async def done(self) -> None:
        """Waits until everything is told, and hurries what waits for its next try."""
        until = time.monotonic() + PATIENCE
        while await self.site.store.read(_waiting):
            assert time.monotonic() < until, await self.site.store.read(_faults)
            await self.site.store.write(_hurry)
            await asyncio.sleep(0.02)

    async def outcomes(self) -> set[str]:
        return set(await self.site.store.read(lambda tx: tx.execute(select(tables.deliveries.c.state)).scalars()))

    async def state(self) -> str:
        found = await self.site.store.read(lambda tx: find_endpoint(tx, self.account, self.endpoint))
        assert found is not None
        return found.state

    async def effects(self) -> Effects:
        """What the other side has; our own cards where it is those."""
        if isinstance(self.wire, Kommo):
            account = self.wire.account
            texts = [note["params"]["text"] for note in account.notes.values()]
            names = [[card["name"] for card in cards.values()] for cards in (account.contacts, account.leads)]
            mails = sorted(text.partition("\n")[0][2:] for text in texts)
            return Effects(sorted(names[0]), sorted(names[1]), mails)
        if isinstance(self.wire, Hook):
            return Effects(*map(sorted, (self.wire.contacts, self.wire.leads, self.wire.notes)))
        rooms = [(await self.site.api.get(f"/v1/{room}")).json()["data"] for room in ("contacts", "leads", "messages")]
        names = [[one.get("name", one.get("subject")) for one in room] for room in rooms]
        return Effects(*map(sorted, names))

    async def close(self) -> None:
        for carrier in self.carriers:
            await carrier.stop(5)
        if self.wire is not None:
            await self.wire.close()
        await self.site.close()


def _waiting(tx: Tx) -> int:
    return tx.execute(select(func.count()).select_from(tables.deliveries).where(UNSETTLED)).scalar_one()


def _faults(tx: Tx) -> list[Any]:
    query = select(tables.deliveries.c.state, tables.deliveries.c.attempts, tables.deliveries.c.error)
    return [tuple(row) for row in tx.execute(query)]


def _hurry(tx: Tx) -> None:
    """What waits for a later try is due now; what somebody has in hand is left to them."""
    tx.execute(update(tables.lanes).where(tables.lanes.c.holder.is_(None)).values(next_at=1))
    tx.execute(update(tables.endpoints).values(paused_until=None))


WIRES: dict[str, Callable[[], Wire] | None] = {"embedded": None, "webhook": Hook, "kommo": Kommo}
OVER_WIRES = [kind for kind, wire in WIRES.items() if wire is not None]


@pytest.fixture
async def contract(
    request: pytest.FixtureRequest,
    stores: Stores,
    made: Made,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    _at_full_speed: None,
) -> AsyncIterator[Contract]:
    monkeypatch.setattr(kommo_wire, "SECONDS", 0.3)
    monkeypatch.setattr(webhook, "WHOLE_SECONDS", 0.3)
    monkeypatch.setattr("crm_adapter.lines.ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("crm_adapter.kommo_pause._SLOW", 0.0)
    monkeypatch.setattr(KommoAdapter.__init__, "__defaults__", (0.0,))
    monkeypatch.setattr("gateway.usecases.deliver_events.wait_after", lambda *_: 0.0)
    place = stores.copy(made.place, tmp_path)
    wire = WIRES[request.param]
    opened = Contract(request.param, open_site(made, place, tmp_path), tmp_path, wire() if wire else None)
    await opened.open()
    yield opened
    await opened.close()
    stores.forget(place)


@pytest.mark.parametrize("contract", WIRES, indirect=True)
async def test_each_event_has_its_effect_once(contract: Contract) -> None:
    contract.carry()
    await contract.mail()
    await contract.done()
    assert await contract.effects() == EXPECTED
    assert await contract.outcomes() == {"delivered"}


FAULTS = {
    "everything is answered with 429 once": Reply(429),
    "everything is answered with 500 once": Reply(500),
    "everything is lost once before it took effect": BEFORE,
    "everything is lost once after it took effect": AFTER,
    "everything takes effect and is answered with 503 once": Late(Reply(503)),
    "everything is never answered once": SILENT,
    "everything is answered drop by drop once": SLOW,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("contract", OVER_WIRES, indirect=True)
async def test_whatever_fails_each_event_has_its_effect_once(contract: Contract, fault: Any) -> None:
    assert contract.wire is not None
    contract.wire.each = fault
    contract.carry()
    await contract.mail()
    await contract.done()
    assert await contract.effects() == EXPECTED
    assert await contract.outcomes() == {"delivered"}


class Mortal(Courier):
    """Dies after every effect once, before anything is written down of it: its lanes are due again by their time."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._deaths: set[str] = set()

    async def _settle(self, lane: Any, results: Any, pause: Any) -> None:
        first = lane.waiting[0].event
        if first not in self._deaths:
            self._deaths.add(first)
            raise ConnectionAbortedError("killed")
        await super()._settle(lane, results, pause)


@pytest.mark.parametrize("contract", WIRES, indirect=True)
async def test_who_dies_between_the_effect_and_its_record_does_nothing_twice(contract: Contract) -> None:
    contract.carry(Mortal, lease=0.3)
    await contract.mail()
    await contract.done()
    assert await contract.effects() == EXPECTED


@pytest.mark.parametrize("fault", [None, AFTER], ids=["all is well", "every answer is lost once"])
@pytest.mark.parametrize("contract", WIRES, indirect=True)
async def test_several_processes_do_together_what_one_does(contract: Contract, fault: str | None) -> None:
    if contract.wire is not None:
        contract.wire.each = fault
    for _ in range(3):
        contract.carry()
    await contract.mail()
    await contract.done()
    assert await contract.effects() == EXPECTED


@pytest.mark.parametrize("contract", OVER_WIRES, indirect=True)
async def test_who_says_410_is_told_nothing_more(contract: Contract) -> None:
    if isinstance(contract.wire, Hook):
        contract.wire.gone = True
    elif isinstance(contract.wire, Kommo):
        contract.wire.account.gone = True
    contract.carry()
    await contract.mail()
    await contract.done()
    assert await contract.state() == "disabled"
    assert await contract.outcomes() == {"dead"}
    assert await contract.effects() == Effects([], [], [])


@pytest.mark.parametrize("contract", OVER_WIRES, indirect=True)
async def test_a_certificate_of_nobody_we_trust_ends_the_call_before_anything_is_said(contract: Contract) -> None:
    """Once it is mended, all that waited is told."""
    assert contract.wire is not None
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    await contract.wire.close()
    contract.wire._tls = context
    await contract.wire.open()
    url = contract.wire.url.replace("127.0.0.1", "localhost") + ("/hook" if contract.kind == "webhook" else "")
    await contract.site.store.write(lambda tx: tx.execute(update(tables.endpoints).values(url=url)))
    await contract.mail()
    stranger = contract.carry()
    while not await contract.site.store.read(_tried):  # noqa: ASYNC110 - the store has no bell
        await asyncio.sleep(0.02)
    await stranger.stop(5)
    assert contract.wire.seen == []
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    contract.means = Means(allow_private=True, tls=trusted)
    contract.carry()
    await contract.done()
    assert await contract.effects() == EXPECTED


def _tried(tx: Tx) -> int:
    return int(tx.execute(select(func.max(tables.deliveries.c.attempts))).scalar_one())


@pytest.mark.parametrize("contract", ["kommo"], indirect=True)
async def test_what_became_of_an_event_is_told_with_its_delivery(contract: Contract) -> None:
    contract.carry()
    await contract.mail()
    await contract.done()
    told = [error for _, _, error in await contract.site.store.read(_faults)]
    assert sum("note " in one for one in told) == len(MAILS)
    assert any(one.startswith("contact 9") for one in told)
    assert isinstance(contract.wire, Kommo)
    assert all("\n\nHello Bob\n\n" in note["params"]["text"] for note in contract.wire.account.notes.values())


@pytest.mark.parametrize("contract", ["webhook"], indirect=True)
async def test_events_of_one_conversation_come_in_their_order(contract: Contract) -> None:
    assert isinstance(contract.wire, Hook)
    contract.wire.each = Reply(500)
    contract.carry()
    await contract.mail()
    await contract.done()
    assert contract.wire.notes.index("Offer") < contract.wire.notes.index("Re: Offer")
    places: dict[str, list[int]] = {}
    events = (await contract.site.api.get("/v1/events", params={"limit": 200})).json()["data"]
    for n, event in enumerate(events):
        places.setdefault(str(event.get("conversation")), []).append(
            contract.wire.heeded.index(event["id"]) if n else 0
        )
    assert all(a <= b for some in places.values() for a, b in itertools.pairwise(some)) or len(places) == 1
