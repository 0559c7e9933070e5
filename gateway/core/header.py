"""The header section of a message, by bytes (RFC 5322 section 2.2; rules B4, B4a, B4b).

Only LF counts as the end of a line once CR LF is folded to it, so a bare LF makes the same lines as CR LF and no header
field appears that the sender's server did not see as a line of its own (B4a).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_FIELD_NAME = re.compile(rb"([!-9;-~]+)([ \t]*)")
_LINE_END = re.compile(rb"\n(?![ \t])")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_NO_VALUES: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """Header fields by lower-case name, values raw and still folded with single LF, in order of appearance.

    size: bytes of the section as received. lines: its physical lines. fault: why rule B4 calls it malformed, or "".
    spaced: names written with white space before the colon. body_at: where the body begins in the message.
    """

    fields: Mapping[str, tuple[bytes, ...]]
    size: int
    lines: int
    fault: str
    body_at: int
    spaced: frozenset[str] = field(default_factory=frozenset)

    def all(self, name: str) -> tuple[bytes, ...]:
        return self.fields.get(name, _NO_VALUES)

    def first(self, name: str) -> bytes | None:
        values = self.fields.get(name)
        return values[0] if values else None


def read_header(message: bytes) -> Header:
    """Splits off the header section and its fields. A line that is no field is passed over, never guessed."""
    end, body_at = _section_end(message)
    raw = message[:end]
    section = raw.replace(b"\r\n", b"\n")
    fields: dict[str, list[bytes]] = {}
    spaced = set()
    for line in _logical_lines(section):
        name, colon, value = line.partition(b":")
        match = _FIELD_NAME.fullmatch(name) if colon else None
        if match is None:
            continue
        key = match[1].decode("ascii").lower()
        if match[2]:
            spaced.add(key)
        fields.setdefault(key, []).append(value.strip())
    return Header(
        {key: tuple(values) for key, values in fields.items()},
        len(raw),
        section.count(b"\n") + bool(section),
        _fault(section, spaced),
        body_at,
        frozenset(spaced),
    )


def _section_end(message: bytes) -> tuple[int, int]:
    """End of the header section and start of the body; a message that begins with an empty line has no header."""
    for empty in (b"\r\n", b"\n"):
        if message.startswith(empty):
            return 0, len(empty)
    blank = _BLANK_LINE.search(message)
    return (blank.start(), blank.end()) if blank else (len(message), len(message))


def _logical_lines(section: bytes) -> list[bytes]:
    """Physical lines, each with the continuation lines that follow it (RFC 5322 section 2.2.3)."""
    return _LINE_END.split(section)


def _fault(section: bytes, spaced: set[str]) -> str:
    if b"\0" in section:
        return "the header section holds a NUL character"
    if b"\r" in section:
        return "the header section holds a carriage return that ends no line"
    if section[:1] in (b" ", b"\t"):
        return "the header section begins with a blank"
    if "from" in spaced:
        return "there is a blank between From and its colon"
    return ""
