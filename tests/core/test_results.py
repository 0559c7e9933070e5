"""Authentication-Results (RFC 8601), read strictly: what is not written by the grammar is left out."""

from __future__ import annotations

import pytest

from gateway.core.results import read_arc_results, read_results, topmost

READ = {
    # story: (value, words of spf, dkim, dmarc, arc)
    "all four": (b"mx.example; spf=pass; dkim=fail; dmarc=none; arc=temperror", ("pass", "fail", "none", "temperror")),
    "one of several signatures passes": (b"mx.example; dkim=fail; dkim=pass", ("none", "pass", "none", "none")),
    "nothing was looked into": (b"mx.example; none", ("none",) * 4),
    "no result at all": (b"mx.example", ("none",) * 4),
    "the version is written": (b"mx.example 1; spf=pass", ("pass", "none", "none", "none")),
    "the name is quoted": (b'"mx.example"; spf=pass', ("pass", "none", "none", "none")),
    "comments and folds everywhere": (
        b"(a) mx.example (b (c) \\) d) ;\n\tspf (e) = (f) pass\n reason (h) = 'a' smtp . mailfrom = (i) a@b.example",
        ("pass", "none", "none", "none"),
    ),
    "capitals": (b"MX.Example; SPF=Pass", ("pass", "none", "none", "none")),
    "a method with its version": (b"mx.example; spf/1=pass", ("pass", "none", "none", "none")),
    "a method of a later version": (b"mx.example; spf/2=pass", ("none",) * 4),
    "an old word": (b"mx.example; spf=hardfail", ("fail", "none", "none", "none")),
    "a word nobody knows": (b"mx.example; spf=great", ("none",) * 4),
    "a pass in a comment": (b"mx.example; spf=fail (spf=pass)", ("fail", "none", "none", "none")),
    "a pass in a comment with a semicolon": (b"mx.example; spf=fail (; spf=pass)", ("fail", "none", "none", "none")),
    "a pass in a quoted reason": (b'mx.example; spf=fail reason="; dkim=pass"', ("fail", "none", "none", "none")),
    "a pass in a property": (b"mx.example; spf=fail smtp.mailfrom=a;dkim=pass", ("fail", "pass", "none", "none")),
    "words after the result": (b"mx.example; spf=pass or not", ("none",) * 4),
    "a result without a word": (b"mx.example; spf=; dkim=pass", ("none", "pass", "none", "none")),
}


@pytest.mark.parametrize(("value", "words"), READ.values(), ids=READ)
def test_a_field_is_read_by_its_grammar(value: bytes, words: tuple[str, ...]) -> None:
    found = read_results(value)

    assert found is not None
    assert found.server == "mx.example"
    assert tuple(found.word(method) for method in ("spf", "dkim", "dmarc", "arc")) == words


UNREAD = {
    "nothing": b"",
    "no name": b"; spf=pass",
    "two names": b"mx.example evil.example; spf=pass",
    "a later version": b"mx.example 2; spf=pass",
    "a quote that never closes": b'mx.example; spf=fail reason="; dkim=pass',
    "a comment that never closes": b"mx.example; spf=fail (; dkim=pass",
    "a bracket too many": b"mx.example; spf=fail ); dkim=pass",
}


@pytest.mark.parametrize("value", UNREAD.values(), ids=UNREAD)
def test_a_broken_field_says_nothing(value: bytes) -> None:
    assert read_results(value) is None


def test_only_the_topmost_field_of_the_named_server_counts() -> None:
    fields = (b"evil.example; spf=pass", b"MX.example; spf=fail", b"mx.example; spf=pass")

    found = topmost(fields, "mx.Example")

    assert found is not None
    assert found.word("spf") == "fail"
    assert topmost(fields, "other.example") is None


def test_it_says_for_whom_something_passes() -> None:
    found = read_results(
        b"mx.example; spf=pass smtp.mailfrom=bounce@Mail.Example.net; dkim=pass header.i=@example.net header.b=ab/+=;"
        b" dkim=pass header.d=list.example; dkim=fail header.d=bad.example; dmarc=pass header.from=Example.net"
    )

    assert found is not None
    assert found.passing_domains() == ("mail.example.net", "example.net", "list.example")
    assert found.dmarc_passes("example.net")
    assert not found.dmarc_passes("example.com")


def test_arc_results_carry_their_instance() -> None:
    found = read_arc_results(b" i=2; mx.example; dmarc=pass (p=none)")

    assert found is not None
    assert (found[0], found[1].dmarc_passes("example.net")) == (2, True)


ARC_UNREAD = {
    "nothing": b"",
    "no instance": b"mx.example; dmarc=pass",
    "an instance that is no number": b"i=x; mx.example; dmarc=pass",
    "an instance alone": b"i=1",
    "a quote that never closes": b'i=1; mx.example; dmarc=pass reason="',
    "a comment that never closes": b"i=1; mx.example (; dmarc=pass",
}


@pytest.mark.parametrize("value", ARC_UNREAD.values(), ids=ARC_UNREAD)
def test_broken_arc_results_say_nothing(value: bytes) -> None:
    assert read_arc_results(value) is None


@pytest.mark.parametrize(
    "value", [b"(" * 200_000, b'a; x=y "\\' * 50_000, b"a; " + b"spf=pass " * 50_000, b" " * 200_000]
)
def test_a_hostile_field_says_nothing_and_ends(value: bytes) -> None:
    assert read_results(value) is None or not read_results(value).results  # type: ignore[union-attr]
