"""A rig whose mailboxes stand on the tests' Dovecot: the poller, the client and the store are those of the product."""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from gateway.core.mailboxes import PASSWORD, Credential, Server, Servers, servers_as_json
from gateway.mailboxes.imap import ImapSession
from gateway.mailboxes.poller import Poller
from gateway.mailboxes.session import Session
from gateway.store import tables
from tests.mailboxes.person import Person
from tests.mailboxes.rig import NOW, Key, Rig, finished


@dataclass
class RealRig(Rig):
    """What a test has in hand. seconds: without data, after which a connection is given up."""

    seconds: float = 20.0
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def open_session(self, address: str, servers: Servers, credential: Credential) -> Session:
        imap = servers.imap
        return ImapSession(imap, imap.user or address, credential, ["127.0.0.1"], self.tls, seconds=self.seconds)

    async def connect_person(
        self, person: Person, port: int = 0, credential: Credential | None = None, **values: Any
    ) -> Key:
        """Connects somebody's mailbox. port: of a way to their server that is not the straight one. credential: None
        for their password."""
        self.tls = person.dovecot.client()
        imap = Server("localhost", port or person.dovecot.imaps, user=person.address)
        return await self.connect(
            address=person.address,
            host="localhost",
            credential=credential or Credential(PASSWORD, person.password),
            servers=json.dumps(servers_as_json(Servers(imap))),
            **values,
        )

    async def look(self, key: Key) -> None:
        """Looks into a mailbox once, with a poller that then ends and waits for nothing."""
        poller = self.poller(idle=0)
        assert await poller.look_into(key)

    async def fetched(self, key: Key, role: str = "inbox") -> list[tuple[int, str | None]]:
        """UIDs of a folder that are known and have not gone, each with its message; None for what can't be read."""
        of, folder = tables.remote_messages.c, tables.mailbox_folders.c
        same = (of.account == folder.account) & (of.mailbox == folder.mailbox) & (of.role == folder.role)
        query = (
            select(of.uid, of.message)
            .join(tables.mailbox_folders, same & (of.uidvalidity == folder.uidvalidity))
            .where(of.account == key[0], of.mailbox == key[1], of.role == role, of.gone_at.is_(None))
            .order_by(of.uid)
        )
        return await self.store.read(lambda tx: [(row.uid, row.message) for row in tx.execute(query)])


async def look_until(poller: Poller, rig: Rig, minutes: Sequence[float]) -> None:
    """Looks at what is due again and again, with so many minutes in between."""
    for pause in minutes:
        await poller.look()
        await finished(poller)
        rig.clock.pass_by(pause)


def before(days: float) -> datetime:
    """So long before the rig's clock."""
    return datetime.fromtimestamp(NOW / 1000 - days * 86_400, UTC)
