"""A flame graph: every function as wide as its share of the samples, standing on the one that called it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bench import stacks, svg
from bench.stacks import KERNEL, PYTHON, SQLITE, SYNC, Flame, Stack

_WIDTH, _LINE, _HEAD, _MARGIN = 1400, 18, 60, 10
_THINNEST = 1.0
"""What is narrower is left out: it could be neither read nor pointed at."""
_LETTER = 6.4
_COLOURS = {PYTHON: "python", SQLITE: "sqlite", KERNEL: "system", SYNC: "system"}
_LEGEND = (
    ("python", "Python"),
    ("sqlite", "SQLite"),
    ("system", "calls into the kernel"),
    ("other", "other libraries"),
)


def draw(title: str, seen: Counter[Stack]) -> str:
    """The picture; point at a function to read its name and share."""
    root = stacks.flame(seen)
    wide = (_WIDTH - 2 * _MARGIN) / max(root.samples, 1)
    placed = [one for one in root.walk() if one[0].samples * wide >= _THINNEST]
    height = _HEAD + (max(depth for _, depth, _ in placed) + 1) * _LINE + _MARGIN
    words = "; ".join(f"{whose} {share:.0%}" for whose, share in stacks.shares(seen))
    shapes = [*_head(f"Where the time goes: {title}", root.samples), *_boxes(placed, root, wide)]
    return svg.picture(f"Flame graph: {title}", f"Who is at work: {words}", _WIDTH, height, shapes)


def _head(title: str, samples: int) -> Iterator[str]:
    yield svg.text(_MARGIN, 24, title, "ink head")
    yield svg.text(_WIDTH - _MARGIN, 24, f"{samples} samples", "quiet", "end")
    for number, (kind, words) in enumerate(_LEGEND):
        at = _MARGIN + number * 180
        yield svg.bar(at, 36, 22, 12, kind)
        yield svg.text(at + 28, 47, words, "quiet")


def _boxes(placed: list[tuple[Flame, int, int]], root: Flame, wide: float) -> Iterator[str]:
    for one, depth, before in placed:
        x, y, width = _MARGIN + before * wide, _HEAD + depth * _LINE, one.samples * wide
        kind = _COLOURS.get(stacks.owner(one.stack), "other") if one.stack else "python"
        yield svg.bar(x, y, width - 0.5, _LINE - 1, kind, f"{one.frame}: {one.samples / root.samples:.1%}")
        letters = int((width - 6) / _LETTER)
        if letters > 3:
            words = stacks.name(one.frame)
            yield svg.text(x + 3, y + 13, words if len(words) <= letters else f"{words[: letters - 1]}…", "label")
