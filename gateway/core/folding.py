"""Folds what is not new in the HTML of a mail: quotes, letters that were answered, and signatures.

The HTML comes cleaned and with the markers of `quotes` (`body.content`, `marked`). A stretch is folded only where its
mark-up is whole, so the tree that was judged stays as it was, inside of an element that opens and closes by itself.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Mapping, Sequence

from gateway.core.quotes import (
    ENDS,
    FORWARD,
    LETTER_BEGINS,
    MARKERS,
    MAYBE_BEGINS,
    NEW,
    QUOTE_BEGINS,
    SIGNATURE_BEGINS,
    Block,
    split,
)
from gateway.core.snippet import without_tags

_PIECE = re.compile(r"<(/?)([a-z][a-z0-9]*)((?:[^<>\"]|\"[^\"]*\")*)>|([\ufdd0-\ufdd4])")
_VOID = frozenset(("br", "col", "hr", "img", "wbr"))
_OPENED = re.compile(r"(?:<(?!br|hr|img|wbr)[a-z][^<>]{0,2000}>\s*)+\Z")
_MOST = 50
_MOST_OPENED, _LONG_HEADER = 1_000, 4_000
_WORDS = re.compile(r"<[^>]*>|&nbsp;|\s")


def fold(markup: str, blocks: Sequence[Block], words: Mapping[str, str]) -> str:
    """The markup with what isn't new folded, and without markers. words: what a fold is called, by `quote` and
    `signature`. A letter that somebody passes on is there to be read, and so is a mail that holds nothing new."""
    kinds = {block.kind for block in blocks}
    if NEW not in kinds or not MARKERS.search(markup):
        return MARKERS.sub("", markup)
    names = {SIGNATURE_BEGINS: words["signature"]}
    if FORWARD not in kinds:
        names |= dict.fromkeys((QUOTE_BEGINS, LETTER_BEGINS, MAYBE_BEGINS), words["quote"])
    pieces: list[str] = []
    done = 0
    shown = False
    for start, end in _stretches(markup, frozenset(names)):
        before, inside = markup[done:start], markup[start:end]
        shown = shown or _says_something(before)
        name = entities.escape(names.get(inside[0], words["quote"]))
        pieces += (before, f'<details class="fold"><summary>{name}</summary>', inside, "</details>")
        done = end
    rest = markup[done:]
    folded = "".join((*pieces, rest)) if shown or _says_something(rest) else markup
    return MARKERS.sub("", folded)


def _says_something(markup: str) -> bool:
    return bool(MARKERS.sub("", _WORDS.sub("", markup))) or "<img" in markup


def _stretches(markup: str, begins: frozenset[str]) -> list[tuple[int, int]]:
    """Where what is to be folded begins and ends; a marker within a tag is none."""
    found: list[tuple[int, int]] = []
    tries, done = 0, 0
    for piece in _PIECE.finditer(markup):
        if piece[4] in begins and piece.start() >= done and tries < _MOST:
            tries += 1
            start = _start_of_letter(markup, done, piece.start()) if piece[4] == MAYBE_BEGINS else piece.start()
            if start is None:
                continue
            end = _end(markup, start + (markup[start] == piece[4]), runs_on=piece[4] in (LETTER_BEGINS, MAYBE_BEGINS))
            if end is not None:
                found.append((start, end))
                done = end
    return found


def _start_of_letter(markup: str, done: int, start: int) -> int | None:
    """Where the letter begins whose header stands below a drawn line, as Outlook writes it: with the elements that open
    just before. None where there is none."""
    header = without_tags(MARKERS.sub("", markup[start : start + _LONG_HEADER])).lstrip()
    if not header or split(header)[0].kind == NEW:
        return None
    opened = _OPENED.search(markup, max(done, start - _MOST_OPENED), start)
    return opened.start() if opened else start


def _end(markup: str, start: int, *, runs_on: bool) -> int | None:
    """Where a stretch ends whose mark-up is whole; None where there is no such place. runs_on: it ends with what it
    stands in."""
    depth = 0
    for piece in _PIECE.finditer(markup, start):
        if piece[4]:
            if piece[4] == ENDS and not runs_on:
                return piece.start() if depth == 0 else None
        elif not piece[1]:
            depth += piece[2] not in _VOID
        elif depth:
            depth -= 1
        else:
            return piece.start() if runs_on else None
    return len(markup) if runs_on else None
