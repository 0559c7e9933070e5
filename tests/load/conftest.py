"""One server for the stories of a crowd: every phase and every flood at one time would be too slow one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.load.floods import FLOODS, Flooded
from tests.load.guests import Ended
from tests.load.house import House, Pace
from tests.load.phases import PHASES, hold
from tests.load.programme import SHORT
from tests.load.watch import Watched, watch

GUESTS, LMTP_GUESTS = 40, 10
Siege = Watched[dict[str, Ended]]


@pytest.fixture(scope="session")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """Slow senders of all phases at both doors at one time; how those of each phase ended."""
    house = House(tmp_path_factory.mktemp("siege"), SHORT.pace)

    async def all_phases() -> dict[str, Ended]:
        smtp = {name: hold(house, phase, GUESTS) for name, phase in PHASES.items()}
        lmtp = {
            f"{name}, LMTP": hold(house, phase, LMTP_GUESTS, lmtp=True) for name, phase in PHASES.items() if phase.lmtp
        }
        works = smtp | lmtp
        return dict(zip(works, await asyncio.gather(*works.values()), strict=True))

    with house.open():
        yield watch(house, all_phases())


@pytest.fixture(scope="session")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Watched[Flooded]]]:
    """Every flood, one after the other, at one server."""
    settings = {"MAX_MESSAGE_BYTES": str(SHORT.floods.message_bytes)}
    for flood in FLOODS.values():
        settings |= flood.settings
    house = House(tmp_path_factory.mktemp("flood"), Pace(idle=30, data=60, rate=256), **settings)
    with house.open():
        yield {name: watch(house, flood.play(house, SHORT.floods)) for name, flood in FLOODS.items()}
