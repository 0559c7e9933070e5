"""One mail's authenticity from its peer, envelope and text: SPF, DKIM, ARC and DMARC side by side, within a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from gateway.core import dmarc
from gateway.core.dmarc import Walk
from gateway.core.facts import Auth
from gateway.smtp.authenticity.arc import Chain, check_arc
from gateway.smtp.authenticity.dkim import Signed, check_dkim, overall
from gateway.smtp.authenticity.message import Message
from gateway.smtp.authenticity.policy import asked_policy, organization, same_organization, walk_tree
from gateway.smtp.authenticity.resolver import Resolver
from gateway.smtp.authenticity.spf import Spf, check_spf

EVALUATION_SECONDS = 20.0
"""The time all look-ups of one mail may take together (RFC 7208 section 4.6.4)."""
_FIRST_PART = 0.75
"""The share of it for the four methods; the rest is for the domains that turn up in them."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a mail claims to be from. peer: IP address. author: the From domain, A-labels. hostname: ours."""

    peer: str
    helo: str
    sender: str
    author: str
    hostname: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the four methods said."""

    spf: Spf
    signed: list[Signed]
    chain: Chain
    author: Walk


async def evaluate(
    resolver: Resolver, asked: Asked, message: Message, sealers: frozenset[str], *, seconds: float = EVALUATION_SECONDS
) -> Auth:
    """Evaluates a mail. sealers: whose ARC seals we trust. Never raises; what takes too long is a temporary error."""
    await asyncio.to_thread(organization, asked.author)

    def related(domain: str) -> bool:
        return same_organization(domain, asked.author)

    spf = check_spf(resolver, asked.peer, asked.sender, asked.helo, hostname=asked.hostname, seconds=seconds)
    first = seconds * _FIRST_PART
    found = Found(
        *await asyncio.gather(
            _within(spf, first, Spf("temperror", asked.author)),
            _within(check_dkim(resolver, message, first=related), first, [Signed("temperror", asked.author)]),
            _within(check_arc(resolver, message), first, Chain("temperror")),
            _within(walk_tree(resolver, asked.author), first, Walk(asked.author, failed=True)),
        )
    )
    judge = _Judge(resolver, found, sealers)
    return await _within(judge.judge(), seconds - first, judge.late())


async def _within(work: Awaitable[_T], seconds: float, late: _T) -> _T:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        return late


class _Judge:
    """Holds what was found against the author's domain."""

    def __init__(self, resolver: Resolver, found: Found, sealers: frozenset[str]) -> None:
        self.resolver, self.found, self.sealers = resolver, found, sealers
        self.author = found.author.start
        self._walks: dict[str, Walk] = {self.author: found.author}
        self._open = False

    async def judge(self) -> Auth:
        found = self.found
        record = found.author.record()
        direct = await self._passes()
        passes = direct or await self._sealed()
        policy = await asked_policy(self.resolver, found.author)
        undecided = not passes and (self._open or policy == "unknown")
        word = "none" if policy != "unknown" else "temperror"
        if record is not None:
            word = "pass" if direct else "temperror" if self._open else "fail"
        return Auth(
            found.spf.word,
            overall(found.signed),
            word,
            found.chain.word,
            trusted=bool(passes),
            evaluated=True,
            policy=policy,
            undecided=undecided,
            detail=passes
            or f"neither SPF ({found.spf.word}) nor DKIM ({overall(found.signed)}) passes for {self.author}",
        )

    def late(self) -> Auth:
        """Where even this took too long."""
        words = (self.found.spf.word, overall(self.found.signed), "temperror", self.found.chain.word)
        detail = "its domains took too long to answer"
        return Auth(*words, trusted=False, evaluated=True, policy="unknown", undecided=True, detail=detail)

    async def _passes(self) -> str:
        """What passes for the author's domain, in words: DKIM, which survives a forward, before SPF."""
        record = self.found.author.record()
        strict_dkim, strict_spf = (record[1].strict_dkim, record[1].strict_spf) if record else (False, False)
        spf = self.found.spf
        results = [("DKIM", one.word, one.domain, strict_dkim) for one in self.found.signed]
        results.append(("SPF", spf.word, spf.domain, strict_spf))
        for method, word, domain, strict in results:
            if word in ("pass", "temperror") and await self._aligned(domain, strict=strict):
                if word == "pass":
                    return f"{method} passes for {domain}"
                self._open = True
        return ""

    async def _aligned(self, domain: str, *, strict: bool) -> bool:
        """Whether a domain is aligned with the author's; notes where that stays open for want of an answer."""
        if not domain:
            return False
        if domain not in self._walks:
            needed = bool(self.found.author.found) and not strict
            self._walks[domain] = await walk_tree(self.resolver, domain) if needed else Walk(domain)
        author, other = self.found.author, self._walks[domain]
        if dmarc.aligned(domain, author, other, organization, strict=strict):
            return True
        failed = author.failed or other.failed
        self._open = self._open or (failed and not strict and same_organization(domain, self.author))
        return False

    async def _sealed(self) -> str:
        """What a sealer we trust found, if only trusted ones handed the mail on after it; "" for nothing."""
        chain = self.found.chain
        self._open = self._open or (chain.word == "temperror" and self._trusts(chain.sealers[-1:]))
        if not chain.covers_author:
            return ""
        for link in reversed(chain.links):
            if not self._trusts((link.sealer,)):
                break
            if link.results is None:
                continue
            if link.results.dmarc_passes(self.author):
                return f"{link.sealer}, whose seals are trusted, found that DMARC passes"
            for domain in link.results.passing_domains():
                if await self._aligned(domain, strict=False):
                    return f"{link.sealer}, whose seals are trusted, found that {domain} passes"
        return ""

    def _trusts(self, sealers: Iterable[str]) -> bool:
        return any(one in self.sealers for one in sealers)
