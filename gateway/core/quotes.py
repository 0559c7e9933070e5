"""What of a mail's text is new, and what is a quote, a forwarded letter or a signature.

The split loses nothing: its blocks, joined, are the text. It errs towards showing: what is not clearly a quote is new,
and a forwarded letter is a kind of its own, because people forward letters to have them read. Every line is looked at
a bounded number of times, and of each only a bounded length, so any text takes time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from gateway.core.quote_marks import DEVICE, FORWARD_MARKS, FORWARDED, LABELS, ORIGINAL, WROTE, fold

NEW, QUOTE, FORWARD, SIGNATURE = "new", "quote", "forward", "signature"

# Put into text made of HTML, where the markup tells what a stretch is. Unicode keeps these code points for such uses.
QUOTE_BEGINS, LETTER_BEGINS, MAYBE_BEGINS, SIGNATURE_BEGINS, ENDS = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3", "\ufdd4"
MARKERS = re.compile(f"([{QUOTE_BEGINS}-{ENDS}])")

_MOST = 300_000
_LONG_LINE = 500
_LONG_MARK = 100
_HEADER_LINES = 10
_LONG_SIGNATURE = 12
_RULE = "-_=*~\u2013\u2014\u2015\u2500"
_DRAWN = 20
_DATE = re.compile(r"[0-9]{4}|[0-9]{1,2}[:.h/-][0-9]{1,2}")
_DAY = re.compile(r"[0-9]{4}|[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2}")
_EXACT = re.compile(r"[0-9]{1,2}[:.h][0-9]{2}|[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}|@")
_DATED_ADDRESS = re.compile(r"[0-9]{1,2}[:.][0-9]{2}[^@]*@[^@<>]*>\)?\s?[:\uff1a]\Z")
_DIGIT = re.compile(r"[0-9]")


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a text. kind: new, quote, forward or signature."""

    kind: str
    text: str


def split(text: str, *, forwarded: bool = False) -> tuple[Block, ...]:
    """The blocks of a text, which may hold markers. forwarded: its subject says that a letter is passed on."""
    lines = list(_lines(text[:_MOST]))
    kinds = _Reader(lines, forwarded).kinds()
    blocks = [
        Block(kind, "".join(line.text for _, line in run))
        for kind, run in groupby(zip(kinds, lines, strict=True), key=lambda pair: pair[0])
    ]
    rest = MARKERS.sub("", text[_MOST:])
    if rest:
        last = blocks.pop() if blocks else Block(NEW, "")
        blocks.append(Block(last.kind, last.text + rest))
    return tuple(block for block in blocks if block.text)


def new_text(text: str) -> str:
    """Only what is new, for a text without markers."""
    return "".join(block.text for block in split(text) if block.kind == NEW)


def passes_on(subject: str) -> bool:
    """Whether a subject begins with the mark of a forward; a reply to one begins with another mark."""
    mark = subject[:_LONG_MARK].replace("\uff1a", ":").partition(":")[0]
    return fold(mark.strip("[ \u200e\u200f").partition("[")[0].partition("(")[0]) in FORWARD_MARKS


def _completes(above: str, said: str) -> bool:
    """Whether the line above holds what is missing in what was said: the day, or the address."""
    return ("@" in above and "@" not in said) or bool(_DAY.search(above) and not _DAY.search(said))


@dataclass(slots=True)
class _Line:
    """text: with its line end. bare: without the blanks around it. marker: the one that it stands under, or ""."""

    text: str
    bare: str
    marker: str

    @property
    def quoted(self) -> bool:
        return self.marker == QUOTE_BEGINS or self.bare.startswith(">")


def _lines(text: str) -> Iterator[_Line]:
    marker = ""
    for piece in MARKERS.split(text):
        if MARKERS.fullmatch(piece):
            marker = "" if piece == ENDS else piece
            continue
        ends = piece.split("\n")
        for line in ends[:-1]:
            yield _Line(line + "\n", line.strip(), marker)
        if ends[-1]:
            yield _Line(ends[-1], ends[-1].strip(), marker)


class _Reader:
    """Goes over the lines once, from first to last, and says the kind of each."""

    def __init__(self, lines: list[_Line], forwarded: bool) -> None:
        self.lines, self.forwarded = lines, forwarded
        self.found = [NEW] * len(lines)
        self.now = NEW
        self.something_new = False
        self.loose_signature = -1

    def kinds(self) -> list[str]:
        at = self._next(0)
        while at < len(self.lines):
            at = self._quoted(at) if self.lines[at].quoted else self._read(at)
        first = self._next(0)
        if first < len(self.lines):
            self.found[:first] = [self.found[first]] * first
        self._check_signature()
        return self.found

    def _read(self, at: int) -> int:
        """One line that is not quoted by itself; says where to go on."""
        line = self.lines[at]
        if not line.bare:
            return self._mark(at, at + 1, self.found[at - 1])
        if line.marker == SIGNATURE_BEGINS:
            return self._mark(at, at + 1, SIGNATURE)
        if line.marker == LETTER_BEGINS or (line.marker == MAYBE_BEGINS and self._is_labelled(at)):
            return self._letter(at, at, forward=self._begins_forward(at, len(self.lines)))
        if len(line.bare) <= _LONG_LINE and (after := self._structure(at, line)):
            return after
        self.something_new |= self.now == NEW
        return self._mark(at, at + 1, self.now)

    def _structure(self, at: int, line: _Line) -> int:
        """Where to go on behind what begins or stands in this line; 0 where it is a line like any other."""
        bare = line.bare
        if bare == "--":
            self.now = SIGNATURE
            if line.text.rstrip("\r\n") != "-- " and self.loose_signature < 0:
                self.loose_signature = at
            return self._mark(at, at + 1, SIGNATURE)
        if bare[0] in _RULE and bare[1:2] and bare[1] in _RULE and (after := self._ruled(at, bare)):
            return after
        if self._is_header(at, 2):
            return self._letter(at, at, forward=False)
        if bare[-1] in ":\uff1a" and (after := self._announced(at, bare)):
            return after
        if len(bare) <= _LONG_MARK and self._stands_alone(at) and DEVICE.match(fold(bare)):
            return self._mark(at, at + 1, SIGNATURE)
        return 0

    def _ruled(self, at: int, bare: str) -> int:
        """A line that begins with dashes or the like: `----- Original Message -----`, or a line drawn by Outlook."""
        inner = bare.strip(_RULE + "> \t:")
        if len(inner) > _LONG_MARK:
            return 0
        said = fold(inner)
        if said and FORWARDED.match(said):
            return self._letter(at, at, forward=True)
        if said and ORIGINAL.match(said):
            return self._letter(at, at, forward=False)
        below = self._next(at + 1)
        drawn = bool(said) or len(bare) >= _DRAWN
        return self._letter(at, below, forward=False) if self._is_header(below, 0 if drawn else 1) else 0

    def _announced(self, at: int, bare: str) -> int:
        """A line that ends with a colon: `Begin forwarded message:`, or `On Tuesday, Ann wrote:`."""
        said = fold(bare.rstrip(":\uff1a "))
        if len(said) <= _LONG_MARK and FORWARDED.fullmatch(said):
            return self._letter(at, at, forward=True)
        first, exact = self._introduction(at)
        if first < 0:
            return 0
        below = self._next(at + 1)
        if below < len(self.lines) and self.lines[below].marker == MAYBE_BEGINS:
            while below < len(self.lines) and (self.lines[below].marker == MAYBE_BEGINS or not self.lines[below].bare):
                below += 1
        elif below < len(self.lines) and not self.lines[below].quoted:
            if not exact:
                return 0
            below = len(self.lines)
        return self._mark(first, below, QUOTE)

    def _introduction(self, at: int) -> tuple[int, bool]:
        """The first line of the introduction that ends here, -1 where it is none; and whether it can be nothing else.

        Mailers break it into two or three lines. It says who wrote, and when; or when, and an address behind it.
        """
        said = ""
        for first in range(at, max(at - 3, -1), -1):
            line = self.lines[first]
            if not line.bare or line.quoted or self.found[first] != self.now or len(said) + len(line.bare) > _LONG_LINE:
                break
            said = f"{line.bare} {said}" if said else line.bare
            wrote = WROTE.search(fold(said)) is not None
            if _DATED_ADDRESS.search(said) or (wrote and _DATE.search(said)):
                above = self.lines[first - 1].bare if first else ""
                begun_above = at - first < 2 and len(above) <= _LONG_LINE and _completes(above, said)
                return first - begun_above, not wrote or _EXACT.search(said) is not None
        return -1, False

    def _quoted(self, at: int) -> int:
        """Lines quoted by themselves, with what introduces them."""
        end = at
        while end < len(self.lines) and (self.lines[end].quoted or not self.lines[end].bare):
            end += 1
        self._take_introduction(at)
        self.now = NEW
        return self._mark(at, end, FORWARD if self._begins_forward(at, end) else QUOTE)

    def _begins_forward(self, at: int, end: int) -> bool:
        for line in self.lines[at : min(end, at + 3)]:
            inner = line.bare[: 2 * _LONG_MARK].strip(_RULE + "> \t:\uff1a")
            if inner != line.bare.lstrip("> ") and FORWARDED.match(fold(inner)):
                return True
        return False

    def _take_introduction(self, at: int) -> None:
        """What ends with a colon right above a quote belongs to it, whatever language it is in."""
        last = at - 1
        while last >= 0 and not self.lines[last].bare:
            last -= 1
        if last < 0 or self.found[last] not in (NEW, SIGNATURE) or not self.lines[last].bare.endswith((":", "\uff1a")):
            return
        bare = self.lines[last].bare[:_LONG_LINE]
        above = self.lines[last - 1] if last else None
        broken = above is not None and (bare.startswith("<") or not _DIGIT.search(bare))
        if above is not None and broken and self.found[last - 1] == NEW and _DIGIT.search(above.bare[:_LONG_LINE]):
            last -= 1
        self._mark(last, at, QUOTE)

    def _letter(self, at: int, header: int, *, forward: bool) -> int:
        """A whole letter below this line: passed on, or answered where something new stands above it."""
        kind = FORWARD if forward or self.forwarded or not self.something_new else QUOTE
        below = self._next(header + 1)
        if self.lines[at].marker or below >= len(self.lines) or not self.lines[below].quoted:
            return self._mark(at, len(self.lines), kind)
        end = below
        while end < len(self.lines) and (self.lines[end].quoted or not self.lines[end].bare):
            end += 1
        return self._mark(at, end, kind)

    def _is_header(self, at: int, enough: int) -> bool:
        """A repeated header begins here: From, and below it so many of date, recipients and subject."""
        if at >= len(self.lines) or "from" not in self._label(at):
            return False
        others = set[str]()
        for below in range(at + 1, min(at + _HEADER_LINES, len(self.lines))):
            if len(others) >= enough:
                break
            others |= self._label(below) - {"from"}
        return len(others) >= enough

    def _label(self, at: int) -> frozenset[str]:
        head, colon, _ = self.lines[at].bare[:40].replace("\uff1a", ":").partition(":")
        return LABELS.get(fold(head.strip("*>| \t")), frozenset()) if colon else frozenset()

    def _is_labelled(self, at: int) -> bool:
        """Three lines that each begin with a label, in whatever language."""
        lines = (line.bare[:40] for line in self.lines[at : at + 2 * _HEADER_LINES] if line.bare)
        return all(":" in line or "\uff1a" in line for line in (next(lines, ""), next(lines, ""), next(lines, "")))

    def _stands_alone(self, at: int) -> bool:
        before, after = at - 1, at + 1
        return (before < 0 or not self.lines[before].bare or self.found[before] != NEW) and (
            after >= len(self.lines) or not self.lines[after].bare or self.lines[after].quoted
        )

    def _next(self, at: int) -> int:
        """The next line that is not empty."""
        while at < len(self.lines) and not self.lines[at].bare:
            at += 1
        return at

    def _mark(self, start: int, end: int, kind: str) -> int:
        self.found[start:end] = [kind] * (end - start)
        return end

    def _check_signature(self) -> None:
        """Two dashes that lost their blank may also divide a text: a long signature is none."""
        start = end = self.loose_signature
        if start < 0:
            return
        while end < len(self.lines) and self.found[end] == SIGNATURE:
            end += 1
        if sum(bool(line.bare) for line in self.lines[start:end]) > _LONG_SIGNATURE:
            self._mark(start, end, NEW)
