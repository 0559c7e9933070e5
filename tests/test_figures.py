"""Figures of several processes are told as one sum, which doesn't fall when one of them dies."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Callable, Iterator

import pytest

from gateway import figures, metrics
from gateway.figures import Board
from gateway.metrics import Family

NO_LABELS: tuple[tuple[str, str], ...] = ()


def told(text: bytes, name: str) -> float:
    """The figure of that name and labels."""
    (line,) = [line for line in text.decode().splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


class Other:
    """A worker in a process of its own, which counts so many limits and then answers until it is killed."""

    def __init__(self, board: Board, place: int, count: Callable[[], None], *, silent: bool = False) -> None:
        read, write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                bell = board.take_place(place)
                count()
                os.write(write, b".")
                while not silent:
                    select.select([bell], [], [])
                    board.answer()
                signal.pause()
            finally:
                os._exit(1)
        os.close(write)
        os.read(read, 1)
        os.close(read)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def counting(limits: int) -> Callable[[], None]:
    """Counts so many of a limit that no other test counts, beginning from nought as a process that was just made."""

    def count() -> None:
        for _ in range(limits):
            metrics.limit_reached("of this test")
        metrics.session_opened("of this test")

    return count


LIMITS = 'smartgate_limits_total{limit="of this test"}'
SESSIONS = 'smartgate_sessions{road="of this test"}'


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board(3)
    yield made
    made.close()


def take_place(board: Board, number: int) -> None:
    asyncio.get_running_loop().add_reader(board.take_place(number), board.answer)


async def test_whoever_is_asked_tells_the_sum_of_all_also_of_one_that_died_since(board: Board) -> None:
    others = [Other(board, 1, counting(10)), Other(board, 2, counting(100))]
    try:
        take_place(board, 0)
        first = await board.exposition()
        others[0].kill()
        board.worker_ended(1)
        second = await board.exposition()
        others[0] = Other(board, 1, counting(1_000))
        third = await board.exposition()
    finally:
        for other in others:
            other.kill()
    assert [told(text, LIMITS) for text in (first, second, third)] == [110, 110, 1_110]
    assert [told(text, SESSIONS) for text in (first, second, third)] == [2, 1, 2], "sessions end with their worker"


async def test_a_worker_that_does_not_answer_is_waited_for_no_longer_than_that(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "PATIENCE_SECONDS", 0.01)
    other = Other(board, 1, counting(5), silent=True)
    try:
        take_place(board, 0)
        assert b"smartgate_mails" in await board.exposition()
    finally:
        other.kill()


MERGED = {
    "what is counted is summed": ("smartgate_mails_total", 2.0, 3.0, 5.0),
    "when counting began is the earliest moment": ("smartgate_mails_created", 1_700.0, 1_600.0, 1_600.0),
    "of the longest the longest holds": ("smartgate_loop_lag_longest_seconds", 0.2, 0.1, 0.2),
}


@pytest.mark.parametrize(("name", "one", "other", "both"), MERGED.values(), ids=MERGED)
def test_figures_of_two_processes_become_one(name: str, one: float, other: float, both: float) -> None:
    parts = [Family("smartgate", "counter", "Help.", {(name, NO_LABELS): value}) for value in (one, other)]
    assert metrics.merged(parts) == [Family("smartgate", "counter", "Help.", {(name, NO_LABELS): both})]


def test_the_sum_of_one_process_alone_reads_as_its_own_figures() -> None:
    assert metrics.exposition(metrics.families()) == metrics.exposition()
