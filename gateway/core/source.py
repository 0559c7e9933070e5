"""A mail as it came, as a text to read: its header, or all of it, with what no page can show put into signs."""

from __future__ import annotations

import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n|\A\r?\n")


def header_of(raw: bytes) -> bytes:
    """The header section, all fields in their order (RFC 5322 section 2.1)."""
    end = _END_OF_HEADER.search(raw)
    return raw if end is None else raw[: end.start()]


def as_text(raw: bytes, most: int) -> tuple[str, bool]:
    """The bytes as text of so many characters at most, and whether that is all; UTF-8 as far as it is."""
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    return _CONTROL.sub("\ufffd", text[:most]), len(text) <= most
