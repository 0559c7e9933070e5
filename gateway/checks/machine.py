"""All checks of this machine in one place, as use cases ask for them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.checks.door import Door
from gateway.checks.names import Names
from gateway.core.dns_records import Found, Question
from gateway.core.encryption import Shown

DOOR_SECONDS = 5.0
"""How long what our door showed is remembered: the policy of encryption may be asked for often."""


class MachineChecks:
    """Implements `gateway.usecases.check_machine.Checks`. addresses: those this machine is known to have."""

    def __init__(self, hostname: str, addresses: Sequence[str], names: Names, door: Door) -> None:
        self.hostname, self.addresses = hostname.lower(), tuple(addresses)
        self._names, self._door = names, door
        self._shown: tuple[float, Shown] | None = None

    async def ask(self, wanted: Sequence[Question]) -> Found:
        """What the DNS says."""
        return await self._names.ask(wanted)

    async def look_at_door(self) -> Shown:
        """What our door shows."""
        now = time.monotonic()
        if self._shown is None or now - self._shown[0] > DOOR_SECONDS:
            self._shown = (now, await self._door.look())
        return self._shown[1]
