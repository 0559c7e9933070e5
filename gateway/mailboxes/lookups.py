"""What the DNS says of mail servers: addresses, mail exchangers (RFC 5321 section 5.1), services (RFC 6186, RFC 8314).

Where name servers are set, they alone are asked; else those of the machine, and for addresses its own resolver, which
knows the hosts file as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from crm_adapter.targets import look_up

MOST = 20
"""So many records of a name are looked at."""
_SHARE = 0.8
"""Of the time of a question, what one kind of record may take: the other is heard though one is never answered."""
_LOOPBACK = ("127.0.0.1", "::1")

NameServer = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service is offered (RFC 2782)."""

    host: str
    port: int


class Names:
    """Asks the servers given as (IP, port), or those of the machine. What fails is as what isn't there: a mailbox is
    looked for by other ways, or somebody tries again. seconds: so long a question may take."""

    def __init__(self, servers: Sequence[NameServer] = (), seconds: float = 3.0) -> None:
        self._servers, self._seconds = tuple(servers), seconds

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of a name, IPv4 first. `localhost` is this machine, whatever a server says (RFC 6761)."""
        if host == "localhost" or host.endswith(".localhost"):
            return _LOOPBACK
        if not self._servers:
            return await look_up(host, port)
        old, new = await asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA"))
        return tuple(dict.fromkeys(str(one.address) for one in [*old, *new]))

    async def exchangers(self, domain: str) -> tuple[str, ...]:
        """Mail exchangers, the first one in front; none where a null MX says so (RFC 7505)."""
        found = sorted(await self._ask(domain, "MX"), key=lambda one: (one.preference, str(one.exchange)))
        return tuple(name for one in found if (name := _plain(one.exchange)))

    async def service(self, name: str) -> Service | None:
        """The first place of a service such as `_imaps._tcp.example.com`; None where "." says that there is none."""
        found = sorted(await self._ask(name, "SRV"), key=lambda one: (one.priority, -one.weight, str(one.target)))
        if not found or not (host := _plain(found[0].target)):
            return None
        return Service(host, found[0].port)

    async def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            async with asyncio.timeout(self._seconds * _SHARE):
                found = await self._resolver().resolve(name, kind, raise_on_no_answer=False, search=False)
        except (dns.exception.DNSException, OSError, UnicodeError):
            return []
        return list(found)[:MOST]

    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(ip, port) for ip, port in self._servers]
        resolver.lifetime = self._seconds
        resolver.timeout = self._seconds * _SHARE / 2
        return resolver


def _plain(name: Any) -> str:
    return str(name).removesuffix(".").lower()
