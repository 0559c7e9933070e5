"""The only place that knows all rooms: opens the store, wires the doors to their use cases, starts and drains them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

import structlog

from config import Listen, Settings, UnixSocket
from gateway import metrics
from gateway.advice import advise
from gateway.advice import check_secrets as check_secrets
from gateway.jobs.back_ends import BackEnds
from gateway.jobs.clock import Clock
from gateway.jobs.pulse import Pulse
from gateway.listening import Ear, Place, take_all
from gateway.listening import ListenError as ListenError
from gateway.listening import free_port as free_port
from gateway.running import interruptible as interruptible
from gateway.running import share_the_interpreter, tame_the_collector
from gateway.storage import check_store as check_store
from gateway.storage import drop_files as drop_files
from gateway.storage import empty_log as empty_log
from gateway.storage import large_mails as large_mails
from gateway.storage import prepare
from gateway.storage import reindex as reindex
from gateway.storage import sweep_store as sweep_store
from gateway.storage import transaction as transaction
from gateway.storage import upgrade_store as upgrade_store
from gateway.store.blobs import Blobs
from gateway.store.engine import Store
from gateway.store.engine import StoreError as StoreError
from gateway.usecases.delete_mail import purge_deleted, purge_files
from gateway.usecases.deliveries import drop_deliveries
from gateway.usecases.disconnect_mailbox import purge_mailboxes
from gateway.usecases.drop_orphans import drop_orphans
from gateway.usecases.drop_receipts import drop_receipts
from gateway.usecases.index_words import Indexer
from gateway.usecases.keep_answers import forget_answers
from gateway.usecases.review_held import refuse_forgotten
from gateway.usecases.show_audit import drop_done
from gateway.wiring import (
    Crew,
    answers_keyring,
    back_ends,
    certificates,
    doorway,
    egress,
    explainer,
    guess_counts,
    keyring,
    machine_checks,
    muster,
    request_counts,
    smtp_limits,
)
from gateway.wiring import authenticator as authenticator
from gateway.wiring import filing_settings as filing_settings
from gateway.wiring import house as house
from gateway.wiring import look_into as look_into
from gateway.wiring import public_url as public_url
from gateway.wiring_mailboxes import elsewhere, mail_servers, poller, postman
from gateway.workers import Workers

if TYPE_CHECKING:
    from gateway.jobs.sending import Postman
    from gateway.mailboxes.poller import Poller
    from gateway.smtp.certificates import Certificates
    from gateway.smtp.server import SmtpServer
    from gateway.usecases.reading import MailReader
    from gateway.web.server import WebServer

_log = structlog.get_logger(__name__)

ROLES = ("smtp", "lmtp", "http", "mailboxes", "deliveries")
GRACE_SECONDS = 10.0
"""How long peers in the middle of a mail may go on once we were told to stop."""
DRAIN_SECONDS = 3 * GRACE_SECONDS
"""How long a worker may take to end; what still lives then is killed."""
INDEX_SECONDS = 1.0
"""How often what was filed is looked for, to be found by its words."""
_LOADED_BEFORE_FORKING = (
    "gateway.smtp.server",
    "gateway.usecases.desk",
    "gateway.web.app",
    "gateway.web.server",
    "sqlalchemy.ext.asyncio",
)


def version() -> str:
    """The version of this program."""
    try:
        return installed_version("smartgate")
    except PackageNotFoundError:
        return "unknown (not installed as a package)"


def take_ears(settings: Settings, roles: frozenset[str]) -> dict[str, Ear]:
    """Takes every place where a role listens, or none. Raises ListenError."""
    places = {"smtp": settings.smtp_listen, "lmtp": settings.lmtp_listen, "http": settings.http_listen}
    wanted: dict[str, Place] = {
        role: place for role in ROLES if role in roles and (place := places.get(role)) is not None
    }
    if roles == {"lmtp"} and not wanted:
        raise ListenError("SMARTGATE_LMTP_LISTEN is not set: the role lmtp needs an address to listen on")
    return take_all(wanted, settings.lmtp_socket_mode)


class Gateway:
    """The running product: a store, and the doors that are asked for. Start it, then stop it, in one event loop.

    crew: left out, it is alone; else one of several workers, whose parent has prepared the store and taken the places.
    """

    def __init__(self, settings: Settings, roles: frozenset[str] = frozenset(ROLES), crew: Crew | None = None) -> None:
        self.settings = settings
        self._crew = crew
        self.roles = roles
        self.public_url = public_url(settings)
        self.listeners: dict[str, Place] = {}
        self.store = Store(settings.database)
        self.failed = asyncio.Event()
        self._started = False
        self._authenticator = authenticator(settings)
        self._mail = mail_servers(settings)
        self._receipt_days = max(settings.receipt_days, settings.held_days + 1)
        self._clock = Clock(
            refuse_forgotten=partial(refuse_forgotten, self.store, settings.held_days),
            drop_receipts=partial(drop_receipts, self.store, self._receipt_days),
            drop_deliveries=partial(drop_deliveries, self.store, settings.delivery_days),
            drop_done=partial(drop_done, self.store, settings.audit_days),
            drop_orphans=partial(drop_orphans, self.store, large_mails(settings)),
            purge_deleted=partial(purge_deleted, self.store, settings.deleted_days),
            purge_files=partial(purge_files, self.store, large_mails(settings)),
            forget_answers=partial(forget_answers, self.store),
            purge_mailboxes=partial(purge_mailboxes, self.store),
        )
        self._indexing = Clock(every=INDEX_SECONDS)
        self._pulse = Pulse()
        self._ears: dict[str, Ear] = {}
        self._certificates: Certificates | None = None
        self._doors: list[SmtpServer] = []
        self._reader: MailReader | None = None
        self._web: WebServer | None = None
        self._web_task: asyncio.Task[None] | None = None
        self._carrier: BackEnds | None = None
        self._poller: Poller | None = None
        self._postman: Postman | None = None
        self._poller_start: asyncio.Task[None] | None = None
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
        if self._crew is None:
            blobs = prepare(self.settings)
            self._ears = take_ears(self.settings, self.roles)
        else:
            blobs = large_mails(self.settings)
            self._ears = dict(self._crew.ears)
        self.listeners = {role: ear.place for role, ear in self._ears.items()}
        if "http" in self.listeners and self.settings.public_url is None:
            self.public_url = f"http://{self.listeners['http']}"
        self.store.start()
        self.store.wrote = self._wrote
        if self._crew is not None:
            board = self._crew.board
            asyncio.get_running_loop().add_reader(board.take_place(self._crew.number), board.answer)
        if self.roles & {"smtp", "lmtp"}:
            await self._open_doors(blobs)
        if "http" in self._ears:
            await self._start_web(blobs, self._ears["http"].sock)
        if "deliveries" in self.roles:
            self._start_deliveries(blobs)
        if "mailboxes" in self.roles:
            self._poller_start = asyncio.create_task(self._start_poller(blobs))
        self._pulse.start()
        if self._crew is None:
            await self.store.read(partial(advise, self.settings, self.public_url))
        if self._crew is None or self._crew.number == 0:
            self._clock.start()
            indexer = Indexer(self.store, blobs, self.settings.max_mime_parts, self.settings.max_mime_depth)
            self._indexing = Clock(every=INDEX_SECONDS, index_words=indexer.look)
            self._indexing.start()
        self._started = True
        _log.info("app.started", **{role: str(listen) for role, listen in self.listeners.items()})

    async def stop(self) -> None:
        """Takes nothing new, finishes what is being filed, closes the store."""
        if self._web is not None:
            self._close_streams()
            self._web.should_exit = True
        if self._poller_start is not None:
            await asyncio.wait([self._poller_start])
        stopping = [door.stop(GRACE_SECONDS) for door in self._doors]
        if self._poller is not None:
            stopping.append(self._poller.stop(GRACE_SECONDS))
        if self._postman is not None:
            stopping.append(self._postman.stop(GRACE_SECONDS))
        await asyncio.gather(*stopping)
        if self._reader is not None:
            await self._reader.stop()
        if self._web_task is not None:
            await asyncio.wait([self._web_task], timeout=GRACE_SECONDS)
        for ear in self._ears.values():
            ear.close()
        if self._carrier is not None:
            await self._carrier.stop(GRACE_SECONDS)
        self._pulse.stop()
        await self._clock.stop()
        await self._indexing.stop()
        await self.store.stop()
        if self._started:
            _log.info("app.stopped")

    def renew(self) -> None:
        """Looks at once whether the certificate was renewed, as is done for every peer that wants TLS."""
        if self._certificates is not None:
            self._certificates.context()

    async def _open_doors(self, blobs: Blobs) -> None:
        """Opens the doors for mail: they share one desk, and what they count by address."""
        from gateway.smtp.server import SmtpServer
        from gateway.smtp.visitors import Visitors
        from gateway.usecases.desk import FilingDesk
        from gateway.usecases.reading import MailReader

        settings, crew = self.settings, self._crew
        limits = smtp_limits(settings, crew.size if crew else 1)
        filing = filing_settings(settings, self.public_url)
        self._reader = MailReader(filing.limits, apart=True)
        desk = FilingDesk(self.store, blobs, filing, settings.hostname, self._authenticator, self._reader)
        counts = crew.ledger.take_place(crew.number) if crew else None
        visitors = Visitors(limits, settings.trusted_relays, counts=counts)
        self._certificates = certificates(settings)
        for role in ("smtp", "lmtp"):
            if role in self._ears:
                ear = self._ears[role]
                way = doorway(settings, visitors, self._certificates, local=isinstance(ear.place, UnixSocket))
                lmtp = role == "lmtp"
                door = SmtpServer(desk, limits, settings.hostname, public_url=self.public_url, way=way, lmtp=lmtp)
                self._doors.append(door)
                await door.start("", 0, sock=ear.sock, crowds=crew.crowds[role] if crew else None)
        await self._reader.start()

    def _start_deliveries(self, blobs: Blobs) -> None:
        self._carrier = back_ends(self.settings, self.store, blobs, lambda: self.public_url, self._mail)
        self._carrier.start()

    def _wrote(self) -> None:
        """Something was written here, on which others may act at once."""
        for one in (self._carrier, self._postman):
            if one is not None:
                one.stir()

    async def _start_poller(self, blobs: Blobs) -> None:
        """Begins to look into mailboxes, and to send from them; a thread loads what that takes, while the other doors
        are open already."""
        alone = self._crew is None or self._crew.number == 0
        make = partial(poller, self.settings, self.store, blobs, self.public_url, counts=alone)
        try:
            self._poller = await asyncio.to_thread(make)
            self._poller.start()
            self._postman = await asyncio.to_thread(postman, self.settings, self.store, blobs, counts=alone)
            self._postman.start()
        except Exception:
            _log.exception("mailboxes.failed")
            self.failed.set()

    async def _start_web(self, blobs: Blobs, sock: socket.socket) -> None:
        from gateway.web.app import build, close_streams
        from gateway.web.server import WebServer
        from gateway.web.services import WebServices

        settings, filing = self.settings, filing_settings(self.settings, self.public_url)
        services = WebServices(
            store=self.store,
            blobs=blobs,
            filing=filing,
            domains=settings.domains,
            public_url=lambda: self.public_url,
            explain=explainer(self.store, filing, self._authenticator),
            version=version(),
            checks=machine_checks(settings, lambda: self.listeners.get("smtp", settings.smtp_listen)),
            secure_cookies=self.public_url.startswith("https:"),
            max_message_bytes=settings.max_message_bytes,
            held_days=settings.held_days,
            deleted_days=settings.deleted_days,
            limits=filing.limits,
            receipt_days=self._receipt_days,
            figures=self._figures,
            keyring=cache(partial(keyring, settings)),
            answers=answers_keyring(settings),
            webhooks_private=settings.webhook_allow_private,
            requests=self._crew.requests if self._crew else request_counts(settings),
            spare_loopback=settings.api_spare_loopback,
            egress=egress(settings),
            mail_servers=self._mail,
            guesses=self._crew.guesses if self._crew else guess_counts(),
            audit_days=settings.audit_days,
            elsewhere=elsewhere(settings),
        )
        site = build(services)
        self._close_streams = partial(close_streams, site)
        self._web = WebServer(site, GRACE_SECONDS)
        self._web_task = asyncio.create_task(self._web.serve([sock]))
        self._web_task.add_done_callback(lambda _task: self.failed.set())
        waiting = asyncio.create_task(self._web.accepts.wait())
        await asyncio.wait([waiting, self._web_task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._web_task.done():
            await self._web_task
            raise ListenError("the web server ended as soon as it was started")

    async def _figures(self) -> bytes:
        """What is counted, of all workers where there are several."""
        return metrics.exposition() if self._crew is None else await self._crew.board.exposition()


async def serve(settings: Settings, roles: frozenset[str], say: Callable[[str], None]) -> int:
    """Runs until SIGTERM or SIGINT, then drains; a second SIGINT ends at once. The exit status.

    say: takes one line for each listener, once it accepts.
    """

    def accepting(gateway: Gateway) -> None:
        for role, place in gateway.listeners.items():
            say(f"listening {role} {place}")

    return await _run(Gateway(settings, roles), accepting)


def serve_together(settings: Settings, roles: frozenset[str], count: int, say: Callable[[str], None]) -> int:
    """As `serve`, with so many processes that share the ports; for a store that several may write."""
    prepare(settings)
    ears = take_ears(settings, roles)

    def leave() -> None:
        for ear in ears.values():
            ear.close()

    def work(number: int, accepting: Callable[[], None]) -> int:
        structlog.contextvars.bind_contextvars(worker=number)
        try:
            return asyncio.run(_run(Gateway(settings, roles, crew.member(number)), lambda _: accepting()))
        except (StoreError, ListenError) as error:
            _log.error("worker.failed", reason=str(error))
            return 1

    def all_accept() -> None:
        for role, ear in ears.items():
            say(f"listening {role} {ear.place}")

    try:
        certificates(settings)
        with transaction(settings, reading=True) as tx:
            advise(settings, public_url(settings), tx)
        for name in _LOADED_BEFORE_FORKING:
            import_module(name)
        crew = muster(settings, ears, count)
        return Workers(count, work, crew.lose, leave, DRAIN_SECONDS).run(all_accept)
    finally:
        leave()


async def _run(gateway: Gateway, accepting: Callable[[Gateway], None]) -> int:
    """Starts a gateway and stops it when it is told to, or has failed."""
    share_the_interpreter()
    with interruptible(gateway.renew) as told:
        try:
            await gateway.start()
            accepting(gateway)
            tame_the_collector()
            over = [asyncio.create_task(told.wait()), asyncio.create_task(gateway.failed.wait())]
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            for task in over:
                task.cancel()
        finally:
            await gateway.stop()
    return 0 if told.is_set() else 1
