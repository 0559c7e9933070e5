"""The figures of all workers of a server as one answer, whichever of them is asked.

Each worker counts for itself, as a process alone does. Whoever is asked rings at the others; each writes its figures
into its place on a board in memory that all of them share, and the sum is told. What stood there before a worker died
is what its successor begins with, so that a sum never falls between two answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import mmap
import socket
import zlib
from collections.abc import Iterable, Sequence
from struct import Struct

from gateway import metrics
from gateway.metrics import Family

ROOM = 512 * 1024
"""For the figures of one worker; they take some twenty thousand bytes."""
PATIENCE_SECONDS = 1.0
"""So long a worker that doesn't answer is waited for; then its last figures are told."""
LOOK_SECONDS = 0.002
_NUMBER = Struct("=Q")
_HEAD = Struct("=QII")
"""The question that is answered, and length and checksum of the figures."""


class _Place:
    """Where one worker writes: two halves in turn, so that one of them is always whole."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _NUMBER.size + 2 * ROOM)

    def put(self, question: int, figures: bytes) -> None:
        (turn,) = _NUMBER.unpack(self._memory[: _NUMBER.size])
        begin = _NUMBER.size + (turn + 1) % 2 * ROOM
        whole = _HEAD.pack(question, len(figures), zlib.crc32(figures)) + figures
        if len(whole) <= ROOM:
            self._memory[begin : begin + len(whole)] = whole
            self._memory[: _NUMBER.size] = _NUMBER.pack(turn + 1)

    def get(self) -> tuple[int, bytes]:
        """The last question that was answered, and the answer; nothing where it is being overwritten."""
        (turn,) = _NUMBER.unpack(self._memory[: _NUMBER.size])
        begin = _NUMBER.size + turn % 2 * ROOM
        question, length, checksum = _HEAD.unpack(self._memory[begin : begin + _HEAD.size])
        figures = self._memory[begin + _HEAD.size : begin + _HEAD.size + min(length, ROOM)]
        return (question, figures) if zlib.crc32(figures) == checksum else (0, b"")


class Board:
    """The places of all workers, and one more for their parent. Make it before they are.

    Each process says with `take_place` which place is its own.
    """

    def __init__(self, workers: int) -> None:
        self._places = [_Place() for _ in range(workers + 1)]
        self._bells = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(workers)]
        self._asked = mmap.mmap(-1, _NUMBER.size)
        self._alive = mmap.mmap(-1, workers)
        self._own = workers
        self._before: tuple[Family, ...] = ()
        for bell in (end for pair in self._bells for end in pair):
            bell.setblocking(False)

    def take_place(self, number: int) -> socket.socket:
        """This process is the worker of that number, and goes on with what was counted in its place.

        Call `answer` whenever there is something to read from the bell that is given back.
        """
        metrics.worker_begun()
        self._own = number
        self._before = tuple(one for one in _read(self._places[number].get()[1]) if one.kind != "gauge")
        self._alive[number] = 1
        return self._bells[number][0]

    def close(self) -> None:
        for bell in (end for pair in self._bells for end in pair):
            bell.close()

    def worker_ended(self, number: int) -> None:
        """Nobody waits for its answer."""
        self._alive[number] = 0

    def tell(self) -> None:
        """Writes down what this process has counted."""
        question = self._number()
        self._places[self._own].put(question, _write(metrics.merged([*self._before, *metrics.families()])))

    async def exposition(self) -> bytes:
        """The sum over all processes in the text form that Prometheus reads."""
        question = self._number() + 1
        self._asked[:] = _NUMBER.pack(question)
        self.tell()
        waited = [number for number, alive in enumerate(self._alive[:]) if alive and number != self._own]
        for number in waited:
            with contextlib.suppress(OSError):
                self._bells[number][1].send(b"!")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while any(self._places[number].get()[0] < question for number in waited):  # noqa: ASYNC110 - of others
                    await asyncio.sleep(LOOK_SECONDS)
        return metrics.exposition(one for number in range(len(self._places)) for one in self._figures_of(number))

    def _figures_of(self, number: int) -> Sequence[Family]:
        """What stands in a place; of a worker that died only what goes on to count."""
        gone = number < len(self._alive) and not self._alive[number]
        return [one for one in _read(self._places[number].get()[1]) if not gone or one.kind != "gauge"]

    def answer(self) -> None:
        """Somebody has rung."""
        with contextlib.suppress(OSError):
            while self._bells[self._own][0].recv(1):
                pass
        self.tell()

    def _number(self) -> int:
        return int(_NUMBER.unpack(self._asked[:])[0])


def _write(families: Iterable[Family]) -> bytes:
    values = [(one.name, one.kind, one.help, list(one.samples.items())) for one in families]
    return json.dumps(values, separators=(",", ":")).encode()


def _read(figures: bytes) -> Sequence[Family]:
    def key(name: str, labels: Sequence[Sequence[str]]) -> metrics.Key:
        return name, tuple((label, value) for label, value in labels)

    return [
        Family(name, kind, help, {key(*one): value for one, value in samples})
        for name, kind, help, samples in json.loads(figures or b"[]")
    ]
