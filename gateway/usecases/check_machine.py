"""Check what the world sees of this machine: the DNS of a domain, and how mail to us is encrypted.

Nothing is stored. The room of the checks alone speaks to name servers and to our own door; it implements `Checks`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from gateway.core.dns_records import (
    ENFORCE,
    OK,
    TESTING,
    Found,
    Judged,
    Machine,
    Question,
    first_questions,
    judge_all,
    policy,
    questions,
)
from gateway.core.encryption import Finding, Shown, judge_tls

__all__ = ["Checks", "Finding", "Judged", "check_dns", "check_tls", "served_policy"]


class Checks(Protocol):
    """The room of the checks as use cases see it. Nothing here raises for what others do, and all of it ends within
    seconds."""

    hostname: str
    addresses: tuple[str, ...]

    async def ask(self, wanted: Sequence[Question]) -> Found:
        """What the DNS says to each question; None for one that nobody answered."""

    async def look_at_door(self) -> Shown:
        """What our own door for mail shows after STARTTLS."""


async def check_dns(checks: Checks, domain: str) -> tuple[Judged, ...]:
    """Every record that a domain should have, as it is now."""
    machine = await _machine(checks)
    seen = await checks.ask(first_questions(machine))
    found = {**seen, **await checks.ask([one for one in questions(domain, machine, seen) if one not in seen])}
    return judge_all(domain, machine, found)


async def check_tls(checks: Checks) -> tuple[Shown, tuple[Finding, ...]]:
    """What our door shows, and what is right and wrong with it."""
    shown = await checks.look_at_door()
    return shown, judge_tls(shown, checks.hostname, _now())


async def served_policy(checks: Checks) -> str:
    """The policy of encryption that senders ask for (RFC 8461)."""
    return policy(await _machine(checks))


async def _machine(checks: Checks) -> Machine:
    """Senders are told to insist on encryption only where it would not keep their mail away."""
    shown = await checks.look_at_door()
    sound = shown.reached and all(one.state == OK for one in judge_tls(shown, checks.hostname, _now()))
    return Machine(checks.hostname, checks.addresses, ENFORCE if sound else TESTING)


def _now() -> int:
    return time.time_ns() // 1_000_000
