"""What the tests of mailboxes have in common: an authority, ways out that trust it, a rig for the poller."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trustme

from gateway.store.engine import Place, Store
from tests.mailboxes.rig import Rig

Secure = Callable[..., ssl.SSLContext]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authorities(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that SMARTGATE_MAILBOX_CA_FILE names."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def secure(authority: trustme.CA) -> Secure:
    """TLS of a server that has these names."""

    def make(*names: str) -> ssl.SSLContext:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*names).configure_cert(tls)
        return tls

    return make


@pytest.fixture
async def rig(place: Place, tmp_path: Path) -> AsyncIterator[Rig]:
    store = Store(place)
    store.start()
    made = Rig(place, tmp_path / "blobs", store)
    await made.open_account()
    yield made
    await made.close()
