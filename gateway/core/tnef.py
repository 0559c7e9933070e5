"""Outlook's winmail.dat: the files and the text wrapped in a TNEF stream (MS-OXTNEF, MS-OXCDATA).

A reader of our own: it goes over the stream once, copies each value once, never enters a message inside of a
message, and what is cut or wrong ends the reading without losing what was found before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct

from gateway.core.charsets import decode
from gateway.core.mime import content_identity, content_type, file_name

TNEF_KINDS = frozenset(("application/ms-tnef", "application/vnd.ms-tnef"))
_SIGNATURE = b"\x78\x9f\x3e\x22"
_MOST_ATTRIBUTES = 10_000
_MOST_VALUES = 50_000

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
_NAMED = 0x8000
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
    """What a winmail.dat holds. text, html: "" where it holds none; html is as the sender made it. rtf: compressed."""

    files: list[InnerFile] = field(default_factory=list)
    text: str = ""
    html: str = ""
    rtf: bytes = b""


def unwrap_tnef(stream: bytes, *, most_files: int) -> Unwrapped:
    """Files and text of a stream, as far as it can be read; nothing for what is no TNEF."""
    found, reader = Unwrapped(), _Reader()
    code_page, plain = 1252, b""
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
            _read_message(found, reader.properties(data), code_page)
        elif tag == _FILE_PROPERTIES and found.files:
            _read_properties(found.files[-1], reader.properties(data), code_page)
        elif found.files:
            _read_file(found.files[-1], tag, data, code_page)
    found.text = found.text or _text(plain, code_page)
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


_Properties = dict[int, tuple[int, bytes]]
"""The type and the first value of each property."""


def _read_message(found: Unwrapped, values: _Properties, code_page: int) -> None:
    page = values.get(_P_CODE_PAGE, (0, b""))[1]
    html_page = _LONG.unpack(page)[0] if len(page) == _LONG.size else code_page
    if _P_BODY in values:
        found.text = _string(*values[_P_BODY], code_page)
    if _P_HTML in values:
        found.html = _string(*values[_P_HTML], html_page)
    if _P_RTF in values:
        found.rtf = values[_P_RTF][1]


def _read_file(one: InnerFile, tag: int, data: bytes, code_page: int) -> None:
    if tag == _FILE_TITLE:
        one.filename = one.filename or _text(data, code_page)
    elif tag == _FILE_DATA:
        one.data = data


def _read_properties(one: InnerFile, values: _Properties, code_page: int) -> None:
    kind, data = values.pop(_P_DATA, (0, b""))
    texts = {name: _string(*values[name], code_page) for name in values}
    one.filename = texts.get(_P_LONG_NAME) or one.filename or texts.get(_P_NAME) or texts.get(_P_TITLE, "")
    one.content_type = texts.get(_P_KIND, "")
    one.content_id = content_identity(texts.get(_P_CONTENT_ID, "").encode("utf-8", "replace"))
    one.data = one.data or (data[_INTERFACE:] if kind == _OBJECT else data)


class _Reader:
    """Reads lists of properties; all lists of a stream together hold no more values than it reads."""

    def __init__(self) -> None:
        self.left = _MOST_VALUES
        self.data, self.at, self.ended = b"", 0, False

    def properties(self, data: bytes) -> _Properties:
        """The properties of one list, up to what can't be followed (MS-OXTNEF section 2.1.3.4)."""
        self.data, self.at, self.ended = data, 0, False
        found: _Properties = {}
        for _ in range(self._long()):
            raw = self._take(_TAG.size)
            kind, name = _TAG.unpack(raw) if raw else (0, 0)
            if name >= _NAMED:
                self._skip_name()
            value = self._value(kind)
            if self.ended:
                break
            found[name] = (kind & ~_MANY, value)
        return found

    def _value(self, kind: int) -> bytes:
        """The value of a property, or the first of several; those behind it are passed over."""
        one_kind = kind & ~_MANY
        if one_kind not in _COUNTED:
            width = _WIDTHS.get(one_kind, -1)
            return self._take(width * self._long())[:width] if kind & _MANY else self._take(width)
        first = b""
        for n in range(self._long()):
            value = self._take(self._long())
            if self.ended:
                break
            first = value if not n else first
        return first

    def _skip_name(self) -> None:
        """The name of a property that has no number of its own: a set, and a number or a text in it."""
        self._take(_INTERFACE)
        by_text = self._long()
        length = self._long()
        if by_text:
            self._take(length)

    def _long(self) -> int:
        raw = self._take(_LONG.size)
        return int(_LONG.unpack(raw)[0]) if raw else 0

    def _take(self, length: int) -> bytes:
        """So many bytes; the place moves on to a multiple of four."""
        self.left -= 1
        if self.left < 0 or length < 0 or self.at + length > len(self.data):
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
