"""Connections that are held and say nothing cost a few kilobytes each, and mails go through beside them."""

from __future__ import annotations

from pathlib import Path

from tests.load.guests import STAYED
from tests.load.house import KIB, House, Pace
from tests.load.phases import rest
from tests.load.programme import IDLE_KIB, SHORT
from tests.load.watch import watch


def test_mails_are_filed_beside_a_thousand_idle_connections_that_are_all_kept(tmp_path: Path) -> None:
    house = House(tmp_path, Pace(idle=300, data=600, rate=256))
    with house.open():
        seen = watch(house, rest(house, SHORT.idle, SHORT.idle_seconds))
        figures = house.figures()
    assert seen.came.by == {STAYED: SHORT.idle}
    assert seen.honest.others == {}
    assert seen.honest.filed > 0
    assert seen.grown < SHORT.idle * IDLE_KIB * KIB
    assert seen.trouble == ()
    assert figures["process_resident_memory_bytes"] > 0
    assert figures["smartgate_loop_lag_seconds_count"] > 0
