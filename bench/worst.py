"""Mails that cost the most to read: as large as is taken, or made to be slow, each just within what lets it be read."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from random import Random

from bench.rows import KIB, MIB

LARGEST = 35 * MIB - 64 * KIB
"""What a mail may have when the dots are off, a little left over for its header."""
_SMALL = 60 * KIB
"""Within what is read on the event loop."""
_HEAD = (
    "From: Carol Jones <carol@example.net>\r\nTo: {to}\r\nCc: acme+lead@mail.kommo.com\r\nSubject: {subject}\r\n"
    "Date: Tue, 14 Jan 2025 09:30:00 +0100\r\nMIME-Version: 1.0\r\n{extra}\r\n"
)
_PLAIN = "Content-Type: text/plain; charset=utf-8\r\n"
_MIXED = 'Content-Type: multipart/mixed; boundary="b"\r\n'


def worst(scale: float = 1.0) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each mail, one at a time. scale: below 1, the large ones are so much smaller."""
    largest = int(LARGEST * scale)
    for name, build in _LARGE.items():
        yield name, build(largest)
    for name, build in _HEADERS.items():
        yield f"{name}, small", build(_SMALL)
        yield f"{name}, whole section", build(250 * KIB)


def _mail(body: bytes, *, to: str = "Dimas <dimas@acme.example>", subject: str = "Boats", extra: str = _PLAIN) -> bytes:
    return _HEAD.format(to=to, subject=subject, extra=extra).encode() + body + b"\r\n"


def _repeated(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


def _encoded(encoding: str, body: bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    return _mail(body, extra=f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n")


def _parts(head: bytes, body: bytes) -> Callable[[int], bytes]:
    return lambda size: _mail(_repeated(b"--b\r\n" + head + b"\r\n" + body, size) + b"--b--\r\n", extra=_MIXED)


def _attachment(size: int) -> bytes:
    lines = base64.b64encode(Random(1).randbytes(57 * 64)).decode()
    block = "\r\n".join(lines[at : at + 76] for at in range(0, len(lines), 76)) + "\r\n"
    head = b"--b\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return _mail(head + _repeated(block.encode(), size) + b"--b--\r\n", extra=_MIXED)


_LARGE: dict[str, Callable[[int], bytes]] = {
    "an attachment in base64": _attachment,
    "text in base64": lambda size: _encoded("base64", _repeated(b"QQ==QQ==" * 9 + b"\r\n", size)),
    "text in quoted-printable": lambda size: _encoded("quoted-printable", _repeated(b"=41=\r\n", size)),
    "text of one line": lambda size: _mail(_repeated(b"x", size)),
    "text of empty lines": lambda size: _mail(_repeated(b"\r\n", size)),
    "text of bare line feeds": lambda size: _mail(_repeated(b"\n.", size)),
    "text of another charset": lambda size: _mail(
        _repeated(b"\x1b$B0&\x1b(B", size), extra="Content-Type: text/plain; charset=iso-2022-jp\r\n"
    ),
    "a million parts": _parts(b"", b"x\r\n"),
    "parts with many parameters": _parts(b"Content-Type: a/b" + b"; a=b" * 3_000 + b"\r\n", b"x\r\n"),
    "parts with file names in pieces": _parts(
        b"Content-Disposition: attachment" + b"".join(b"; filename*%d*=%%41" % n for n in range(800)) + b"\r\n",
        b"x\r\n",
    ),
    "parts without an end of their header": _parts(_repeated(b"X: y\r\n", 60 * KIB), b""),
    "lines that begin with dashes": lambda size: _mail(_repeated(b"--\r\n", size), extra=_MIXED),
    "lines that nearly part": lambda size: _mail(
        _repeated(b"-" * 203 + b"\r\n", size), extra='Content-Type: multipart/mixed; boundary="' + "-" * 200 + '"\r\n'
    ),
    "multiparts as deep as is read": lambda size: _mail(
        b"".join(b'--b%d\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % (n, n + 1) for n in range(48))
        + _repeated(b"--b47\r\n\r\n", size),
        extra='Content-Type: multipart/mixed; boundary="b0"\r\n',
    ),
    "nothing but a header": lambda size: _repeated(b"X: y\r\n", size),
    "HTML of nested elements": lambda size: _encoded("8bit", _repeated(b"<div>", size), "text/html"),
    "HTML of opening brackets": lambda size: _encoded("8bit", _repeated(b"<a ", size), "text/html"),
}


def _words(size: int) -> bytes:
    return _mail(b"x", subject="\r\n ".join(["=?utf-8?B?" + "Qm9hdHMg" * 6 + "?="] * (size // 65)))


def _marks(size: int) -> bytes:
    return _mail(b"x", subject="Re[2]: [x] " * (size // 11))


def _crowd(size: int) -> bytes:
    name = '"=?utf-8?Q?' + "=41" * ((size // 498 - 60) // 3) + '?="'
    return _mail(b"x", to=",\r\n ".join(f"{name} (x(y)) <c{n}@example.net>" for n in range(490)))


def _comments(size: int) -> bytes:
    return _mail(b"x", to="(" * (size // 2) + ")" * (size // 2) + "dimas@acme.example")


def _quotes(size: int) -> bytes:
    return _mail(b"x", to='"' + "\\\\" * (size // 2) + '" <dimas@acme.example>')


def _unread(size: int) -> bytes:
    return _mail(b"x", to=",".join(["<<a@b>> " + "=?utf-8?Q?=?= " * (size // 500 // 14)] * 480))


def _references(size: int) -> bytes:
    return _mail(
        b"x", extra="References:" + "".join(f"\r\n <{n}@x>" for n in range(900)) + " <x@y>" * (size // 6) + "\r\n"
    )


def _fields(size: int) -> bytes:
    return _mail(b"x", extra="".join(f"X-{n}: {'p' * (size // 990)}\r\n" for n in range(980)))


def _dates(size: int) -> bytes:
    return _mail(b"x", extra=f"Content-Type: {'(' * size}\r\nList-Post: {'<mailto:' * (size // 20)}\r\n")


_HEADERS: dict[str, Callable[[int], bytes]] = {
    "encoded words in the subject": _words,
    "reply marks in the subject": _marks,
    "490 people with encoded names": _crowd,
    "nested comments in To": _comments,
    "escapes in a name": _quotes,
    "480 things that are no address": _unread,
    "references": _references,
    "980 fields": _fields,
    "fields that open and never close": _dates,
}
