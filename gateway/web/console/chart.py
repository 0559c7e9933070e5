"""The chart of thirty days: bars of filed, refused and held mails, scaled to a round number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEIGHT, ROOM = 64, 60
"""Height of the drawing and of the highest bar; the line of the round number stands at ROOM."""
_VERDICTS = (("file", "c-ok"), ("refuse", "c-bad"), ("hold", "c-wait"))
_ROUND = (2, 4, 6, 10, 20, 30, 40, 60, 80, 100)


@dataclass(frozen=True, slots=True)
class Bar:
    """One verdict of one day, in units of the drawing. css: its colour."""

    css: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """One day. number: days since 1970. x: its left edge."""

    number: int
    x: int
    filed: int
    refused: int
    held: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """All days, oldest first. top: the number at the upper line."""

    days: tuple[Day, ...]
    top: int

    @property
    def filed(self) -> int:
        return sum(day.filed for day in self.days)

    @property
    def refused(self) -> int:
        return sum(day.refused for day in self.days)

    @property
    def held(self) -> int:
        return sum(day.held for day in self.days)


def draw(counts: Mapping[tuple[int, str], int], today: int, days: int) -> Chart:
    """The chart of the days that end today. counts: by (day, verdict)."""
    numbers = range(today - days + 1, today + 1)
    rows = [[counts.get((number, verdict), 0) for verdict, _ in _VERDICTS] for number in numbers]
    top = round_up(max(sum(row) for row in rows))
    drawn = [
        Day(number, 10 * n + 1, row[0], row[1], row[2], _bars(row, top))
        for n, (number, row) in enumerate(zip(numbers, rows, strict=True))
    ]
    return Chart(tuple(drawn), top)


def round_up(most: int) -> int:
    """The next even round number, so that its half is whole as well."""
    scale = 1
    while True:
        for step in _ROUND:
            if step * scale >= most:
                return step * scale
        scale *= 10


def _bars(row: Sequence[int], top: int) -> tuple[Bar, ...]:
    """Stacked from the ground, a gap of one between them; nothing for a zero, at least one unit for what is there."""
    bars, ground = [], float(HEIGHT)
    for (_, css), number in zip(_VERDICTS, row, strict=True):
        if number:
            height = max(1.0, round(number * ROOM / top, 1))
            bars.append(Bar(css, round(ground - height, 1), height))
            ground -= height + 1
    return tuple(bars)
