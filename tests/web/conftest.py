"""A fresh site for each story."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.site import Made, Site, make_store, open_site


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_store(tmp_path_factory.mktemp("web") / "store.db")


@pytest.fixture
async def site(made: Made, tmp_path: Path) -> AsyncIterator[Site]:
    opened = open_site(made, tmp_path)
    yield opened
    await opened.close()
