"""Hostile HTML brought into a simple form before anybody builds a tree of it: known tags, quoted values, text.

Tags are cut as browsers cut them (HTML standard, section 13.2.5). What is written anew holds no comment, no raw text,
no unknown element and no attribute twice, so no two programs can read it differently. What a tree of it would cost is
known before it is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_OPEN = 1_000
"""Elements that may be open at one place."""
MAX_COPIES = 500_000
"""Elements, and 40 times as many characters, that a parser may have to write again: it opens `<b>` anew in each block
for as long as nobody closed it (section 13.2.4.3)."""
_SEARCHED = 50
"""Open elements that are looked through for the one an end tag closes; below them it is taken as open still."""


def names(words: str) -> frozenset[str]:
    """A set of names, written as a line of words."""
    return frozenset(words.split())


_BLANK = r" \t\n\f\r"
_OPENING = re.compile(rf"<(?:(/?)([a-zA-Z][^{_BLANK}/>]*)|(!--)|[!?/])")
_ATTRIBUTE = re.compile(
    rf"[{_BLANK}/]*(?:(>)|([^{_BLANK}/>][^{_BLANK}/>=]*)"
    rf"(?:[{_BLANK}]*=[{_BLANK}]*(?:\"([^\"]*)(?:\"|\Z)|'([^']*)(?:'|\Z)|([^{_BLANK}\"'>][^{_BLANK}>]*)?))?)"
)
_COMMENT_END = re.compile("--!?>")
_RAW = {
    name: re.compile(rf"</{name}(?=[{_BLANK}/>])", re.I)
    for name in ("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp")
}
"""Elements whose content is no markup; it is left out with them."""
_VOID = names("br col hr img wbr")
_FORMATTING = names("a b big code em font i s small strike strong tt u")
_INLINE = _FORMATTING | names("abbr acronym bdi bdo cite del dfn ins kbd mark q samp span sub sup var")
_NEVER_DEEP = names("dd dt li p tbody td tfoot th thead tr")
"""Elements that the next of their kind closes."""


@dataclass(frozen=True, slots=True)
class Tag:
    """attributes: by name, the first of each, the values with their character references."""

    name: str
    closing: bool
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Copies:
    """What a parser may have to write again, so far. size: of the tags, in characters."""

    elements: int = 0
    size: int = 0


NO_COPIES = Copies()


@dataclass(slots=True)
class _Meter:
    """The elements open so far, as far as it is certain that a parser closed the others; and what they cost."""

    copies: int
    copied_size: int

    open: list[tuple[str, int]] = field(default_factory=list)
    depth: int = 0
    carried: int = 0
    carried_size: int = 0

    def takes(self, tag: Tag, size: int) -> bool:
        """Whether the tag may come next; size: its length."""
        if tag.closing:
            self._close(tag.name)
        elif tag.name not in _VOID:
            self._open(tag.name, size)
        self.copies += self.carried
        self.copied_size += self.carried_size
        return self.depth <= MAX_OPEN and self.copies <= MAX_COPIES and self.copied_size <= 40 * MAX_COPIES

    def _open(self, name: str, size: int) -> None:
        if name in _NEVER_DEEP and self.open and self.open[-1][0] == name:
            return
        self._count(name, size, 1)
        self.open.append((name, size))

    def _close(self, name: str) -> None:
        """A parser doesn't close `<b>` across the end of a block, nor anything across a table."""
        kept: list[tuple[str, int]] = []
        for place in range(len(self.open) - 1, max(len(self.open) - _SEARCHED, 0) - 1, -1):
            found, size = self.open[place]
            if found == name:
                kept.reverse()
                self._drop(place, kept)
                return
            if found == "table" or (name in _INLINE and found not in _INLINE):
                return
            if found in _FORMATTING:
                kept.append((found, size))

    def _drop(self, place: int, kept: list[tuple[str, int]]) -> None:
        for name, size in self.open[place:]:
            self._count(name, size, -1)
        for name, size in kept:
            self._count(name, size, 1)
        self.open[place:] = kept

    def _count(self, name: str, size: int, by: int) -> None:
        if name not in _NEVER_DEEP:
            self.depth += by
        if name in _FORMATTING:
            self.carried += by
            self.carried_size += by * size


def simplify(markup: str, known: Mapping[str, frozenset[str]], before: Copies = NO_COPIES) -> tuple[str, Copies] | None:
    """The markup with the known elements and their known attributes only; None where a tree of it would cost too much.

    known: names of attributes by name of element. before: what was spent; it comes back with what is spent now.
    """
    meter, written = _Meter(before.elements, before.size), []
    for piece in read_tags(markup.replace("\0", "")):
        if isinstance(piece, str):
            written.append(piece.replace("<", "&lt;"))
        elif piece.name in known:
            text = _write(piece, known[piece.name])
            if not meter.takes(piece, len(text)):
                return None
            written.append(text)
    return "".join(written), Copies(meter.copies, meter.copied_size)


def read_tags(markup: str) -> Iterator[str | Tag]:
    """Texts and tags as they follow one another, in time linear in the length; comments and raw texts are left out."""
    place, never_closed = 0, set[str]()
    while opening := _OPENING.search(markup, place):
        yield markup[place : opening.start()]
        closing, name, comment = opening.groups()
        if name is None:
            place = _after_comment(markup, opening, comment)
            continue
        attributes, place = _read_attributes(markup, opening.end())
        if place < 0:
            return
        tag = Tag(name.lower(), bool(closing), attributes)
        if not closing and tag.name in _RAW and tag.name not in never_closed:
            end = _RAW[tag.name].search(markup, place)
            if end is None:
                never_closed.add(tag.name)
            place = end.start() if end else place
        yield tag
    yield markup[place:]


def _after_comment(markup: str, opening: re.Match[str], comment: str | None) -> int:
    """The place behind a comment, or behind what is read as one, such as a declaration."""
    if comment:
        end = _COMMENT_END.search(markup, opening.start() + 2)
        return end.end() if end else len(markup)
    return markup.find(">", opening.end()) + 1 or len(markup)


def _read_attributes(markup: str, place: int) -> tuple[dict[str, str], int]:
    """The attributes of a tag, and the place behind it; -1 where it never ends."""
    attributes: dict[str, str] = {}
    while found := _ATTRIBUTE.match(markup, place):
        place = found.end()
        end, name, *values = found.groups()
        if end:
            return attributes, place
        attributes.setdefault(name.lower(), next((value for value in values if value is not None), ""))
    return attributes, -1


def _write(tag: Tag, known: frozenset[str]) -> str:
    if tag.closing:
        return "" if tag.name in _VOID else f"</{tag.name}>"
    attributes = [f' {name}="{_quoted(value)}"' for name, value in tag.attributes.items() if name in known]
    return f"<{tag.name}{''.join(attributes)}>"


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
