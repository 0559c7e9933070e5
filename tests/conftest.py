"""What holds for every test: no settings from outside, no connection beyond this machine, no clock in properties.

Tests of what is stored run on a SQLite file and on a PostgreSQL (`-m "not postgresql"` leaves the second half out).
A test that asks for `dovecot`, `dovecots` or `chromium` is marked `e2e`.
With SMARTGATE_NO_SKIPS=1 a skipped test counts as a failure and says what it needed; CI runs so.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Generator, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest

from gateway.store.engine import Place
from gateway.store.schema import ensure_schema
from tests.chromium import served_chromium
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot, need_dovecot
from tests.postgresql import Server
from tests.stores import Databases, Files, Stores

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
_HANDED_ON = "PYTEST_SMARTGATE_NO_SKIPS"
"""How the processes that run tests side by side learn of it: they begin with the environment as it is left below."""
NO_SKIPS = "1" in (os.environ.get("SMARTGATE_NO_SKIPS"), os.environ.get(_HANDED_ON))

for _name in [name for name in os.environ if name.startswith("SMARTGATE_")]:
    del os.environ[_name]
os.environ[_HANDED_ON] = "1" if NO_SKIPS else ""

hypothesis.settings.register_profile("no clock", deadline=None)
hypothesis.settings.load_profile("no clock")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _forbid(report) if NO_SKIPS else report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _forbid(report) if NO_SKIPS else report


def _forbid(report: Report) -> Report:
    """Turn a skip into a failure that tells the reason; an expected failure stays one."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped, which SMARTGATE_NO_SKIPS=1 forbids: {reason}"
    return report


@pytest.fixture(autouse=True, scope="session")
def _only_loopback() -> Iterator[None]:
    """Refuse every connection that would leave this machine, so that no test depends on the world."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to connect to {address[0]}, which is not this machine")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The PostgreSQL of this run; it doesn't wait for the disk."""
    server = Server()
    server.start()
    yield server
    server.close()


KINDS = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that works on a store is run on both kinds, unless its module names the `STORES` it is for."""
    if "stores" in metafunc.fixturenames:
        kinds = getattr(metafunc.module, "STORES", KINDS)
        marks = {"postgresql": (pytest.mark.postgresql,)}
        given = [pytest.param(kind, marks=marks.get(kind, ())) for kind in kinds]
        metafunc.parametrize("stores", given, indirect=True, scope="session")


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest) -> Stores:
    """Where stores of the kind that is the test's turn are made."""
    return Files() if request.param == "sqlite" else Databases(request.getfixturevalue("postgresql"))


@pytest.fixture(scope="session")
def empty(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A store with a schema and nothing in it, to be copied."""
    place = stores.new(tmp_path_factory.mktemp("empty"))
    ensure_schema(place)
    return place


@pytest.fixture
def place(stores: Stores, empty: Place, tmp_path: Path) -> Iterator[Place]:
    """Where an empty store is, for one test."""
    made = stores.copy(empty, tmp_path)
    yield made
    stores.forget(made)


def pytest_itemcollected(item: pytest.Item) -> None:
    if {"chromium", "dovecot", "dovecots"} & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the mail servers of this run."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def dovecot(certificates: Authority) -> Iterator[Dovecot]:
    """The IMAP server of this run; each test makes people of its own there."""
    need_dovecot()
    with Dovecot(certificates) as one:
        yield one


@pytest.fixture
def dovecots(certificates: Authority) -> Iterator[Callable[..., Dovecot]]:
    """Starts an IMAP server for one test, which may stop it or give it other settings or certificates."""
    need_dovecot()
    with contextlib.ExitStack() as stack:
        yield lambda **given: stack.enter_context(Dovecot(certificates, **given))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the browser of this run is connected to."""
    with served_chromium(tmp_path_factory.mktemp("chromium")) as address:
        yield address
