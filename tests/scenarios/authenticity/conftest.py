"""Houses whose mail comes from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.engine import Place
from tests.name_server import NameServer
from tests.scenarios.authenticity.outside import ZONES, FromOutside
from tests.scenarios.house import House


@pytest.fixture
async def outside() -> AsyncIterator[FromOutside]:
    async with NameServer(ZONES) as server:
        yield FromOutside(server)


@pytest.fixture
async def house(store: Place, tmp_path: Path, outside: FromOutside) -> AsyncIterator[House]:
    one = House(store, tmp_path, outside)
    await one.open()
    yield one
    await one.close()
