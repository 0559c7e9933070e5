"""What search compares: words of texts in any script, parts of names, and what a person asks for.

Letters are folded: case, width and ligatures (NFKC and case folding of Unicode), and the accents of Latin, Greek,
Cyrillic, Hebrew and Arabic, so that `Müller` is found by `muller`; what nobody sees within a word is left out. Scripts
that are written without spaces are cut into pairs of letters, each letter beginning one, so that any part of a sentence
is found in its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_TERMS = 10_000
"""Words of one message; what comes behind isn't found."""
MOST_OCTETS = 900_000
"""And octets of them: PostgreSQL has no room for more in one row (a tsvector has at most a megabyte)."""
MOST_ASKED = 32
"""Words and phrases of one question; what comes behind isn't asked."""
BORDER = "_"
"""Stands between two texts, so that no phrase reaches from one into the other; in a part of a name, for any signs."""
_LONGEST = 64
_PART = 3
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670\u0640]")
# What stands unseen within a word: soft hyphens of HTML, joiners, and spaces without width that hide a word.
_UNSEEN = re.compile("[\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
# Letters that Unicode doesn't take apart.
_ALIKE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "\u0131": "i", "æ": "ae", "œ": "oe"})
# Thai, Lao, Myanmar, Khmer, kana, ideographs, syllables of Hangul.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# A word: letters, digits, and the marks that stand on or in them in scripts where those are part of the spelling.
_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0962\u0963\u0980-\u0dff\u0f18-\u0fbc\u1a00-\u1aff"
_RUN = re.compile(f"[{_UNSPACED}]+|(?:(?![{_UNSPACED}_])[\\w{_MARKS}])+")
_OTHERS = re.compile(r"[^\w]+|_+")
_FIRST_UNSPACED = re.compile(f"[{_UNSPACED}]")
_ASKED = re.compile('"([^"]*)"?|([^\\s"]+)')


@dataclass(frozen=True, slots=True)
class Phrase:
    """Terms that follow one another. open: the last one may go on, as `offe` does in `offer`."""

    terms: tuple[str, ...]
    open: bool = False


def fold(text: str) -> str:
    """A text as it is compared."""
    if text.isascii():
        return text.lower()
    spread = unicodedata.normalize("NFKD", _UNSEEN.sub("", text).casefold()).casefold()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", spread)).translate(_ALIKE)


def terms(texts: Iterable[str], most: int = MOST_TERMS) -> list[str]:
    """The terms of some texts in order, with a border between two texts; no more than so many."""
    found: list[str] = []
    room = MOST_OCTETS
    for text in texts:
        if found and found[-1] != BORDER:
            found.append(BORDER)
        for term in _terms(text):
            room -= len(term) if term.isascii() else len(term.encode())
            if len(found) >= most or room < 0:
                return found
            found.append(term)
    return found


def _terms(text: str) -> Iterator[str]:
    for run in _RUN.finditer(fold(text)):
        word = run[0]
        if _FIRST_UNSPACED.match(word):
            for at in range(len(word)):
                yield word[at : at + 2]
        else:
            yield word[:_LONGEST]


def ask(text: str) -> tuple[Phrase, ...]:
    """What a person asks for: words, all of them, in any order; in quotes, in this order. The last word may go on.

    What stands together, an address for instance, is one phrase. Nothing that is typed is wrong; what holds no letter
    and no digit asks for nothing.
    """
    asked = []
    pieces = list(_ASKED.finditer(text))
    for piece in pieces:
        quoted = piece[1] is not None
        runs = [run[0] for run in _RUN.finditer(fold(piece[1] if quoted else piece[2]))]
        asked.append(_phrase(runs, going_on=piece is pieces[-1] and not quoted))
    return tuple(dict.fromkeys([one for one in asked if one.terms][:MOST_ASKED]))


def _phrase(runs: list[str], *, going_on: bool) -> Phrase:
    """What follows the last letter of a script without spaces isn't known, so that letter is asked for in its pair."""
    found: list[str] = []
    for n, word in enumerate(runs):
        if _FIRST_UNSPACED.match(word):
            found += list(_terms(word))
            if n == len(runs) - 1:
                return Phrase(tuple(found[:-1]) if len(word) > 1 else tuple(found), open=len(word) == 1)
        else:
            found.append(word[:_LONGEST])
    return Phrase(tuple(found), open=bool(found) and going_on)


def parts(texts: Iterable[str], most: int = MOST_TERMS) -> list[str]:
    """Names and addresses as terms: at each letter, the three that begin with it."""
    found: list[str] = []
    for text in texts:
        flat = _flat(text)
        if not flat.strip(BORDER):
            continue
        if found:
            found.append(BORDER)
        line = f"{BORDER}{flat.strip(BORDER)}{BORDER}"
        found += [line[at : at + _PART] for at in range(len(line) - 1)]
    return found[:most]


def ask_part(text: str) -> tuple[Phrase, ...]:
    """A part of a name or an address as it is asked for; what is no letter and no digit is all alike."""
    flat = _flat(text.strip())
    if not flat.strip(BORDER):
        return ()
    if len(flat) < _PART:
        return (Phrase((flat,), open=True),)
    return (Phrase(tuple(flat[at : at + _PART] for at in range(len(flat) - _PART + 1))),)


def holds_part(texts: Iterable[str], text: str) -> bool:
    """Whether one of the texts holds the part, found without an index."""
    flat = _flat(text.strip())
    return bool(flat.strip(BORDER)) and any(flat in f"{BORDER}{_flat(one).strip(BORDER)}{BORDER}" for one in texts)


def _flat(text: str) -> str:
    return _OTHERS.sub(BORDER, fold(text))
