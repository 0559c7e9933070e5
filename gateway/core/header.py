"""The header section of a message, by bytes (RFC 5322 section 2.2; rules B4, B4a, B4b).

Only LF counts as the end of a line once CR LF is folded to it, so a bare LF makes the same lines as CR LF and no header
field appears that the sender's server did not see as a line of its own (B4a).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

MAX_PART_HEADER = 65_536
# Names of this length and shorter are remembered; all mail uses the same few dozen.
_USUAL_NAME = 64
_FIELD_NAME = re.compile(rb"([!-9;-~]+)([ \t]*)")
_LINE_END = re.compile(rb"\n(?![ \t])")
_RECEIVED = re.compile(rb"^received[ \t]*:", re.I | re.M)
_EMPTY_LINE = re.compile(rb"\r?\n")
_LONGEST_BLANK = len(b"\r\n\r\n")
_NO_LIMIT = 1 << 62
_CR = 13
_NO_VALUES: tuple[bytes, ...] = ()

Fields = Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class Header:
    """Header fields by lower-case name, values raw and still folded with single LF, in order of appearance.

    size: bytes of the section as received; of one beyond the limits, some number beyond. lines: its physical lines.
    received: how many Received fields it has. fault: why rule B4 calls it malformed, or "". body_at: where the body
    begins in the message.
    """

    fields: Fields
    size: int
    lines: int
    received: int
    fault: str
    body_at: int

    def all(self, name: str) -> tuple[bytes, ...]:
        return self.fields.get(name, _NO_VALUES)

    def first(self, name: str) -> bytes | None:
        values = self.fields.get(name)
        return values[0] if values else None


def read_header(message: bytes, *, max_bytes: int = _NO_LIMIT, max_lines: int = _NO_LIMIT) -> Header:
    """Splits off the header section and its fields. A line that is no field is passed over, never guessed.

    A section beyond the limits is not taken apart (B4b): it then has no fields. Where it ends is not looked for further
    than it may, so that a large mail of nothing but header costs no more than another.
    """
    end, body_at = _section_end(message, max_bytes)
    lines = message.count(b"\n", 0, min(end, body_at)) + bool(end)
    if end > max_bytes or lines > max_lines:
        received = sum(1 for _ in _RECEIVED.finditer(message, 0, body_at))
        return Header({}, end, lines, received, "", body_at)
    section = message[:end].replace(b"\r\n", b"\n")
    fields, spaced = _fields(section)
    received = len(fields.get("received", _NO_VALUES))
    return Header(fields, end, lines, received, _fault(section, spaced), body_at)


def part_header(message: bytes, start: int) -> tuple[bytes | None, int]:
    """The header section of a MIME part that begins at `start`, and where its body begins (RFC 2046 section 5.1).

    A border of parts may end it before an empty line does. None: the section is beyond all reason.
    """
    empty = _EMPTY_LINE.match(message, start)
    if empty is not None:
        return b"", empty.end()
    if message.startswith(b"--", start):
        return b"", start
    limit = min(start + MAX_PART_HEADER, len(message))
    border = message.find(b"\n--", start, limit) + 1
    blank = _blank_line(message, start, border or limit)
    if blank is None and not border and limit < len(message):
        return None, start
    end, body_at = blank or (border or limit, border or limit)
    return message[start:end], body_at


def fields_of(section: bytes) -> Fields:
    """The fields of a part's header section."""
    return _fields(section.replace(b"\r\n", b"\n"))[0]


def _fields(section: bytes) -> tuple[Fields, bool]:
    """Fields by name, and whether a blank stands between From and its colon."""
    fields: dict[str, list[bytes]] = {}
    spaced = False
    for line in _LINE_END.split(section):
        name, colon, value = line.partition(b":")
        if not colon:
            continue
        key = _known_key(name) if len(name) <= _USUAL_NAME else _key(name)
        if not key:
            continue
        spaced = spaced or (key == "from" and name[-1] in b" \t")
        fields.setdefault(key, []).append(value.strip())
    return {key: tuple(values) for key, values in fields.items()}, spaced


def _key(name: bytes) -> str:
    """The lower-case name of a field from what stands before its colon; "" where it is no name."""
    match = _FIELD_NAME.fullmatch(name)
    return match[1].decode("ascii").lower() if match else ""


_known_key = lru_cache(maxsize=1_024)(_key)


def _section_end(message: bytes, max_bytes: int) -> tuple[int, int]:
    """End of the header section and start of the body; a message that begins with an empty line has no header.

    Of a section that is longer than max_bytes the message's end is told, and where looking for it was given up.
    """
    empty = _EMPTY_LINE.match(message)
    if empty is not None:
        return 0, empty.end()
    given_up = min(len(message), max_bytes + _LONGEST_BLANK)
    return _blank_line(message, 0, given_up) or (len(message), given_up)


def _blank_line(message: bytes, start: int, stop: int) -> tuple[int, int] | None:
    """Where the line before the first empty line ends, and where the line after it begins."""
    at, length = message.find(b"\n\r\n", start, stop), 3
    bare = message.find(b"\n\n", start, at + 1 if at >= 0 else stop)
    if bare >= 0:
        at, length = bare, 2
    if at < 0:
        return None
    return (at - 1 if at > start and message[at - 1] == _CR else at), at + length


def _fault(section: bytes, spaced: bool) -> str:
    if b"\0" in section:
        return "the header section holds a NUL character"
    if b"\r" in section:
        return "the header section holds a carriage return that ends no line"
    if section[:1] in (b" ", b"\t"):
        return "the header section begins with a blank"
    if spaced:
        return "there is a blank between From and its colon"
    return ""
