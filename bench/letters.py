"""The mails that are sent: ordinary business mail of a chosen size, no two alike.

Each mail has its own Message-ID, author, client, subject and content, so that nothing can be answered from a cache,
joined to an earlier conversation or stored once for two. Names carry the run's token: no later run repeats them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from email.utils import formatdate
from random import Random

SMART_ADDRESS = b"acme+lead@mail.kommo.com"
END_OF_DATA = b".\r\n"

_FIRST = (
    b"Ana Budi Citra Dewi Eka Farah Gita Hadi Indra Joko Kartika Lina Made Nadia Putri Rizki Sari Tono Wayan Yuni"
).split()
_LAST = (
    b"Akbar Bell Castro Duarte Engel Fischer Gomez Halim Ivers Jansen Kusuma Lopez Moreau Novak Pratama Silva"
).split()
_PROSE = (
    "offer price meeting delivery order contract invoice sample sunday warehouse container quantity colour team please "
    "confirm tomorrow thanks regards question answer product catalogue shipment customs discount term payment week we "
    "you they the of and for with before after until about schedule document attached version draft signed office"
)
_WORDS = _PROSE.split()

_HEAD = (
    b"Received: from [10.%d.%d.%d] (unknown [10.%d.%d.%d]) by mx.acme.example with ESMTPSA id %s; %s\r\n"
    b"Message-ID: <%s@acme.example>\r\n"
    b"Date: %s\r\n"
    b"MIME-Version: 1.0\r\n"
    b"User-Agent: Mozilla Thunderbird\r\n"
    b"Content-Language: en-US\r\n"
    b"Subject: Offer %s for %s %s\r\n"
    b"To: %s %s <%s>\r\n"
    b"Cc: Acme <%s>\r\n"
    b'From: "%s %s" <%s>\r\n'
    b"Organization: Acme Ltd\r\n"
    b"%s\r\n"
)
_ALTERNATIVE = b'Content-Type: multipart/alternative; boundary="=_bench_alternative"\r\n'
_MIXED = b'Content-Type: multipart/mixed; boundary="=_bench_mixed"\r\n'
_ATTACHED_FROM = 8 * 1024
_LINE = 57


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail: envelope sender, and the content as pieces to be written one after the other, end of data included."""

    sender: bytes
    pieces: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Octets of the message, the final dot left out (RFC 1870 section 5)."""
        return sum(map(len, self.pieces)) - len(END_OF_DATA)


class Letters:
    """An endless supply of mails of one size; `letter(n)` is always the same for the same run and n."""

    def __init__(self, size: int, run: str) -> None:
        self._run = run.encode()
        self._random = Random(run)
        self._type = _ALTERNATIVE if size < _ATTACHED_FROM else _MIXED
        head = len(self._head(0)[1])
        build = self._alternative if size < _ATTACHED_FROM else self._mixed
        self._bodies = [build(size - head) for _ in range(16 if size < 256 * 1024 else 4)]

    def letter(self, number: int) -> Letter:
        sender, head = self._head(number)
        before, after = self._bodies[number % len(self._bodies)]
        mark = (b"%s%012d" % (self._run, number)).ljust(_LINE // 3 * 4, b"A") + b"\r\n"
        return Letter(sender, (head, before, mark, after))

    def _head(self, number: int) -> tuple[bytes, bytes]:
        """Envelope sender and header section: twelve fields, a colleague writing to a client of their own."""
        first, last = _FIRST[number % 20], _LAST[number // 20 % 16]
        own_first, own_last = _FIRST[number // 7 % 20], _LAST[number // 11 % 16]
        unique = b"%s.%d" % (self._run, number)
        sender = b"%s.%s@acme.example" % (own_first.lower(), unique)
        client = b"%s.%s.%s@client%d.example" % (first.lower(), last.lower(), unique, number % 397)
        at = formatdate(1_760_000_000 + number % 2_000_000).encode()
        a, b = number % 250, number // 250 % 250
        # fmt: off
        return sender, _HEAD % (
            a, b, 7, a, b, 7, unique, at, unique, at, unique, first, last,
            first, last, client, SMART_ADDRESS, own_first, own_last, sender, self._type,
        )
        # fmt: on

    def _alternative(self, size: int) -> tuple[bytes, bytes]:
        """A short mail: text and HTML, the unique line inside the text."""
        opening = b'--=_bench_alternative\r\nContent-Type: text/plain; charset="utf-8"\r\n\r\n'
        between = b'\r\n--=_bench_alternative\r\nContent-Type: text/html; charset="utf-8"\r\n\r\n<html><body><p>'
        closing = b"</p></body></html>\r\n--=_bench_alternative--\r\n" + END_OF_DATA
        left = size - len(opening) - len(between) - len(closing) - 78
        text, markup = self._prose(left * 2 // 5), self._prose(left - left * 2 // 5)
        return opening, text + between + markup + closing

    def _mixed(self, size: int) -> tuple[bytes, bytes]:
        """A longer mail: text and one attachment of random bytes, the unique line inside the attachment."""
        opening = (
            b'--=_bench_mixed\r\nContent-Type: text/plain; charset="utf-8"\r\n\r\n'
            + self._prose(1500)
            + b'--=_bench_mixed\r\nContent-Type: application/pdf; name="offer.pdf"\r\n'
            b"Content-Transfer-Encoding: base64\r\n"
            b'Content-Disposition: attachment; filename="offer.pdf"\r\n\r\n'
        )
        closing = b"--=_bench_mixed--\r\n" + END_OF_DATA
        lines = (size - len(opening) - len(closing)) // 78 - 1
        encoded = base64.b64encode(self._random.randbytes(lines * _LINE))
        wrapped = b"".join(encoded[at : at + 76] + b"\r\n" for at in range(0, len(encoded), 76))
        return opening, wrapped + closing

    def _prose(self, size: int) -> bytes:
        """About `size` bytes of words in lines of at most 72; no line begins with a dot."""
        lines: list[str] = []
        length = 0
        while length < size:
            line = " ".join(self._random.choices(_WORDS, k=9))[:72]
            lines.append(line)
            length += len(line) + 2
        return "\r\n".join(lines).encode()[: max(size - 2, 0)] + b"\r\n"
