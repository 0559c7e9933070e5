"""Houses for the stories: each begins with a copy of one prepared store."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenarios.house import House, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "world.db"
    make_world(path)
    return path


@pytest.fixture
async def house(world: Path, tmp_path: Path) -> AsyncIterator[House]:
    shutil.copy(world, tmp_path / "store.db")
    one = House(tmp_path / "store.db")
    await one.open()
    yield one
    await one.close()
