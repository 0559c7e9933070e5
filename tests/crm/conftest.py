"""Both sides of an adapter, for each story anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crm_adapter import kommo_client
from tests.crm.kommo_rig import Rig, rig
from tests.stores import Stores
from tests.web.site import Made, make_store


@pytest.fixture(scope="session")
def made(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_store(stores.new(tmp_path_factory.mktemp("crm")))


@pytest.fixture
def _at_full_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of most stories counts no requests; those about the pace say so."""
    monkeypatch.setattr(kommo_client, "PER_SECOND", 10_000.0)


@pytest.fixture
async def kommo(stores: Stores, made: Made, tmp_path: Path, _at_full_speed: None) -> AsyncIterator[Rig]:
    async with rig(stores, made, tmp_path) as opened:
        yield opened
