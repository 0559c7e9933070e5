"""Mails as they lie in people's mailboxes, made to measure: the same for the same seed and number, no two alike.

`letter` makes one with what a test is about; `inbox` and `sent` make many as business people have them. The rest are
mails that get programs into trouble.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from random import Random

ME = "Ann Bell <ann@acme.example>"
CLIENT = "Carol Jones <carol@client.example>"
SINCE = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
SUBJECTS = (
    "Offer for 40 boats",
    "Предложение на поставку лодок",
    "关于集装箱的报价",
    "見積もりのお願い",
    "Rechnung für März",
    "Penawaran harga kapal",
    "عرض أسعار القوارب",
)
_PROSE = (
    "offer price meeting delivery order contract invoice sample sunday warehouse container quantity colour team please "
    "confirm tomorrow thanks regards question answer product catalogue shipment customs discount term payment week we"
)
_WORDS = _PROSE.split()
_PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class File:
    """An attachment: its name, its size in bytes, decoded, and its media type."""

    name: str
    size: int
    type: str = _PDF


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail; `raw` is its bytes. text: characters of its text. html: characters of its HTML beside the text, 0 for
    none. identified: whether it has a Message-ID. answers: Message-IDs without brackets, the one answered last."""

    number: int
    author: str = CLIENT
    to: str = ME
    cc: str = ""
    subject: str = ""
    text: int = 400
    html: int = 0
    files: tuple[File, ...] = ()
    identified: bool = True
    answers: tuple[str, ...] = ()
    seed: str = "stand"
    extra: tuple[str, ...] = ()

    @property
    def at(self) -> datetime:
        """Its Date: a quarter of an hour after the letter before."""
        return SINCE + timedelta(minutes=15 * self.number)

    @property
    def message_id(self) -> str:
        return f"{self.seed}.{self.number}@{self.author.rpartition('@')[2].rstrip('>')}"

    def content(self, file: int = 0) -> bytes:
        """The decoded bytes of an attachment."""
        return Random(f"{self.seed} {self.number} {file}").randbytes(self.files[file].size)

    @property
    def raw(self) -> bytes:
        return "\r\n".join(self._header()).encode() + b"\r\n" + self._body()

    def _header(self) -> list[str]:
        subject = self.subject or f"{SUBJECTS[self.number % len(SUBJECTS)]} {self.number}"
        answered = [f"In-Reply-To: <{self.answers[-1]}>"] if self.answers else []
        answered += ["References: " + " ".join(f"<{one}>" for one in self.answers)] if self.answers else []
        return [
            f"Date: {format_datetime(self.at)}",
            f"From: {self.author}",
            f"To: {self.to}",
            *([f"Cc: {self.cc}"] if self.cc else []),
            f"Subject: {_subject(subject)}",
            *([f"Message-ID: <{self.message_id}>"] if self.identified else []),
            *answered,
            *self.extra,
            "MIME-Version: 1.0",
        ]

    def _body(self) -> bytes:
        text = _part('text/plain; charset="utf-8"', self._prose(self.text))
        if self.html:
            page = f"<html><body><p>{self._prose(self.html)}</p></body></html>\r\n"
            text = _many("alternative", [text, _part('text/html; charset="utf-8"', page)])
        if not self.files:
            return text
        return _many("mixed", [text, *(self._file(n) for n in range(len(self.files)))])

    def _file(self, n: int) -> bytes:
        file = self.files[n]
        head = (
            f'Content-Type: {file.type}; name="{file.name}"\r\nContent-Transfer-Encoding: base64\r\n'
            f'Content-Disposition: attachment; filename="{file.name}"\r\n\r\n'
        )
        return head.encode() + _wrapped(self.content(n))

    def _prose(self, size: int) -> str:
        random, lines, length = Random(f"{self.seed} {self.number} text"), [f"Letter {self.number}."], 0
        while length < size:
            lines.append(" ".join(random.choices(_WORDS, k=9)))
            length += len(lines[-1]) + 2
        return "\r\n".join(lines) + "\r\n"


def inbox(count: int, *, seed: str = "in", me: str = ME, clients: int = 40, lean: bool = False) -> list[Letter]:
    """What people wrote to somebody: short ones, longer ones with HTML, and a seventh with files of up to 300 KB. lean:
    without files, some kilobytes each."""
    random = Random(seed)
    letters: list[Letter] = []
    for number in range(count):
        who = random.randrange(clients)
        one = Letter(number, f"Client {who} <c{who}@client{who % 9}.example>", me, seed=seed)
        kind = random.random()
        if kind > 0.4:
            one = replace(
                one, text=random.randrange(500, 4_000), html=random.randrange(2_000, 40_000 if not lean else 6_000)
            )
        if kind > 0.85 and not lean:
            one = replace(one, files=(File(f"offer-{number}.pdf", random.randrange(20_000, 300_000)),))
        earlier = [letter for letter in letters[-60:] if letter.author == one.author]
        if earlier and random.random() < 0.5:
            one = reply(earlier[-1], one)
        letters.append(one)
    return letters


def sent(letters: Sequence[Letter], *, me: str = ME, seed: str = "out", smart: str = "") -> list[Letter]:
    """What somebody answered to them. smart: a smart address in Cc of each."""
    return [reply(one, Letter(one.number, me, one.author, smart, text=600, html=1_500, seed=seed)) for one in letters]


def reply(to: Letter, letter: Letter) -> Letter:
    """A letter as the answer to another one."""
    subject = to.subject or f"{SUBJECTS[to.number % len(SUBJECTS)]} {to.number}"
    marked = subject if subject.startswith("Re: ") else f"Re: {subject}"
    return replace(letter, subject=marked, answers=(*to.answers, to.message_id))


def as_by_smtp(raw: bytes, *, by: str = "mx.acme.example") -> bytes:
    """The copy that an SMTP server hands on: the same mail with the traces of its way on top."""
    trace = (
        f"Received: from [192.0.2.7] (unknown [192.0.2.7])\r\n\tby {by} (Postfix) with ESMTPSA id 4Xy7\r\n"
        f"\tfor <acme@mail.kommo.com>; Mon, 2 Nov 2026 08:00:09 +0000 (UTC)\r\nX-Spam-Score: -0.1\r\n"
    )
    return trace.encode() + raw


def large(megabytes: int = 60, number: int = 0) -> Letter:
    """A mail with one file so large, decoded, and a short text."""
    return Letter(number, files=(File("plans.zip", megabytes * 1_000_000, "application/zip"),), seed="large")


def deep(levels: int = 1_000) -> bytes:
    """Multiparts within multiparts, a text at the very bottom."""
    opened = [f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(levels)]
    closed = [f"\r\n--b{level}--\r\n" for level in reversed(range(levels))]
    body = "".join(opened) + "Content-Type: text/plain\r\n\r\nDown here." + "".join(closed)
    return _odd("deep", "Deep").encode() + b"MIME-Version: 1.0\r\n" + body.encode()


def with_nul() -> bytes:
    """A NUL in the text, as some programs write; RFC 9051 lets no literal but a binary one hold it."""
    return _odd("nul", "A nul").encode() + b"Content-Type: text/plain\r\n\r\nbefore\0after\r\n"


def without_end() -> bytes:
    """A multipart that is cut off in its second part."""
    opened = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="cut"\r\n\r\n--cut\r\n'
    rest = "Content-Type: text/plain\r\n\r\nHello\r\n--cut\r\nContent-Type: application/pdf\r\n"
    return (_odd("cut", "Cut off") + opened + rest).encode()


def without_from() -> bytes:
    return b"To: ann@acme.example\r\nSubject: Nobody\r\nMessage-ID: <nobody@stand.example>\r\n\r\nHello\r\n"


def garbage() -> bytes:
    """No header, no text: bytes of all values."""
    return bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") * 40 + b"\r\n"


def raw_eight_bit() -> bytes:
    """A subject in bare GB 18030, as older Chinese programs write it, and a text that is not in its charset."""
    subject = "Subject: 关于集装箱的报价\r\n".encode("gb18030")
    text = "Content-Type: text/plain; charset=utf-8\r\n\r\n你好\r\n".encode("gb18030")
    return b"From: li@client.example\r\nTo: ann@acme.example\r\nMessage-ID: <gb@client.example>\r\n" + subject + text


ODD = {
    "deep": deep,
    "with nul": with_nul,
    "without end": without_end,
    "without from": without_from,
    "garbage": garbage,
    "raw eight bit": raw_eight_bit,
}
"""Mails that get programs into trouble, by name."""


def _subject(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", 70).encode(linesep="\r\n")


def _odd(id: str, subject: str) -> str:
    when = format_datetime(SINCE)
    return (
        f"From: carol@client.example\r\nTo: ann@acme.example\r\nDate: {when}\r\nSubject: {subject}\r\n"
        f"Message-ID: <{id}@client.example>\r\n"
    )


def _part(type: str, text: str) -> bytes:
    return f"Content-Type: {type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}".encode()


def _many(kind: str, parts: Sequence[bytes]) -> bytes:
    mark = f"=_stand_{kind}"
    head = f'Content-Type: multipart/{kind}; boundary="{mark}"\r\n\r\n'.encode()
    return head + b"".join(b"--%s\r\n%s\r\n" % (mark.encode(), part) for part in parts) + f"--{mark}--\r\n".encode()


def _wrapped(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")
