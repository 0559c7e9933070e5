"""What the tests of mailboxes have in common: an authority of their own, ways out that trust it, a poller's rig."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import trustme

from gateway.store.engine import Place, Store
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.product import Firm, Product
from tests.mailboxes.rig import Rig
from tests.stores import Stores

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
    """A store of its own for each test of the poller."""
    store = Store(place)
    store.start()
    made = Rig(place, tmp_path / "blobs", store)
    await made.open_account()
    yield made
    await made.close()


@pytest.fixture(scope="session")
def product(
    stores: Stores, dovecot: Dovecot, certificates: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """The product on a store of the kind that is the test's turn; each story opens an account of its own there."""
    folder = tmp_path_factory.mktemp("product")
    with Product(stores.new(folder), folder, dovecot, certificates.file) as made:
        yield made


@pytest.fixture
def firm(product: Product) -> Firm:
    return product.open()
