"""The plain text of compressed RTF, the form in which Outlook keeps what was written (MS-OXRTFCP)."""

from __future__ import annotations

import re
from struct import Struct

from gateway.core.charsets import decode

_MOST_RTF = 250_000
_HEADER = Struct("<IIII")
_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D
# What the dictionary begins with (MS-OXRTFCP section 2.1.2.1).
_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW = 4_096

_TOKEN = re.compile(rb"\\([a-z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)")
# Groups that hold no text of the body; `\*` marks those that a reader may skip.
_UNSEEN = frozenset((b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer", b"*"))
_WORDS = {b"par": "\n", b"line": "\n", b"row": "\n", b"sect": "\n", b"page": "\n", b"tab": "\t", b"cell": "\t"}
_WORDS |= {b"emdash": "\u2014", b"endash": "\u2013", b"bullet": "\u2022", b"lquote": "\u2018", b"rquote": "\u2019"}
_WORDS |= {b"ldblquote": "\u201c", b"rdblquote": "\u201d"}
_MOST_OPEN = 1_000


def rtf_text(compressed: bytes) -> str:
    """The text of compressed RTF, as far as it can be read; "" for what is none."""
    return _Page().read(decompressed(compressed)) if compressed else ""


def decompressed(data: bytes) -> bytes:
    """The RTF, of bounded length whatever the header says (MS-OXRTFCP section 2.2.2)."""
    if len(data) < _HEADER.size:
        return b""
    _, _, kind, _ = _HEADER.unpack_from(data)
    if kind == _PLAIN:
        return data[_HEADER.size : _HEADER.size + _MOST_RTF]
    return _inflated(data) if kind == _COMPRESSED else b""


def _inflated(data: bytes) -> bytes:
    out, begins, at = bytearray(_DICTIONARY), len(_DICTIONARY), _HEADER.size
    while at < len(data) and len(out) < _MOST_RTF:
        control, at = data[at], at + 1
        for bit in range(8):
            if not control >> bit & 1:
                out += data[at : at + 1]
                at += 1
                continue
            pair = int.from_bytes(data[at : at + 2], "big")
            at += 2
            place, length = pair >> 4, (pair & 15) + 2
            back = (len(out) - place) % _WINDOW
            if at > len(data) or not back or back > len(out):
                return bytes(out[begins:])
            for _ in range(length):
                out.append(out[-back])
    return bytes(out[begins:])


class _Page:
    """Goes over the tokens of RTF once. unseen: for each open group, whether its text is none of the body's."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.code_page = "cp1252"
        self.pending = bytearray()
        self.unseen = [False]
        self.replaced = 1
        self.skip = 0

    def read(self, rtf: bytes) -> str:
        for token in _TOKEN.finditer(rtf):
            word, number, octet, sign, brace, plain = token.groups()
            if brace:
                self._brace(brace)
            elif self.unseen[-1]:
                continue
            elif word:
                self._word(word, int(number or 0))
            elif sign:
                self._sign(sign)
            elif octet or plain:
                self._octets(bytes.fromhex(octet.decode("ascii")) if octet else plain)
        self._flush()
        pairs_joined = "".join(self.text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return pairs_joined.strip()

    def _brace(self, brace: bytes) -> None:
        self._flush()
        if brace == b"}":
            if len(self.unseen) > 1:
                self.unseen.pop()
        elif len(self.unseen) < _MOST_OPEN:
            self.unseen.append(self.unseen[-1])

    def _word(self, word: bytes, number: int) -> None:
        if word == b"ansicpg":
            self.code_page = f"cp{number}"
        elif word == b"uc":
            self.replaced = min(max(number, 0), 8)
        elif word == b"u":
            self._say(chr(number % 0x10000))
            self.skip = self.replaced
        elif word in _UNSEEN:
            self.unseen[-1] = True
        elif word in _WORDS:
            self._say(_WORDS[word])

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self.unseen[-1] = True
        elif sign in b"\r\n":
            self._say("\n")
        elif sign in b"\\{}":
            self._octets(sign)
        elif sign == b"~":
            self._say("\u00a0")

    def _octets(self, data: bytes) -> None:
        """Letters in the code page; those that stand for a Unicode character that was read are left out."""
        left = min(self.skip, len(data))
        self.skip -= left
        self.pending += data[left:]

    def _say(self, text: str) -> None:
        self._flush()
        self.skip = 0
        self.text.append(text)

    def _flush(self) -> None:
        if self.pending:
            self.text.append(decode(bytes(self.pending), self.code_page))
            self.pending.clear()
