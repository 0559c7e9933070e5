"""The poller of mailboxes in a process of its own, which does what it is told and says how long that took.

`python -m bench.looking` takes the settings of its environment. A line of its standard input is one object of JSON with
`do`, a line of its output is the answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import func, select, update

import config
from config import Settings
from gateway import logs
from gateway.core.mailboxes import Credential, Server, Servers
from gateway.core.resources import Mailbox
from gateway.mailboxes.poller import Poller
from gateway.storage import open_store, prepare
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time
from gateway.store.tables import mailboxes, messages, remote_messages
from gateway.usecases import connect_mailbox
from gateway.usecases.connect_mailbox import Opened, Wish
from gateway.usecases.operate_mailbox import operator_for
from gateway.wiring import keyring
from gateway.wiring_mailboxes import poller

ACCOUNT, OWNER = "acme", "dimas@acme.example"
_ASK_SECONDS = 0.05


class Looking:
    """What can be done, by name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._blobs = prepare(settings)
        self._store: Store = open_store(settings)

    async def run(self) -> None:
        """Until its input ends."""
        self._store.start()
        self._poller = self._made()
        does: dict[str, Callable[..., Awaitable[object]]] = {
            "connect": self.connect,
            "look": self.look,
            "look at all": self.look_at_all,
            "count": self.count,
        }
        try:
            while line := await asyncio.to_thread(sys.stdin.readline):
                asked = json.loads(line)
                print(json.dumps(await does[asked.pop("do")](**asked)), flush=True)
        finally:
            await self._poller.stop(5)
            await self._store.stop()

    async def connect(self, people: Sequence[str], password: str, port: int, auto_create: str) -> list[object]:
        """Connects mailboxes as shared ones; their keys."""
        ring = keyring(self._settings)
        servers = Servers(Server("localhost", port))

        def add(tx: Tx) -> list[object]:
            writer = operator_for(tx, ACCOUNT, people[0], OWNER, "shared")
            made: list[object] = []
            for address in people:
                wish = Wish(address, "shared", auto_create=auto_create)
                opened = Opened(wish, "stand", servers, Credential("password", password), can_send=False)
                mailbox = connect_mailbox.add_opened(tx, writer, opened, ring)
                assert isinstance(mailbox, Mailbox)
                made.append([writer.account, mailbox.id])
            return made

        return list(await self._store.write(add))

    async def look(self, key: Sequence[Any]) -> dict[str, object]:
        """Looks into one mailbox; how long that took, on the clock and of the CPU."""
        begun, cpu = time.perf_counter(), time.process_time()
        looked = await self._poller.look_into((key[0], key[1]))
        return {"looked": looked, "seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}

    async def look_at_all(self) -> dict[str, object]:
        """Makes all mailboxes due at once, and looks until none is left."""
        at = shared_time()
        await self._store.write(lambda tx: tx.execute(update(mailboxes).values(next_sync_at=at)) and None)
        left = select(func.count()).where(func.coalesce(mailboxes.c.last_sync_at, 0) < at)
        begun, cpu = time.perf_counter(), time.process_time()
        made = self._made()
        made.start()
        try:
            while await self._store.read(lambda tx: tx.execute(left).scalar_one()):  # noqa: ASYNC110
                await asyncio.sleep(_ASK_SECONDS)
        finally:
            await made.stop(5)
        return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}

    async def count(self) -> dict[str, object]:
        """What the store holds."""

        def read(tx: Tx) -> dict[str, object]:
            def of(what: Any) -> int:
                return int(tx.execute(what).scalar_one())

            troubles = tx.execute(select(mailboxes.c.error).where(mailboxes.c.error != "").distinct()).scalars()
            return {
                "messages": of(select(func.count()).select_from(messages)),
                "remote": of(select(func.count()).select_from(remote_messages)),
                "moved": of(select(func.coalesce(func.sum(mailboxes.c.moved), 0))),
                "troubles": list(troubles),
            }

        return dict(await self._store.read(read))

    def _made(self) -> Poller:
        return poller(self._settings, self._store, self._blobs, "")


def main() -> None:
    """Ends with its input."""
    logs.configure()
    asyncio.run(Looking(config.load()).run())


if __name__ == "__main__":
    main()
