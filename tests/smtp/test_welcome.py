"""Workers that listen on one socket share its callers evenly, and none waits for a worker that has no time."""

from __future__ import annotations

import asyncio
import copy
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from gateway.smtp import welcome
from gateway.smtp.welcome import Crowds, Welcome


class Session(asyncio.Protocol):
    """Says which worker it belongs to."""

    def __init__(self, name: bytes, inside: set[Session]) -> None:
        self._name, self._inside = name, inside

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._inside.add(self)
        transport.write(self._name)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inside.discard(self)


@pytest.fixture
def ear() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(100)
    sock.setblocking(False)
    return sock


@asynccontextmanager
async def worker(ear: socket.socket, crowds: Crowds, number: int) -> AsyncIterator[Welcome]:
    """One of several: its own view of the crowds and its own descriptor of the socket, as after a fork."""
    view, inside = copy.copy(crowds), set[Session]()
    view.number = number
    one = Welcome(ear.dup(), lambda: Session(str(number).encode(), inside), lambda: len(inside), view)
    try:
        yield one
    finally:
        one.close()
        await one.wait_closed()


async def call(ear: socket.socket) -> tuple[str, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*ear.getsockname())
    return (await reader.read(1)).decode(), writer


async def test_callers_that_stay_are_shared_evenly(ear: socket.socket) -> None:
    crowds = Crowds(3)
    with ear:
        async with AsyncExitStack() as stack:
            for number in range(3):
                await stack.enter_async_context(worker(ear, crowds, number))
            callers = await asyncio.gather(*(call(ear) for _ in range(30)))
            let_in = [name for name, _ in callers]
            for _, writer in callers:
                writer.close()
    assert {name: let_in.count(name) for name in "012"} == {"0": 10, "1": 10, "2": 10}


async def test_nobody_waits_for_a_worker_that_never_looks(ear: socket.socket) -> None:
    crowds = Crowds(2)
    idle = copy.copy(crowds)
    idle.number = 1
    idle.hold(0)
    with ear:
        async with worker(ear, crowds, 0):
            callers = [await call(ear) for _ in range(5)]
            for _, writer in callers:
                writer.close()
    assert [name for name, _ in callers] == ["0"] * 5


async def test_a_worker_that_has_gone_is_not_waited_for(ear: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(welcome, "LOOK_AWAY_SECONDS", 3600)
    crowds = Crowds(2)
    gone = copy.copy(crowds)
    gone.number = 1
    gone.hold(0)
    crowds.leave(1)
    with ear:
        async with worker(ear, crowds, 0):
            callers = [await call(ear) for _ in range(3)]
            for _, writer in callers:
                writer.close()
    assert [name for name, _ in callers] == ["0"] * 3


async def test_where_there_is_no_room_for_a_connection_it_is_tried_again_later(
    ear: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(welcome, "RECOVER_SECONDS", 0.01)

    class Full:
        """A socket that once has no descriptor left."""

        def __init__(self) -> None:
            self.full = 1

        def fileno(self) -> int:
            return ear.fileno()

        def accept(self) -> tuple[socket.socket, object]:
            self.full -= 1
            if self.full >= 0:
                raise OSError(24, "Too many open files")
            return ear.accept()

        def close(self) -> None:
            """The test closes it."""

    inside = set[Session]()
    with ear:
        one = Welcome(Full(), lambda: Session(b"0", inside), lambda: len(inside), Crowds(1))  # type: ignore[arg-type]
        name, writer = await call(ear)
        writer.close()
        one.close()
    assert name == "0"
