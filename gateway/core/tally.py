"""What came of something that somebody did to several mails at once."""

from __future__ import annotations

from dataclasses import dataclass

TAKE_BACK_MS = 60_000
"""So long it can be taken back; the page offers it for half of that."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many mails it was done to. denied: that it may not be done to. missing: that were not there, or not any
    more, in the state it is done in."""

    done: int = 0
    denied: int = 0
    missing: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.done + other.done, self.denied + other.denied, self.missing + other.missing)
