"""A message as signatures see it: fields and body in canonical form (RFC 6376 section 3.4). Linear in its length.

Canonical forms are made piece by piece, so that a thread at work on a large mail lets the others run. A bare LF is read
as CR LF, as everywhere in the house (B4a).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from gateway.core.header import read_header

_PIECE = 64 * 1024
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LINE_END = re.compile(rb"\n(?![ \t])")
_BLANKS = re.compile(rb"[ \t]{2,}|\t")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Field:
    """One header field. name: lower case. raw: all of it as it came, folded with single LF, without its last line end."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        return self.raw[self.raw.index(b":") + 1 :]

    def canonical(self, *, relaxed: bool) -> bytes:
        """Section 3.4.1 or 3.4.2, without a line end."""
        if not relaxed:
            return self.raw.replace(b"\n", _CRLF)
        return self.name + b":" + _BLANKS.sub(b" ", self.value.replace(b"\n", b"")).strip(b" ")


class Message:
    """The fields from top to bottom, and hashes of the body, each made once."""

    def __init__(self, raw: bytes) -> None:
        header = read_header(raw)
        self.fields = tuple(_fields(raw[: header.size].replace(_CRLF, b"\n")))
        self._raw, self._body_at = raw, header.body_at
        self._hashes: dict[tuple[bool, int | None], tuple[bytes, int]] = {}

    @property
    def size(self) -> int:
        return len(self._raw)

    def all(self, name: bytes) -> list[Field]:
        return [field for field in self.fields if field.name == name]

    def signed(self, names: Iterable[bytes], *, relaxed: bool) -> bytes:
        """The fields that a signature names, in its order, several of one name from the bottom up (section 5.4.2)."""
        left: dict[bytes, list[Field]] = {}
        for field in self.fields:
            left.setdefault(field.name, []).append(field)
        taken = (left[name].pop() for name in names if left.get(name))
        return b"".join(field.canonical(relaxed=relaxed) + _CRLF for field in taken)

    def body_hash(self, *, relaxed: bool, length: int | None) -> tuple[bytes, int]:
        """SHA-256 of the canonical body, of its first `length` octets where that is given, and its whole length."""
        key = (relaxed, length)
        if key not in self._hashes:
            digest, total = sha256(), 0
            for piece in canonical_body(self._raw, self._body_at, relaxed=relaxed):
                digest.update(piece if length is None else piece[: max(0, length - total)])
                total += len(piece)
            self._hashes[key] = digest.digest(), total
        return self._hashes[key]


def _fields(section: bytes) -> Iterator[Field]:
    for line in _LINE_END.split(section):
        match = _FIELD.match(line)
        if match is not None:
            yield Field(match[1].lower(), line.removesuffix(b"\n"))


def canonical_body(raw: bytes, start: int, *, relaxed: bool) -> Iterator[bytes]:
    """The body from `start` in canonical form: no empty lines at its end (section 3.4.3), and where it is relaxed, no
    blanks at the end of lines and single ones elsewhere (3.4.4). Empty lines wait until something follows them.
    """
    waiting, held, written = 0, b"", False
    for piece in _pieces(raw, start):
        text = held + piece
        if relaxed:
            text = _BLANKS.sub(b" ", text).replace(b" \r\n", _CRLF)
        held = next((end for end in (b" \r", b"\r", b" ") if text.endswith(end)), b"")
        text, empty = _cut_empty_lines(text[: len(text) - len(held)])
        if text:
            yield _CRLF * waiting + text
            written, waiting = True, 0
        waiting += empty
    if held and not (relaxed and held == b" "):
        yield _CRLF * waiting + held
        written = True
    if written or not relaxed:
        yield _CRLF


def _pieces(raw: bytes, start: int) -> Iterator[bytes]:
    """The body in pieces, no CR LF cut in two, every bare LF a CR LF."""
    while start < len(raw):
        end = start + _PIECE
        while raw[end - 1 : end] == b"\r" and end - start < 2 * _PIECE:
            end += 1
        piece = raw[start:end]
        if piece.count(b"\n") != piece.count(_CRLF):
            piece = _BARE_LF.sub(_CRLF, piece)
        yield piece
        start = end


def _cut_empty_lines(text: bytes) -> tuple[bytes, int]:
    """The text without the line ends it ends with, and how many they were; a bare CR is none."""
    bare = text.rstrip(_CRLF)
    tail = text[len(bare) :]
    kept = tail.rfind(b"\r\r") + 1
    if kept == 0 and tail[:1] == b"\n":
        kept = 1
    return text[: len(bare) + kept], (len(tail) - kept) // 2
