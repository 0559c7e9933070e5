"""Content-Transfer-Encoding undone, and measured without undoing it (RFC 2045 section 6).

What is encoded wrongly is read as far as it goes.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator

_PIECE = 256 * 1024
_BASE64 = bytes(octet for octet in range(128) if chr(octet).isalnum() or octet in b"+/")
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))


def decoded(message: bytes, start: int, end: int, encoding: str) -> Iterator[bytes]:
    """Pieces without the transfer encoding (RFC 2045 section 6); an unknown one leaves the bytes as they are."""
    if encoding == "base64":
        return _unbase64_pieces(message, start, end)
    pieces = _pieces(message, start, end)
    return map(binascii.a2b_qp, pieces) if encoding == "quoted-printable" else pieces


def _pieces(message: bytes, start: int, end: int) -> Iterator[bytes]:
    """What stands there, cut behind line ends: a thread that took it at one stroke would stop all others meanwhile."""
    while start < end:
        cut = message.find(b"\n", start + _PIECE, end) + 1 or end
        yield message[start:cut]
        start = cut


def _unbase64_pieces(message: bytes, start: int, end: int) -> Iterator[bytes]:
    """Pieces while the cuts fall between whole groups of four, which in honest lines they do; then the rest at once."""
    for piece in _pieces(message, start, end):
        if b"=" in piece:
            break
        try:
            yield binascii.a2b_base64(piece)
        except binascii.Error:
            break
        start += len(piece)
    yield _unbase64(message[start:end])


def base64_sizes(message: bytes, start: int, end: int) -> Iterator[int]:
    """The sizes of `_unbase64_pieces`, put together otherwise: most pieces are counted and not decoded."""
    for piece in _pieces(message, start, end):
        rest = piece.translate(None, _BASE64)
        digits = len(piece) - len(rest)
        padding = rest.find(b"=")
        if padding < 0 and not digits % 4:
            yield digits // 4 * 3
        elif padding >= 0 and start + len(piece) == end and _is_padded(piece, digits, rest[padding:]):
            yield digits * 3 // 4
        else:
            yield len(_unbase64(message[start:end]))
            return
        start += len(piece)


def _is_padded(piece: bytes, digits: int, ending: bytes) -> bool:
    """Whether the piece ends as base64 should: no digit behind the padding, and as much padding as is wanted."""
    wanted = -digits % 4
    return wanted < 3 and ending.rstrip() == b"=" * wanted and piece.rstrip().endswith(b"=" * wanted)


def _unbase64(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        digits = data.translate(None, _NOT_BASE64)
        whole = digits[:-1] if len(digits) % 4 == 1 else digits
        return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
