"""Signatures, seals, records, results: read from hostile mail and a hostile or dead DNS (target `authenticity`).

Input: an octet that chooses the DNS, then a message, then texts that the DNS gives for every name, all parted by lines
of two percent signs.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterator, Sequence
from typing import cast

from gateway.core.address import normal_domain
from gateway.core.dmarc import POLICIES, read_record, walk
from gateway.core.facts import Auth
from gateway.core.header import read_header
from gateway.core.mail import read_mail
from gateway.core.results import RESULT_WORDS, read_arc_results, read_results, topmost
from gateway.smtp.authenticity import signatures
from gateway.smtp.authenticity.evaluation import Asked, evaluate
from gateway.smtp.authenticity.message import Field, Message, ReadAt, canonical_body
from gateway.smtp.authenticity.resolver import NO_NAME, Answer, LookupFailedError, Resolver
from gateway.smtp.authenticity.signatures import UnusableError
from tests.mail import corpus
from tests.smtp.authenticity.letters import LETTER

MOST_BYTES = 6_144
HEADER_LIMIT = 4_096
DEAD, EMPTY, GIVING = range(3)
_PARTING = b"\n%%\n"
_LOOP = asyncio.new_event_loop()
_SEALERS = frozenset(("example.net", "list.example"))
_BLANK_RUN = re.compile(rb"[ \t]+")
_KEY = "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(range(32))).decode()
_SIGNATURE = (
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=example.net; s=ed; i=@example.net; t=1; x=9999999999;\n"
    " q=dns/txt; l=7; h=From : To:Cc:Subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n b=AAAA AAAA\n"
)
_CHAIN = (
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=list.example; s=rsa; t=1; b=AAAA\n"
    "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=list.example; s=rsa; h=from:to; bh=AAAA; b=AAAA\n"
    "ARC-Authentication-Results: i=1; list.example; dmarc=pass (p=reject) header.from=example.net;\n"
    ' spf=pass reason="x" smtp.mailfrom=carol@example.net; dkim=fail header.d=example.net\n'
)
_RECORDS = (
    _KEY,
    "v=DMARC1; p=quarantine; sp=reject; np=none; adkim=s; aspf=s; psd=n; t=y",
    "v=spf1 a mx:%{d2r} include:example.net exists:%{ir}.example.net ip4:192.0.2.0/24 redirect=_spf.%{o}",
)


def seeds() -> Iterator[bytes]:
    for number, head in enumerate(("", _SIGNATURE, _CHAIN, _CHAIN + _SIGNATURE)):
        for dns in (DEAD, EMPTY, GIVING):
            texts = "".join(f"\n%%\n{record}" for record in _RECORDS[: number + 1])
            yield bytes((dns,)) + (head + LETTER).replace("\n", "\r\n").encode() + texts.encode()
    yield b"\2From: a@example.net\n\nx\n%%\nv=spf1 +all\n%%\nv=DMARC1; p=reject; psd=y\n%%\n" + _KEY.encode()
    for sample in corpus():
        if len(sample.raw) < 1_500:
            yield b"\0" + sample.raw


def check(data: bytes) -> None:
    dns = (data[:1] or b"\0")[0] % 3
    raw, *rest = data[1:].split(_PARTING)
    texts = [text.decode("utf-8", "replace") for text in rest[:8]]
    found = _evaluated(raw, _Dns(dns, texts))
    _is_sound(found, dns)
    for value in (raw, *rest):
        _parsers(value)
    for field in Message(len(raw), _reader(raw), HEADER_LIMIT).fields:
        _parsers(field.value)
        _canonical_field(field.value)
    _bodies(raw)
    _records(texts)


class _Dns:
    """A name server that never answers, has nothing, or gives the same texts for every name."""

    def __init__(self, kind: int, texts: Sequence[str]) -> None:
        self.kind, self.texts = kind, tuple(texts)

    async def lookup(self, name: str, kind: str) -> Answer:
        assert name
        if self.kind == DEAD:
            raise LookupFailedError(name)
        if self.kind == EMPTY:
            return NO_NAME
        if kind == "TXT":
            wanted = "v=DMARC1" if name.startswith("_dmarc.") else "v=spf1" if "._domainkey." not in name else ""
            return Answer(tuple(text for text in self.texts if text.startswith(wanted)))
        return Answer(("192.0.2.1",) if kind == "A" else ("mx.example.net",) if kind in ("MX", "PTR") else ())


def _reader(raw: bytes) -> ReadAt:
    return lambda at, size: raw[at : at + size]


def _evaluated(raw: bytes, dns: _Dns) -> Auth:
    author = read_mail(raw).author
    domain = author.domain if author else "example.net"
    sender = read_header(raw).first("return-path") or b"carol@example.net"
    asked = Asked("192.0.2.10", "mx.example.net", sender.decode("utf-8", "replace").strip("<>"), domain, "gate.example")
    message = Message(len(raw), _reader(raw), HEADER_LIMIT)
    return _LOOP.run_until_complete(evaluate(cast(Resolver, dns), asked, message, _SEALERS))


def _is_sound(found: Auth, dns: int) -> None:
    """Its words are words of the standard, and without a DNS that says so nobody is who From says."""
    assert {found.spf, found.dkim, found.dmarc, found.arc} <= RESULT_WORDS
    assert found.policy in (*POLICIES, "unknown")
    assert found.evaluated
    assert found.detail.isprintable()
    if dns != GIVING:
        assert not found.trusted
        assert "pass" not in (found.spf, found.dkim, found.dmarc, found.arc)
    assert found.trusted or found.dmarc != "pass"


def _parsers(value: bytes) -> None:
    """Each reader takes any octets; a result that the text does not name is never found in it."""
    try:
        tags = signatures.read_tags(value)
    except UnusableError:
        tags = {}
    assert all(name in value for name in tags)
    assert all(text in value for text in tags.values())
    for kind in ("rsa", "ed25519"):
        try:
            signatures.read_key([value.decode("latin-1")], kind)
        except UnusableError:
            continue
    results, sealed = read_results(value), read_arc_results(value)
    for read in (results, sealed[1] if sealed else None):
        if read is not None:
            assert {one.word for one in read.results} <= RESULT_WORDS
            assert all(normal_domain(domain) == domain for domain in read.passing_domains())
            if b"pass" not in value.lower():
                assert not read.passing_domains()
                assert not read.dmarc_passes("example.net")
            assert topmost([value], read.server) == (results if results and results.server == read.server else None)


def _canonical_field(value: bytes) -> None:
    """The relaxed form of a value as the standard words it (RFC 6376 section 3.4.2)."""
    field = Field(b"x", b"X:" + value)
    worded = _BLANK_RUN.sub(b" ", value.replace(b"\n", b"")).strip(b" ")
    assert field.canonical(relaxed=True) == b"x:" + worded


def _bodies(raw: bytes) -> None:
    """The canonical body is the same however it is cut, and as the standard words it (sections 3.4.3 and 3.4.4)."""
    body = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    lines = re.findall(rb"(?s).*?\r\n", body)
    last = body[sum(map(len, lines)) :]
    for relaxed in (False, True):
        whole = b"".join(canonical_body([body], relaxed=relaxed))
        assert b"".join(canonical_body([*lines, last], relaxed=relaxed)) == whole
        worded = [_BLANK_RUN.sub(b" ", line[:-2]).rstrip(b" ") if relaxed else line[:-2] for line in lines]
        if last:
            worded.append(_BLANK_RUN.sub(b" ", last).rstrip(b" ") if relaxed else last)
        while worded and not worded[-1]:
            worded.pop()
        assert whole == (b"".join(line + b"\r\n" for line in worded) or (b"" if relaxed else b"\r\n"))


def _records(texts: Sequence[str]) -> None:
    record = read_record(texts)
    if record is not None:
        assert {record.policy, record.sub_policy, record.missing_policy} <= set(POLICIES)
    for text in texts:
        asked = walk(text[:300])
        assert len(asked) <= 8
        assert asked[0] == text[:300]
