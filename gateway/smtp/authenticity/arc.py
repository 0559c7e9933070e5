"""ARC: whether the chain of those who handed this mail on is whole, and who sealed it (RFC 8617)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.results import Results, read_arc_results
from gateway.smtp.authenticity import signatures
from gateway.smtp.authenticity.message import Field, Message
from gateway.smtp.authenticity.resolver import Resolver
from gateway.smtp.authenticity.signatures import UnusableError

MOST_SETS = 50
_RESULTS, _MESSAGE, _SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_NAMES = (_RESULTS, _MESSAGE, _SEAL)
_INSTANCE = re.compile(rb"[1-9][0-9]{0,2}")
_FIRST_TAG = re.compile(rb"[ \t\n]*i[ \t\n]*=[ \t\n]*([1-9][0-9]{0,2})[ \t\n]*;")


@dataclass(frozen=True, slots=True)
class Link:
    """One intermediary. sealer: the domain of its seal. results: what it had found before it changed anything."""

    sealer: str
    results: Results | None


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain as it arrived: word, and its links from the oldest to the newest where it passes.

    sealers: the domains that sealed it, also where it does not pass, oldest first. covers_author: the newest signature
    covers From.
    """

    word: str
    links: tuple[Link, ...] = ()
    sealers: tuple[str, ...] = ()
    covers_author: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Set:
    """The three fields of one instance (section 4.2.1), the tags of its seal and of its message signature."""

    results: Field
    message: Field
    seal: Field
    seal_tags: dict[bytes, bytes]
    message_tags: dict[bytes, bytes]


async def check_arc(resolver: Resolver, message: Message) -> Chain:
    """Validates the chain (section 5.2). Never raises."""
    sealers: tuple[str, ...] = ()
    try:
        sets = _sets(message)
        if not sets:
            return Chain("none")
        sealers = tuple(signatures.signer(one.seal_tags)[0] for one in sets)
        _check_statuses(sets)
        seals = (_check_seal(resolver, message, sets[: n + 1]) for n in range(len(sets)))
        outcomes = await asyncio.gather(_check_message(resolver, message, sets[-1]), *seals, return_exceptions=True)
        _raise_worst(outcomes)
    except UnusableError as fault:
        return Chain("temperror" if fault.word == "temperror" else "fail", sealers=sealers, why=str(fault))
    links = tuple(Link(sealer, _told(one)) for sealer, one in zip(sealers, sets, strict=True))
    return Chain("pass", links, sealers, b"from" in signatures.names(sets[-1].message_tags[b"h"]))


def _raise_worst(outcomes: Sequence[BaseException | None]) -> None:
    """What is broken counts before what could not be looked up, and what is no fault of the chain before both."""
    faults = [one for one in outcomes if one is not None]
    faults.sort(key=lambda one: isinstance(one, UnusableError) + (getattr(one, "word", "") == "temperror"))
    if faults:
        raise faults[0]


def _told(one: _Set) -> Results | None:
    read = read_arc_results(one.results.value)
    return read[1] if read else None


def _sets(message: Message) -> list[_Set]:
    """The sets in order; each instance has each field once, and none is missing (section 5.2, step 3)."""
    found: dict[tuple[int, bytes], Field] = {}
    tags: dict[tuple[int, bytes], dict[bytes, bytes]] = {}
    for field in message.fields:
        if field.name not in _NAMES:
            continue
        read = {} if field.name == _RESULTS else signatures.read_tags(field.value)
        key = (_instance(field, read), field.name)
        if key in found:
            raise UnusableError("fail", f"instance {key[0]} of a field stands twice")
        found[key], tags[key] = field, read
    count = len(found) // 3
    whole = len(found) % 3 == 0 and all((n, name) in found for n in range(1, count + 1) for name in _NAMES)
    if not whole or count > MOST_SETS:
        raise UnusableError("fail", "a set is not whole, or there are too many")
    return [
        _Set(found[n, _RESULTS], found[n, _MESSAGE], found[n, _SEAL], tags[n, _SEAL], tags[n, _MESSAGE])
        for n in range(1, count + 1)
    ]


def _instance(field: Field, tags: dict[bytes, bytes]) -> int:
    if field.name == _RESULTS:
        first = _FIRST_TAG.match(field.value)
        value = first[1] if first else b""
    else:
        value = tags.get(b"i", b"")
    if not _INSTANCE.fullmatch(value):
        raise UnusableError("fail", "a field has no instance")
    return int(value)


def _check_statuses(sets: list[_Set]) -> None:
    """Section 5.2, steps 2 and 3: what each sealer said of the chain before it."""
    for n, one in enumerate(sets):
        signatures.need(one.seal_tags, b"a", b"b", b"cv")
        if b"h" in one.seal_tags:
            raise UnusableError("fail", "a seal has h=")
        if one.seal_tags[b"cv"].lower() != (b"pass" if n else b"none"):
            raise UnusableError("fail", "a sealer found the chain broken")


async def _check_message(resolver: Resolver, message: Message, newest: _Set) -> None:
    """The newest message signature: as DKIM's, but for its tags (section 4.1.2)."""
    tags = newest.message_tags
    signatures.need(tags, b"a", b"b", b"bh", b"d", b"s")
    if b"h" not in tags:
        raise UnusableError("fail", "the message signature has no h=")
    names = signatures.names(tags[b"h"])
    if _SEAL in names:
        raise UnusableError("fail", "the message signature covers a seal")
    domain, selector = signatures.signer(tags)
    header_relaxed, body_relaxed = signatures.canonical_forms(tags, b"relaxed/relaxed")
    kind = signatures.algorithm(tags)
    length = int(tags[b"l"]) if b"l" in tags and tags[b"l"].isdigit() and len(tags[b"l"]) < 16 else None
    record = await signatures.find_key(resolver, domain, selector, kind)

    def verify() -> None:
        signed = message.signed(names, relaxed=header_relaxed)
        own = signatures.without_signature(newest.message).canonical(relaxed=header_relaxed)
        signatures.verify(record.key, signatures.decoded(tags[b"b"]), signed + own)

    await message.work(verify)
    await signatures.check_body(message, tags, relaxed=body_relaxed, length=length)


async def _check_seal(resolver: Resolver, message: Message, sets: list[_Set]) -> None:
    """The seal of the last of these sets: it covers all of them (section 5.1.1)."""
    tags = sets[-1].seal_tags
    domain, selector = signatures.signer(tags)
    record = await signatures.find_key(resolver, domain, selector, signatures.algorithm(tags))
    fields = [field for one in sets for field in (one.results, one.message, one.seal)]
    fields[-1] = signatures.without_signature(fields[-1])

    def verify() -> None:
        signed = b"\r\n".join(field.canonical(relaxed=True) for field in fields)
        signatures.verify(record.key, signatures.decoded(tags[b"b"]), signed)

    await message.work(verify)
