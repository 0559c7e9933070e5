"""Opens doors for the tests and closes them again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from tests.smtp.front_desk import FrontDesk, Peer

Serve = Callable[..., Awaitable[tuple[str, int]]]
Dial = Callable[..., Awaitable[Peer]]


@pytest.fixture
def desk() -> FrontDesk:
    return FrontDesk()


@pytest.fixture
async def servers() -> AsyncIterator[list[SmtpServer]]:
    running: list[SmtpServer] = []
    yield running
    for server in running:
        await server.stop(0)


@pytest.fixture
def serve(desk: FrontDesk, servers: list[SmtpServer]) -> Serve:
    async def start(*, public_url: str = "", host: str = "127.0.0.1", **limits: float) -> tuple[str, int]:
        server = SmtpServer(desk, SmtpLimits(**limits), "mx.example", public_url=public_url)  # type: ignore[arg-type]
        servers.append(server)
        return await server.start(host, 0)

    return start


@pytest.fixture
async def dial(servers: list[SmtpServer]) -> AsyncIterator[Dial]:
    """Peers that have read the greeting; all of them hang up before the doors close."""
    peers: list[Peer] = []

    async def connect(address: tuple[str, int], *, greeting: bool = True) -> Peer:
        peer = await Peer.connect(address)
        peers.append(peer)
        if greeting:
            assert (await peer.hear()).startswith("220 ")
        return peer

    yield connect
    for peer in peers:
        peer.leave()
