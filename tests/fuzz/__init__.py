"""Fuzzing: targets that take any bytes and hold what the gateway makes of them against what must always be true.

A target is a module with `check(data)`, which raises where a promise is broken, `seeds()` to begin from, and
`MOST_BYTES`. `python -m tests.fuzz` (`make fuzz`) runs them under atheris, guided by coverage; what was worth keeping
stands in `corpus/TARGET/` and is replayed by every test run, without atheris.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

TARGETS = ("message", "dialog", "fields", "authenticity")
FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"
WORDS = FOLDER / "words.dict"


class Target(Protocol):
    """One kind of input. MOST_BYTES: longer ones are not tried."""

    MOST_BYTES: int

    def check(self, data: bytes) -> None:
        """Let the gateway read these bytes. Raises whatever it raises, or AssertionError for a broken promise."""

    def seeds(self) -> Iterator[bytes]:
        """Inputs of our own to begin from."""


def target(name: str) -> Target:
    """The target, imported only now, so that a fuzzer can instrument what it brings along."""
    return cast(Target, import_module(f"tests.fuzz.{name}"))
