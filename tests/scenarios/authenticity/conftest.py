"""Houses whose mail comes from outside."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.name_server import NameServer
from tests.scenarios.authenticity.outside import ZONES, FromOutside
from tests.scenarios.house import House


@pytest.fixture
async def outside() -> AsyncIterator[FromOutside]:
    async with NameServer(ZONES) as server:
        yield FromOutside(server)


@pytest.fixture
async def house(world: Path, tmp_path: Path, outside: FromOutside) -> AsyncIterator[House]:
    shutil.copy(world, tmp_path / "store.db")
    one = House(tmp_path / "store.db", outside)
    await one.open()
    yield one
    await one.close()
