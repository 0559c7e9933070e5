"""Takes connections from a socket on which several workers listen: the next one goes to whoever has the fewest.

A kernel gives a connection to the process that asks first, which is again and again the same one while all are at rest;
mail servers keep their connections, so it would do the work of all. Here a worker with more connections than another
one looks away for a moment. Who still finds a caller at the door afterwards lets them in: nobody waits for a worker
that has no time.
"""

from __future__ import annotations

import asyncio
import mmap
import socket
from collections.abc import Callable
from struct import Struct

import structlog

_log = structlog.get_logger(__name__)

LOOK_AWAY_SECONDS = 0.002
RECOVER_SECONDS = 1.0
"""For so long nobody is let in where the system has no room for another connection."""
_NUMBER = Struct("=Q")
_ABSENT = 2**64 - 1


class Crowds:
    """How many connections each worker holds, in memory that all of them share. Make it before they are."""

    def __init__(self, workers: int) -> None:
        self.number = 0
        self._memory = mmap.mmap(-1, workers * _NUMBER.size)
        for number in range(workers):
            self.leave(number)

    def leave(self, number: int) -> None:
        """That worker has gone."""
        self._set(number, _ABSENT)

    def hold(self, connections: int) -> int:
        """This worker, the one of `number`, holds so many; what the one holds that has the fewest."""
        self._set(self.number, connections)
        return int(min(_NUMBER.iter_unpack(self._memory[:]))[0])

    def _set(self, number: int, connections: int) -> None:
        self._memory[number * _NUMBER.size : (number + 1) * _NUMBER.size] = _NUMBER.pack(connections)


class Welcome:
    """Lets peers in, as an `asyncio.Server` does. inside: how many are there."""

    def __init__(
        self, sock: socket.socket, session: Callable[[], asyncio.Protocol], inside: Callable[[], int], crowds: Crowds
    ) -> None:
        self.sockets = [sock]
        self._session, self._inside, self._crowds = session, inside, crowds
        self._loop = asyncio.get_running_loop()
        self._looked_away = False
        self._pause: asyncio.TimerHandle | None = None
        self._entering: set[asyncio.Task[object]] = set()
        self._crowds.hold(inside())
        self._loop.add_reader(sock, self._look)

    def close(self) -> None:
        """Let nobody in from now on; harmless a second time."""
        if self._pause is not None:
            self._pause.cancel()
        for sock in self.sockets:
            self._loop.remove_reader(sock)
            sock.close()
        self.sockets = []

    async def wait_closed(self) -> None:
        """Return once everybody who was let in has a session."""
        if self._entering:
            await asyncio.wait(self._entering)

    def _look(self) -> None:
        """Somebody is at the door; by the time one looks another worker may have let them in."""
        inside = self._inside() + len(self._entering)
        if inside > self._crowds.hold(inside) and not self._looked_away:
            self._looked_away = True
            self._rest(LOOK_AWAY_SECONDS)
            return
        self._looked_away = False
        try:
            caller, _ = self.sockets[0].accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as fault:
            _log.error("smtp.no_room_for_connections", reason=fault.strerror)
            self._rest(RECOVER_SECONDS)
            return
        caller.setblocking(False)
        entering = self._loop.create_task(self._loop.connect_accepted_socket(self._session, caller))
        self._entering.add(entering)
        entering.add_done_callback(self._entered)
        self._crowds.hold(inside + 1)

    def _entered(self, entering: asyncio.Task[object]) -> None:
        self._entering.discard(entering)
        if not entering.cancelled() and (fault := entering.exception()) is not None:
            _log.warning("smtp.caller_lost", reason=str(fault))

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self.sockets[0])
        self._pause = self._loop.call_later(seconds, self._return)

    def _return(self) -> None:
        self._loop.add_reader(self.sockets[0], self._look)
