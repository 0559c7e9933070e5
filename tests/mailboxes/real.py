"""A rig whose sessions are real ones with a Dovecot, at the time that it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.core.mailboxes import PASSWORD, Credential, Servers
from gateway.mailboxes.idle import Key
from gateway.mailboxes.imap import ImapSession
from gateway.mailboxes.network import Network
from gateway.mailboxes.session import Session
from gateway.store.engine import Place, Store
from tests.mailboxes.person import Person
from tests.mailboxes.rig import Clock, Rig


@asynccontextmanager
async def real_rig(place: Place, folder: Path, authorities: Path, seconds: float = 20.0) -> AsyncIterator[Rig]:
    """authorities: whom its sessions trust. seconds: until a connection without data is given up."""
    store = Store(place)
    store.start()
    way = Network(private=True, authorities=authorities)

    def opened(address: str, servers: Servers, credential: Credential) -> Session:
        return ImapSession(servers.imap, address, credential, ["127.0.0.1"], way.tls, seconds=seconds)

    made = Rig(place, folder / "blobs", store, clock=Clock(int(time.time() * 1000)), real=opened)
    await made.open_account()
    yield made
    await made.close()


async def connect(
    rig: Rig, person: Person, port: int | None = None, *, credential: Credential | None = None, account: int = 0
) -> Key:
    """Connects somebody's mailbox, through a port of theirs."""
    given = credential or Credential(PASSWORD, person.password)
    port = port or person.dovecot.imaps
    return await rig.connect(address=person.address, credential=given, host="localhost", port=port, account=account)
