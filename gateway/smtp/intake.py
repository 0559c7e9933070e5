"""Brings one message from the wire into memory, or onto disk when it is large, within the size limit (A8, B10)."""

from __future__ import annotations

import structlog

from gateway import metrics
from gateway.core.replies import Reply
from gateway.smtp import answers
from gateway.smtp.content import ContentReader
from gateway.smtp.desk import Spool
from gateway.smtp.door import Door
from gateway.smtp.wire import FarewellError, Wire

MEMORY_BYTES = 16 * 1024 * 1024
"""What messages on their way may hold in memory, all connections of a listener together."""
LEAST_BYTES = 16 * 1024
MOST_BYTES = 2 * 1024 * 1024
"""Bounds of one connection's share of it, however many or few there are."""

_log = structlog.get_logger(__name__)


class Intake:
    """Takes one message after 354. Where it can't be kept, it is still read to its end, so that a reply can follow.

    A message larger than its share of the memory goes to disk in pieces of that size; while one is written, the socket
    isn't read.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._reader = ContentReader(wire.door.limits.max_message_bytes, _share(wire.door))
        self._spool: Spool | None = None
        self._spilled = 0
        self._trouble: Reply | None = None

    async def receive(self) -> bytes | Spool | Reply:
        """The message, or the reply that says why it wasn't kept. Raises FarewellError when its end never comes."""
        reader = self._reader
        self._wire.begin_content(reader)
        while not reader.ended:
            if reader.held >= reader.high_water:
                await self._spill()
            elif reader.endless:
                raise FarewellError(answers.ENDLESS_MESSAGE)
            else:
                await self._wire.more()
        if self._spool is not None and reader.held:
            await self._spill()
        if reader.oversize:
            return answers.TOO_BIG
        if self._trouble is not None:
            return self._trouble
        return reader.take() if self._spool is None else self._spool

    def close(self) -> None:
        """Let go of the spool; harmless when it was filed."""
        if self._spool is not None:
            self._spool.close()
            metrics.spooled(-self._spilled)
            self._spilled = 0

    async def _spill(self) -> None:
        """Write what is held in a thread: on a busy disk a write can take far longer than others may wait."""
        piece = self._reader.take()
        self._reader.high_water = _share(self._wire.door)
        try:
            if self._spool is None:
                self._spool = self._wire.door.desk.open_spool()
            await self._wire.loop.run_in_executor(self._wire.door.threads, self._spool.write, piece)
            self._spilled += len(piece)
            metrics.spooled(len(piece))
        except Exception as fault:
            _log.exception("smtp.spool_failed", peer=self._wire.peer, size=self._reader.size)
            self._trouble = answers.DISK_FULL if isinstance(fault, OSError) else answers.TROUBLE
            self._reader.drop()


def _share(door: Door) -> int:
    """How many octets one message may hold in memory while so many connections are open."""
    return max(LEAST_BYTES, min(MOST_BYTES, MEMORY_BYTES // max(1, len(door.wires))))
