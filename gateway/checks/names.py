"""Asks the DNS several questions at once, without a memory: whoever mends a record wants to see it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from gateway.core.dns_records import Found, Question

ASK_SECONDS = 3.0
MOST_AT_ONCE = 32
"""Questions that are open at a time, of all who look."""
MOST_RECORDS = 20
MOST_TEXT = 400
NameServer = tuple[str, int]


class Names:
    """Asks the servers given as (IP, port), or those of the machine. seconds: so long a question may take."""

    def __init__(self, servers: Sequence[NameServer] = (), seconds: float = ASK_SECONDS) -> None:
        self._servers, self._seconds = tuple(servers), seconds
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    async def ask(self, wanted: Sequence[Question]) -> Found:
        """What each question brought: nothing where there is no such record, None where nobody answered.

        Answers come in any order; told is that of RFC 4034 section 6.3.
        """
        answers = await asyncio.gather(*(self._ask(kind, name) for kind, name in wanted))
        return dict(zip(wanted, answers, strict=True))

    async def _ask(self, kind: str, name: str) -> tuple[str, ...] | None:
        try:
            async with asyncio.timeout(self._seconds), self._turns:
                found = await self._resolver().resolve(name, kind, raise_on_no_answer=False, search=False)
        except (dns.resolver.NXDOMAIN, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return ()
        except (dns.exception.DNSException, OSError, UnicodeError):
            return None
        return tuple(_text(one, kind)[:MOST_TEXT] for one in sorted(found)[:MOST_RECORDS])

    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(ip, port) for ip, port in self._servers]
        resolver.lifetime = self._seconds
        resolver.timeout = self._seconds / 2
        return resolver


def _text(record: Any, kind: str) -> str:
    if kind == "TXT":
        return b"".join(record.strings).decode("utf-8", "replace")
    if kind == "MX":
        return f"{record.preference} {_plain(record.exchange)}"
    return _plain(record.target) if kind == "PTR" else str(record.address)


def _plain(name: Any) -> str:
    return str(name).removesuffix(".").lower() or "."
