"""Outlook's winmail.dat: the files and the text wrapped in a TNEF stream (MS-OXTNEF, MS-OXCDATA).

A reader of our own: it goes over the stream once, copies nothing but what it gives, never enters a message inside of a
message, and what is cut or wrong ends the reading without losing what was found before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct

from gateway.core.charsets import decode
from gateway.core.mime import content_type, file_name
from gateway.core.rtf import rtf_text

TNEF_KINDS = frozenset(("application/ms-tnef", "application/vnd.ms-tnef"))
_SIGNATURE = b"\x78\x9f\x3e\x22"
_MOST_ATTRIBUTES = 10_000
_MOST_PROPERTIES = 20_000

# Attributes (MS-OXTNEF section 2.1.3).
_BODY, _CODE_PAGE, _PROPERTIES = 0x0002800C, 0x00069007, 0x00069003
_FILE_BEGINS, _FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES = 0x00069002, 0x00018010, 0x0006800F, 0x00069005

# Properties of a message and of its files (MS-OXPROPS).
_P_BODY, _P_HTML, _P_RTF, _P_CODE_PAGE = 0x1000, 0x1013, 0x1009, 0x3FDE
_P_DATA, _P_NAME, _P_LONG_NAME, _P_TITLE, _P_KIND, _P_CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x3001, 0x370E, 0x3712

# Types of values: so many bytes, padded to four; and those that tell their length (MS-OXCDATA section 2.11.1).
_WIDTHS = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_OBJECT, _STRING, _UNICODE, _BINARY = 0x0D, 0x1E, 0x1F, 0x102
_COUNTED = (_OBJECT, _STRING, _UNICODE, _BINARY)
_MANY = 0x1000
_INTERFACE = 16

_HEAD = Struct("<BII")
_LONG = Struct("<I")
_TAG = Struct("<HH")


@dataclass(slots=True)
class InnerFile:
    """A file inside of a winmail.dat."""

    filename: str = ""
    content_type: str = ""
    content_id: str | None = None
    data: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class Unwrapped:
    """What a winmail.dat holds. text, html: "" where it holds none; html is as the sender made it."""

    files: list[InnerFile] = field(default_factory=list)
    text: str = ""
    html: str = ""


def unwrap_tnef(stream: bytes, *, most_files: int) -> Unwrapped:
    """Files and text of a stream, as far as it can be read; nothing for what is no TNEF."""
    found = Unwrapped()
    code_page, plain, rtf = 1252, b"", b""
    for tag, data in _attributes(stream):
        if tag == _FILE_BEGINS:
            if len(found.files) >= most_files:
                break
            found.files.append(InnerFile())
        elif tag == _CODE_PAGE and len(data) >= _LONG.size:
            code_page = _LONG.unpack_from(data)[0]
        elif tag == _BODY:
            plain = data
        elif tag == _PROPERTIES:
            rtf = _read_message(found, data, code_page) or rtf
        elif found.files:
            _read_file(found.files[-1], tag, data, code_page)
    found.text = found.text or _text(plain, code_page) or rtf_text(rtf)
    for n, one in enumerate(found.files, 1):
        one.filename = file_name(one.filename.encode("utf-8", "replace")) or f"file-{n}"
        one.content_type = content_type(one.content_type.encode("utf-8", "replace"))[0] or "application/octet-stream"
    return found


def _attributes(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Each attribute with its value: level, tag, length, value, checksum (MS-OXTNEF section 2.1.2)."""
    if not stream.startswith(_SIGNATURE):
        return
    at = len(_SIGNATURE) + 2
    for _ in range(_MOST_ATTRIBUTES):
        if at + _HEAD.size > len(stream):
            return
        _, tag, length = _HEAD.unpack_from(stream, at)
        at += _HEAD.size
        yield tag, stream[at : at + length]
        at += length + 2


def _read_message(found: Unwrapped, data: bytes, code_page: int) -> bytes:
    """Takes text and HTML of the message; gives its compressed RTF, or nothing."""
    rtf = b""
    values = {tag: (kind, value) for tag, kind, value in _properties(data)}
    page = values.get(_P_CODE_PAGE, (0, b""))[1]
    html_page = _LONG.unpack(page)[0] if len(page) == _LONG.size else code_page
    for tag, (kind, value) in values.items():
        if tag == _P_BODY:
            found.text = _string(kind, value, code_page)
        elif tag == _P_HTML:
            found.html = _string(kind, value, html_page)
        elif tag == _P_RTF:
            rtf = value
    return rtf


def _read_file(one: InnerFile, tag: int, data: bytes, code_page: int) -> None:
    if tag == _FILE_TITLE:
        one.filename = one.filename or _text(data, code_page)
    elif tag == _FILE_DATA:
        one.data = data
    elif tag == _FILE_PROPERTIES:
        values = {name: (kind, value) for name, kind, value in _properties(data)}
        texts = {name: _string(*values[name], code_page) for name in values if name != _P_DATA}
        long_name = texts.get(_P_LONG_NAME) or one.filename or texts.get(_P_NAME) or texts.get(_P_TITLE, "")
        one.filename = long_name
        one.content_type = texts.get(_P_KIND, "")
        one.content_id = texts.get(_P_CONTENT_ID, "").strip("<> ") or None
        if not one.data and _P_DATA in values:
            kind, value = values[_P_DATA]
            one.data = value[_INTERFACE:] if kind == _OBJECT else value


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Property, type and first value of each (MS-OXTNEF section 2.1.3.4); ends at what it can't follow."""
    reader = _Cursor(data)
    for _ in range(min(reader.long(), _MOST_PROPERTIES)):
        kind, name = reader.tag()
        if name >= 0x8000:
            reader.skip_name()
        one_kind = kind & ~_MANY
        many = kind & _MANY or one_kind in _COUNTED
        values = reader.long() if many else 1
        first = b""
        for n in range(min(values, _MOST_PROPERTIES)):
            length = reader.long() if one_kind in _COUNTED else _WIDTHS.get(one_kind, -1)
            value = reader.take(length)
            first = value if not n else first
            if reader.ended:
                break
        if reader.ended:
            return
        yield name, one_kind, first


class _Cursor:
    """A place in the bytes; reading past their end gives nothing and says so."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.ended = data, 0, False

    def long(self) -> int:
        raw = self.take(_LONG.size)
        return int(_LONG.unpack(raw)[0]) if raw else 0

    def tag(self) -> tuple[int, int]:
        raw = self.take(_TAG.size)
        kind, name = _TAG.unpack(raw) if raw else (0, 0)
        return kind, name

    def skip_name(self) -> None:
        """The name of a property that has no number of its own: a set, and a number or a text in it."""
        self.take(_INTERFACE)
        by_text = self.long()
        length = self.long()
        if by_text:
            self.take(length)

    def take(self, length: int) -> bytes:
        """So many bytes; the place moves on to a multiple of four."""
        if length < 0 or self.at + length > len(self.data):
            self.ended = True
            return b""
        found = self.data[self.at : self.at + length]
        self.at += length + -length % 4
        return found


def _string(kind: int, value: bytes, code_page: int) -> str:
    return _clean(decode(value, "utf-16-le")) if kind == _UNICODE else _text(value, code_page)


def _text(value: bytes, code_page: int) -> str:
    return _clean(decode(value, f"cp{code_page}"))


def _clean(text: str) -> str:
    return text.partition("\0")[0].replace("\r\n", "\n").replace("\r", "\n")
