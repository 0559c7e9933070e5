"""A rig of its own for each test of the poller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.engine import Place, Store
from tests.mailboxes.rig import Rig


@pytest.fixture
async def rig(place: Place, tmp_path: Path) -> AsyncIterator[Rig]:
    store = Store(place)
    store.start()
    made = Rig(place, tmp_path / "blobs", store)
    await made.open_account()
    yield made
    await made.close()
