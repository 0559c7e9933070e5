"""Workers of one server count together by address, whichever of them a peer meets, and whoever of them dies (A8)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from gateway.counting import Buckets
from gateway.smtp import answers
from gateway.smtp.ledger import Ledger
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.visitors import Counts, Presence, Visitors

LIMITS = SmtpLimits(sessions_per_address=4, connections_per_minute=20, mails_per_minute=10, names_per_hour=6)
PEER = "198.51.100.7"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def in_a_worker(ledger: Ledger, place: int, work: Callable[[Counts], int]) -> int:
    """Does something in a process of its own; the small number that came of it."""
    pid = os.fork()
    if not pid:
        status = 255
        try:
            status = work(ledger.take_place(place))
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(LIMITS, 3)


def test_names_that_one_worker_told_are_missing_at_the_others(ledger: Ledger) -> None:
    def learn(counts: Counts) -> int:
        visitors = Visitors(LIMITS, counts=counts)
        visitor = visitors.visitor(PEER)
        told = 0
        while visitor.may_ask and told < 3:
            visitor.learned()
            told += 1
        return told

    assert [in_a_worker(ledger, place, learn) for place in (0, 1, 2)] == [3, 3, 0]


def test_what_workers_count_at_the_same_moment_is_all_counted(ledger: Ledger) -> None:
    def take(counts: Counts) -> int:
        for _ in range(3_000):
            counts.names.take("198.51.100.0/24")
        return 0

    pids = []
    for place in range(3):
        pid = os.fork()
        if not pid:
            os._exit(take(ledger.take_place(place)))
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    left = ledger.take_place(0).names.level("198.51.100.0/24")
    assert -9_000 <= left - LIMITS.names_per_hour < -8_990, "an hour refills only as many as may be learned in it"


def test_sessions_of_an_address_are_counted_over_all_workers_and_given_back_by_one_that_died(ledger: Ledger) -> None:
    def enter(counts: Counts) -> int:
        visitors = Visitors(LIMITS, counts=counts)
        inside = 0
        while visitors.visitor(PEER).enter() is None:
            inside += 1
        return inside

    def stay_and_die(counts: Counts) -> int:
        visitors = Visitors(LIMITS, counts=counts)
        for _ in range(3):
            visitors.visitor(PEER).enter()
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert in_a_worker(ledger, 1, stay_and_die) == -signal.SIGKILL
    assert in_a_worker(ledger, 0, enter) == 1
    assert in_a_worker(ledger, 1, lambda counts: counts.sessions.count(PEER)) == 1, "its successor begins with nobody"


def test_a_worker_that_died_while_it_counted_keeps_nobody_waiting(ledger: Ledger) -> None:
    def die_inside(counts: Counts) -> int:
        with counts.names._lock:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert in_a_worker(ledger, 0, die_inside) == -signal.SIGKILL
    assert in_a_worker(ledger, 1, lambda counts: int(counts.names.take(PEER))) == LIMITS.names_per_hour - 1


def test_a_visitor_is_refused_in_the_same_words_as_by_a_process_alone(ledger: Ledger) -> None:
    visitors = Visitors(LIMITS, counts=ledger.take_place(0))
    guests = [visitors.visitor(PEER) for _ in range(LIMITS.sessions_per_address + 1)]
    assert [guest.enter() for guest in guests][-1] is answers.TOO_MANY_SESSIONS_OF_ADDRESS
    for guest in guests:
        guest.leave()
    for _ in range(LIMITS.connections_per_minute - len(guests)):
        visitors.visitor(PEER).enter()
    assert visitors.visitor(PEER).enter() is answers.TOO_MANY_CONNECTIONS


def test_shared_buckets_run_out_and_refill_as_those_of_a_process_alone() -> None:
    clock = Clock()
    shared, alone = Ledger(LIMITS, 1, clock).take_place(0).names, Buckets(LIMITS.names_per_hour, 3600, clock)
    for seconds in (0, 10, 600, 0, 0, 0, 0, 0, 0, 0, 3600, 20, 50_000, 1):
        clock.now += seconds
        assert shared.level(PEER) == pytest.approx(alone.level(PEER))
        assert shared.take(PEER) == pytest.approx(alone.take(PEER))


def test_a_flood_of_addresses_drives_out_what_was_counted_longest_ago() -> None:
    clock = Clock()
    names = Ledger(LIMITS, 1, clock).take_place(0).names
    names.take("first")
    for n in range(70_000):
        clock.now += 0.0001
        names.take(str(n))
    assert names.level("first") == LIMITS.names_per_hour
    assert names.level("69999") < LIMITS.names_per_hour


def test_who_left_leaves_room_for_others() -> None:
    shared, alone = Ledger(LIMITS, 2).take_place(1).sessions, Presence()
    for n in range(60_000):
        for present in (shared, alone):
            present.enter(str(n))
            assert present.count(str(n)) == 1
            present.leave(str(n))
            assert present.count(str(n)) == 0
