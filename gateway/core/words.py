"""Header text: from the raw bytes of a field to one clean line (RFC 2047, RFC 2231 section 5, RFC 5322)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from encodings.aliases import aliases
from itertools import groupby
from operator import itemgetter

# The character sets a mail may name. A list of what is allowed, since Python's codec registry also holds what is no
# character set: `zlib` and `bz2` unpack (a bomb), `rot13` and `hex` are no text, `idna` and `punycode` take quadratic
# time, `unicode_escape` lets a sender write any character past every check. `utf-7` is left out as well, as in
# browsers: it hides any text in plain ASCII and no mailer of this century writes it in a header. A name never reaches
# the registry unless it stands here, because the registry keeps every unknown name in memory for ever.
_TEXT_CODECS = """
    ascii utf_8 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le latin_1 iso8859_2 iso8859_3 iso8859_4
    iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15
    iso8859_16 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp437 cp720 cp737 cp775 cp850 cp852
    cp855 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp1125 koi8_r koi8_t koi8_u kz1048
    ptcp154 tis_620 mac_roman mac_cyrillic mac_greek mac_iceland mac_latin2 mac_turkish gb2312 gbk gb18030 hz big5
    big5hkscs cp950 shift_jis shift_jisx0213 cp932 euc_jp euc_jis_2004 euc_jisx0213 iso2022_jp iso2022_jp_1
    iso2022_jp_2 iso2022_jp_3 iso2022_jp_2004 iso2022_jp_ext euc_kr iso2022_kr cp949 johab
"""
# What mailers write when they mean the wider set that contains it.
_MEANT = {
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_OTHER_NAMES = {
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso8859_1": "latin_1",
    "x_sjis": "shift_jis",
    "x_gbk": "gbk",
    "x_mac_roman": "mac_roman",
    "x_mac_cyrillic": "mac_cyrillic",
    "cp_850": "cp850",
    "utf8mb4": "utf_8",
    "windows_874": "cp874",
}


def _labels() -> dict[str, str]:
    codecs = frozenset(_TEXT_CODECS.split())
    named = {codec: codec for codec in codecs} | _OTHER_NAMES
    named |= {alias: codec for alias, codec in aliases.items() if codec in codecs}
    return {label: _MEANT.get(codec, codec) for label, codec in named.items()}


_CODEC_OF = _labels()
_NOT_IN_LABELS = re.compile(r"[^a-z0-9]+")

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_WORD_HEAD = re.compile(rb"=\?([^?\s]{1,64})\?([BbQq])\?")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_NOT_BASE64 = bytes(octet for octet in range(256) if octet not in _BASE64)

# A quoted string that nobody closed runs to the end, so that the scan never starts anew inside it (linear time).
_QUOTED = re.compile(rb'"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)', re.S)
_ESCAPED = re.compile(rb"\\(.)", re.S)

# What must not reach a screen: C0 and C1 controls and DEL that are no white space, the bidirectional overrides,
# embeddings and isolates that turn text around, the byte order mark, and lone surrogates, which no store takes.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def unfold(raw: bytes) -> bytes:
    """The value on one line: line ends that a blank follows are taken out (RFC 5322 section 2.2.3)."""
    return _FOLD.sub(b"", raw) if b"\n" in raw else raw


def decode_words(raw: bytes) -> str:
    """The text of an unstructured field such as Subject; folded or not, whatever the bytes are.

    Encoded words are read wherever they stand, also where RFC 2047 section 5 wants a blank beside them. Neighbours of
    one charset are joined as bytes first, since mailers cut in the middle of a character; the white space between
    neighbours is dropped. Bytes outside them are UTF-8 (RFC 6532), else windows-1252. The text comes out without
    controls, bidirectional overrides and surrogates, its white space folded to single blanks.
    """
    raw = unfold(raw)
    if b"=?" not in raw:
        return _clean(_plain(raw))
    runs = groupby(_without_gaps(list(_pieces(raw))), key=itemgetter(0))
    return _clean("".join(_text(label, b"".join(part for _, part in run)) for label, run in runs))


def decode_phrase(raw: bytes) -> str:
    """The text of a display name: atoms, quoted strings and encoded words in any mixture (RFC 5322 phrase).

    Quotes are taken off and their escapes undone before encoded words are read, because many mailers put an encoded
    word inside quotes, where RFC 2047 section 5 forbids it, and people read names, not encodings.
    """
    raw = unfold(raw)
    if b'"' in raw:
        raw = _QUOTED.sub(lambda quoted: _ESCAPED.sub(rb"\1", quoted[1]), raw)
    return decode_words(raw)


def safe_codec(label: str) -> str | None:
    """The Python codec for a charset name in mail, None when it is unknown or no character set."""
    return _CODEC_OF.get(_NOT_IN_LABELS.sub("_", label.lower()).strip("_"))


def _pieces(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Text and encoded words in order, as (charset, bytes); charset "" is text.

    The end of a word is searched once from its head on; where there is none, no later word ends either.
    """
    done = 0
    while (head := _WORD_HEAD.search(raw, done)) and (end := raw.find(b"?=", head.end())) >= 0:
        if head.start() > done:
            yield "", raw[done : head.start()]
        label = head[1].partition(b"*")[0].decode("latin-1").lower()
        encoded = raw[head.end() : end]
        yield label or "ascii", _unbase64(encoded) if head[2] in b"Bb" else binascii.a2b_qp(encoded, header=True)
        done = end + 2
    if done < len(raw):
        yield "", raw[done:]


def _without_gaps(pieces: list[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Leaves out white space that stands between two encoded words (RFC 2047 section 6.2)."""
    last = len(pieces) - 1
    for place, (label, part) in enumerate(pieces):
        if label or not 0 < place < last or part.strip():
            yield label, part


def _unbase64(encoded: bytes) -> bytes:
    """What can be read of a base64 text: foreign bytes are skipped, padding may lack or stand in the middle."""
    chunks = encoded.translate(None, _NOT_BASE64).split(b"=")
    return b"".join(_unbase64_chunk(chunk) for chunk in chunks if len(chunk) > 1)


def _unbase64_chunk(chunk: bytes) -> bytes:
    whole = chunk[:-1] if len(chunk) % 4 == 1 else chunk
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _text(label: str, data: bytes) -> str:
    codec = safe_codec(label)
    return _plain(data) if codec is None or codec == "ascii" else data.decode(codec, "replace")


def _plain(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _clean(text: str) -> str:
    """One line: what must not be seen is dropped, every run of white space (line ends too) becomes one blank."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(_UNSEEN.sub("", text).split())
