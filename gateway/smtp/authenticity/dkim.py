"""DKIM: which domains have signed this mail as it is (RFC 6376, 8301, 8463, 8616)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.core.address import normal_domain
from gateway.smtp.authenticity import signatures
from gateway.smtp.authenticity.message import Field, Message
from gateway.smtp.authenticity.resolver import Resolver
from gateway.smtp.authenticity.signatures import KeyRecord, UnusableError

MOST_SIGNATURES = 8
CLOCK_SLOP = 300
_NUMBER = re.compile(rb"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Signed:
    """The result of one signature. domain: who signs, "" where even that can't be read."""

    word: str
    domain: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Signature:
    field: Field
    tags: dict[bytes, bytes]
    kind: str
    domain: str
    selector: str
    identity: str
    names: tuple[bytes, ...]
    relaxed: tuple[bool, bool]
    length: int | None


async def check_dkim(
    resolver: Resolver, message: Message, *, first: Callable[[str], bool], now: float | None = None
) -> list[Signed]:
    """Checks the signatures, at most so many: those whose domain `first` accepts before the others. Never raises."""
    at = time.time() if now is None else now
    read = [_try_read(field, at) for field in message.all(b"dkim-signature")[: 10 * MOST_SIGNATURES]]
    read.sort(key=lambda one: not first(one.domain))
    return list(await asyncio.gather(*(_check(resolver, message, one) for one in read[:MOST_SIGNATURES])))


def _try_read(field: Field, now: float) -> _Signature | Signed:
    domain = ""
    try:
        tags = signatures.read_tags(field.value)
        signatures.need(tags, b"v", b"a", b"b", b"bh", b"d", b"h", b"s")
        domain, selector = signatures.signer(tags)
        return _read(field, tags, domain, selector, now)
    except UnusableError as fault:
        return Signed(fault.word, domain, str(fault))


def _read(field: Field, tags: dict[bytes, bytes], domain: str, selector: str, now: float) -> _Signature:
    """Section 6.1.1."""
    if tags[b"v"] != b"1":
        raise UnusableError("permerror", "its version is unknown")
    signed = signatures.names(tags[b"h"])
    if b"from" not in signed:
        raise UnusableError("permerror", "it does not cover From")
    if b"dns/txt" not in {one.strip().lower() for one in tags.get(b"q", b"dns/txt").split(b":")}:
        raise UnusableError("permerror", "its key is not in the DNS")
    identity = normal_domain(tags.get(b"i", b"@" + tags[b"d"]).rpartition(b"@")[2].decode("utf-8", "replace"))
    if identity is None or not (identity == domain or identity.endswith(f".{domain}")):
        raise UnusableError("permerror", "it speaks for another domain")
    _check_times(tags, now)
    return _Signature(
        field,
        tags,
        signatures.algorithm(tags),
        domain,
        selector,
        identity,
        signed,
        signatures.canonical_forms(tags, b"simple/simple"),
        _number(tags, b"l"),
    )


def _check_times(tags: dict[bytes, bytes], now: float) -> None:
    signed, expires = _number(tags, b"t"), _number(tags, b"x")
    if expires is not None and (expires < now - CLOCK_SLOP or (signed is not None and expires <= signed)):
        raise UnusableError("permerror", "it has expired")
    if signed is not None and signed > now + 86_400:
        raise UnusableError("permerror", "it is from the future")


def _number(tags: dict[bytes, bytes], name: bytes) -> int | None:
    if name not in tags:
        return None
    if not _NUMBER.fullmatch(tags[name]):
        raise UnusableError("permerror", f"its {name.decode('ascii')}= is no number")
    return int(tags[name])


async def _check(resolver: Resolver, message: Message, one: _Signature | Signed) -> Signed:
    if isinstance(one, Signed):
        return one
    try:
        record = await signatures.find_key(resolver, one.domain, one.selector, one.kind)
        await message.work(lambda: _verify(message, one, record))
        await signatures.check_body(message, one.tags, relaxed=one.relaxed[1], length=one.length)
    except UnusableError as fault:
        return Signed(fault.word, one.domain, str(fault))
    return Signed("pass", one.domain)


def _verify(message: Message, one: _Signature, record: KeyRecord) -> None:
    """The header's part of section 6.1.3, which is cheaper than the body's and so comes first."""
    if record.same_domain and one.identity != one.domain:
        raise UnusableError("permerror", "its key is for the domain itself only")
    signatures.check_singletons(message, one.names)
    signed = message.signed(one.names, relaxed=one.relaxed[0])
    own = signatures.without_signature(one.field).canonical(relaxed=one.relaxed[0])
    signatures.verify(record.key, signatures.decoded(one.tags[b"b"]), signed + own)


def overall(results: Sequence[Signed]) -> str:
    """One word for all signatures: one that passes wins, then one that may yet, then the first."""
    words = [one.word for one in results]
    return next((one for one in ("pass", "temperror") if one in words), words[0] if words else "none")
