"""What each room takes from the settings, and what the workers of one server have in common."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from config import Settings, UnixSocket
from gateway import metrics
from gateway.counting import Buckets, Lock, SharedBuckets
from gateway.figures import Board
from gateway.listening import Ear, ListenError, Place, allow_connections
from gateway.sealing import Keyring, SealError, key_file
from gateway.usecases.accounts import House
from gateway.usecases.filing import FilingSettings

if TYPE_CHECKING:
    from crm_adapter.factory import Means
    from crm_adapter.port import Ledger as CrmLedger
    from gateway.core.facts import Auth
    from gateway.core.mail import Mail
    from gateway.jobs.back_ends import BackEnds
    from gateway.smtp.authenticity.authenticator import Authenticator
    from gateway.smtp.certificates import Certificates
    from gateway.smtp.door import Doorway
    from gateway.smtp.ledger import Ledger
    from gateway.smtp.limits import SmtpLimits
    from gateway.smtp.visitors import Visitors
    from gateway.smtp.welcome import Crowds
    from gateway.usecases.check_machine import Checks
    from gateway.usecases.deliver_events import Courier
    from gateway.usecases.mail_servers import MailServers
    from gateway.usecases.mirror_contacts import Mirrors
    from gateway.web.guesses import Counted, Guesses
    from gateway.web.services import Explain

_log = structlog.get_logger(__name__)
_API_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of one server, as one of them sees it.

    ears: by role, the sockets that all of them listen on. crowds: by role, how many connections each of them holds.
    board: the figures of all. ledger: what they count together by address. requests: what they count by token. size:
    how many they are. number: which one this is, from 0.
    """

    ears: Mapping[str, Ear]
    crowds: Mapping[str, Crowds]
    board: Board
    ledger: Ledger
    requests: SharedBuckets
    guesses: Guesses
    size: int
    number: int = 0

    def member(self, number: int) -> Crew:
        """The crew as the worker of that number sees it, in its own process."""
        for crowds in self.crowds.values():
            crowds.number = number
        return replace(self, number=number)

    def lose(self, number: int) -> None:
        """That worker has died, and will be started again."""
        for crowds in self.crowds.values():
            crowds.leave(number)
        metrics.worker_restarted()
        self.board.worker_ended(number)
        self.board.tell()


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


def explainer(store: Any, filing: FilingSettings, found: Authenticator) -> Explain:
    """How the web asks for the decision on a raw message as of now."""
    from gateway.core.mail import read_mail
    from gateway.usecases.explain_mail import LOOPBACK, explain_mail, normal_line_ends

    async def explain(raw: bytes, rcpt: Sequence[str], sender: str | None, peer: str | None) -> dict[str, Any]:
        message = normal_line_ends(raw)
        mail = await asyncio.to_thread(read_mail, message, filing.limits)
        auth = await look_into(found, mail, message, sender, peer or LOOPBACK)
        decided: dict[str, Any] = await store.read(lambda tx: explain_mail(tx, filing, mail, rcpt, sender, peer, auth))
        return decided

    return explain


def smtp_limits(settings: Settings, workers: int = 1) -> SmtpLimits:
    """What the doors for mail take from the settings (A8), for one of so many workers; no more connections than the
    system lets us hold."""
    from gateway.smtp.limits import SmtpLimits

    wanted = -(-settings.max_sessions // workers)
    held = allow_connections(wanted)
    if held < wanted:
        _log.warning("app.few_connections", wanted=wanted, possible=held)
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


def muster(settings: Settings, ears: Mapping[str, Ear], size: int) -> Crew:
    """What so many workers will share; made before they are."""
    from gateway.smtp.ledger import Ledger
    from gateway.smtp.welcome import Crowds

    lent = {role: ear.lent() for role, ear in ears.items()}
    crowds = {role: Crowds(size) for role in ears}
    ledger, requests = Ledger(smtp_limits(settings), size), _shared(settings.max_api_requests, _API_SECONDS)
    return Crew(lent, crowds, Board(size), ledger, requests, guess_counts(_shared), size)


def request_counts(settings: Settings) -> Buckets:
    """Counts the API's requests by token."""
    return Buckets(settings.max_api_requests, _API_SECONDS, time.monotonic)


def guess_counts(make: Callable[[float, float], Counted] | None = None) -> Guesses:
    """Counts wrong passwords, and sign-in links by mail. make: a counter of so many within so many seconds."""
    from gateway.web import guesses as web

    made = make or (lambda most, seconds: Buckets(most, seconds, time.monotonic))
    users, addresses = made(web.GUESSES, web.GUESS_SECONDS), made(web.ADDRESS_GUESSES, web.GUESS_SECONDS)
    return web.Guesses(users, addresses, made(web.LINKS, web.LINK_SECONDS))


def _shared(most: float, seconds: float) -> SharedBuckets:
    return SharedBuckets(most, seconds, Lock(), os.urandom(16), time.monotonic)


def egress(settings: Settings) -> tuple[str, ...]:
    """The addresses we connect from (E12); one of a single address without its prefix."""
    return tuple(str(one.network_address if one.num_addresses == 1 else one) for one in settings.egress_addresses)


def machine_checks(settings: Settings, place: Callable[[], Place]) -> Checks:
    """What looks at this machine as others do. place: asked each time where its door for mail is."""
    from gateway.checks.door import Door
    from gateway.checks.machine import MachineChecks
    from gateway.checks.names import Names

    def door() -> tuple[str, int] | None:
        at = place()
        if isinstance(at, UnixSocket) or at.port == 0:
            return None
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(at.host, at.host), at.port  # noqa: S104 - where it listens

    names = Names([(one.host, one.port) for one in settings.dns_servers])
    alone = [str(one.network_address) for one in settings.egress_addresses if one.num_addresses == 1]
    return MachineChecks(settings.hostname, alone, names, Door(door, settings.hostname))


def certificates(settings: Settings) -> Certificates | None:
    """The certificate the settings name. Raises ListenError for one that can't be used."""
    from gateway.smtp.certificates import CertificateError, Certificates

    if settings.tls_cert is None:
        return None
    try:
        return Certificates(settings.tls_cert, settings.tls_key)
    except CertificateError as error:
        raise ListenError(f"SMARTGATE_TLS_CERT {error}") from error


def doorway(settings: Settings, visitors: Visitors, shown: Certificates | None, *, local: bool) -> Doorway:
    """What a door for mail takes from the settings about the network. local: it listens on a unix socket."""
    from gateway.smtp.door import Doorway

    if local:
        return Doorway(visitors=visitors)
    return Doorway(shown, settings.tls_required, settings.proxy_protocol_from, visitors)


def keyring(settings: Settings) -> Keyring:
    """The keys that credentials are sealed with: those of the settings, or one that is kept beside a SQLite file.

    Several machines share a PostgreSQL store, so there the key has to be set before anything can be sealed. Raises
    SealError.
    """
    given = [key.get_secret_value() for key in (settings.secret_key, *settings.secret_keys_old) if key is not None]
    if (kept := _kept_key(settings)) is not None:
        given.insert(0, key_file(kept))
    return Keyring(given)


def key_name(settings: Settings) -> str:
    """Where the key is that credentials are sealed with, for whoever has to keep it."""
    kept = _kept_key(settings)
    return "SMARTGATE_SECRET_KEY" if kept is None else str(kept)


def _kept_key(settings: Settings) -> Path | None:
    """The file of the key beside a SQLite store; None where the key is a setting."""
    store = settings.database
    return store.with_suffix(".key") if settings.secret_key is None and isinstance(store, Path) else None


def courier(settings: Settings, store: Any, blobs: Any, url: Callable[[], str], servers: MailServers) -> Courier:
    """What tells CRM back ends of events. url: asked each time for the console's address, in which links begin.

    servers: where files of mail stand that came by people's own mailboxes (E7).
    """
    from crm_adapter.factory import Adapters
    from gateway.usecases.deliver_events import Courier
    from gateway.usecases.event_data import Telling
    from gateway.usecases.ledger import Library

    ring = cache(partial(keyring, settings))
    telling = Telling(blobs, ring, url, settings.domains[0], settings.max_mime_parts, settings.max_mime_depth)

    def book(account: int, endpoint: str) -> CrmLedger:
        return Library(store, blobs, ring(), telling.parts, telling.depth, servers).book(account, endpoint)

    return Courier(store, telling, Adapters(_means(settings, url)), book)


def mirrors(settings: Settings, store: Any, blobs: Any, url: Callable[[], str]) -> Mirrors:
    """What copies the contacts of connected CRMs."""
    from crm_adapter.factory import Adapters
    from gateway.usecases.ledger import Library
    from gateway.usecases.mirror_contacts import Mirrors

    ring = cache(partial(keyring, settings))
    return Mirrors(store, Adapters(_means(settings, url)), lambda: Library(store, blobs, ring()), settings.domains)


def back_ends(settings: Settings, store: Any, blobs: Any, url: Callable[[], str], servers: MailServers) -> BackEnds:
    """What is done for connected CRMs."""
    from gateway.jobs.back_ends import BackEnds
    from gateway.jobs.deliveries import Carrier
    from gateway.jobs.mirror import MirrorClock

    carrier = Carrier(courier(settings, store, blobs, url, servers))
    return BackEnds(carrier, MirrorClock(mirrors(settings, store, blobs, url)))


def _means(settings: Settings, url: Callable[[], str]) -> Means:
    """What adapters take from the settings."""
    from crm_adapter.factory import Means

    return Means(allow_private=settings.webhook_allow_private, link=lambda message: f"{url()}/mail/{message}")


def answers_keyring(settings: Settings) -> Keyring:
    """The keys that kept answers are sealed with; none where there are none, as each request's own key will do."""
    try:
        return keyring(settings)
    except SealError:
        return Keyring(())
