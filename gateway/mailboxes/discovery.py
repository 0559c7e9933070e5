"""Finds the provider of an address (rule E1): the table, the provider's own configuration, the DNS, at last a guess.

1 the table, by domain, then by mail exchanger; 2 autoconfiguration at the domain's own hosts; 3 services in the DNS
(RFC 6186, RFC 8314); 4 the same for the first mail exchanger's domain; 5 `imap.` and `mail.` of the domain, by TLS.
What can't hurt is asked at the same time, so that all of it takes ten seconds at most; the order decides what counts.
No credential goes anywhere, and the local part of the address to the domain's own hosts alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar
from urllib.parse import quote

from publicsuffixlist import PublicSuffixList

from config.providers import Endpoint, Provider, Table
from gateway.core.address import Mailbox
from gateway.core.mailboxes import PASSWORD, STARTTLS, TLS, Found, Server, Servers
from gateway.core.refusals import Wrong
from gateway.mailboxes import autoconfig
from gateway.mailboxes.lookups import Service
from gateway.mailboxes.network import Network
from gateway.mailboxes.servers import check, read_address
from gateway.mailboxes.web_client import Reply, ask
from gateway.usecases.mail_servers import Trouble

_T = TypeVar("_T")
_REDIRECTS = 3
_SHARE = 0.7
"""Of the time of a step, what one question in it may take: the others are heard though one is never answered."""
_OTHER_KINDS = {"pop3": "POP3", "exchange": "Exchange (EWS or MAPI)"}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a step and the whole may take, and at which ports others listen; tests have others."""

    step_seconds: float = 3.0
    whole_seconds: float = 10.0
    https: int = 443
    imaps: int = 993
    submissions: int = 465


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a step saw. found: what it found; only: kinds of server that it found instead of IMAP."""

    found: Found | None = None
    only: frozenset[str] = frozenset()


_NOTHING = _Seen()


class Discovery:
    """Finds providers. table: those that are known."""

    def __init__(self, network: Network, table: Table, pace: Pace | None = None) -> None:
        self._network, self._table, self._pace = network, table, pace or Pace()

    async def discover(self, text: str) -> Found | Wrong:
        """The provider of an address, or in words why there is none."""
        address = read_address(text)
        if isinstance(address, Wrong):
            return address
        known = self._table.find(address.domain)
        if known is not None:
            return _known(known, address, "table")
        only: set[str] = set()
        try:
            async with asyncio.timeout(self._pace.whole_seconds):
                found = await self._search(address, only)
        except TimeoutError:
            found = None
        return found or Wrong("address", _not_found(address.domain, only))

    async def _search(self, address: Mailbox, only: set[str]) -> Found | Wrong | None:
        exchangers = await self._within(self._network.names.exchangers(address.domain), ())
        for exchanger in exchangers:
            known = self._table.find_by_mx(exchanger)
            if known is not None:
                return _known(known, address, "table")
        domain = address.domain
        first = await self._best(
            [self._autoconfig(domain, address, "autoconfig"), self._services(domain, address, "srv")], only
        )
        if first is not None:
            return first
        hosts = _domains_of(exchangers[0], domain) if exchangers else ()
        for host in hosts:
            known = self._table.find(host)
            if known is not None:
                return _known(known, address, "mx")
        ways = [way(host, address, "mx") for host in hosts for way in (self._autoconfig, self._services)]
        return await self._best([*ways, self._guess(address)], only)

    async def _best(self, ways: Sequence[Awaitable[_Seen]], only: set[str]) -> Found | None:
        """What the first way in order found; all go at once, and those behind it are ended."""
        tasks = [asyncio.ensure_future(self._within(way, _NOTHING)) for way in ways]
        try:
            for task in tasks:
                seen = await task
                only |= seen.only
                if seen.found is not None:
                    return seen.found
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return None

    async def _within(self, way: Awaitable[_T], otherwise: _T) -> _T:
        try:
            async with asyncio.timeout(self._pace.step_seconds):
                return await way
        except TimeoutError:
            return otherwise

    async def _autoconfig(self, domain: str, address: Mailbox, by: str) -> _Seen:
        """The file at either of its places, of which the first goes before the second."""
        told = address.address if domain == address.domain else f"@{address.domain}"
        port = "" if self._pace.https == 443 else f":{self._pace.https}"
        places = (
            f"https://autoconfig.{domain}{port}/mail/config-v1.1.xml?emailaddress={quote(told, safe='')}",
            f"https://{domain}{port}/.well-known/autoconfig/mail/config-v1.1.xml",
        )
        tried = await asyncio.gather(*(self._file(place, address, by) for place in places))
        found = next((seen.found for seen in tried if seen.found is not None), None)
        return _Seen(found, frozenset[str]().union(*(seen.only for seen in tried)))

    async def _file(self, place: str, address: Mailbox, by: str) -> _Seen:
        """What one place of a configuration says."""
        seconds = self._pace.step_seconds * _SHARE
        try:
            async with asyncio.timeout(seconds):
                reply = await ask(self._network, place, seconds=seconds, redirects=_REDIRECTS)
                config = _config(reply, address)
                if config is None:
                    return _NOTHING
                found = await self._judged(config.servers, address, by, config.name) if config.servers else None
                return _Seen(found, config.kinds)
        except TimeoutError:
            return _NOTHING

    async def _services(self, domain: str, address: Mailbox, by: str) -> _Seen:
        """What the DNS says (RFC 6186 section 3.2, RFC 8314 section 5.1): TLS from the start goes before STARTTLS."""
        names = ("_imaps", "_imap", "_submissions", "_submission", "_pop3s", "_pop3")
        found = await asyncio.gather(*(self._network.names.service(f"{name}._tcp.{domain}") for name in names))
        places = dict(zip(names, found, strict=True))
        imap = _offered([(places["_imaps"], TLS), (places["_imap"], STARTTLS)])
        if imap is None:
            pop = places["_pop3s"] or places["_pop3"]
            return _Seen(None, frozenset({"pop3"}) if pop else frozenset())
        smtp = _offered([(places["_submissions"], TLS), (places["_submission"], STARTTLS)])
        return _Seen(await self._judged(Servers(imap, smtp), address, by))

    async def _guess(self, address: Mailbox) -> _Seen:
        """Hosts that many have: one that speaks TLS there, with a certificate of that name, is shown to somebody."""
        pace, hosts = self._pace, (f"imap.{address.domain}", f"mail.{address.domain}")
        senders = (f"smtp.{address.domain}", f"mail.{address.domain}")
        answers = await asyncio.gather(
            *(self._greets(host, pace.imaps, b"* ") for host in hosts),
            *(self._greets(host, pace.submissions, b"220") for host in senders),
        )
        imap = next((host for host, good in zip(hosts, answers[:2], strict=True) if good), None)
        smtp = next((host for host, good in zip(senders, answers[2:], strict=True) if good), None)
        if imap is None:
            return _NOTHING
        sender = None if smtp is None else Server(smtp, pace.submissions)
        return _Seen(self._found(Servers(Server(imap, pace.imaps), sender), address, "guess"))

    async def _greets(self, host: str, port: int, first: bytes) -> bool:
        try:
            async with asyncio.timeout(self._pace.step_seconds * _SHARE):
                connection = await self._network.connected(host, port, self._network.tls)
                return not isinstance(connection, Trouble) and await _begins(*connection, first)
        except TimeoutError:
            return False

    async def _judged(self, servers: Servers, address: Mailbox, by: str, name: str = "") -> Found | None:
        """What was found, where we may go there; without the server for sending where that alone is wrong."""
        if await check(self._network, Servers(servers.imap)) is not None:
            return None
        if servers.smtp is not None and await check(self._network, servers) is not None:
            servers = replace(servers, smtp=None)
        return self._found(servers, address, by, name)

    def _found(self, servers: Servers, address: Mailbox, by: str, name: str = "") -> Found:
        host = servers.imap.host
        known = self._table.find_by_server(host)
        sure = by == "autoconfig" or (by != "guess" and _is_of_one(host, address.domain))
        if known is not None:
            return Found(address.address, known.id, known.name, servers, known.auth, known.page, by, sure)
        owner = _registrable(host) or host
        return Found(address.address, owner, name or owner, servers, PASSWORD, None, by, sure)


async def _begins(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes) -> bool:
    """Whether a server says that first."""
    try:
        return (await reader.readexactly(len(first))) == first
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.transport.abort()


def _known(provider: Provider, address: Mailbox, by: str) -> Found | Wrong:
    if provider.imap is None:
        return Wrong("address", provider.refused)
    user = address.local if provider.local else ""
    servers = Servers(
        _server(provider.imap, address, user), None if provider.smtp is None else _server(provider.smtp, address, user)
    )
    return Found(address.address, provider.id, provider.name, servers, provider.auth, provider.page, by, sure=True)


def _server(endpoint: Endpoint, address: Mailbox, user: str) -> Server:
    here = endpoint.of(address.domain)
    return Server(here.host, here.port, here.security, user)


def _config(reply: Reply | Trouble, address: Mailbox) -> autoconfig.Config | None:
    return autoconfig.read(reply.body, address) if isinstance(reply, Reply) and reply.status == 200 else None


def _offered(places: Sequence[tuple[Service | None, str]]) -> Server | None:
    return next((Server(place.host, place.port, security) for place, security in places if place), None)


def _domains_of(exchanger: str, domain: str) -> tuple[str, ...]:
    """A mail exchanger less its first label, and its registrable domain; without what belongs to everybody."""
    found = dict.fromkeys((exchanger.partition(".")[2], _registrable(exchanger)))
    return tuple(one for one in found if one and one != domain and _registrable(one))


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _registrable(domain: str) -> str | None:
    """The part of a name that somebody registers; None for a public suffix."""
    return _suffixes().privatesuffix(domain)


def _is_of_one(host: str, domain: str) -> bool:
    """Whether two names belong to the same registered domain."""
    owner = _registrable(host)
    return owner is not None and owner == _registrable(domain)


def _not_found(domain: str, only: set[str]) -> str:
    kinds = [words for kind, words in _OTHER_KINDS.items() if kind in only]
    if kinds and "imap" not in only:
        return f"{domain} offers its mail by {' and '.join(kinds)} alone; a mailbox is read by IMAP"
    if only:
        return f"the IMAP server that {domain} tells of can't be used: it has no TLS, or stands where we don't go"
    return f"no mail servers of {domain} were found; allowed: to name them by `imap` and `smtp` (--imap, --smtp)"
