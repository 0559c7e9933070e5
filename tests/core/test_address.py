"""Addresses by the grammar: who is read, who is listed as unread, and that nobody is guessed (rules C1, C7, B4)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import address
from gateway.core.address import (
    AddressList,
    Mailbox,
    address_key,
    normal_domain,
    parse_address,
    parse_address_list,
)

LISTS = {
    # story: value, addresses, entries unread
    "a bare address": (b"bob@example.net", ["bob@example.net"], []),
    "a name before it": (b"Bob Miller <bob@example.net>", ["bob@example.net"], []),
    "a quoted name": (b'"Miller, Bob" <bob@example.net>', ["bob@example.net"], []),
    "a comment": (b"bob@example.net (Bob Miller)", ["bob@example.net"], []),
    "comments everywhere": (b"(a) bob (b) @ (c) example.net (d (e) \\) f)", ["bob@example.net"], []),
    "nothing but a comment": (b"(nobody)", [], []),
    "several": (b"a@b.example, C <c@d.example>,e@f.example", ["a@b.example", "c@d.example", "e@f.example"], []),
    "empty elements": (b", ,a@b.example,,", ["a@b.example"], []),
    "empty elements beside quotes": (b', ,"A" <a@b.example>,,', ["a@b.example"], []),
    "nothing": (b"", [], []),
    "a group": (b"Team: a@b.example, C <c@d.example>; e@f.example", ["a@b.example", "c@d.example", "e@f.example"], []),
    "an empty group": (b"undisclosed-recipients:;", [], []),
    "a group in a group": (b"a:b:c@d.example;", [], [b"b:c@d.example"]),
    "folded": (b"Bob\n <bob@example.net>,\n\tann@example.net", ["bob@example.net", "ann@example.net"], []),
    "a quoted local part": (b'"bob m"@example.net', ['"bob m"@example.net'], []),
    "a local part quoted for no reason": (b'"bob"@example.net', ["bob@example.net"], []),
    "escapes in a local part": (b'"a\\"b\\\\c"@example.net', ['"a\\"b\\\\c"@example.net'], []),
    "words joined by dots": (b'"a".b."c d"@example.net', ['"a.b.c d"@example.net'], []),
    "blanks around dots": (b"bob . m @ example . net", ["bob.m@example.net"], []),
    "words not joined": (b"bob m@example.net", [], [b"bob m@example.net"]),
    "a source route": (b"<@a.example,@b.example:bob@example.net>", ["bob@example.net"], []),
    "a route that leads nowhere": (b"<@a.example>", [], [b"<@a.example>"]),
    "an address literal": (b"bob@[192.0.2.1]", ["bob@[192.0.2.1]"], []),
    "a literal of IPv6": (b"bob@[IPv6:2001:DB8::1]", ["bob@[ipv6:2001:db8::1]"], []),
    "a literal that is empty": (b"bob@[]", [], [b"bob@[]"]),
    "a literal and more": (b"bob@[192.0.2.1].example", [], [b"bob@[192.0.2.1].example"]),
    "a literal as local part": (b"[x]@example.net", [], [b"[x]@example.net"]),
    "a quoted domain": (b'bob@"example.net"', [], [b'bob@"example.net"']),
    "upper case": (b"Bob@EXAMPLE.Net", ["Bob@example.net"], []),
    "a trailing dot": (b"bob@example.net.", ["bob@example.net"], []),
    "two trailing dots": (b"bob@example.net..", [], [b"bob@example.net.."]),
    "a U-label": ("bob@bücher.example".encode(), ["bob@xn--bcher-kva.example"], []),
    "a U-label that is none": ("bob@\u2028.example".encode(), [], ["bob@\u2028.example".encode()]),
    "a local part in UTF-8": ("jörg@example.net".encode(), ["jörg@example.net"], []),
    "a local part in Latin-1": (b"j\xf6rg@example.net", [], [b"j\xf6rg@example.net"]),
    "a semicolon alone": (b"; ;", [], []),
    "a literal behind a name": (b"bob@example.[192.0.2.1]", [], [b"bob@example.[192.0.2.1]"]),
    "a bracket in a quoted local part": (b'"[".b@example.net', ['"[.b"@example.net'], []),
    "a domain of two words": (b"bob@example net", [], [b"bob@example net"]),
    "a blank after a text that is no address": (b"Bob <> ", [], [b"Bob <>"]),
    "no local part": (b"@example.net", [], [b"@example.net"]),
    "an empty local part": (b'""@example.net', [], [b'""@example.net']),
    "no domain": (b"bob@", [], [b"bob@"]),
    "no at sign": (b"bob", [], [b"bob"]),
    "two at signs": (b"bob@a@example.net", [], [b"bob@a@example.net"]),
    "an encoded word as address": (b"=?utf-8?q?bob?=@example.net", [], [b"=?utf-8?q?bob?=@example.net"]),
    "an encoded word in brackets": (b"<=?utf-8?q?bob?=@example.net>", [], [b"<=?utf-8?q?bob?=@example.net>"]),
    "a quoted name before an encoded one": (b'"B" <=?u?q?b?=@example.net>', [], [b'"B" <=?u?q?b?=@example.net>']),
    "an address as name": (b"x@y.example <bob@example.net>", ["bob@example.net"], []),
    "brackets never closed": (b"Bob <bob@example.net", [], [b"Bob <bob@example.net"]),
    "brackets never closed swallow the next": (b"<bob@a.example, x@b.example", [], [b"<bob@a.example, x@b.example"]),
    "brackets closed before they open": (b"a> <bob@example.net>", [], [b"a> <bob@example.net>"]),
    "two in one pair of brackets": (b"<a@b.example c@d.example>", [], [b"<a@b.example c@d.example>"]),
    "text after the brackets": (b"<bob@example.net> x", [], [b"<bob@example.net> x"]),
    "a comment after the brackets": (b"<bob@example.net> (x)", ["bob@example.net"], []),
    "a quote never closed swallows all": (b'"Bob <a@b.example>, c@d.example', [], [b'"Bob <a@b.example>, c@d.example']),
    "a comment never closed swallows all": (b"(Bob a@b.example, c@d.example", [], [b"(Bob a@b.example, c@d.example"]),
    "a comment never closed before brackets": (b"Bob (x <a@b.example>", [], [b"Bob (x <a@b.example>"]),
    "a control character": (b"bo\x01b@example.net", [], [b"bo\x01b@example.net"]),
    "an invisible character": ("bo\u200bb@example.net".encode(), [], ["bo\u200bb@example.net".encode()]),
    "a semicolon outside a group": (b"a@b.example; c@d.example", [], [b"a@b.example; c@d.example"]),
    "a colon in brackets": (b"<a:b@example.net>", [], [b"<a:b@example.net>"]),
    "a semicolon in brackets": (b"g: <a;b@example.net>", [], [b"<a;b@example.net>"]),
    "a local part too long": (b"x" * 320 + b"@example.net", [], [b"x" * 320 + b"@example.net"]),
    "one bad beside good ones": (b"a@b.example, x y, c@d.example", ["a@b.example", "c@d.example"], [b"x y"]),
}


@pytest.mark.parametrize(("value", "addresses", "unread"), LISTS.values(), ids=LISTS)
def test_a_list_is_read_or_listed_as_unread_but_never_guessed(
    value: bytes, addresses: list[str], unread: list[bytes]
) -> None:
    found = parse_address_list(value)

    assert [box.address for box in found.mailboxes] == addresses
    assert list(found.unread) == unread


PHRASES = {
    "none": (b"bob@example.net", b""),
    "atoms": (b" Bob Q. Miller <bob@example.net>", b"Bob Q. Miller"),
    "quoted": (b'"Miller, Bob" <bob@example.net>', b"Miller, Bob"),
    "quoted with escapes": (b'"Bob \\"B\\" Miller" <bob@example.net>', b'"Bob \\"B\\" Miller"'),
    "encoded": (b"=?utf-8?q?B=C3=B6b?= <bob@example.net>", b"=?utf-8?q?B=C3=B6b?="),
    "the comment of the old form": (b"bob@example.net (Bob Miller )", b"Bob Miller"),
    "the last of two comments": (b"(x) bob@example.net (Bob)", b"Bob"),
    "no comment where brackets stand": (b"Bob (x) <bob@example.net> (y)", b"Bob"),
}


@pytest.mark.parametrize(("value", "phrase"), PHRASES.values(), ids=PHRASES)
def test_the_name_beside_an_address_is_kept_as_it_was_written(value: bytes, phrase: bytes) -> None:
    (box,) = parse_address_list(value).mailboxes
    assert box.phrase.replace(b"  ", b" ") == phrase


def test_a_list_tells_whether_it_used_a_group_and_whether_text_followed_an_address() -> None:
    assert parse_address_list(b"g:a@b.example;").group
    assert parse_address_list(b"<a@b.example> x").trailing
    assert parse_address_list(b"A <a@b.example>") == AddressList((Mailbox(b"A", "a", "b.example"),))


TYPED = {
    "plain": ("bob@example.net", "bob@example.net"),
    "with blanks around": ("  bob@example.net\n", "bob@example.net"),
    "in brackets": ("<bob@example.net>", "bob@example.net"),
    "a name": ("Bob <bob@example.net>", None),
    "two": ("a@b.example,c@d.example", None),
    "a group": ("g:a@b.example;", None),
    "text behind": ("<a@b.example> x", None),
    "one and rubbish": ("a@b.example, x y", None),
    "nothing": ("", None),
    "half a character": ("bob\ud800@example.net", None),
}


@pytest.mark.parametrize(("text", "address"), TYPED.values(), ids=TYPED)
def test_one_address_as_a_person_types_it(text: str, address: str | None) -> None:
    found = parse_address(text)
    assert (found.address if found else None) == address


SAME = {
    "case": ("Bob@Example.NET", "bob@example.net"),
    "quotes": ('"bob"@example.net', "bob@example.net"),
    "U-label and A-label": ("bob@bücher.example", "bob@XN--bcher-kva.example"),
    "a domain composed or not": ("bob@bu\u0308cher.example", "bob@bücher.example"),
    "a domain in capitals of another script": ("bob@BÜCHER.example", "bob@bücher.example"),
    "case outside ASCII": ("JÖRG@example.net", "jörg@example.net"),
    "composed or not": ("jo\u0308rg@example.net", "jörg@example.net"),
    "sharp s": ("STRASSE@example.net", "STRASSE@example.net"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_c7_two_writings_of_one_address_have_one_key(one: str, other: str) -> None:
    first, second = parse_address(one), parse_address(other)
    assert first
    assert second
    assert first.key == second.key


@pytest.mark.parametrize(
    "pair", [("a.b@x.example", "ab@x.example"), ("a+b@x.example", "a@x.example"), ("a@x.example", "a@b.x.example")]
)
def test_c7_addresses_that_only_look_alike_are_two(pair: tuple[str, str]) -> None:
    keys = {box.key for one in pair if (box := parse_address(one))}
    assert len(keys) == 2


DOMAIN_NAMES = {
    "a name": ("Example.NET", "example.net"),
    "one label": ("localhost", "localhost"),
    "an underscore": ("a_b.example", "a_b.example"),
    "longest": (f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}", f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}"),
    "too long": (f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 62}", None),
    "too long as A-labels": (".".join(["ü" * 40] * 6), None),
    "a label too long": (f"{'a' * 64}.example", None),
    "an empty label": ("a..example", None),
    "a hyphen first": ("-a.example", None),
    "a blank": ("a b.example", None),
    "full-width letters": ("ｅｘａｍｐｌｅ.net", None),
    "an invisible blank": ("exam\u200bple.net", None),
    "a soft hyphen": ("exam\xadple.net", None),
    "a dot of another script": ("example\u3002net", None),
    "a letter of another script that is one of ASCII in lower case": ("\u212aommo.net", None),
    "a ligature": ("o\ufb00ice.example", None),
    "sharp s": ("straße.example", "xn--strae-oqa.example"),
    "nothing": ("", None),
    "a dot": (".", None),
}


@pytest.mark.parametrize(("domain", "normal"), DOMAIN_NAMES.values(), ids=DOMAIN_NAMES)
def test_domains_are_compared_in_one_form(domain: str, normal: str | None) -> None:
    assert normal_domain(domain) == normal


LOCALS = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=20).filter(
    lambda text: text.isprintable() and "=?" not in text
)
BOXES = st.builds(
    Mailbox, st.just(b""), LOCALS, st.sampled_from(["example.net", "[192.0.2.1]", "xn--bcher-kva.example"])
)


@given(st.lists(BOXES, max_size=5))
def test_addresses_written_out_are_read_back_the_same(boxes: list[Mailbox]) -> None:
    written = ", ".join(box.address for box in boxes).encode()
    assert parse_address_list(written) == AddressList(tuple(boxes))


@given(LOCALS)
def test_a_key_is_its_own_key_however_it_was_composed(local: str) -> None:
    key = address_key(local, "example.net")
    again = parse_address(key)
    assert again is None or again.key == key
    assert address_key(unicodedata.normalize("NFD", local), "example.net") == key


PIECES = [b"a", b"@", b"b.c", b"<", b">", b'"', b"\\", b"(", b")", b",", b":", b";", b"[", b"]", b" ", b"\n ", b".",
          b"\xff", "é".encode(), b"=?u?q?x?=", b"\x01"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(max_size=60))
@settings(max_examples=400)
def test_any_value_is_read_without_an_error_and_what_is_read_is_an_address(value: bytes) -> None:
    found = parse_address_list(value)
    for box in found.mailboxes:
        assert parse_address(box.address) == Mailbox(b"", box.local, box.domain)
        assert box.address.isprintable()
    assert all(text and text in value for text in found.unread)


@given(st.lists(st.sampled_from([b"a", b"@", b"b.c", b"<", b">", b",", b" ", b"."]), max_size=20).map(b"".join))
@settings(max_examples=400)
def test_the_quick_way_and_the_full_grammar_read_the_same_people(value: bytes) -> None:
    """An empty comment changes no meaning, but sends the value the long way."""
    quick, full = parse_address_list(value), parse_address_list(value + b"()")
    assert [box.address for box in quick.mailboxes] == [box.address for box in full.mailboxes]
    assert len(quick.unread) == len(full.unread)


def test_what_is_too_long_to_be_a_domain_is_not_remembered() -> None:
    before = address._known_domain.cache_info().currsize
    assert normal_domain("x" * 255_000) is None
    assert address._known_domain.cache_info().currsize == before
