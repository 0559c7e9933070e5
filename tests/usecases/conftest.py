"""A store with an account, and a receiver of its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.engine import Place, Store
from tests.crm.post import Post
from tests.crm.receiver import Receiver


@pytest.fixture
async def post(place: Place, tmp_path: Path) -> AsyncIterator[Post]:
    store = Store(place)
    store.start()
    made = Post(store, tmp_path)
    await made.open_account()
    yield made
    for carrier in made.carriers:
        await carrier.stop(0.1)
    for courier in made.couriers:
        await courier.close()
    await store.stop()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.open()
    yield made
    await made.close()
