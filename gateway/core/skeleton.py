"""A message of which only the header and the texts were fetched, put together so that it reads like any other (E7).

Two steps, because an IMAP server is asked in between: `plan` says of a header and a BODYSTRUCTURE (RFC 9051 section
7.5.2) which parts are text, `Plan.filled` makes the message of them. Both ask `core.mime` and `core.body` whether they
read it as it was meant: what a server says of a message and what we read must never differ, else None is the answer and
the whole message is fetched instead. No line of a stranger's gets into a header here but those of the outermost one.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from urllib.parse import quote_from_bytes

from gateway.core.attachments import message_name
from gateway.core.body import files_among
from gateway.core.header import Header, read_header
from gateway.core.mail import DEFAULT_LIMITS, Mail
from gateway.core.mime import Leaf, Parts, outer_boundary, read_parts
from gateway.core.remote import RemoteFile, Skeleton
from gateway.core.tnef import TNEF_KINDS

TEXT_BYTES = 256 * 1024
"""So much of each text is fetched, encoded."""
_ALL_TEXTS = 2 * 1024 * 1024
_PEEK_BYTES = 512
_MOST_PARAMETERS = 64
_LONGEST_VALUE = 8_192
_CHILDREN = 1_000

_KIND = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")
_TOKEN = re.compile(rb"[A-Za-z0-9!#$&^_.+*'%-]{1,40}")
_BREAKS = re.compile(rb"[\x00\r\n]+")
_OCTETS = re.compile(rb"[0-9]{1,15}")
_MESSAGES = ("message/rfc822", "message/global")
_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_READABLE = frozenset(
    ("text/calendar", "application/ics", "message/delivery-status", "text/rfc822-headers", *TNEF_KINDS)
)
"""Kinds of files that are fetched with the texts, because what stands in them is shown like a text, or tells what
became of mail of ours."""


class _OddError(Exception):
    """The structure is none that can be built on."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part as BODYSTRUCTURE tells it. children: of a multipart; section is empty for the outermost one."""

    section: str
    kind: str
    head: bytes = field(default=b"", repr=False)
    octets: int = 0
    children: tuple[_Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be fetched of a message. wanted: how many octets at most of each section, by its number."""

    header: bytes = field(repr=False)
    wanted: Mapping[str, int]
    _top: _Part = field(repr=False)
    _read: tuple[Leaf, ...] = field(repr=False)
    _files: tuple[RemoteFile, ...] = field(repr=False)

    def filled(self, texts: Mapping[str, bytes]) -> Skeleton | None:
        """The message with its texts by section; None where one lacks or they make another message of it."""
        if not self.wanted.keys() <= texts.keys():
            return None
        cut = {section: texts[section][:most] for section, most in self.wanted.items()}
        message = _message(self.header, self._top, cut)
        leaves = _leaves(message, self.header)
        if leaves is None or [_alike(leaf) for leaf in leaves] != [_alike(leaf) for leaf in self._read]:
            return None
        return Skeleton(message, self._files)


def plan(header: bytes, structure: object) -> Plan | None:
    """Which parts of a message to fetch; None where its structure can't be trusted.

    header: as BODY[HEADER] gives it. structure: the parsed BODYSTRUCTURE, lists of bytes, None and lists.
    """
    ended = _ended(header)
    try:
        top = _part(structure, "", 1)
    except _OddError:
        return None
    if top.children and not outer_boundary(read_header(ended)):
        return None
    leaves = _leaves(_message(ended, top, {}), ended)
    written = list(_flat(top))
    kinds = [part.kind for part in written]
    if leaves is None or ([leaf.kind for leaf in leaves] != kinds if top.children else len(leaves) != 1):
        return None
    if top.children and not any(part.octets for part in written):
        return None  # some servers make up an empty part where a multipart has none
    return _planned(ended, top, leaves, written)


def without_files(message: bytes, header: Header) -> bool:
    """Whether a message is read to its end and carries no attachment."""
    parts = _parts(message, header)
    return not parts.unread and not files_among(parts.leaves)


def with_sizes(mail: Mail, files: Sequence[RemoteFile]) -> Mail:
    """The mail of a skeleton, its attachments with the sizes that the server tells."""
    sizes = {one.n: one.size for one in files}
    told = tuple(replace(one, size=sizes.get(one.n, one.size)) for one in mail.outline.attachments)
    return replace(mail, outline=replace(mail.outline, attachments=told))


def header_alone(header: bytes, note: str) -> bytes:
    """A message of its header and a note in place of its text, which can't be read (ASCII)."""
    ended = _ended(header)
    fields = read_header(ended).fields
    encoding = (fields.get("content-transfer-encoding") or (b"",))[0].strip().lower()
    text = note.encode("ascii", "replace")
    return ended + (b2a_base64(text) if encoding == b"base64" else text + b"\r\n")


def _planned(header: bytes, top: _Part, leaves: Sequence[Leaf], written: Sequence[_Part]) -> Plan:
    numbers = {leaf.start: n for n, leaf in enumerate(files_among(leaves), 1)}
    wanted: dict[str, int] = {}
    files = []
    left = _ALL_TEXTS
    for leaf, part in zip(leaves, written, strict=True):
        n = numbers.get(leaf.start)
        most = _wanted(leaf, part, file=n is not None) if left > 0 else 0
        if most:
            wanted[part.section or "1"] = most
            left -= min(part.octets or most, most)
        if n is not None and not (most and _readable(leaf, part)):
            files.append(RemoteFile(n, part.section or "1", leaf.encoding, part.octets, _size(part, leaf.encoding)))
    return Plan(header, wanted, top, tuple(leaves), tuple(sorted(files, key=lambda one: one.n)))


def _wanted(leaf: Leaf, part: _Part, *, file: bool) -> int:
    """How many octets of a part are fetched; of a text more than the server says it has, since some count wrongly."""
    if not file or _readable(leaf, part):
        return TEXT_BYTES
    return _PEEK_BYTES if leaf.kind in _PKCS7 and "smime-type" not in leaf.parameters else 0


def _readable(leaf: Leaf, part: _Part) -> bool:
    """A file that is shown like a text and small enough to be fetched as a whole."""
    named = leaf.kind in _READABLE or leaf.filename.lower() == "winmail.dat"
    return named and 0 < part.octets <= TEXT_BYTES


def _size(part: _Part, encoding: str) -> int:
    """Octets decoded, as far as can be told: lines of base64 are 76 signs and a line end (RFC 2045 section 6.8), and
    whole groups of four. Padding isn't known, which makes it two too many at most."""
    if encoding != "base64":
        return part.octets
    lines, rest = divmod(part.octets, 78)
    return lines * 57 + rest // 4 * 3


def _leaves(message: bytes, header: bytes) -> tuple[Leaf, ...] | None:
    """What we read of a message; None where it is not read to its end, or its header ends elsewhere."""
    read = read_header(message)
    if read.body_at != len(header):
        return None
    parts = _parts(message, read)
    return None if parts.unread else parts.leaves


def _parts(message: bytes, header: Header) -> Parts:
    return read_parts(message, header, max_parts=DEFAULT_LIMITS.mime_parts, max_depth=DEFAULT_LIMITS.mime_depth)


def _alike(leaf: Leaf) -> tuple[object, ...]:
    """Where a leaf stands and what it is, without its content."""
    return leaf.kind, leaf.disposition, leaf.filename, leaf.encoding, leaf.alternative, leaf.branch


def _ended(header: bytes) -> bytes:
    """A header section with the empty line behind it."""
    if header in (b"\r\n", b"\n") or header.endswith((b"\r\n\r\n", b"\n\n")):
        return header
    return header + (b"\r\n" if header.endswith(b"\n") or not header else b"\r\n\r\n")


def _message(header: bytes, top: _Part, texts: Mapping[str, bytes]) -> bytes:
    """The header, then its body of the texts there are; a boundary of ours stands in none of them."""
    if not top.children:
        return header + texts.get("1", b"")
    digest = blake2b(header, digest_size=16)
    for text in texts.values():
        digest.update(text)
    inner = b"=_" + digest.hexdigest().encode()
    return header + b"".join(_body(top, outer_boundary(read_header(header)), texts, inner))


def _body(part: _Part, boundary: bytes, texts: Mapping[str, bytes], inner: bytes) -> Iterator[bytes]:
    for child in part.children:
        yield b"--" + boundary + b"\r\n"
        if child.children:
            own = inner + b"." + child.section.encode()
            yield b'Content-Type: %s; boundary="%s"\r\n\r\n' % (child.kind.encode(), own)
            yield from _body(child, own, texts, inner)
        else:
            yield child.head + b"\r\n"
            yield texts.get(child.section, b"")
        yield b"\r\n"
    yield b"--" + boundary + b"--\r\n"


def _flat(part: _Part) -> Iterator[_Part]:
    """The leaves in order."""
    if not part.children:
        yield part
    for child in part.children:
        yield from _flat(child)


def _part(value: object, section: str, depth: int) -> _Part:
    if not isinstance(value, list) or not value or depth > DEFAULT_LIMITS.mime_depth + 1:
        raise _OddError
    if isinstance(value[0], list):
        return _multipart(value, section, depth)
    if len(value) < 7:
        raise _OddError
    kind = f"{_text(value[0]).decode('latin-1')}/{_text(value[1]).decode('latin-1')}".lower()
    if not _KIND.fullmatch(kind) or kind.startswith("multipart/"):
        kind = "application/octet-stream"
    octets = _OCTETS.fullmatch(_text(value[6]))
    return _Part(section, kind, _head(kind, value), int(octets[0]) if octets else 0)


def _multipart(value: Sequence[object], section: str, depth: int) -> _Part:
    count = next((place for place, one in enumerate(value) if not isinstance(one, list)), len(value))
    subtype = _text(value[count]).decode("latin-1").lower() if count < len(value) else ""
    kind = f"multipart/{subtype}"
    if count > _CHILDREN or not _KIND.fullmatch(kind):
        raise _OddError
    below = f"{section}." if section else ""
    children = (_part(one, f"{below}{n}", depth + 1) for n, one in enumerate(value[:count], 1))
    return _Part(section, kind, children=tuple(children))


def _head(kind: str, value: Sequence[object]) -> bytes:
    """The header of a part, written anew."""
    parameters = _pairs(value[2])
    word, placed = _disposition(value)
    if kind in _MESSAGES and not any(name.startswith((b"name", b"filename")) for name, _ in (*parameters, *placed)):
        word, placed = word or b"attachment", [*placed, (b"filename*", _name_of_message(value))]
    lines = [b"Content-Type: " + kind.encode() + _written(parameters)]
    if _TOKEN.fullmatch(encoding := _text(value[5])):
        lines.append(b"Content-Transfer-Encoding: " + encoding)
    if word:
        lines.append(b"Content-Disposition: " + word + _written(placed))
    if identity := _text(value[3]).strip():
        lines.append(b"Content-ID: " + identity)
    return b"".join(line + b"\r\n" for line in lines)


def _disposition(value: Sequence[object]) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """What stands where the disposition should, whether or not the server counted the fields before it right."""
    for one in value[7:]:
        if isinstance(one, list) and len(one) == 2 and isinstance(one[0], bytes) and not isinstance(one[1], bytes):
            return (one[0], _pairs(one[1])) if _TOKEN.fullmatch(one[0]) else (b"", [])
    return b"", []


def _name_of_message(value: Sequence[object]) -> bytes:
    """An attached message is called by its subject, which its ENVELOPE tells."""
    envelope = value[7] if len(value) > 7 else None
    subject = _text(envelope[1]) if isinstance(envelope, list) and len(envelope) > 1 else b""
    return b"utf-8''" + quote_from_bytes(message_name(subject).encode()).encode()


def _pairs(value: object) -> list[tuple[bytes, bytes]]:
    """Parameters with their names in lower case; those that are none are left out."""
    if not isinstance(value, list):
        return []
    flat = [_text(one) for one in value[: 2 * _MOST_PARAMETERS]]
    return [(name.lower(), text) for name, text in zip(flat[::2], flat[1::2], strict=False) if _TOKEN.fullmatch(name)]


def _written(parameters: Sequence[tuple[bytes, bytes]]) -> bytes:
    quoted = ((name, text.replace(b"\\", rb"\\").replace(b'"', rb"\"")) for name, text in parameters)
    return b"".join(b'; %s="%s"' % pair for pair in quoted)


def _text(value: object) -> bytes:
    """A value on one line, so that nothing in it begins a line of its own."""
    return _BREAKS.sub(b" ", value[:_LONGEST_VALUE]) if isinstance(value, bytes) else b""
