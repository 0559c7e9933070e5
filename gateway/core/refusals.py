"""Why a change that somebody asked for is not made: values that a door turns into its own kind of answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wrong:
    """A field that can't be so. field: its path, such as `emails/0`. detail: names the value and what is allowed.

    at: of a text, the line and the column where it is wrong, from 1.
    """

    field: str
    detail: str
    at: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """It stands in the way of something that is there. holder: that thing's id."""

    detail: str
    holder: str


@dataclass(frozen=True, slots=True)
class Denied:
    """Who asks knows of it, but may not do this. detail: who may."""

    detail: str


@dataclass(frozen=True, slots=True)
class Stale:
    """It is no longer as whoever wants to change it has seen it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """It was there, and can't be had any more (E7)."""

    detail: str


@dataclass(frozen=True, slots=True)
class Away:
    """Who has it can't be asked now. after_ms: how long to wait before asking again."""

    detail: str
    after_ms: int | None = None
