"""One mail transaction as a session remembers it (RFC 5321 section 3.3)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from gateway.core.envelope import Admission


@dataclass(slots=True)
class Transaction:
    """From MAIL to its end. deferred: some recipient was answered with a temporary refusal."""

    sender: str
    utf8: bool
    at: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    admissions: list[Admission] = field(default_factory=list)
    deferred: bool = False

    @property
    def accepted(self) -> bool:
        return any(admission.accepted for admission in self.admissions)
