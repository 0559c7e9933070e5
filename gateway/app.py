"""The only place that knows all rooms: opens the store, wires the doors to their use cases, starts and drains them."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

import structlog

from config import Listen, Settings, UnixSocket
from gateway.jobs.clock import Clock
from gateway.listening import Ear, Place, allow_connections, take_all
from gateway.listening import ListenError as ListenError
from gateway.listening import free_port as free_port
from gateway.store import schema
from gateway.store.accounts import list_accounts
from gateway.store.blobs import BlobStore
from gateway.store.engine import Store, Tx
from gateway.store.engine import StoreError as StoreError
from gateway.usecases.accounts import House
from gateway.usecases.drop_receipts import drop_receipts
from gateway.usecases.filing import FilingSettings
from gateway.usecases.review_held import refuse_forgotten

if TYPE_CHECKING:
    from gateway.core.facts import Auth
    from gateway.core.mail import Mail
    from gateway.smtp.authenticity.authenticator import Authenticator
    from gateway.smtp.door import Doorway
    from gateway.smtp.limits import SmtpLimits
    from gateway.smtp.server import SmtpServer
    from gateway.smtp.visitors import Visitors
    from gateway.usecases.reading import MailReader
    from gateway.web.server import WebServer

_log = structlog.get_logger(__name__)

ROLES = ("smtp", "lmtp", "http")
GRACE_SECONDS = 10.0
"""How long peers in the middle of a mail may go on once we were told to stop."""
TURN_SECONDS = 0.0005
"""How long a thread that reads a large mail may keep the event loop waiting for the interpreter; Python's own is ten
times as much, and the loop waits anew after every statement of a transaction."""


def version() -> str:
    """The version of this program."""
    try:
        return installed_version("smartgate")
    except PackageNotFoundError:
        return "unknown (not installed as a package)"


def public_url(settings: Settings) -> str:
    """Where people reach the console, as far as the settings tell."""
    return settings.public_url or f"http://{settings.http_listen}"


def house(settings: Settings) -> House:
    """What use cases of accounts take from the settings."""
    return House(settings.domains, settings.former_name_days, public_url(settings))


def filing_settings(settings: Settings, url: str) -> FilingSettings:
    """What filing takes from the settings. url: the console's address, in which the links of replies begin."""
    from gateway.core.mail import Limits
    from gateway.core.quota import Quotas, block_of

    limits = Limits(
        header_bytes=settings.max_header_bytes,
        header_lines=settings.max_header_lines,
        addresses=settings.max_addresses,
        mime_depth=settings.max_mime_depth,
        mime_parts=settings.max_mime_parts,
        received=settings.max_received,
        contacts=settings.max_contacts_per_message,
    )
    quotas = Quotas(
        account=settings.max_new_per_hour_account,
        domain=settings.max_new_per_hour_domain,
        author=settings.max_new_per_hour_author,
        block=settings.max_new_per_hour_block,
    )
    return FilingSettings(
        frozenset(settings.domains),
        lambda what: f"{url}/why/{what}",
        limits,
        settings.former_name_days,
        quotas,
        lru_cache(maxsize=4_096)(lambda peer: block_of(peer, settings.trusted_relays)),
    )


def authenticator(settings: Settings) -> Authenticator:
    """What looks into a mail's authenticity (rule B5), with a memory of the DNS of its own."""
    from gateway.smtp.authenticity.authenticator import Authenticator, AuthenticitySettings
    from gateway.smtp.authenticity.resolver import Resolver

    chosen = AuthenticitySettings(
        mode=settings.authenticity,
        trusted_relays=settings.trusted_relays,
        relay_id=settings.relay_authserv_id,
        sealers=frozenset(settings.arc_trusted_sealers),
        hostname=settings.hostname,
        header_bytes=settings.max_header_bytes,
    )
    return Authenticator(chosen, Resolver([(one.host, one.port) for one in settings.dns_servers]))


async def look_into(found: Authenticator, mail: Mail, message: bytes, sender: str | None, peer: str) -> Auth:
    """What a mail's authenticity would be found to be if that peer handed it to us (`explain`)."""
    from gateway.core.envelope import Envelope

    known = found.at_once(peer)
    if known is not None:
        return known
    if sender is None:
        sender = mail.author.address if mail.author else ""
    envelope = Envelope("smtp", peer, sender.rpartition("@")[2], sender, (), 0)
    return await found.evaluate(envelope, mail, len(message), lambda at, size: message[at : at + size])


def smtp_limits(settings: Settings) -> SmtpLimits:
    """What the doors for mail take from the settings (A8); no more connections than the system lets us hold."""
    from gateway.smtp.limits import SmtpLimits

    held = allow_connections(settings.max_sessions)
    if held < settings.max_sessions:
        _log.warning("app.few_connections", wanted=settings.max_sessions, possible=held)
    return SmtpLimits(
        max_message_bytes=settings.max_message_bytes,
        max_recipients=settings.max_recipients,
        max_sessions=held,
        max_command_errors=settings.max_command_errors,
        max_commands=settings.max_commands,
        max_unknown_recipients=settings.max_unknown_recipients,
        idle_seconds=settings.session_idle_seconds,
        data_seconds=settings.data_seconds,
        data_bytes_per_second=settings.data_bytes_per_second,
        sessions_per_address=settings.max_sessions_per_address,
        connections_per_minute=settings.max_connections_per_minute,
        mails_per_minute=settings.max_mails_per_minute,
        names_per_hour=settings.max_names_per_hour,
    )


def doorway(settings: Settings, visitors: Visitors, *, local: bool) -> Doorway:
    """What a door for mail takes from the settings about the network. local: it listens on a unix socket."""
    from gateway.smtp.certificates import CertificateError, Certificates
    from gateway.smtp.door import Doorway

    if local:
        return Doorway(visitors=visitors)
    certificates = None
    if settings.tls_cert is not None:
        try:
            certificates = Certificates(settings.tls_cert, settings.tls_key)
        except CertificateError as error:
            raise ListenError(f"SMARTGATE_TLS_CERT {error}") from error
    return Doorway(certificates, settings.tls_required, settings.proxy_protocol_from, visitors)


@contextmanager
def transaction(settings: Settings, *, reading: bool = False) -> Iterator[Tx]:
    """One transaction on the store of the settings, for a command; one for reading keeps no writer waiting."""
    with schema.transaction(settings.database, reading=reading) as tx:
        yield tx


def upgrade_store(settings: Settings) -> tuple[str | None, str]:
    """Brings the store to the newest schema: where it was (None: not there), where it is."""
    return schema.upgrade(settings.database)


def check_store(settings: Settings) -> str:
    """The schema of a store that is sound and current. Raises StoreError for any other."""
    return schema.check(settings.database)


def drop_files(settings: Settings, account: int) -> None:
    """Takes away the large mails of an account that was erased."""
    shutil.rmtree(settings.blob_path / str(account), ignore_errors=True)


class Gateway:
    """The running product: a store, and the doors that are asked for. Start it, then stop it, in one event loop."""

    def __init__(self, settings: Settings, roles: frozenset[str] = frozenset(ROLES)) -> None:
        self.settings = settings
        self.roles = roles
        self.public_url = public_url(settings)
        self.listeners: dict[str, Place] = {}
        self.store = Store(settings.database)
        self.failed = asyncio.Event()
        self._started = False
        self._authenticator = authenticator(settings)
        self._receipt_days = max(settings.receipt_days, settings.held_days + 1)
        self._clock = Clock(
            refuse_forgotten=partial(refuse_forgotten, self.store, settings.held_days),
            drop_receipts=partial(drop_receipts, self.store, self._receipt_days),
        )
        self._ears: dict[str, Ear] = {}
        self._doors: list[SmtpServer] = []
        self._reader: MailReader | None = None
        self._web: WebServer | None = None
        self._web_task: asyncio.Task[None] | None = None
        self._close_streams: Callable[[], None] = lambda: None

    def port(self, role: str) -> Listen:
        """The address at which a role that always listens by TCP accepts."""
        place = self.listeners[role]
        assert isinstance(place, Listen)
        return place

    async def start(self) -> None:
        """Opens the store and the doors; `listeners` then says where each really listens.

        Raises StoreError or ListenError; `stop` then closes what was opened.
        """
        schema.ensure_schema(self.settings.database)
        blobs = BlobStore(self.settings.blob_path)
        try:
            blobs.prepare()
        except OSError as error:
            raise StoreError(f"the folder {blobs.root} of large mails can't be used: {error.strerror}") from error
        self._ears = take_all(self._wanted(), self.settings.lmtp_socket_mode)
        self.listeners = {role: ear.place for role, ear in self._ears.items()}
        if "http" in self.listeners and self.settings.public_url is None:
            self.public_url = f"http://{self.listeners['http']}"
        self.store.start()
        if self.roles & {"smtp", "lmtp"}:
            await self._open_doors(blobs)
        if "http" in self._ears:
            await self._start_web(blobs, self._ears["http"].sock)
        self._clock.start()
        await self._warn()
        self._started = True
        _log.info("app.started", **{role: str(listen) for role, listen in self.listeners.items()})

    async def _warn(self) -> None:
        """Tells the log of what is allowed and still hardly meant."""
        if self.settings.public_url is None and self.settings.http_listen.host in ("0.0.0.0", "::"):  # noqa: S104 - asked
            _log.warning("app.links_lead_nowhere", url=self.public_url, remedy="set SMARTGATE_PUBLIC_URL")
        if not await self.store.read(list_accounts):
            _log.warning("app.no_account", store=self.settings.database_name, remedy="smartgate account add")

    async def stop(self) -> None:
        """Takes nothing new, finishes what is being filed, closes the store."""
        if self._web is not None:
            self._close_streams()
            self._web.should_exit = True
        await asyncio.gather(*(door.stop(GRACE_SECONDS) for door in self._doors))
        if self._reader is not None:
            await self._reader.stop()
        if self._web_task is not None:
            await asyncio.wait([self._web_task], timeout=GRACE_SECONDS)
        for ear in self._ears.values():
            ear.close()
        await self._clock.stop()
        await self.store.stop()
        if self._started:
            _log.info("app.stopped")

    def _wanted(self) -> dict[str, Place]:
        """Where each role that was asked for listens. Raises ListenError for one that can't."""
        settings = self.settings
        places = {"smtp": settings.smtp_listen, "lmtp": settings.lmtp_listen, "http": settings.http_listen}
        wanted = {role: place for role in ROLES if role in self.roles and (place := places[role]) is not None}
        if self.roles == {"lmtp"} and not wanted:
            raise ListenError("SMARTGATE_LMTP_LISTEN is not set: the role lmtp needs an address to listen on")
        return wanted

    async def _open_doors(self, blobs: BlobStore) -> None:
        """Opens the doors for mail: they share one desk, and what they count by address."""
        from gateway.smtp.server import SmtpServer
        from gateway.smtp.visitors import Visitors
        from gateway.usecases.desk import FilingDesk
        from gateway.usecases.reading import MailReader

        settings = self.settings
        limits = smtp_limits(settings)
        filing = filing_settings(settings, self.public_url)
        self._reader = MailReader(filing.limits, apart=True)
        desk = FilingDesk(self.store, blobs, filing, settings.hostname, self._authenticator, self._reader)
        visitors = Visitors(limits, settings.trusted_relays)
        for role in ("smtp", "lmtp"):
            if role in self._ears:
                ear = self._ears[role]
                way = doorway(settings, visitors, local=isinstance(ear.place, UnixSocket))
                lmtp = role == "lmtp"
                door = SmtpServer(desk, limits, settings.hostname, public_url=self.public_url, way=way, lmtp=lmtp)
                self._doors.append(door)
                await door.start("", 0, sock=ear.sock)
        await self._reader.start()

    async def _start_web(self, blobs: BlobStore, sock: socket.socket) -> None:
        from gateway.core.mail import read_mail
        from gateway.usecases.explain_mail import LOOPBACK, explain_mail, normal_line_ends
        from gateway.web.app import build
        from gateway.web.server import WebServer
        from gateway.web.services import WebServices

        settings, filing = self.settings, filing_settings(self.settings, self.public_url)

        async def explain(raw: bytes, rcpt: Sequence[str], sender: str | None, peer: str | None) -> dict[str, Any]:
            message = normal_line_ends(raw)
            mail = await asyncio.to_thread(read_mail, message, filing.limits)
            auth = await look_into(self._authenticator, mail, message, sender, peer or LOOPBACK)
            return await self.store.read(lambda tx: explain_mail(tx, filing, mail, rcpt, sender, peer, auth))

        services = WebServices(
            store=self.store,
            blobs=blobs,
            filing=filing,
            domains=settings.domains,
            public_url=lambda: self.public_url,
            explain=explain,
            version=version(),
            secure_cookies=self.public_url.startswith("https:"),
            max_message_bytes=settings.max_message_bytes,
            held_days=settings.held_days,
            limits=filing.limits,
            receipt_days=self._receipt_days,
        )
        site = build(services)
        self._close_streams = site.state.feed.close
        self._web = WebServer(site, GRACE_SECONDS)
        self._web_task = asyncio.create_task(self._web.serve([sock]))
        self._web_task.add_done_callback(lambda _task: self.failed.set())
        waiting = asyncio.create_task(self._web.accepts.wait())
        await asyncio.wait([waiting, self._web_task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._web_task.done():
            await self._web_task
            raise ListenError("the web server ended as soon as it was started")


async def serve(settings: Settings, roles: frozenset[str], say: Callable[[str], None]) -> int:
    """Runs until SIGTERM or SIGINT, then drains; a second SIGINT ends at once. The exit status.

    say: takes one line for each listener, once it accepts.
    """
    sys.setswitchinterval(TURN_SECONDS)
    gateway = Gateway(settings, roles)
    with interruptible() as told:
        try:
            await gateway.start()
            for role, listen in gateway.listeners.items():
                say(f"listening {role} {listen}")
            _tame_the_collector()
            over = [asyncio.create_task(told.wait()), asyncio.create_task(gateway.failed.wait())]
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            for task in over:
                task.cancel()
        finally:
            await gateway.stop()
    return 0 if told.is_set() else 1


def _tame_the_collector() -> None:
    """Leaves what was loaded at the start out of garbage collection, and looks for cycles less often.

    A full collection goes through some 300,000 objects of the libraries while every peer waits; a mail makes no cycles.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@contextmanager
def interruptible() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and the first SIGINT set; the second SIGINT ends the process at once."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()

    def interrupt() -> None:
        if told.is_set():
            os._exit(130)
        told.set()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGTERM, told.set)
    try:
        yield told
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
