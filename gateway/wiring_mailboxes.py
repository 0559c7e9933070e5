"""What the room of people's own mailboxes takes from the settings: its poller, its door, one look by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from config import Settings
from gateway.core.mailboxes import Credential, Servers
from gateway.core.syncplan import Pace
from gateway.storage import open_store, prepare
from gateway.wiring import filing_settings, keyring, public_url

if TYPE_CHECKING:
    from gateway.mailboxes.poller import Poller
    from gateway.mailboxes.session import Session
    from gateway.usecases.mail_servers import MailServers

TELL_SECONDS = 0.2
"""How often somebody who waits for a look is told how far it is."""


def pace(settings: Settings) -> Pace:
    """How much is imported, and how often is looked (E4, E5)."""
    return Pace(
        settings.mailbox_import_messages,
        settings.mailbox_import_days,
        settings.mailbox_sync_minutes,
        settings.mailbox_sync_minutes_most,
    )


def has_door() -> bool:
    """Whether this program can speak to mail servers."""
    return find_spec("gateway.mailboxes.imap") is not None and find_spec("gateway.mailboxes.mail_servers") is not None


def mail_servers(settings: Settings) -> MailServers:
    """The door of mailboxes as use cases see it."""
    found: MailServers = import_module("gateway.mailboxes.mail_servers").mail_servers(settings)
    return found


def open_session(settings: Settings, address: str, servers: Servers, credential: Credential) -> Session:
    """A session with a mail server, not yet open."""
    found: Session = import_module("gateway.mailboxes.imap").open_session(settings, address, servers, credential)
    return found


def poller(settings: Settings, store: Any, blobs: Any, url: str, *, counts: bool = True) -> Poller:
    """What looks into mailboxes, by the session and the door of the settings. counts: see `PollerSettings`."""
    from gateway.mailboxes.poller import Poller, PollerSettings
    from gateway.usecases.file_fetched import FetchedDesk
    from gateway.usecases.reading import MailReader
    from gateway.usecases.sync_mailbox import Syncing

    filing = filing_settings(settings, url)
    syncing = Syncing(
        store,
        mail_servers(settings),
        cache(partial(keyring, settings)),
        pace(settings),
        settings.mailbox_connections_per_host,
    )
    desk = FetchedDesk(store, blobs, filing, MailReader(filing.limits))
    chosen = PollerSettings(
        settings.mailbox_workers, settings.mailbox_idle_connections, settings.max_message_bytes, counts
    )
    return Poller(syncing, desk, partial(open_session, settings), chosen)


async def sync_once(settings: Settings, account: int, mailbox: str, tell: Callable[[int, int], None]) -> bool:
    """Looks into a mailbox once, beside any server; False where somebody has it in hand. tell: hears how many of how
    many messages of its import are filed."""
    blobs = prepare(settings)
    store = open_store(settings)
    store.start()
    made = poller(settings, store, blobs, public_url(settings))
    holding = asyncio.create_task(made.hold())
    try:
        look = asyncio.create_task(made.look_into((account, mailbox)))
        while not (await asyncio.wait([look], timeout=TELL_SECONDS))[0]:
            done, total = await made.progress((account, mailbox))
            tell(done, total)
        return look.result()
    finally:
        holding.cancel()
        await made.stop(0)
        await store.stop()
