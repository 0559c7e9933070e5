"""The MIME tree of a message, flattened to its leaves (RFC 2045, 2046, 2183, 2231).

Why our own: a hostile tree must cost no more than an honest one. Lines that may be borders of parts are met once, from
first to last; nothing is copied until it is asked for; an attached message is a leaf and is never entered. Fields are
split as in the header of the message itself, so that nobody sees a part that another reader does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from gateway.core.charsets import safe_codec
from gateway.core.header import Fields, Header, fields_of, part_header
from gateway.core.transfer import base64_sizes, decoded
from gateway.core.words import decode_words, unfold

_MAX_DASHED_LINES = 50_000
_MAX_HEADER_BYTES = 1 << 20
_MAX_BOUNDARY = 250
_MAX_VALUE = 16_384
_MAX_FILENAME = 200
_MAX_IDENTITY = 255
_USUAL_HEAD = 200
_PIECE = 256 * 1024
_HOPS = 32

_TYPE = re.compile(rb"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}", re.I)
_PARAMETER = re.compile(
    rb";\s*+([^\s=;\"]{1,40}+)\s*+=\s*+(?:\"((?:[^\"\\]++|\\.)*+)\"?|([^;]*+))",
    re.S,
)
_SOMETHING = re.compile(rb"\S")
_ESCAPED = re.compile(rb"\\([\"\\])")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that holds no parts. kind: "type/subtype" in lower case, "" when the field is no type.

    start, end: where its body stands in the message. alternative, branch: the outermost multipart/alternative it
    stands in and the number of its branch there; 0, 0 outside of one. parameters: those of its Content-Type. related:
    it stands in a multipart/related.
    """

    message: bytes = field(repr=False)
    start: int
    end: int
    kind: str
    charset: str
    encoding: str
    disposition: str
    filename: str
    content_id: str | None
    alternative: int
    branch: int
    parameters: Mapping[str, bytes] = field(repr=False)
    related: bool

    def content(self, most: int | None = None) -> bytes:
        """The decoded bytes; `most`: of no more than so many encoded ones."""
        end = self.end if most is None else min(self.end, self.start + most)
        return b"".join(decoded(self.message, self.start, end, self.encoding))

    @property
    def size(self) -> int:
        """How many bytes `content` has."""
        if self.encoding == "base64":
            return sum(base64_sizes(self.message, self.start, self.end))
        return sum(map(len, decoded(self.message, self.start, self.end, self.encoding)))


@dataclass(frozen=True, slots=True)
class Parts:
    """The leaves in order. unread: why the tree was not followed to its end (rule B4b), or ""."""

    leaves: tuple[Leaf, ...]
    unread: str = ""


def read_parts(message: bytes, header: Header, *, max_parts: int, max_depth: int) -> Parts:
    """Follows the tree within the limits; never raises. max_depth: levels of multipart, the message itself included."""
    walk = _Walk(message, max_parts, max_depth)
    walk.begin(_head(header.fields), header.body_at)
    walk.follow(header.body_at)
    return Parts(tuple(walk.leaves), walk.unread)


def outer_boundary(header: Header) -> bytes:
    """What separates the parts of a message, as `read_parts` reads it from its header; empty where there are none."""
    head = _head(header.fields)
    return head.boundary if head.kind.startswith("multipart/") else b""


@dataclass(slots=True)
class _Multipart:
    """An open multipart. number: counts them from 1. parts: begun so far."""

    boundary: bytes
    subtype: str
    number: int
    parts: int = 0


@dataclass(frozen=True, slots=True)
class _Head:
    """What the header of a part says; the names are those of `Leaf`. typed: it has a Content-Type field."""

    kind: str
    typed: bool
    boundary: bytes
    charset: str
    encoding: str
    disposition: str
    filename: str
    content_id: str | None
    parameters: Mapping[str, bytes]


@dataclass(slots=True)
class _Begun:
    """A part whose end is not found yet. preamble: the text before the first part of a multipart."""

    head: _Head
    start: int
    kind: str
    preamble: bool = False


class _Walk:
    """One pass over the lines that begin with two dashes."""

    def __init__(self, message: bytes, max_parts: int, max_depth: int) -> None:
        self.message, self.max_parts, self.max_depth = message, max_parts, max_depth
        self.leaves: list[Leaf] = []
        self.unread = ""
        self.open: list[_Multipart] = []
        self.borders: frozenset[bytes] = frozenset()
        self.begun: _Begun | None = None
        self.parts = self.multiparts = self.header_bytes = 0

    def follow(self, position: int) -> None:
        message, lines = self.message, 0
        while self.open and not self.unread:
            at = _next_dashes(message, position)
            if at < 0:
                break
            lines += 1
            if lines > _MAX_DASHED_LINES:
                self.unread = f"more than {_MAX_DASHED_LINES} lines that begin with dashes"
                break
            end = message.find(b"\n", at)
            position = end + 1 if end >= 0 else len(message)
            line = message[at + 2 : min(position, at + _MAX_BOUNDARY + 8)].rstrip()
            if line in self.borders:
                position = self._border(line, at, position, closing=False)
            elif line.endswith(b"--") and line[:-2] in self.borders:
                position = self._border(line[:-2], at, position, closing=True)
        if not self.unread:
            self._end(len(message))

    def begin(self, head: _Head, start: int) -> None:
        """A part, or the message itself, begins: a multipart is entered, anything else becomes a leaf."""
        kind, boundary = head.kind, head.boundary
        if not kind and not head.typed:
            digest = bool(self.open) and self.open[-1].subtype == "digest"
            kind = "message/rfc822" if digest else "text/plain"
        if not kind.startswith("multipart/"):
            self.begun = _Begun(head, start, kind)
            return
        self.begun = _Begun(head, start, "text/plain", preamble=bool(boundary))
        if not boundary:
            return
        if len(self.open) >= self.max_depth:
            self.unread = f"MIME parts nested deeper than {self.max_depth}"
            return
        self.multiparts += 1
        self.open.append(_Multipart(boundary, kind[10:], self.multiparts))
        self._note_borders()

    def _border(self, boundary: bytes, at: int, position: int, *, closing: bool) -> int:
        """A line that separates or closes the parts of an open multipart; says where to read on."""
        level = len(self.open) - 1
        while self.open[level].boundary != boundary:
            level -= 1
        multipart, inner = self.open[level], len(self.open) > level + 1
        if self.begun is not None and self.begun.preamble and not inner and not closing:
            self.begun = None
        self._end(at)
        del self.open[level if closing else level + 1 :]
        self._note_borders()
        if closing:
            return position
        self.parts += 1
        multipart.parts += 1
        if self.parts > self.max_parts:
            self.unread = f"more than {self.max_parts} MIME parts"
            return position
        section, body_at = part_header(self.message, position)
        if section is None:
            self.unread = "a MIME part whose header is too long"
            return position
        self.header_bytes += body_at - position
        if self.header_bytes > _MAX_HEADER_BYTES:
            self.unread = f"more than {_MAX_HEADER_BYTES} bytes in headers of MIME parts"
            return position
        self.begin(_known_head(section) if len(section) <= _USUAL_HEAD else _head(fields_of(section)), body_at)
        return body_at

    def _note_borders(self) -> None:
        self.borders = frozenset(one.boundary for one in self.open)

    def _end(self, at: int) -> None:
        """The part that was begun ends before `at`; the line end before a border belongs to the border."""
        begun, self.begun = self.begun, None
        if begun is None:
            return
        end = at
        if self.open:
            end -= self.message.endswith(b"\n", begun.start, end)
            end -= self.message.endswith(b"\r", begun.start, end)
        if begun.preamble and not _SOMETHING.search(self.message, begun.start, end):
            return
        alternative = next((one for one in self.open if one.subtype == "alternative"), None)
        related = any(one.subtype == "related" for one in self.open)
        self.leaves.append(_leaf(self.message, begun, end, alternative, related=related))


def _next_dashes(message: bytes, position: int) -> int:
    """Where the next line begins that begins with two dashes, from the line at `position` on; -1 when there is none."""
    if message.startswith(b"--", position):
        return position
    dash = position
    for _ in range(_HOPS):  # base64 has no dash, and to look for one octet takes next to no time
        dash = message.find(b"-", dash) + 1
        if not dash:
            return -1
        if message.startswith(b"-", dash) and message.startswith(b"\n", dash - 2):
            return dash - 1
    position = dash - 1
    while position < len(message):
        found = message.find(b"\n--", position, position + _PIECE)
        if found >= 0:
            return found + 1
        position += _PIECE - 2
    return -1


def _leaf(message: bytes, begun: _Begun, end: int, alternative: _Multipart | None, *, related: bool) -> Leaf:
    head = begun.head
    return Leaf(
        message,
        begun.start,
        end,
        begun.kind,
        head.charset,
        head.encoding,
        head.disposition,
        head.filename,
        head.content_id,
        alternative.number if alternative else 0,
        alternative.parts if alternative else 0,
        head.parameters,
        related,
    )


def _head(fields: Fields) -> _Head:
    kind, parameters = content_type(_first(fields, "content-type"))
    placed = _first(fields, "content-disposition")
    name = parameters_of(placed).get("filename") or parameters.get("name")
    return _Head(
        kind=kind,
        typed="content-type" in fields,
        boundary=parameters.get("boundary", b"").rstrip()[:_MAX_BOUNDARY],
        charset=parameters.get("charset", b"").partition(b" ")[0].decode("latin-1"),
        encoding=_word(_first(fields, "content-transfer-encoding")),
        disposition=_word(placed),
        filename=file_name(name) if name else "",
        content_id=content_identity(_first(fields, "content-id")),
        parameters=parameters,
    )


@lru_cache(maxsize=1_024)
def _known_head(section: bytes) -> _Head:
    """Most parts of most mails begin with one of a few dozen headers."""
    return _head(fields_of(section))


def _word(value: bytes) -> str:
    """What stands before the parameters of a field, in lower case."""
    return value.partition(b";")[0].strip().lower().decode("latin-1")


def content_type(value: bytes) -> tuple[str, dict[str, bytes]]:
    """Type and parameters of a Content-Type field; the type is "" where it is none (RFC 2045 section 5.2)."""
    words = value[:_MAX_VALUE].partition(b";")[0].split(None, 1)
    kind = words[0].decode("ascii").lower() if words and _TYPE.fullmatch(words[0]) else ""
    return kind, parameters_of(value)


def parameters_of(value: bytes) -> dict[str, bytes]:
    """Parameters by lower-case name; pieces and charsets of RFC 2231 are put together, as UTF-8."""
    if b";" not in value:
        return {}
    plain: dict[str, bytes] = {}
    pieces: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for name, quoted, bare in _PARAMETER.findall(unfold(value)[:_MAX_VALUE]):
        text = _ESCAPED.sub(rb"\1", quoted) if quoted else bare.strip()
        whole = name.decode("latin-1").lower()
        stem, star, piece = whole.partition("*")
        number = piece.removesuffix("*")
        if star and (not number or number.isdecimal()):
            encoded = not number or number != piece
            pieces.setdefault(stem, {}).setdefault(int(number or 0), (encoded, text))
        else:
            plain.setdefault(whole, text)
    return plain | {name: _joined(numbered) for name, numbered in pieces.items()}


def _joined(numbered: Mapping[int, tuple[bool, bytes]]) -> bytes:
    """The pieces of one value in their order (RFC 2231 section 4.1); what is missing is left out."""
    charset, parts = b"", []
    for place, number in enumerate(sorted(numbered)):
        encoded, text = numbered[number]
        if encoded and not place and text.count(b"'") >= 2:
            charset, _, text = text.split(b"'", 2)
        parts.append(unquote_to_bytes(text) if encoded else text)
    codec = safe_codec(charset.decode("latin-1")) if charset else None
    data = b"".join(parts)
    return data.decode(codec, "replace").encode("utf-8", "replace") if codec else data


def file_name(raw: bytes) -> str:
    """A file name as people see it: no folder, no character that acts, no longer than file systems take."""
    name = decode_words(raw).replace("\\", "/").rpartition("/")[2].strip(" .")
    if len(name) <= _MAX_FILENAME:
        return name
    stem, dot, ending = name.rpartition(".")
    return stem[: _MAX_FILENAME - 20] + dot + ending if dot and len(ending) < 20 else name[:_MAX_FILENAME]


def content_identity(raw: bytes) -> str | None:
    """What HTML calls a part by (RFC 2392); None for none, and for one that is longer than any program makes."""
    written = raw.strip(b"<> \t\n")
    identity = decode_words(written) if 0 < len(written) <= _MAX_VALUE else ""
    return identity if 0 < len(identity) <= _MAX_IDENTITY else None


def _first(fields: Fields, name: str) -> bytes:
    values = fields.get(name)
    return values[0] if values else b""
