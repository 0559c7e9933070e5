"""What is done for connected CRMs: events are carried to them, and their contacts are copied from there."""

from __future__ import annotations

from gateway.jobs.deliveries import Carrier
from gateway.jobs.mirror import MirrorClock


class BackEnds:
    """Both, from `start` to `stop`."""

    def __init__(self, carrier: Carrier, mirror: MirrorClock) -> None:
        self._carrier, self._mirror = carrier, mirror
        self.stir = carrier.stir

    def start(self) -> None:
        self._carrier.start()
        self._mirror.start()

    async def stop(self, grace: float) -> None:
        """Lets tries under way end, within the grace."""
        await self._mirror.stop()
        await self._carrier.stop(grace)
