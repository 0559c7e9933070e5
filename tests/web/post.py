"""A site from which mail is sent: mailboxes that can send, and the worker of the queue with a clock moved by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from gateway.core.mailboxes import Server, Servers, servers_as_json
from gateway.jobs.sending import Postman
from gateway.store import tables
from gateway.store.filing import dump
from gateway.store.ids import shared_time
from gateway.store.outgoing import LEASE_MS
from gateway.usecases.send_queued import Sender
from tests.mailboxes.fake_servers import FakeServers
from tests.web.boxes import change_box, connect
from tests.web.site import KEYRING, Site

SENDING = Servers(Server("imap.acme.example", 993), Server("smtp.acme.example", 465))
BOX = "sales@acme.example"
MINUTE = 60_000
HOUR = 60 * MINUTE


async def finished(worker: Postman) -> None:
    """All that a worker has in hand is done."""
    while worker.busy:
        await asyncio.gather(*worker.busy)


@dataclass
class Post:
    """What a test has in hand. box: a shared mailbox of Acme that can send. ahead: the worker's clock, in ms."""

    site: Site
    box: str = ""
    ahead: int = 0
    made: list[Postman] = field(default_factory=list)

    @property
    def servers(self) -> FakeServers:
        return self.site.servers

    async def open(self) -> Post:
        self.box = await self.connect(BOX)
        return self

    async def connect(self, address: str, owner: str = "", **more: Any) -> str:
        """A mailbox that can send; its id."""
        more = {"kind": "shared"} | more
        box = await connect(self.site, address, owner or self.site.acme.owner.id, **more)
        self.servers.passwords.setdefault(address, "sesame")
        await change_box(self.site, box, can_send=True, servers=dump(servers_as_json(SENDING)))
        return box

    async def write(self, status: int = 201, **wish: Any) -> Any:
        """Somebody sends a mail over the API."""
        given = {"mailbox": self.box, "to": ["Bob <bob@bluefin.example>"], "subject": "Offer", "text": "Hello Bob"}
        answer = await self.site.api.post("/v1/messages", json=given | wish)
        assert answer.status_code == status, answer.text
        return answer.json()

    def clock(self) -> int:
        return shared_time() + self.ahead

    def worker(self) -> Postman:
        """A worker of its own, as a process has it."""
        services = self.site.app.state.services
        sender = Sender(self.site.store, services.blobs, self.servers, lambda: KEYRING, self.clock, lambda: 0.0)
        self.made.append(Postman(sender))
        return self.made[-1]

    async def work(self, later: int = 0) -> int:
        """So much later, the worker does all that is due; how many steps that were."""
        self.ahead += later
        worker, steps = self.worker(), 0
        while count := await worker.look():
            steps += count
            await finished(worker)
        return steps

    async def sending(self, id: str) -> tuple[str, str]:
        """How far a message is, and what is wrong."""
        found = (await self.site.api.get(f"/v1/messages/{id}")).json()["sending"]
        return found["state"], found["error"]

    async def row(self, id: str) -> Any:
        query = select(tables.outgoing).where(tables.outgoing.c.message == id)
        return await self.site.store.read(lambda tx: tx.execute(query).one_or_none())

    async def events(self, kind: str) -> list[str]:
        """What the events of this type happened to."""
        query = select(tables.events.c.subject).where(tables.events.c.type == kind).order_by(tables.events.c.position)
        return await self.site.store.read(lambda tx: list(tx.execute(query).scalars()))

    async def crash(self, id: str, *, state: str = "sending") -> None:
        """A worker had it in hand and is no more: its claim has run out."""
        change = tables.outgoing.update().where(tables.outgoing.c.message == id)
        values = {"state": state, "holder": "dead", "next_at": self.clock() + LEASE_MS}
        await self.site.store.write(lambda tx: tx.execute(change.values(values)) and None)
        self.ahead += LEASE_MS + 1
