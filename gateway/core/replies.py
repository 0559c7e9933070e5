"""Every SMTP reply in one table (RFC 5321 section 4.2, RFC 3463 for the enhanced codes)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply to a command: code, enhanced code and a plain sentence, ASCII, one line."""

    code: int
    enhanced: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300
