"""What the rows of one run share: the plan, what was measured before, and stores that take long to fill."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from bench.figures import Result
from bench.filling import STEPS, Filled, fill
from bench.lines import Found
from bench.peer import PeerError
from bench.runner import Plan, Stepped

_BYTES_A_MAIL = 8_000


@dataclass(slots=True)
class Run:
    """One run of the bench. stepped: told after each piece of work. results: of the rows measured so far. stores: those
    filled so far, by their mails."""

    plan: Plan
    stepped: Stepped
    results: list[Result] = field(default_factory=list)
    stores: dict[int, Filled] = field(default_factory=dict)
    _kept: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._kept.close()

    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for one row, gone with its context."""
        return tempfile.TemporaryDirectory(prefix="smartgate-bench-", dir=self.plan.folder)

    def filled(self, mails: int) -> Filled:
        """A store of so many mails, made at the first call and gone with the run. Raises PeerError."""
        if mails not in self.stores:
            folder = Path(self._kept.enter_context(self.folder()))
            _require_room(folder, mails)
            self.stores[mails] = fill(folder, mails, lambda: self.stepped(f"fills a store with {mails:,} mails"))
        else:
            for _ in range(STEPS):
                self.stepped(f"has a store with {mails:,} mails")
        return self.stores[mails]


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A row without a peer. goal: in words. steps: how often `measure` calls `stepped`."""

    id: str
    title: str
    goal: str
    steps: Callable[[Plan], int]
    measure: Callable[[Run], Found]


def _require_room(folder: Path, mails: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < mails * _BYTES_A_MAIL * 1.2:
        needed = mails * _BYTES_A_MAIL * 1.2 / 1e9
        raise PeerError(f"{mails:,} mails need {needed:.1f} GB in {folder.parent}: choose another disk with --dir")
