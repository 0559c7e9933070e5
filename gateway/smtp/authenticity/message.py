"""A message as signatures see it: fields and body in canonical form (RFC 6376 section 3.4). Linear in its length.

Canonical forms are made piece by piece, so that a thread at work on a large mail lets the others run. A bare LF is read
as CR LF, as everywhere in the house (B4a).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from gateway.core.header import read_header

IN_LOOP = 64 * 1024
"""Up to this size a message is hashed in the loop, and so are its fields."""
ReadAt = Callable[[int, int], bytes]
_PIECE = 64 * 1024
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="authenticity")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LINE_END = re.compile(rb"\n(?![ \t])")
_BLANKS = re.compile(rb"[ \t]{2,}|\t")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Field:
    """One header field. name: lower case. raw: as it came, folds with single LF, without its last line end."""

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
    """The fields from top to bottom, and hashes of the body, each made once. The body is read piece by piece.

    read_at: gives so many octets of the message from an offset on. header_limit: no header section is longer (B4b).
    """

    def __init__(self, size: int, read_at: ReadAt, header_limit: int) -> None:
        head = read_at(0, min(size, header_limit + len(_CRLF + _CRLF)))
        header = read_header(head)
        self.fields = tuple(_fields(head[: header.size].replace(_CRLF, b"\n")))
        self._size, self._read_at, self._body_at = size, read_at, header.body_at
        self._threaded = header.size > IN_LOOP
        self._hashes: dict[tuple[bool, int | None], asyncio.Future[tuple[bytes, int]]] = {}

    def all(self, name: bytes) -> list[Field]:
        return [field for field in self.fields if field.name == name]

    def signed(self, names: Iterable[bytes], *, relaxed: bool) -> bytes:
        """The fields that a signature names, in its order, several of one name from the bottom up (section 5.4.2)."""
        left: dict[bytes, list[Field]] = {}
        for field in self.fields:
            left.setdefault(field.name, []).append(field)
        taken = (left[name].pop() for name in names if left.get(name))
        return b"".join(field.canonical(relaxed=relaxed) + _CRLF for field in taken)

    async def work(self, check: Callable[[], None]) -> None:
        """Does work on the fields: at once where they are few, else in a thread."""
        if self._threaded:
            await asyncio.get_running_loop().run_in_executor(_THREADS, check)
        else:
            check()

    async def body_hash(self, *, relaxed: bool, length: int | None) -> tuple[bytes, int]:
        """SHA-256 of the canonical body, of its first `length` octets where that is given, and its whole length."""
        key = (relaxed, length)
        if key not in self._hashes:
            loop = asyncio.get_running_loop()
            self._hashes[key] = loop.create_future()
            if self._size <= IN_LOOP:
                self._hashes[key].set_result(self._body_hash(relaxed, length))
            else:
                self._hashes[key] = loop.run_in_executor(_THREADS, self._body_hash, relaxed, length)
        return await asyncio.shield(self._hashes[key])

    def _body_hash(self, relaxed: bool, length: int | None) -> tuple[bytes, int]:
        digest, total = sha256(), 0
        for piece in canonical_body(self._pieces(), relaxed=relaxed):
            digest.update(piece if length is None else piece[: max(0, length - total)])
            total += len(piece)
        return digest.digest(), total

    def _pieces(self) -> Iterator[bytes]:
        """The body in pieces, no CR LF cut in two, every bare LF a CR LF."""
        at, held = self._body_at, b""
        while at < self._size:
            piece = held + self._read_at(at, _PIECE)
            at += _PIECE
            held = b"\r" if piece.endswith(b"\r") and at < self._size else b""
            piece = piece[: len(piece) - len(held)]
            if piece.count(b"\n") != piece.count(_CRLF):
                piece = _BARE_LF.sub(_CRLF, piece)
            yield piece


def _fields(section: bytes) -> Iterator[Field]:
    for line in _LINE_END.split(section):
        match = _FIELD.match(line)
        if match is not None:
            yield Field(match[1].lower(), line.removesuffix(b"\n"))


def canonical_body(pieces: Iterable[bytes], *, relaxed: bool) -> Iterator[bytes]:
    """A body in canonical form, from pieces that cut no CR LF in two.

    It has no empty lines at its end (section 3.4.3): they wait until something follows them. Where it is relaxed, no
    blanks at the end of lines and single ones elsewhere (section 3.4.4): a last blank waits for the next piece.
    """
    waiting, held, written = 0, b"", False
    for piece in pieces:
        text = held + piece
        if relaxed:
            text = _BLANKS.sub(b" ", text).replace(b" \r\n", _CRLF)
        held = b" " if relaxed and text.endswith(b" ") else b""
        text, empty = _cut_empty_lines(text[: len(text) - len(held)])
        if text:
            yield _CRLF * waiting + text
            written, waiting = True, 0
        waiting += empty
    if written or not relaxed:
        yield _CRLF


def _cut_empty_lines(text: bytes) -> tuple[bytes, int]:
    """The text without the line ends it ends with, and how many they were; a bare CR is none."""
    if text.endswith(b"\r"):
        return text, 0
    bare = len(text.rstrip(_CRLF))
    kept = text.rfind(b"\r\r", bare) + 1 or bare
    return text[:kept], (len(text) - kept) // 2
