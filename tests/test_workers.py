"""The process tree: workers that die are there again, and all of them end with their parent, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30.0
PROGRAM = """
import os, signal, sys
from gateway import logs, workers

logs.configure()

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def work(number, accepting):
    {before}
    signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM, signal.SIGHUP}})
    accepting()
    say("born", number, os.getpid())
    told = 0
    while told != signal.SIGTERM:
        told = signal.sigwait({{signal.SIGTERM, signal.SIGHUP}})
        say("told", number, told.name)
    {after}
    return 0

workers.BACK_OFF_SECONDS = {back_off}
tree = workers.Workers(
    {count}, work, lambda number: say("ended", number), lambda: say("leaving"), {drain_seconds}
)
sys.exit(tree.run(lambda: say("accepting")))
"""


class Tree:
    """A parent with its workers, which say what happens to them."""

    def __init__(self, **rest: object) -> None:
        parts = {"before": "pass", "after": "pass", "count": 3, "drain_seconds": 20.0, "back_off": (0.0, 0.1, 0.2)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(**(parts | rest))],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self.pids: dict[int, int] = {}

    def hear(self, count: int) -> list[str]:
        """The next so many lines, in some order; remembers who was born."""
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().strip() for _ in range(count)]
        for line in lines:
            if line.startswith("born "):
                self.pids[int(line.split()[1])] = int(line.split()[2])
        return sorted(" ".join(line.split()[:2]) if line.startswith("born") else line for line in lines)

    def end(self, number: signal.Signals | None = None) -> tuple[int, list[str], str]:
        """Its exit status once it and all its workers have ended, what was said by then, and what was logged."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, sorted(out.splitlines()), err


Plant = Callable[..., Tree]


@pytest.fixture
def plant() -> Iterator[Plant]:
    trees: list[Tree] = []

    def planter(**rest: object) -> Tree:
        trees.append(Tree(**rest))
        return trees[-1]

    yield planter
    for tree in trees:
        try:
            os.killpg(tree.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        tree.process.communicate()


BORN = ["accepting", "born 0", "born 1", "born 2"]
TERM = [f"told {number} SIGTERM" for number in range(3)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_parent_told_to_stop_lets_all_its_workers_finish(plant: Plant, number: signal.Signals) -> None:
    tree = plant()
    assert tree.hear(4) == BORN
    assert tree.end(number) == (0, ["leaving", *TERM], "")


def test_a_worker_that_was_killed_is_there_again_and_the_others_never_noticed(plant: Plant) -> None:
    tree = plant()
    assert tree.hear(4) == BORN
    before = dict(tree.pids)
    os.kill(before[1], signal.SIGKILL)
    assert tree.hear(2) == ["born 1", "ended 1"]
    assert {number for number in before if before[number] != tree.pids[number]} == {1}
    status, said, log = tree.end(signal.SIGTERM)
    assert (status, said) == (0, ["leaving", *TERM])
    assert "worker.died" in log
    assert "status=-9" in log


def test_a_worker_that_dies_again_and_again_waits_longer_each_time(plant: Plant) -> None:
    tree = plant()
    assert tree.hear(4) == BORN
    for _ in range(4):
        os.kill(tree.pids[2], signal.SIGKILL)
        assert tree.hear(2) == ["born 2", "ended 2"]
    log = tree.end(signal.SIGTERM)[2]
    assert [line.partition("again_in=")[2].split()[0] for line in log.splitlines()] == ["0.0", "0.1", "0.2", "0.2"], log


def test_a_parent_that_is_killed_takes_its_workers_with_it(plant: Plant) -> None:
    tree = plant()
    assert tree.hear(4) == BORN
    tree.process.kill()
    assert tree.end() == (-signal.SIGKILL, [], ""), "their output ends, as they do, before anybody gives up waiting"


def test_a_worker_that_hangs_is_not_waited_for_longer_than_that(plant: Plant) -> None:
    tree = plant(after="number and signal.pause()", drain_seconds=0.3)
    assert tree.hear(4) == BORN
    status, said, log = tree.end(signal.SIGTERM)
    assert (status, said) == (1, ["leaving", *TERM])
    assert "worker.killed" in log


def test_a_second_interrupt_ends_all_at_once(plant: Plant) -> None:
    tree = plant(after="number and signal.pause()")
    assert tree.hear(4) == BORN
    tree.process.send_signal(signal.SIGINT)
    assert tree.hear(4) == ["leaving", *TERM]
    assert tree.end(signal.SIGINT) == (130, [], "")


def test_where_a_worker_cannot_even_begin_nothing_is_served(plant: Plant) -> None:
    tree = plant(before="if number == 1: return 7")
    status, said, _ = tree.end()
    assert status == 1
    assert "accepting" not in said


def test_a_worker_that_raises_says_so_and_ends_with_1(plant: Plant) -> None:
    tree = plant(before="if number == 1: raise ValueError('no luck')")
    status, _, log = tree.end()
    assert status == 1
    assert "worker.failed" in log
    assert "no luck" in log


def test_a_hang_up_reaches_every_worker_and_ends_none(plant: Plant) -> None:
    tree = plant()
    assert tree.hear(4) == BORN
    tree.process.send_signal(signal.SIGHUP)
    assert tree.hear(3) == [f"told {number} SIGHUP" for number in range(3)]
    assert tree.end(signal.SIGTERM)[:2] == (0, ["leaving", *TERM])
