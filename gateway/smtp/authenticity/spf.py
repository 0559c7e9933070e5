"""SPF: whether the peer may send for the envelope's sender, or for the name it gave itself (RFC 7208).

The rules are spftrace's; the questions go through our own resolver. Whatever a hostile record makes it raise is a
permanent error of that record.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from spftrace import BaseResolver, DnsError, Evaluator, Limits

from gateway.core.address import normal_domain
from gateway.smtp.authenticity.resolver import LookupFailedError, Resolver

_log = structlog.get_logger(__name__)
MAX_QUERIES = 75


@dataclass(frozen=True, slots=True)
class Spf:
    """The result word and the domain it is about, A-labels; "" where none was asked."""

    word: str
    domain: str


class _Questions(BaseResolver):
    """Our resolver as the evaluator asks it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def _lookup(self, name: str, rtype: str) -> tuple[str, list[str]]:
        try:
            answer = await self._resolver.lookup(name, rtype)
        except LookupFailedError as fault:
            raise DnsError(str(fault)) from None
        return "NOERROR" if answer.exists else "NXDOMAIN", list(answer.records)


async def check_spf(resolver: Resolver, peer: str, sender: str, helo: str, *, hostname: str, seconds: float) -> Spf:
    """Evaluates MAIL FROM, or where that is empty postmaster at the HELO name (section 2.4). Never raises.

    hostname: ours, for the macro that names the receiver. seconds: for the whole evaluation (section 4.6.4).
    """
    local, at, domain = sender.rpartition("@")
    if not at:
        local, domain = "postmaster", helo
    asked = normal_domain(domain) or domain
    evaluator = Evaluator(_Questions(resolver), Limits(time_limit=seconds, max_queries=MAX_QUERIES), receiver=hostname)
    try:
        result = await evaluator.evaluate(peer, f"{local}@{asked}", normal_domain(helo) or helo)
    except Exception:
        _log.warning("spf.record_failed", domain=asked, exc_info=True)
        return Spf("permerror", asked)
    return Spf(result.verdict, asked.lower().removesuffix("."))
