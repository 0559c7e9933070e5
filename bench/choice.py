"""All rows by their ids: those beside Postfix, then those with a yardstick of their own."""

from __future__ import annotations

from collections.abc import Sequence

from bench.cards import CARD, SEARCH
from bench.cold import START
from bench.idle import IDLE
from bench.lag import LAG
from bench.mailbox import ALL_WITHIN, IMPORT_500, IMPORT_5000, UNCHANGED
from bench.memory import MEMORY
from bench.pages import PAGES
from bench.rows import ROWS, Row
from bench.run import Yardstick
from bench.spent import CPU
from bench.stored import STORED
from bench.webhook import WEBHOOK

YARDSTICKS: tuple[Yardstick, ...] = (
    CPU,
    CARD,
    SEARCH,
    PAGES,
    STORED,
    MEMORY,
    IDLE,
    START,
    WEBHOOK,
    LAG,
    IMPORT_500,
    IMPORT_5000,
    UNCHANGED,
    ALL_WITHIN,
)
"""In the order they run: the cards are read before more is stored beside them."""

ALL: tuple[Row | Yardstick, ...] = (*ROWS, *YARDSTICKS)


class UnknownRowError(ValueError):
    """A row was asked for that there isn't."""


def chosen(ids: Sequence[str]) -> tuple[Row | Yardstick, ...]:
    """The rows with these ids in the order they run; all of them for none. Raises UnknownRowError."""
    known = {row.id for row in ALL}
    if wrong := [name for name in ids if name not in known]:
        raise UnknownRowError(f"no row {', '.join(wrong)}; there are {', '.join(row.id for row in ALL)}")
    return tuple(row for row in ALL if not ids or row.id in ids)
