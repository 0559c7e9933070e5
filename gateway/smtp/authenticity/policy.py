"""What domains publish for DMARC, asked of the DNS: the tree walk, and which organisation a domain is of (RFC 9989)."""

from __future__ import annotations

import asyncio
from functools import cache

from publicsuffixlist import PublicSuffixList

from gateway.core import dmarc
from gateway.core.dmarc import Walk
from gateway.smtp.authenticity.resolver import Answer, LookupFailedError, Resolver


async def walk_tree(resolver: Resolver, domain: str) -> Walk:
    """Section 4.10. All names are asked at once; those beyond a record that ends the walk don't count. Never raises."""
    if domain.startswith("["):
        return Walk(domain)
    names = dmarc.walk(domain)
    answers = await asyncio.gather(*(_ask(resolver, f"_dmarc.{name}", "TXT") for name in names))
    walk = Walk(domain)
    for name, answer in zip(names, answers, strict=True):
        record = dmarc.read_record(answer.records) if answer else None
        found = (*walk.found, (name, record)) if record else walk.found
        walk = Walk(domain, found, walk.failed or answer is None)
        if walk.over:
            break
    return walk


async def asked_policy(resolver: Resolver, author: Walk) -> str:
    """What the author's domain asks for mail where nothing passes; "unknown" where the DNS owes the answer."""
    found = author.record()
    if found is None:
        return "unknown" if author.failed else "none"
    domain, record = found
    exists = True
    if domain != author.start and record.missing_policy != record.sub_policy:
        answers = await asyncio.gather(*(_ask(resolver, author.start, kind) for kind in ("A", "AAAA", "MX")))
        exists = any(answer is None or answer.records for answer in answers)
    return dmarc.asked_policy(author, exists=exists)


async def _ask(resolver: Resolver, name: str, kind: str) -> Answer | None:
    try:
        return await resolver.lookup(name, kind)
    except LookupFailedError:
        return None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def organization(domain: str) -> str:
    """The organisational domain by the public suffix list; "" for a public suffix itself."""
    return _suffixes().privatesuffix(domain) or ""


def same_organization(domain: str, other: str) -> bool:
    """Whether two domains are of one organisation by that list, or are the same."""
    return bool(domain) and (domain == other or (organization(domain) or domain) == organization(other))
