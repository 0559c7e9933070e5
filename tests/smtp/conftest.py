"""Opens doors for the tests and closes them again."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from gateway.smtp.certificates import Certificates
from gateway.smtp.door import Doorway
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from gateway.smtp.visitors import Visitors
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
    async def start(
        *,
        public_url: str = "",
        host: str = "127.0.0.1",
        lmtp: bool = False,
        certificates: Certificates | None = None,
        tls_required: bool = False,
        proxies: Sequence[str] = (),
        trusted: Sequence[str] = (),
        clock: Callable[[], float] = lambda: 0.0,
        **limits: float,
    ) -> tuple[str, int]:
        chosen = SmtpLimits(**limits)  # type: ignore[arg-type]
        visitors = Visitors(chosen, list(map(ip_network, trusted)), clock)
        way = Doorway(certificates, tls_required, list(map(ip_network, proxies)), visitors)
        server = SmtpServer(desk, chosen, "mx.example", public_url=public_url, way=way, lmtp=lmtp)
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


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key on disk, by an authority of the test's own."""

    authority: trustme.CA
    cert: Path
    key: Path

    def renew(self) -> None:
        """Write a new certificate and key over the old ones, one after the other."""
        self.write(self.authority.issue_cert("mx.example"))

    def write(self, issued: trustme.LeafCert) -> None:
        self.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())

    def client(self) -> ssl.SSLContext:
        """What a client that believes this authority uses."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    made = Pair(trustme.CA(), tmp_path / "cert.pem", tmp_path / "key.pem")
    made.renew()
    return made
