"""What a mailbox is opened with, outside a look into it: an access token that ran out is renewed first (rule E10).

Two who renew one token at a time may leave neither with a good one, so that is done while no poller looks into the
mailbox; what came is kept before it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.core.mailboxes import PASSWORD, Credential
from gateway.sealing import Keyring
from gateway.store import mailbox_reading as boxes
from gateway.store.engine import Store
from gateway.store.ids import shared_time as now
from gateway.store.mailboxes import MailboxRow, get_mailbox
from gateway.usecases.mail_servers import MailServers, Trouble, open_credential, seal_credential

_EARLY_MS = 60_000
_DISCONNECTED = Trouble("auth", "This mailbox was disconnected a moment ago")
_LOOKED_INTO = Trouble("busy", "This mailbox is being looked into at this moment; try again in a moment", 3_000)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Opens mailboxes' credentials of one store."""

    store: Store
    keyring: Callable[[], Keyring]

    async def of(
        self, account: int, row: MailboxRow, servers: MailServers, *, anew: bool = False
    ) -> Credential | Trouble:
        """What the mailbox is opened with. Renewing goes on to its end though nobody waits any more: the former refresh
        token may be worth nothing by then. anew: the access token was refused. Raises SealError."""
        credential = self._opened(account, row)
        if credential.kind == PASSWORD or (_lasts(credential) and not anew):
            return credential
        refused = credential.access if anew else ""
        return await asyncio.shield(asyncio.ensure_future(self._renewed(account, row.id, servers, refused)))

    async def _renewed(self, account: int, id: str, servers: MailServers, refused: str) -> Credential | Trouble:
        """A new access token, while no poller looks into the mailbox, so that no two renew it at once. What came is
        kept before it is used, unless somebody saved another credential meanwhile: then that one is used."""
        until = await self.store.write(partial(boxes.take_turn, account=account, id=id, now=now()), account=account)
        if until is None:
            return _LOOKED_INTO
        try:
            row = await self._row(account, id)
            credential = None if row is None or row.credential is None else self._opened(account, row)
            if row is None or credential is None or (_lasts(credential) and credential.access != refused):
                return credential or _DISCONNECTED
            renewed = await servers.renew(credential)
            if isinstance(renewed, Trouble):
                return renewed
            kept = seal_credential(self.keyring(), renewed, account, id)
            change = partial(
                boxes.set_credential, account=account, id=id, sealed=kept, instead_of=row.credential or b""
            )
            if await self.store.write(change, account=account):
                return renewed
            row = await self._row(account, id)
            return _DISCONNECTED if row is None or row.credential is None else self._opened(account, row)
        finally:
            await self.store.write(partial(boxes.leave_turn, account=account, id=id, until=until), account=account)

    def _opened(self, account: int, row: MailboxRow) -> Credential:
        return open_credential(self.keyring(), row.credential or b"", account, row.id)

    async def _row(self, account: int, id: str) -> MailboxRow | None:
        return await self.store.read(lambda tx: get_mailbox(tx, account, id))


def _lasts(credential: Credential) -> bool:
    """Whether it can be used as it is."""
    return credential.kind == PASSWORD or bool(credential.access and credential.expires_at > now() + _EARLY_MS)
