"""Floods: each is cut with a reply, takes bounded memory and disk, and keeps no honest mail from being filed (A8)."""

from __future__ import annotations

import pytest

from tests.load.floods import FLOODS, Flooded
from tests.load.house import MIB
from tests.load.programme import SHORT
from tests.load.watch import Watched

Floods = dict[str, Watched[Flooded]]


@pytest.mark.parametrize("name", FLOODS)
def test_a8_a_flood_is_answered_and_cut_where_it_must_be(flooded: Floods, name: str) -> None:
    assert flooded[name].came.faults == []
    assert flooded[name].came.counts.total() > 0


@pytest.mark.parametrize("name", FLOODS)
def test_every_mail_of_an_honest_sender_is_filed_during_a_flood(flooded: Floods, name: str) -> None:
    assert flooded[name].honest.others == {}
    assert flooded[name].honest.filed > 0


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_takes_bounded_memory_and_leaves_no_fault_behind(flooded: Floods, name: str) -> None:
    assert flooded[name].grown < FLOODS[name].mib * MIB
    assert flooded[name].trouble == ()


def test_a8_a_stream_without_end_is_never_kept_beyond_the_largest_mail(flooded: Floods) -> None:
    seen = flooded["a stream of 10 GB"]
    assert seen.spooled <= SHORT.floods.streams * (SHORT.floods.message_bytes + MIB)
