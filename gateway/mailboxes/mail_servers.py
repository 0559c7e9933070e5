"""The door of mailboxes as use cases see it: finding providers, signing in, trying a log-in, fetching on a click.

Blocking sessions run in threads of their own, so that a slow mail server holds up nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from config.providers import Table
from gateway.core.mailboxes import Credential, Found, Server, Servers
from gateway.core.refusals import Wrong
from gateway.core.transfer import decoded
from gateway.mailboxes.discovery import Discovery, Pace
from gateway.mailboxes.hands import Hands
from gateway.mailboxes.network import Network
from gateway.mailboxes.oauth import App, OAuth
from gateway.mailboxes.servers import check, wrong_host, wrong_port
from gateway.mailboxes.session import Session, SessionError
from gateway.mailboxes.smtp_login import try_smtp
from gateway.mailboxes.smtp_sending import send_smtp
from gateway.usecases.mail_servers import Copy, Parcel, Passed, Place, Tried, Trouble

_T = TypeVar("_T")
_NAMESAKES = 5
"""So many messages with the Message-ID of one that moved are looked at."""


class OpenSession(Protocol):
    """Makes a session with a mail server; nothing is connected yet."""

    def __call__(self, address: str, servers: Servers, credential: Credential) -> Session: ...


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """What the door takes from the settings. hostname: how we name ourselves to mail servers. apps: client id and
    secret by `google` and `microsoft`. threads: how many short sessions go on at one time."""

    hostname: str = "localhost"
    apps: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    threads: int = 32
    pace: Pace = field(default_factory=Pace)


class MailDoor:
    """Implements `MailServers` (gateway/usecases/mail_servers.py). network: shared with the sessions, which connect to
    addresses that it judged."""

    def __init__(self, settings: DoorSettings, table: Table, network: Network, open_session: OpenSession) -> None:
        self._network, self._open, self._hostname = network, open_session, settings.hostname
        self._table = table
        self._discovery = Discovery(network, table, settings.pace)
        self._oauth = OAuth(
            network, {name: App(*pair, table.oauth(name)) for name, pair in settings.apps.items() if pair[0]}
        )
        self._hands = Hands(settings.threads)

    async def discover(self, address: str) -> Found | Wrong:
        """The provider of an address (rule E1): at most ten seconds."""
        return await self._discovery.discover(address)

    async def check_servers(self, servers: Servers) -> Wrong | None:
        """Whether servers that somebody typed may be connected to at all."""
        return await check(self._network, servers)

    async def try_login(self, address: str, servers: Servers, credential: Credential) -> Tried:
        """Logs in once at each server, and out. Where the first refuses, the second is not asked: a wrong password
        counts there as well, and too many lock an account."""
        trouble = await self._judged("imap", servers.imap)
        if trouble is not None:
            return Tried(trouble)
        found = await self._run(_folders, self._open(address, servers, credential))
        if isinstance(found, Trouble):
            return Tried(found)
        smtp = None
        if servers.smtp is not None:
            smtp = await self._judged("smtp", servers.smtp) or await try_smtp(
                self._network, address, servers.smtp, credential, self._hostname
            )
        return Tried(None, smtp, found)

    async def fetch(self, address: str, servers: Servers, credential: Credential, place: Place) -> bytes | Trouble:
        """The decoded bytes of a part, or a whole message, over a short connection (rule E7)."""
        return await self._run(partial(_part, place=place), self._open(address, servers, credential))

    async def send(self, address: str, servers: Servers, credential: Credential, parcel: Parcel) -> Passed | Trouble:
        """Hands a mail to the server for sending (rule E11)."""
        server = servers.smtp
        if server is None:
            return Trouble("rejected", "This mailbox has no server for sending")
        wrong = wrong_host("smtp", server.host) or wrong_port("smtp", server)
        if wrong is not None:
            return Trouble("rejected", wrong.detail)
        return await send_smtp(self._network, address, server, credential, self._hostname, parcel)

    async def keep_sent(
        self, address: str, servers: Servers, credential: Credential, copy: Copy
    ) -> bool | Trouble | None:
        """Looks for a mail in the folder of sent mail, and puts it there where it isn't (rule E11)."""
        return await self._run(partial(_kept, copy=copy), self._open(address, servers, credential))

    def keeps_copies(self, servers: Servers) -> bool:
        """Whether the provider puts what is sent into the folder of sent mail by itself, as the table says."""
        provider = self._table.find_by_server(servers.imap.host)
        return provider is not None and provider.keeps

    def consent_url(self, provider: str, state: str, verifier: str, redirect: str, address: str) -> str | None:
        """The page where somebody consents; None where no app of ours is set."""
        return self._oauth.consent_url(provider, state, verifier, redirect, address)

    async def redeem(self, provider: str, code: str, verifier: str, redirect: str) -> Credential | Trouble:
        """The tokens for a code that came back."""
        return await self._oauth.redeem(provider, code, verifier, redirect)

    async def renew(self, credential: Credential) -> Credential | Trouble:
        """A new access token, and the refresh token that is to be kept."""
        return await self._oauth.renew(credential)

    async def _judged(self, name: str, server: Server) -> Trouble | None:
        """Why we don't go to a server, or can't now."""
        wrong = wrong_host(name, server.host) or wrong_port(name, server)
        if wrong is not None:
            return Trouble("refused", wrong.detail)
        found = await self._network.judged(server.host, server.port)
        return found if isinstance(found, Trouble) else None

    async def _run(self, work: Callable[[Session], _T], session: Session) -> _T | Trouble:
        def run() -> _T | Trouble:
            try:
                session.open()
                return work(session)
            except SessionError as fault:
                return fault.trouble
            finally:
                session.close()

        return await self._hands.do(run)


def _folders(session: Session) -> tuple[str, ...]:
    """What may be the folder of sent mail, where the server does not tell."""
    found = session.folders()
    return found.candidates if found.sent is None else ()


def _kept(session: Session, copy: Copy) -> bool | None:
    """Whether a mail stands in the folder of sent mail now."""
    path = session.folders(copy.path).sent
    if path is None:
        return None
    session.examine(path)
    if session.find(copy.message_id):
        return True
    if copy.message is None:
        return False
    session.append(path, copy.message, copy.at)
    return True


def _part(session: Session, place: Place) -> bytes | Trouble:
    """The part where it stood; else, after a move or under another UIDVALIDITY, where its Message-ID is now."""
    status = session.examine(place.folder)
    found = _at(session, place.uid, place) if status.uidvalidity == place.uidvalidity else None
    if found is None and place.message_id:
        found = _moved(session, place, session.find(place.message_id))
    if found is None:
        return Trouble("gone", "this is no longer on your mail server")
    return b"".join(decoded(found, 0, len(found), place.encoding)) if place.part else found


def _moved(session: Session, place: Place, uids: Sequence[int]) -> bytes | None:
    """The part of the newest of some messages; of one in which it is as large as it was before all others, as anybody
    can send another mail under a Message-ID that they know."""
    newest: bytes | None = None
    for uid in sorted(uids, reverse=True)[:_NAMESAKES]:
        found = _at(session, uid, place, ("gone", "refused"))
        if found is not None and (len(found) == place.octets or len(uids) == 1):
            return found
        newest = newest if newest is not None else found
    return newest


def _at(session: Session, uid: int, place: Place, missing: Sequence[str] = ("gone",)) -> bytes | None:
    """The part of a message as it is transferred; None where it is gone. missing: kinds of trouble that mean that."""
    try:
        return session.part(uid, place.part, place.most)
    except SessionError as fault:
        if fault.trouble.kind in missing:
            return None
        raise
