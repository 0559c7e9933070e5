"""DKIM (RFC 6376): what another signer signs is believed, and nothing that was changed since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given
from hypothesis import strategies as st

from gateway.smtp.authenticity.dkim import MOST_SIGNATURES, Signed, check_dkim, overall
from gateway.smtp.authenticity.message import canonical_body
from gateway.smtp.authenticity.resolver import Resolver
from tests.name_server import SERVFAIL, NameServer
from tests.smtp.authenticity.letters import LETTER, message, rsa_key, sign, wire, zones

LARGE = LETTER + "A line of a large mail, with  two blanks.  \n" * 8000


async def check(
    raw: bytes, records: dict[str, Any] | None = None, *, first: str = "", now: float | None = None
) -> list[Signed]:
    async with NameServer(zones() if records is None else records) as server:
        resolver = Resolver([server.address], query_seconds=1)
        return await check_dkim(resolver, message(raw), first=lambda domain: domain == first, now=now)


SIGNED = {
    # story: (mail, how it is signed)
    "relaxed and simple": (LETTER, {}),
    "simple and simple": (LETTER, {"canonicalize": (b"simple", b"simple")}),
    "simple and relaxed": (LETTER, {"canonicalize": (b"simple", b"relaxed")}),
    "relaxed and relaxed": (LETTER, {"canonicalize": (b"relaxed", b"relaxed")}),
    "an Ed25519 key": (LETTER, {"selector": "ed"}),
    "for a sub-domain of the signer": (LETTER, {"identity": b"carol@mail.example.net"}),
    "its whole length named": (LETTER, {"length": True}),
    "without a body": (LETTER.partition("\n\n")[0] + "\n\n", {"canonicalize": (b"relaxed", b"relaxed")}),
    "without a body, simple": (LETTER.partition("\n\n")[0] + "\n\n", {"canonicalize": (b"simple", b"simple")}),
    "without a last line end": (LETTER.rstrip("\n"), {"canonicalize": (b"relaxed", b"relaxed")}),
    "a large body": (LARGE, {"canonicalize": (b"relaxed", b"relaxed")}),
    "a large body, simple": (LARGE, {"canonicalize": (b"simple", b"simple")}),
    "a folded subject": (LETTER.replace("Coffee for", "Coffee\n\t for"), {}),
}


@pytest.mark.parametrize(("letter", "how"), SIGNED.values(), ids=SIGNED)
async def test_what_another_signer_signed_passes(letter: str, how: dict[str, Any]) -> None:
    assert await check(sign(letter, **how)) == [Signed("pass", "example.net")]


def changed(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw.replace(old, new, 1)


CHANGED = {
    # story: (what became of the mail on its way, word)
    "a word of the body": (changed(b"Twelve cups", b"Thirteen cups"), "fail"),
    "a line behind the body": (lambda raw: raw + b"PS: pay to another account.\r\n", "fail"),
    "the subject": (changed(b"Subject: Coffee", b"Subject: [list] Coffee"), "fail"),
    "the author": (changed(b"From: Carol", b"From: Eve"), "fail"),
    "a second subject above the signed one": (lambda raw: b"Subject: Tea\r\n" + raw, "policy"),
    "the signature's domain": (changed(b"d=example.net", b"d=example.com"), "permerror"),
    "the signature itself": (changed(b" b=", b" b=AAAA"), "fail"),
    "its base64": (changed(b" b=", b" b=!"), "permerror"),
    "its algorithm": (changed(b"a=rsa-sha256", b"a=rsa-sha1"), "policy"),
    "to an unknown algorithm": (changed(b"a=rsa-sha256", b"a=rot13"), "permerror"),
    "a tag twice": (changed(b"; s=rsa", b"; s=rsa; s=rsa"), "permerror"),
    "its version": (changed(b"v=1;", b"v=2;"), "permerror"),
    "its canonical form": (changed(b"c=relaxed/simple", b"c=relaxed/loose"), "permerror"),
    "its method of asking": (changed(b"q=dns/txt", b"q=dns/any"), "permerror"),
    "for another identity": (changed(b"i=@example.net", b"i=@example.com"), "permerror"),
    "no selector": (changed(b"s=rsa;", b"s=;"), "permerror"),
    "nothing that is read": (changed(b"Twelve", b"Twelve"), "pass"),
    "trace fields on top": (lambda raw: b"Received: from a by b; today\r\n" + raw, "pass"),
}


@pytest.mark.parametrize(("change", "word"), CHANGED.values(), ids=CHANGED)
async def test_what_was_changed_since_does_not_pass(change: Callable[[bytes], bytes], word: str) -> None:
    [result] = await check(change(sign()))

    assert result.word == word, result.why


async def test_blanks_and_folds_that_relays_change_do_no_harm_where_the_signer_said_so() -> None:
    raw = sign(canonicalize=(b"relaxed", b"relaxed"))
    raw = (
        raw.replace(b"Coffee for  twelve", b"Coffee\r\n  for twelve").replace(b"coffee. \t\r\n", b"coffee.\r\n")
        + b"\r\n\r\n"
    )

    assert await check(raw) == [Signed("pass", "example.net")]


async def test_a_signature_over_a_part_of_the_body_is_not_accepted() -> None:
    [result] = await check(sign(length=True) + b"PS: pay to another account.\r\n")

    assert result.word == "policy"


async def test_a_signature_that_does_not_cover_the_author_is_none() -> None:
    raw = sign(include_headers=[b"from", b"to", b"subject"])
    forged = raw.replace(b"h=from :", b"h=x-from :").replace(b"h=from:", b"h=x-from:")

    assert (await check(forged))[0].word == "permerror"


KEYS = {
    # story: (the record at the selector, word)
    "there is no such name": (None, "permerror"),
    "the name server fails": (SERVFAIL, "temperror"),
    "the key is revoked": ("v=DKIM1; p=", "permerror"),
    "the key is for another service": (rsa_key()[1] + "; s=tlsrpt", "permerror"),
    "the key takes another hash only": (rsa_key()[1] + "; h=sha1", "permerror"),
    "the key is of another kind": (rsa_key()[1].replace("k=rsa", "k=ed25519"), "permerror"),
    "the record is of another version": (rsa_key()[1].replace("DKIM1", "DKIM2"), "permerror"),
    "the record is a text of another kind": ("v=spf1 -all", "permerror"),
    "the key is nonsense": ("v=DKIM1; p=AAAA", "permerror"),
    "the key is another one": (rsa_key(1032)[1], "fail"),
    "the key needs no version": (rsa_key()[1].removeprefix("v=DKIM1; "), "pass"),
    "the key is in test": (rsa_key()[1] + "; t=y", "pass"),
    "the key is for the domain itself": (rsa_key()[1] + "; t=s", "pass"),
    "there is another text beside it": ([rsa_key()[1], "hello"], "pass"),
    "there are two keys": ([rsa_key()[1], rsa_key(1032)[1]], "permerror"),
}


@pytest.mark.parametrize(("record", "word"), KEYS.values(), ids=KEYS)
async def test_the_key_in_the_dns_decides(record: Any, word: str) -> None:
    texts = [record] if isinstance(record, str) else record
    entry = SERVFAIL if record == SERVFAIL else [("TXT", text) for text in texts or ()]

    [result] = await check(sign(), {"rsa._domainkey.example.net": entry} if record else {})

    assert result.word == word, result.why


async def test_a_key_for_the_domain_itself_is_not_for_those_below_it() -> None:
    raw = sign(identity=b"carol@mail.example.net")

    [result] = await check(raw, {"rsa._domainkey.example.net": [("TXT", rsa_key()[1] + "; t=s")]})

    assert result.word == "permerror"


async def test_a_weak_key_proves_nothing() -> None:
    record = "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKe0uqzUoMVQ6VRi8SCg0MKzTWBVJ5Ys6vB0rNd1qnvtTLHv"
    record += "wUuXqWcQwXyVJ9TBpLBDMB8wO4Zyj3cNdTe0CKkCAwEAAQ=="

    [result] = await check(sign(), {"rsa._domainkey.example.net": [("TXT", record)]})

    assert result.word == "policy"
    assert "fewer than 1024 bits" in result.why


async def test_a_signature_ends_when_it_says_so() -> None:
    raw = sign().replace(b"; t=", b"; x=1900000000; t=", 1)

    assert (await check(raw, now=1_899_999_999))[0].word == "fail"
    assert (await check(raw, now=1_900_001_000))[0].why == "it has expired"


async def test_only_so_many_signatures_are_checked_and_the_authors_first() -> None:
    raw = sign()
    for number in range(20):
        raw = sign(raw, domain=f"list{number}.example")

    results = await check(raw, first="example.net")

    assert len(results) == MOST_SIGNATURES
    assert results[0] == Signed("pass", "example.net")
    assert overall(results) == "pass"


async def test_an_international_domain_is_known_by_its_ascii_form() -> None:
    raw = sign(domain="xn--bcher-kva.example")

    assert await check(raw, zones("xn--bcher-kva.example")) == [Signed("pass", "xn--bcher-kva.example")]


@given(
    st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"\r", b"\r\n\r\n", b" \r\n", b"bc"]), max_size=14),
    st.integers(1, 6),
)
def test_a_body_has_one_canonical_form_however_it_is_cut(parts: list[bytes], size: int) -> None:
    body = b"".join(parts) + b"\r\n"
    pieces, at = [], 0
    while at < len(body):
        end = at + size + (body[at + size - 1 : at + size + 1] == b"\r\n")
        pieces.append(body[at:end])
        at = end

    relaxed, simple = (b"".join(canonical_body(pieces, relaxed=one)) for one in (True, False))

    if body.count(b"\r") == body.count(b"\r\n"):
        assert simple == Simple.canonicalize_body(body)
        assert relaxed == Relaxed.canonicalize_body(body)
    assert relaxed == b"".join(canonical_body([body], relaxed=True))


HOSTILE = {
    "a megabyte of blanks": b"a" + b" " * 1_000_000 + b"b",
    "a megabyte of empty lines": b"\r\n" * 500_000,
    "a megabyte of bare CR": b"\r" * 1_000_000,
    "a megabyte of bare LF": b"\n" * 1_000_000,
    "blanks at the end of lines": b" \t\r\n" * 250_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_body_costs_no_more_than_its_length(body: bytes) -> None:
    head = sign().partition(b"\r\n\r\n")[0]

    assert (await check(head + b"\r\n\r\n" + body))[0].word == "fail"


async def test_a_hostile_signature_costs_no_more_than_its_length() -> None:
    hostile = [b"b=" + b"\r\n " * 20_000 + b"!", b"h=" + b"from:" * 20_000, b";" * 60_000, b"x=" + b"9" * 60_000]
    raw = b"".join(b"DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=rsa; " + one + b"\r\n" for one in hostile)

    assert {one.word for one in await check(raw + wire(LETTER))} == {"permerror"}
