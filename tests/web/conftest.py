"""A fresh site for each story."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stores import Stores
from tests.web.site import Made, Site, make_store, open_site


@pytest.fixture(scope="session")
def made(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_store(stores.new(tmp_path_factory.mktemp("web")))


@pytest.fixture
async def site(stores: Stores, made: Made, tmp_path: Path) -> AsyncIterator[Site]:
    place = stores.copy(made.place, tmp_path)
    opened = open_site(made, place, tmp_path)
    yield opened
    await opened.close()
    stores.forget(place)
