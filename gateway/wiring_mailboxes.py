"""What the room of people's own mailboxes takes from the settings: its poller, its door, one look by hand.

And the provider with which users sign in, which is asked by the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from config import Settings
from gateway.core.mailboxes import Credential, Servers
from gateway.core.syncplan import Pace
from gateway.storage import open_store, prepare
from gateway.wiring import filing_settings, keyring, public_url

if TYPE_CHECKING:
    from gateway.jobs.sending import Postman
    from gateway.mailboxes.mail_servers import MailDoor, OpenSession
    from gateway.mailboxes.network import Network
    from gateway.mailboxes.openid import OpenIdProvider
    from gateway.mailboxes.poller import Poller
    from gateway.mailboxes.session import Session
    from gateway.usecases.mail_servers import MailServers
    from gateway.usecases.sign_in_elsewhere import Elsewhere, Provider

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


def network(settings: Settings, *, private: bool = False) -> Network:
    """The way to mail servers and providers, by judged addresses. private: our own network is allowed whatever is set
    for mailboxes."""
    from gateway.mailboxes.network import Network

    return Network(
        private=private or settings.mailbox_allow_private,
        name_servers=[(one.host, one.port) for one in settings.dns_servers],
        authorities=settings.mailbox_ca_file,
    )


def mail_door(settings: Settings, way: Network, open_session: OpenSession) -> MailDoor:
    """What use cases ask of mail servers (rules, section E). way: of `network`, the sessions' as well."""
    from config import providers
    from gateway.mailboxes.mail_servers import DoorSettings, MailDoor

    apps = {
        "google": (settings.oauth_google_client_id, settings.oauth_google_client_secret),
        "microsoft": (settings.oauth_microsoft_client_id, settings.oauth_microsoft_client_secret),
    }
    chosen = DoorSettings(
        settings.hostname,
        {name: (id, secret.get_secret_value() if secret else "") for name, (id, secret) in apps.items() if id},
        settings.mailbox_workers,
    )
    return MailDoor(chosen, providers.load(settings.mailbox_providers_file), way, open_session)


def sessions(way: Network) -> OpenSession:
    """What makes sessions with mail servers, over a way out."""
    from gateway.mailboxes.judged import JudgedSession

    def made(address: str, servers: Servers, credential: Credential) -> Session:
        return JudgedSession(servers.imap, servers.imap.user or address, credential, way)

    return made


def mail_servers(settings: Settings) -> MailServers:
    """The door to people's own mailboxes, as use cases ask for it."""
    return cast("MailServers", _Later(partial(_door, settings)))


def elsewhere(settings: Settings) -> Elsewhere | None:
    """Where users may sign in, as the operator chose it: so it may well stand in our own network."""
    from gateway.usecases.sign_in_elsewhere import Elsewhere

    if settings.oidc_issuer is None:
        return None
    provider = cast("Provider", _Later(partial(_provider, settings)))
    return Elsewhere(provider, settings.oidc_name or "", frozenset(settings.oidc_domains))


def _provider(settings: Settings) -> OpenIdProvider:
    from gateway.mailboxes.openid import OpenIdProvider, Registered

    secret = settings.oidc_client_secret
    app = Registered(
        settings.oidc_issuer or "", settings.oidc_client_id or "", secret.get_secret_value() if secret else ""
    )
    return OpenIdProvider(network(settings, private=True), app)


class _Later:
    """Stands for something that is made when it is first asked for anything: the libraries behind the door take a third
    of a second to load, for which no start has to wait."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def _door(settings: Settings) -> MailDoor:
    way = network(settings)
    return mail_door(settings, way, sessions(way))


def poller(settings: Settings, store: Any, blobs: Any, url: str, *, counts: bool = True) -> Poller:
    """What looks into mailboxes, by the session and the door of the settings. counts: see `PollerSettings`."""
    from gateway.mailboxes.poller import Poller, PollerSettings
    from gateway.usecases.file_fetched import FetchedDesk
    from gateway.usecases.reading import MailReader
    from gateway.usecases.sync_mailbox import Syncing

    filing, way = filing_settings(settings, url), network(settings)
    open_session = sessions(way)
    syncing = Syncing(
        store,
        mail_door(settings, way, open_session),
        cache(partial(keyring, settings)),
        pace(settings),
        settings.mailbox_connections_per_host,
    )
    desk = FetchedDesk(store, blobs, filing, MailReader(filing.limits))
    chosen = PollerSettings(
        settings.mailbox_workers, settings.mailbox_idle_connections, settings.max_message_bytes, counts
    )
    return Poller(syncing, desk, open_session, chosen)


def postman(settings: Settings, store: Any, blobs: Any, *, counts: bool = True) -> Postman:
    """What sends the mail that waits in the queue (E11). counts: whether it tells how many wait."""
    from gateway.jobs.sending import Postman
    from gateway.usecases.send_queued import Sender

    sender = Sender(store, blobs, _door(settings), cache(partial(keyring, settings)))
    return Postman(sender, counts=counts)


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
