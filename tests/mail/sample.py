"""What one mail of the corpus is: its bytes, how it is handed over, and what the rules demand of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

Expectation = Mapping[str, Any]
"""Fields of the decision (`explain --json`) that the rules fix; see `compare.differences` for how each is compared.

An empty one says: whatever the decision, it is the same by every road and never a temporary refusal.
`creates` names contacts by address alone; beside `contacts` and `lead` it may hold `names`, a map from a new contact's
address to its tidied name (C8). In `participants` a name of None means: whatever can be made of it.
"""


class Twin(TypedDict):
    """What stands beside the bytes: the JSON file of a mail, or the second half of a bomb.

    story: one sentence. rcpt: the RCPT TO addresses in order. sender: MAIL FROM, "" for the null sender, None for
    the author's address.
    """

    story: str
    rcpt: list[str]
    sender: NotRequired[str | None]
    expect: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail of the corpus, as it stands after dot-unstuffing, with the decision it must get in that world."""

    name: str
    story: str
    raw: bytes
    rcpt: tuple[str, ...]
    sender: str | None
    expect: Expectation

    @classmethod
    def of(cls, name: str, raw: bytes, twin: Twin) -> Sample:
        return cls(name, twin["story"], raw, tuple(twin["rcpt"]), twin.get("sender"), twin["expect"])
