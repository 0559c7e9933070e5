"""Figures that have a yardstick of their own instead of a peer: what was measured, round by round, beside its goal.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. values: one a round; the median is shown. goal: None where it is told only to be compared with.

    reach: whether the goal is reached from above (at least so much) or from below (at most so much).
    note: what a reader has to know beside it.
    """

    what: str
    values: tuple[float, ...]
    unit: str = ""
    goal: float | None = None
    reach: Literal["≥", "≤", ">"] = "≤"
    digits: int = 1
    note: str = ""

    @property
    def middle(self) -> float | None:
        return float(median(self.values)) if self.values else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """Lowest and highest; None for less than two."""
        return (min(self.values), max(self.values)) if len(self.values) > 1 else None

    @property
    def reached(self) -> bool | None:
        """None where there is no goal, or nothing was measured."""
        if self.goal is None or self.middle is None:
            return None
        if self.reach == "≤":
            return self.middle <= self.goal
        return self.middle >= self.goal if self.reach == "≥" else self.middle > self.goal


@dataclass(frozen=True, slots=True)
class Found:
    """What one row without a peer found out. faults: why it must not be believed. details: for the kept file only."""

    row: str
    lines: tuple[Line, ...]
    configurations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    disturbance: float = 0.0
