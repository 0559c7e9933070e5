"""The text of sanitised HTML, laid out as a reader sees it, where that needs a bounded room.

A layout fills tables with blanks: a long cell above many short ones makes text of their product, so a small mail could
fill the memory. How much room a layout needs at most is measured first, in one pass over the tags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from gateway.core.markup import Tag, names, read_tags
from gateway.core.snippet import without_tags

MAX_MARKUP = 200_000
"""Characters of markup that are measured and laid out, of one mail."""
MAX_ROOM = 5_000_000
"""Characters that the layouts of one mail may fill, blanks included; they are counted rather too many."""
_BLANKS = re.compile(r"[ \t\n\f\r]+")
_INLINE = names(
    "a abbr acronym b bdi bdo big cite code del dfn em font i img ins kbd mark q s samp small span strike strong sub "
    "sup tt u var wbr"
)
_LISTS = frozenset(("ol", "ul"))
_CELLS = frozenset(("td", "th"))
_PADDING = 4
_GAP = 2


@dataclass(slots=True)
class Layout:
    """Lays out the HTML of one mail. markup, room: what is left of each."""

    markup: int = MAX_MARKUP
    room: int = MAX_ROOM

    def text(self, safe: str) -> str:
        """The text of sanitised HTML without styles; without a layout where that is too large or fails."""
        if len(safe) <= self.markup:
            self.markup -= len(safe)
            room = room_for(safe)
            if room <= self.room:
                self.room -= room
                if laid_out := _laid_out(safe):
                    return laid_out
        return without_tags(safe).strip()


def room_for(safe: str) -> int:
    """How many characters the layout of sanitised HTML has at most."""
    ruler = _Ruler()
    for piece in read_tags(safe):
        if isinstance(piece, str):
            ruler.write(piece)
        else:
            ruler.take(piece)
    return ruler.end()


def _laid_out(safe: str) -> str:
    try:
        return str(get_text(safe, ParserConfig(css=CSS_PROFILES["strict"]))).strip()
    except Exception:  # the layout of hostile markup is somebody else's code; the text is shown without one
        return ""


@dataclass(slots=True)
class _Box:
    """The page, a cell, or a table with what stands in it beside its cells, which is put on one line.

    line: how long the open line is. columns, row, cell: the widths of a table's columns, the height of its open row and
    the number of its next cell.
    """

    table: bool = False
    width: int = 0
    height: int = 1
    line: int = 0
    indent: int = 0
    columns: list[int] = field(default_factory=list)
    row: int = 0
    cell: int = 0


class _Ruler:
    """Goes over the tags once. bullet: the longest number that a list may begin a line with."""

    def __init__(self) -> None:
        self.boxes = [_Box()]
        self.room = self.preformatted = 0
        self.bullet = _PADDING

    def write(self, text: str) -> None:
        lines = text.split("\n") if self.preformatted else [_BLANKS.sub(" ", text)]
        for line in lines[:-1]:
            self.boxes[-1].line += len(line)
            self._break()
        self.boxes[-1].line += len(lines[-1])

    def take(self, tag: Tag) -> None:
        name = tag.name
        if name in _INLINE:
            self.boxes[-1].line += 1
            return
        self._break()
        if name in _CELLS or name == "table":
            self._close(table=name == "table") if tag.closing else self._open(table=name == "table")
        elif name == "tr":
            self._end_row()
        elif name in _LISTS:
            self.boxes[-1].indent = max(self.boxes[-1].indent + (-_PADDING if tag.closing else _PADDING), 0)
        elif name == "pre":
            self.preformatted = max(self.preformatted + (-1 if tag.closing else 1), 0)
        if name == "li" or name in _LISTS:
            self._count(tag.attributes)
        if name == "li":
            self.boxes[-1].line += self.bullet

    def end(self) -> int:
        """The room of all."""
        while len(self.boxes) > 1:
            self._break()
            self._close(table=self.boxes[-1].table)
        self._break()
        return self.room

    def _count(self, attributes: Mapping[str, str]) -> None:
        """Numbers of lists may be written as long as anybody likes."""
        self.bullet = max(self.bullet, *(len(attributes.get(name, "")) + _PADDING for name in ("start", "value")))

    def _break(self) -> None:
        box = self.boxes[-1]
        width = box.indent + box.line
        box.width = box.width + width if box.table else max(box.width, width)
        box.height += 1
        box.line = 0
        self.room += width + 1

    def _open(self, *, table: bool) -> None:
        self.boxes.append(_Box(table=table))

    def _close(self, *, table: bool) -> None:
        """A box ends, and what is around it grows; an end of something else is none."""
        if len(self.boxes) == 1 or self.boxes[-1].table != table:
            return
        self._end_row()
        box = self.boxes.pop()
        outer = self.boxes[-1]
        if table:
            width = outer.indent + box.width + sum(box.columns) + _GAP * len(box.columns)
            outer.width = max(outer.width, width)
            outer.height += box.height
            self.room += width * box.height
            return
        if outer.cell == len(outer.columns):
            outer.columns.append(0)
        outer.columns[outer.cell] = max(outer.columns[outer.cell], box.width)
        outer.cell += 1
        outer.row = max(outer.row, box.height)

    def _end_row(self) -> None:
        box = self.boxes[-1]
        box.height += box.row
        box.row = box.cell = 0
