"""Ids: opaque, sortable by the moment, never twice."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.store import ids


def test_ids_rise_and_are_never_given_twice_whichever_thread_asks() -> None:
    with ThreadPoolExecutor(4) as threads:
        lists = list(threads.map(lambda _: [ids.new_id() for _ in range(2_000)], range(4)))

    everything = [one for some in lists for one in some]
    assert len(set(everything)) == len(everything)
    assert all(some == sorted(some) for some in lists)
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", one) for one in everything)


def test_ids_go_on_rising_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids.new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)

    assert ids.new_id() > before
