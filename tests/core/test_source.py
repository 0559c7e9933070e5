"""A mail as it came, as a text."""

from __future__ import annotations

from gateway.core.source import as_text, header_of


def test_the_header_ends_at_the_first_blank_line() -> None:
    assert header_of(b"A: 1\r\n b\r\nC: 2\r\n\r\nbody\r\n\r\nmore") == b"A: 1\r\n b\r\nC: 2"
    assert header_of(b"A: 1\n\nbody") == b"A: 1"
    assert header_of(b"A: 1") == b"A: 1"
    assert header_of(b"\r\nbody") == b""


def test_what_no_page_can_show_becomes_a_sign_and_a_long_text_is_cut() -> None:
    assert as_text("Ä\r\n\tb\0\x1b\ufdd0".encode(), 100) == ("Ä\n\tb\ufffd\ufffd\ufffd", True)
    assert as_text(b"\xff\xfe", 100) == ("\ufffd\ufffd", True)
    assert as_text(b"abcd", 3) == ("abc", False)
