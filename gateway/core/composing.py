"""Makes the message of what somebody wrote here (RFC 5322, RFC 2045 to 2047, RFC 2183, RFC 2231; rule E11).

Nothing that is typed can end a header line: names and subjects are encoded where they hold more than plain words, and
addresses come from the grammar that reads them. Who is in Bcc stands nowhere in it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from urllib.parse import quote

from gateway.core.layout import Layout
from gateway.core.outgoing import Upload
from gateway.core.recipients import Person
from gateway.core.safe_html import make_safe, unstyled

MOST_REFERENCES = 50
"""The first message of a thread and the last ones are named; a header of thousands helps nobody."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_PLAIN_WORDS = re.compile(r"[!-~]{1,900}(?: [!-~]{1,900})*")
_PLAIN_FILE = re.compile(r"[A-Za-z0-9 !#$&+.^_`{}~()@,=-]{1,60}")
_KIND = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")
_NO_FILE = ("message/", "multipart/")
_WORD_BYTES = 42
"""So many bytes of text make an encoded word of at most 75 characters (RFC 2047 section 2)."""
_LINE = 76
_LONGEST_LINE = 998
_LONGEST_ID = _LONGEST_LINE - len("In-Reply-To: ")
_LONGEST_FILENAME = 150
_PIECE = re.compile(r"(?:%[0-9A-F]{2}|[^%]){1,50}")


@dataclass(frozen=True, slots=True)
class Letter:
    """All that a message is made of. at: ms since 1970. message_id: with its brackets. references: those of the message
    it answers, and that one last. html: body is HTML, from which its text is derived. automatic: no person wrote it."""

    author: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    subject: str
    body: str
    html: bool
    uploads: tuple[Upload, ...]
    at: int
    message_id: str
    references: tuple[str, ...] = ()
    automatic: bool = False


def compose(letter: Letter) -> bytes:
    """The message, its lines ended by CR LF and none longer than 998 bytes."""
    head = [
        _addresses("From", (letter.author,)),
        _addresses("To", letter.to),
        _addresses("Cc", letter.cc),
        _folded("Subject", _words(letter.subject)),
        f"Date: {format_datetime(datetime.fromtimestamp(letter.at // 1000, UTC))}",
        f"Message-ID: {letter.message_id}",
        *_threading(letter.references),
        "Auto-Submitted: auto-generated" if letter.automatic else "",
        "MIME-Version: 1.0",
    ]
    kind, content = _body(letter)
    lines = [line for line in head if line] + [kind]
    return "\r\n".join(lines).encode() + b"\r\n" + content


def text_of(markup: str) -> str:
    """The text of HTML that somebody wrote, laid out."""
    return Layout().text(unstyled(make_safe(markup).html))


def _threading(references: Sequence[str]) -> list[str]:
    """In-Reply-To and References (RFC 5322 section 3.6.4), without those that no line can hold."""
    fit = [one for one in references if len(one) <= _LONGEST_ID]
    if not fit:
        return []
    named = [*fit[:1], *fit[1:][-MOST_REFERENCES + 1 :]]
    return [f"In-Reply-To: {references[-1]}" if fit[-1] == references[-1] else "", _folded("References", named)]


def _addresses(name: str, people: Sequence[Person]) -> str:
    if not people:
        return ""
    return f"{name}: " + ",\r\n ".join(_address(one) for one in people)


def _address(person: Person) -> str:
    name = " ".join(person.name.split())
    if not name:
        return person.address
    if _PLAIN_NAME.fullmatch(name) and len(name) < _LINE and "=?" not in name:
        return f"{name} <{person.address}>"
    if name.isascii() and name.isprintable() and len(name) < _LINE and "=?" not in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{person.address}>'
    return "\r\n ".join([*_encoded(name), f"<{person.address}>"])


def _words(text: str) -> list[str]:
    """An unstructured value in pieces that may stand on lines of their own."""
    if not text:
        return []
    if _PLAIN_WORDS.fullmatch(text) and "=?" not in text:
        return text.split(" ")
    return _encoded(text)


def _encoded(text: str) -> list[str]:
    """Encoded words (RFC 2047), no character cut in two."""
    pieces, size = [""], 0
    for letter in text:
        size += len(letter.encode())
        if size > _WORD_BYTES:
            pieces.append("")
            size = len(letter.encode())
        pieces[-1] += letter
    return [f"=?utf-8?B?{b64encode(piece.encode()).decode()}?=" for piece in pieces]


def _folded(name: str, words: Sequence[str]) -> str:
    """A header field whose lines are not longer than they have to be (RFC 5322 section 2.2.3)."""
    line, lines = f"{name}:", []
    for n, word in enumerate(words):
        if n and len(line) + 1 + len(word) > _LINE:
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])


def _body(letter: Letter) -> tuple[str, bytes]:
    """The content's header lines, and the empty line with all that follows."""
    kind, content = _texts(letter)
    if not letter.uploads:
        return kind, content
    parts = [(kind, content), *(_file(one) for one in letter.uploads)]
    return _multipart("mixed", letter.message_id, parts)


def _texts(letter: Letter) -> tuple[str, bytes]:
    if not letter.html:
        return _text("plain", letter.body)
    parts = [_text("plain", text_of(letter.body)), _text("html", _page(letter.body))]
    return _multipart("alternative", letter.message_id, parts)


def _page(markup: str) -> str:
    """A whole document, whatever piece of one was written."""
    if "<html" in markup.lower():
        return markup
    return f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{markup}\n</body></html>\n'


def _text(kind: str, text: str) -> tuple[str, bytes]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    plain = "\n".join(lines) + "\n"
    short = all(len(line) <= _LINE + 2 and line == line.rstrip(" ") for line in lines)
    if plain.isascii() and short and "\0" not in plain:
        return f"Content-Type: text/{kind}; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit", _ended(plain.encode())
    quoted = b2a_qp(plain.encode(), istext=True)
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
    return head, _ended(quoted)


def _ended(content: bytes) -> bytes:
    return b"\r\n" + content.replace(b"\n", b"\r\n")


def _file(upload: Upload) -> tuple[str, bytes]:
    kind = upload.content_type.partition(";")[0].strip().lower()
    if not _KIND.fullmatch(kind) or kind.startswith(_NO_FILE):  # those may not be in base64 (RFC 2046 section 5.2.1)
        kind = "application/octet-stream"
    coded = b64encode(upload.data)
    lines = b"\r\n".join(coded[at : at + _LINE] for at in range(0, len(coded), _LINE))
    head = [
        f"Content-Type: {kind}",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment" + _filename(upload.filename),
    ]
    return "\r\n".join(head), b"\r\n" + lines + b"\r\n"


def _filename(name: str) -> str:
    """The parameter of a file's name: plain, or in pieces that name their charset (RFC 2231 sections 3 and 4)."""
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())[:_LONGEST_FILENAME]
    if not name:
        return ""
    if _PLAIN_FILE.fullmatch(name):
        return f';\r\n filename="{name}"'
    pieces = _PIECE.findall(quote(name, safe=""))
    if len(pieces) == 1:
        return f";\r\n filename*=utf-8''{pieces[0]}"
    first, *rest = pieces
    return f";\r\n filename*0*=utf-8''{first}" + "".join(f";\r\n filename*{n}*={one}" for n, one in enumerate(rest, 1))


def _multipart(kind: str, message_id: str, parts: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """`=_` stands in nothing that is encoded, and the rest nobody could know who wrote the texts."""
    boundary = "=_" + blake2b(f"{kind} {message_id}".encode(), digest_size=15).hexdigest()
    inner = b"".join(f"\r\n--{boundary}\r\n{head}\r\n".encode() + content for head, content in parts)
    return f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"', inner + f"\r\n--{boundary}--\r\n".encode()
