"""Servers for the tests of the whole product; whatever a test leaves running is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving import Api, Serving


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """A server that is still to be started."""
    one = Serving(tmp_path)
    yield one
    one.kill()


@pytest.fixture
def api(serving: Serving) -> Iterator[Callable[[str], Api]]:
    """Opens the API of the started server for a token."""
    opened: list[Api] = []

    def open_api(token: str) -> Api:
        opened.append(Api(serving.url, token))
        return opened[-1]

    yield open_api
    for one in opened:
        one.close()
