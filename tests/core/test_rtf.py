"""The text of compressed RTF, as Outlook wraps it (MS-OXRTFCP)."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rtf import decompressed, rtf_text


def uncompressed(rtf: bytes) -> bytes:
    return pack("<IIII", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf


def compressed(data: bytes) -> bytes:
    return pack("<IIII", len(data) + 12, 0, 0x75465A4C, 0) + data


# The example of MS-OXRTFCP section 3.1.1, and one that reads from what it has just written (3.1.2).
SIMPLE = bytes.fromhex(
    "0300 0a00 72 63 70 67 31 32 35 42 32 0a f3 20 68 65 6c 09 00 20 62 77 05 b0 6c 64 7d 0a 80 0f a0"
)
CROSSING = bytes.fromhex("41 0004 20 57 58 59 5a 0d6e 7d 01 0eb0")
INFLATED = {
    "the first example": (compressed(SIMPLE), rb"{\rtf1\ansi\ansicpg1252\pard hello world}" + b"\r\n"),
    "the second example": (compressed(CROSSING), rb"{\rtf1 WXYZWXYZWXYZWXYZWXYZ}"),
    "plain": (uncompressed(rb"{\rtf1 x}"), rb"{\rtf1 x}"),
    "nothing": (b"", b""),
    "a header that is cut": (b"\0" * 9, b""),
    "another kind": (pack("<IIII", 0, 0, 7, 0) + b"x", b""),
    "cut in a letter": (compressed(b"\0ab"), b"ab"),
    "cut in a reference": (compressed(b"\1\0"), b""),
    "a reference before the beginning": (compressed(b"\1\xff\x00"), b""),
}


@pytest.mark.parametrize(("data", "rtf"), INFLATED.values(), ids=INFLATED)
def test_rtf_is_inflated(data: bytes, rtf: bytes) -> None:
    assert decompressed(data) == rtf


def test_what_inflates_without_end_is_cut() -> None:
    bomb = compressed(b"\0aaaaaaaa" + (b"\xff" + bytes((0x0D, 0x0F)) * 8) * 40_000)
    assert len(decompressed(bomb)) < 300_000


TEXTS = {
    "paragraphs": (rb"{\rtf1\ansi One\par\pard Two\line Three}", "One\nTwo\nThree"),
    "line ends mean nothing": (b"{\\rtf1 a\r\nb\nc}", "abc"),
    "fonts and colours are no text": (
        rb"{\rtf1{\fonttbl{\f0 Arial;}}{\colortbl;\red0;}{\*\generator X;}Hi{\pict 00}}",
        "Hi",
    ),
    "a letter of the code page": (rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0}", "Пр"),
    "a letter of two bytes": (rb"{\rtf1\ansicpg932 \'83\'65}", "テ"),
    "a letter by its number": (rb"{\rtf1\uc1 \u8364?5}", "€5"),
    "a letter by its number that is below nothing": (rb"{\rtf1 \u-10179?\u-8704?!}", "😀!"),
    "half a pair": (rb"{\rtf1 \u-10179?x}", "\ufffdx"),
    "nothing to replace": (rb"{\rtf1\uc0 \u8364 5\uc-1\u8364 6}", "€5€6"),
    "what replaces is left out once": (rb"{\rtf1\uc2\u8364 ab\par cd}", "€\ncd"),
    "signs that are escaped": (rb"{\rtf1 \{a\}\\b\~c\-d" + b"\\\ne}", "{a}\\b\u00a0cd\ne"),
    "quotes and dashes": (rb"{\rtf1 \ldblquote x\rdblquote\emdash\tab y}", "“x”—\ty"),
    "HTML in RTF is read as RTF": (
        rb"{\rtf1\fromhtml1{\*\htmltag <b>}Hi{\*\htmltag </b>}\htmlrtf\par\htmlrtf0 Bob}",
        "Hi\nBob",
    ),
    "groups that nothing opened": (rb"a}}}b", "ab"),
    "groups without end": (b"{" * 2_000 + b"a", "a"),
    "a sign cut off": (b"{\\rtf1 a\\", "a"),
}


@pytest.mark.parametrize(("rtf", "text"), TEXTS.values(), ids=TEXTS)
def test_rtf_is_read_as_text(rtf: bytes, text: str) -> None:
    assert rtf_text(uncompressed(rtf)) == text


def test_no_rtf_has_no_text() -> None:
    assert rtf_text(b"") == ""


PIECES = [
    b"{",
    b"}",
    b"\\",
    b"\\par",
    b"\\u-1",
    b"\\'4",
    b"\\uc9",
    b"\\*",
    b"\\ansicpg932",
    b"\x83",
    b"a ",
    b"\n",
    b"9" * 12,
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(), st.booleans())
def test_any_bytes_are_read(data: bytes, packed: bool) -> None:
    text = rtf_text(compressed(data) if packed else uncompressed(data))
    assert text == text.encode().decode()


@pytest.mark.parametrize("piece", [b"{", b"}", b"{\\*", b"\\u1", b"\\'41", b"a{", b"\\", b"\\a"], ids=repr)
def test_a_megabyte_of_anything_is_read(piece: bytes) -> None:
    assert len(rtf_text(uncompressed(piece * (1_000_000 // len(piece))))) <= 250_000
