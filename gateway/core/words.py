"""Header text: from the raw bytes of a field to one clean line (RFC 2047, RFC 2231 section 5, RFC 5322)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from gateway.core.charsets import read_as, safe_codec

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
    return _plain(data) if codec is None or codec == "ascii" else read_as(codec, data)


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
