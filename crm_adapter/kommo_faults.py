"""What can go wrong between us and Kommo, by what it means for the next try.

```
KommoError
├── LaterError      nothing came of it; the same again later
├── DoubtError      it was sent and the answer never came: it may have taken effect, so look before the next try
├── HaltError       the whole back end is in a state that somebody has to mend, or that has to pass
├── RefusalError    this request is refused for what it says; the same again is refused again
└── GoneError       the account is no more
```
"""

from __future__ import annotations

from dataclasses import dataclass

UNAUTHORISED, UNPAID, BLOCKED = "unauthorised", "unpaid", "blocked"


class KommoError(Exception):
    """Any of them; str() is a sentence for people. status: what Kommo said over HTTP, if it said anything."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


class LaterError(KommoError):
    """Nothing came of it. after: seconds until it may be tried again, None where the schedule of all will do."""

    def __init__(self, why: str, status: int | None = None, after: float | None = None) -> None:
        super().__init__(why, status)
        self.after = after


class DoubtError(KommoError):
    """It may have taken effect."""


class HaltError(KommoError):
    """Everything waits. state: one of the above. after: seconds until it is worth another look."""

    def __init__(self, state: str, why: str, after: float, status: int | None = None) -> None:
        super().__init__(why, status)
        self.state, self.after = state, after


class GoneError(KommoError):
    """The account is no more."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one item of a batch. item: its `request_id`, as it was sent."""

    item: str
    code: str
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: {self.detail or self.code}" if self.path else self.detail or self.code


class RefusalError(KommoError):
    """Refused for what it says. faults: by item, where Kommo names them (`validation-errors`)."""

    def __init__(self, why: str, status: int, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(why, status)
        self.faults = faults

    @property
    def items(self) -> frozenset[str]:
        """The items that are wrong."""
        return frozenset(fault.item for fault in self.faults)
