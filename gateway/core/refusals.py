"""Why a change that somebody asked for is not made: values that a door turns into its own kind of answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wrong:
    """A field that can't be so. field: its path, such as `emails/0`. detail: names the value and what is allowed."""

    field: str
    detail: str


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
