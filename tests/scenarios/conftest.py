"""Houses for the stories: each begins with a copy of one prepared store, of either kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.store.engine import Place
from tests.scenarios.house import House, make_world
from tests.stores import Stores


@pytest.fixture(scope="session")
def world(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The store that is copied."""
    place = stores.new(tmp_path_factory.mktemp("world"))
    make_world(place)
    return place


@pytest.fixture
def store(stores: Stores, world: Place, tmp_path: Path) -> Iterator[Place]:
    """A store that holds the world, for one story."""
    place = stores.copy(world, tmp_path)
    yield place
    stores.forget(place)


@pytest.fixture
async def house(store: Place, tmp_path: Path) -> AsyncIterator[House]:
    one = House(store, tmp_path)
    await one.open()
    yield one
    await one.close()
