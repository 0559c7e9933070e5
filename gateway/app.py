"""The only place that knows all rooms: opens the store, wires the doors to their use cases, starts and drains them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

import structlog

from config import Listen, Settings
from gateway.store import schema
from gateway.store.blobs import BlobStore
from gateway.store.engine import Store, Tx
from gateway.store.engine import StoreError as StoreError
from gateway.usecases.accounts import House
from gateway.usecases.filing import FilingSettings

if TYPE_CHECKING:
    import uvicorn

    from gateway.core.facts import Auth
    from gateway.smtp.authenticity.authenticator import Authenticator
    from gateway.smtp.server import SmtpServer

_log = structlog.get_logger(__name__)

ROLES = ("smtp", "http")
GRACE_SECONDS = 10.0
"""How long peers in the middle of a mail may go on once we were told to stop."""


class ListenError(Exception):
    """An address can't be listened on; str() is one line that says which, and why."""


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

    limits = Limits(
        header_bytes=settings.max_header_bytes,
        header_lines=settings.max_header_lines,
        addresses=settings.max_addresses,
        mime_depth=settings.max_mime_depth,
        mime_parts=settings.max_mime_parts,
        received=settings.max_received,
        contacts=settings.max_contacts_per_message,
    )
    return FilingSettings(
        frozenset(settings.domains), lambda what: f"{url}/why/{what}", limits, settings.former_name_days
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


async def look_into(found: Authenticator, filing: FilingSettings, raw: bytes, sender: str | None, peer: str) -> Auth:
    """What a mail's authenticity would be found to be if that peer handed it to us (`explain`)."""
    from gateway.core.envelope import Envelope
    from gateway.core.mail import read_mail
    from gateway.usecases.explain_mail import normal_line_ends

    known = found.at_once(peer)
    if known is not None:
        return known
    message = normal_line_ends(raw)
    mail = read_mail(message, filing.limits)
    if sender is None:
        sender = mail.author.address if mail.author else ""
    envelope = Envelope("smtp", peer, sender.rpartition("@")[2], sender, (), 0)
    return await found.evaluate(envelope, mail, len(message), lambda at, size: message[at : at + size])


@contextmanager
def transaction(settings: Settings, *, reading: bool = False) -> Iterator[Tx]:
    """One transaction on the store of the settings, for a command; one for reading keeps no writer waiting."""
    with schema.transaction(settings.database_path, reading=reading) as tx:
        yield tx


def upgrade_store(settings: Settings) -> tuple[str | None, str]:
    """Brings the store to the newest schema: where it was (None: not there), where it is."""
    return schema.upgrade(settings.database_path)


def check_store(settings: Settings) -> str:
    """The schema of a store that is sound and current. Raises StoreError for any other."""
    return schema.check(settings.database_path)


def drop_files(settings: Settings, account: int) -> None:
    """Takes away the large mails of an account that was erased."""
    shutil.rmtree(settings.blob_path / str(account), ignore_errors=True)


class Gateway:
    """The running product: a store, and the doors that are asked for. Start it, then stop it, in one event loop."""

    def __init__(self, settings: Settings, roles: frozenset[str] = frozenset(ROLES)) -> None:
        self.settings = settings
        self.roles = roles
        self.public_url = public_url(settings)
        self.listeners: dict[str, Listen] = {}
        self.store = Store(f"sqlite:///{settings.database_path}")
        self.failed = asyncio.Event()
        self._started = False
        self._authenticator = authenticator(settings)
        self._smtp: SmtpServer | None = None
        self._web: uvicorn.Server | None = None
        self._web_task: asyncio.Task[None] | None = None
        self._close_streams: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Opens the store and the doors; `listeners` then says where each really listens.

        Raises StoreError or ListenError; `stop` then closes what was opened.
        """
        schema.ensure_schema(self.settings.database_path)
        blobs = BlobStore(self.settings.blob_path)
        try:
            blobs.prepare()
        except OSError as error:
            raise StoreError(f"the folder {blobs.root} of large mails can't be used: {error.strerror}") from error
        wanted = {"smtp": self.settings.smtp_listen, "http": self.settings.http_listen}
        sockets = _bind_all({role: wanted[role] for role in ROLES if role in self.roles})
        self.listeners = {role: _where(sock, wanted[role]) for role, sock in sockets.items()}
        if "http" in self.listeners and self.settings.public_url is None:
            self.public_url = f"http://{self.listeners['http']}"
        self.store.start()
        if "smtp" in sockets:
            await self._start_smtp(blobs, sockets["smtp"])
        if "http" in sockets:
            await self._start_web(blobs, sockets["http"])
        self._started = True
        _log.info("app.started", **{role: str(listen) for role, listen in self.listeners.items()})

    async def stop(self) -> None:
        """Takes nothing new, finishes what is being filed, closes the store."""
        if self._web is not None:
            self._close_streams()
            self._web.should_exit = True
        if self._smtp is not None:
            await self._smtp.stop(GRACE_SECONDS)
        if self._web_task is not None:
            await asyncio.wait([self._web_task], timeout=GRACE_SECONDS)
        await self.store.stop()
        if self._started:
            _log.info("app.stopped")

    async def _start_smtp(self, blobs: BlobStore, sock: socket.socket) -> None:
        from gateway.smtp.limits import SmtpLimits
        from gateway.smtp.server import SmtpServer
        from gateway.usecases.desk import FilingDesk

        settings = self.settings
        limits = SmtpLimits(
            max_message_bytes=settings.max_message_bytes,
            max_recipients=settings.max_recipients,
            max_sessions=settings.max_sessions,
            max_command_errors=settings.max_command_errors,
            idle_seconds=settings.session_idle_seconds,
            data_seconds=settings.data_seconds,
        )
        filing = filing_settings(settings, self.public_url)
        desk = FilingDesk(self.store, blobs, filing, settings.hostname, self._authenticator)
        self._smtp = SmtpServer(desk, limits, settings.hostname, public_url=self.public_url)
        await self._smtp.start("", 0, sock=sock)

    async def _start_web(self, blobs: BlobStore, sock: socket.socket) -> None:
        import uvicorn

        from gateway.usecases.explain_mail import LOOPBACK, explain_mail
        from gateway.web.app import build
        from gateway.web.services import WebServices

        settings, filing = self.settings, filing_settings(self.settings, self.public_url)

        async def explain(raw: bytes, rcpt: Sequence[str], sender: str | None, peer: str | None) -> dict[str, Any]:
            auth = await look_into(self._authenticator, filing, raw, sender, peer or LOOPBACK)
            return await self.store.read(lambda tx: explain_mail(tx, filing, raw, rcpt, sender, peer, auth))

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
            limits=filing.limits,
        )
        site = build(services)
        self._close_streams = site.state.feed.close
        ready = asyncio.Event()

        class Web(uvicorn.Server):
            """Leaves signals to us and says when it accepts."""

            @contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                ready.set()

        self._web = Web(
            uvicorn.Config(
                site,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=int(GRACE_SECONDS),
            )
        )
        self._web_task = asyncio.create_task(self._web.serve([sock]))
        self._web_task.add_done_callback(lambda _task: self.failed.set())
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([waiting, self._web_task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._web_task.done():
            await self._web_task
            raise ListenError("the web server ended as soon as it was started")


async def serve(settings: Settings, roles: frozenset[str], say: Callable[[str], None]) -> int:
    """Runs until SIGTERM or SIGINT, then drains; a second SIGINT ends at once. The exit status.

    say: takes one line for each listener, once it accepts.
    """
    gateway = Gateway(settings, roles)
    with interruptible() as told:
        try:
            await gateway.start()
            for role, listen in gateway.listeners.items():
                say(f"listening {role} {listen}")
            over = [asyncio.create_task(told.wait()), asyncio.create_task(gateway.failed.wait())]
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            for task in over:
                task.cancel()
        finally:
            await gateway.stop()
    return 0 if told.is_set() else 1


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


def free_port(listen: Listen) -> Listen:
    """The address itself where it can be listened on, else the same host with port 0."""
    try:
        _bind("", listen).close()
    except ListenError:
        return Listen(listen.host, 0)
    return listen


def _bind_all(wanted: dict[str, Listen]) -> dict[str, socket.socket]:
    """Takes every address or none."""
    taken: dict[str, socket.socket] = {}
    try:
        for role, listen in wanted.items():
            taken[role] = _bind(role, listen)
    except ListenError:
        for sock in taken.values():
            sock.close()
        raise
    return taken


def _bind(role: str, listen: Listen) -> socket.socket:
    """A socket with its port taken, not yet accepting.

    Made with its protocol named: without that asyncio leaves Nagle's algorithm on, which slows each reply to 40 ms.
    """
    name = f"SMARTGATE_{role.upper()}_LISTEN {listen}"
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(f"{name}: the host can't be found ({error.strerror})") from error
    family, kind, _, _, address = found[0]
    sock = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(1)
    except OSError as error:
        sock.close()
        raise ListenError(
            f"{name}: can't listen there ({error.strerror}); another port, or 0 for a free one?"
        ) from error
    sock.setblocking(False)
    return sock


def _where(sock: socket.socket, wanted: Listen) -> Listen:
    return Listen(wanted.host, sock.getsockname()[1])
