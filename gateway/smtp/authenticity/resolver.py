"""Asks the DNS, with a bounded memory of what it said: one question at a time for the same name, each within a time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import structlog

QUERY_SECONDS = 5.0
CACHE_SIZE = 20_000
LONGEST_SECONDS = 3600.0
NOTHING_SECONDS = 300.0
"""How long an answer is believed at most, whatever its own time to live says; and how long that there is none."""
_PACKET = 1232
MAX_RECORDS = 200
MOST_AT_ONCE = 500
"""Questions that are open at a time; each holds a socket. The others wait, within the time of their mail."""

_log = structlog.get_logger(__name__)


class LookupFailedError(Exception):
    """The DNS owes an answer: no server answered in time, or it says that it can't (a temporary error)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name has of one type, in text. exists: the name is there, be it without such records."""

    records: tuple[str, ...] = ()
    exists: bool = True


NO_NAME = Answer(exists=False)
NameServer = tuple[str, int]


class Resolver:
    """Asks the servers given as (IP, port), or those of the machine; remembers answers for as long as they may live."""

    def __init__(
        self,
        servers: Sequence[NameServer] = (),
        *,
        query_seconds: float = QUERY_SECONDS,
        cache_size: int = CACHE_SIZE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = _stub(servers, query_seconds)
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._size, self._clock = cache_size, clock
        self._known: OrderedDict[tuple[str, str], tuple[float, Answer]] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Task[Answer]] = {}

    async def lookup(self, name: str, kind: str) -> Answer:
        """Records of a name: TXT with its strings joined, addresses, MX and PTR as names without a last dot.

        A name that can't stand in the DNS does not exist. Raises LookupFailedError where the DNS owes the answer.
        """
        wanted = _name(name)
        if wanted is None:
            return NO_NAME
        key = (wanted.to_text(), kind)
        known = self._known.get(key)
        if known is not None and known[0] > self._clock():
            self._known.move_to_end(key)
            return known[1]
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key, wanted, kind))
            task.add_done_callback(lambda done: self._asked(key, done))
        return await asyncio.shield(task)

    def _asked(self, key: tuple[str, str], task: asyncio.Task[Answer]) -> None:
        """Forgets the question, and takes note of its fault also where nobody waits for it any more."""
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()

    async def _ask(self, key: tuple[str, str], name: dns.name.Name, kind: str) -> Answer:
        try:
            async with self._turns:
                found = await self._resolver.resolve(name, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as missing:
            return self._keep(key, NO_NAME, _negative_seconds(missing.kwargs["responses"].get(name)))
        except (dns.exception.DNSException, OSError) as fault:
            _log.info("dns.failed", name=key[0], kind=kind, fault=type(fault).__name__)
            raise LookupFailedError(f"no answer for {kind} of {key[0]}") from None
        if found.rrset is None:
            return self._keep(key, Answer(), _negative_seconds(found.response))
        records = tuple(_text(one, kind) for one in list(found.rrset)[:MAX_RECORDS])
        return self._keep(key, Answer(records), float(found.rrset.ttl))

    def _keep(self, key: tuple[str, str], answer: Answer, seconds: float) -> Answer:
        self._known[key] = (self._clock() + min(seconds, LONGEST_SECONDS), answer)
        self._known.move_to_end(key)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return answer


def _stub(servers: Sequence[NameServer], query_seconds: float) -> dns.asyncresolver.Resolver:
    try:
        resolver = dns.asyncresolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        _log.warning("dns.no_server", using="127.0.0.1")
        resolver = dns.asyncresolver.Resolver(configure=False)
        servers = (("127.0.0.1", 53),)
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(ip, port) for ip, port in servers]
    resolver.use_edns(0, 0, _PACKET)
    resolver.lifetime = query_seconds
    resolver.timeout = query_seconds / 2
    return resolver


def _name(text: str) -> dns.name.Name | None:
    """A name from its labels as they are: what a backslash or a letter outside ASCII would make of it is not wanted."""
    try:
        return dns.name.Name([label.encode("ascii").lower() for label in text.removesuffix(".").split(".")] + [b""])
    except (UnicodeEncodeError, dns.exception.DNSException):
        return None


def _negative_seconds(response: Any) -> float:
    """How long that there is nothing may be believed: as the zone's SOA says (RFC 2308 section 5)."""
    for rrset in response.authority if response is not None else ():
        if rrset.rdtype == dns.rdatatype.SOA:
            return min(float(rrset.ttl), float(rrset[0].minimum), NOTHING_SECONDS)
    return 0.0


def _text(record: Any, kind: str) -> str:
    if kind == "TXT":
        return b"".join(record.strings).decode("utf-8", "replace")
    if kind in ("MX", "PTR"):
        return str(record.exchange if kind == "MX" else record.target).removesuffix(".")
    return str(record.address)
