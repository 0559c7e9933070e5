"""Rows with a yardstick of their own: each measures what it says, and says so where it could not."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import memory
from bench.cold import START
from bench.figures import Result, Round, Side
from bench.holding import Held, Holding
from bench.idle import IDLE
from bench.memory import MEMORY
from bench.peer import PeerError, Tree
from bench.rows import ORDINARY
from bench.run import Run, Yardstick
from bench.runner import Plan
from bench.spent import CPU
from bench.webhook import WEBHOOK
from tests.bench.responder import Responder

HUNGRY = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print(flush=True)
signal.sigwait({signal.SIGUSR1})
bytearray(b"x") * (64 << 20)
print(flush=True)
signal.pause()
"""


def measured(row: Yardstick, plan: Plan, *results: Result) -> tuple[Run, list[str]]:
    steps: list[str] = []
    return Run(plan, steps.append, list(results)), steps


def plan(folder: Path) -> Plan:
    return Plan(folder, rounds=1, seconds=0.3, warm_up=0.1, held=50)


@pytest.mark.parametrize("row", [CPU, START, IDLE, WEBHOOK], ids=lambda row: row.id)
def test_a_row_is_measured_and_leaves_nothing_behind(row: Yardstick, tmp_path: Path) -> None:
    run, steps = measured(row, plan(tmp_path))
    found = row.measure(run)
    assert found.faults == ()
    assert all(line.middle is not None and line.middle > 0 for line in found.lines if line.goal is not None)
    assert len(steps) == row.steps(run.plan)
    assert list(tmp_path.iterdir()) == []


def test_memory_is_what_comes_on_top_of_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SHAPES", ((3, 512_000),))
    run, steps = measured(MEMORY, plan(tmp_path))
    found = MEMORY.measure(run)
    assert found.faults == ()
    assert [line.what for line in found.lines] == ["memory above rest, 3 × 0.512 MB at once (highest RSS)"]
    assert len(steps) == 1


HUNGRY = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print(flush=True)
signal.sigwait({signal.SIGUSR1})
bytearray(b"x") * (64 << 20)
print(flush=True)
signal.pause()
"""


def test_the_highest_memory_is_seen_also_where_it_lasts_a_moment_only(tmp_path: Path) -> None:
    tree = Tree([sys.executable, "-c", HUNGRY], tmp_path)
    try:
        assert tree.process.stdout
        assert tree.process.stdout.readline() == b"\n"
        before = memory.held(tree.pids())
        with memory.Watched(tree.pids) as watched:
            tree.process.send_signal(signal.SIGUSR1)
            assert tree.process.stdout.readline() == b"\n"
        assert watched.peak.rss - before.rss > 60
    finally:
        tree.stop()


def test_the_cpu_of_a_mail_is_taken_from_the_row_that_measured_it(tmp_path: Path) -> None:
    ours, peer = (Side((Round(9, 1, 1, cpu, 0.1, 0, 5),), 5, 5) for cpu in (0.3, 1.2))
    run, steps = measured(CPU, plan(tmp_path), Result(ORDINARY, peer, ours))
    [line] = CPU.measure(run).lines
    assert line.middle == 0.3
    assert line.reached is True
    assert "Postfix 1.20 ms" in line.note
    assert steps == []


async def test_idle_connections_are_held_and_each_is_asked_in_the_end() -> None:
    responder = Responder()
    async with responder.listening():
        holding = Holding(responder.port, 7, 2, 0.2)
        command = (sys.executable, "-m", "bench.holding", holding.dumped())
        pipe = asyncio.subprocess.PIPE
        generator = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert generator.stdout
        assert await generator.stdout.readline() == b"7\n"
        said, _ = await generator.communicate(b"go\n")
    held = Held(**json.loads(said))
    assert held.alive == 7
    assert held.faults == []
    assert sum(len(one) for one in held.waits) == len(responder.mails) > 0
    assert len(held.waits) == 2
    assert responder.connections == 7 + len(responder.mails)


async def test_a_refused_mail_is_no_wait_but_a_fault() -> None:
    responder = Responder(verdict=lambda _: "451 4.3.0 later")
    async with responder.listening():
        holding = Holding(responder.port, 1, 1, 0.2)
        command = (sys.executable, "-m", "bench.holding", holding.dumped())
        pipe = asyncio.subprocess.PIPE
        generator = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        said, _ = await generator.communicate(b"go\n")
    held = Held(**json.loads(said.splitlines()[1]))
    assert held.faults == ["mail 0: 451 4.3.0 later"]
    assert held.waits == [[]]


def test_too_few_files_are_told_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr("bench.idle.resource.getrlimit", lambda _: (100, 100))
    monkeypatch.setattr("bench.idle.resource.setrlimit", refuse)
    run, _ = measured(IDLE, plan(tmp_path))
    with pytest.raises(PeerError, match=r"562 files are needed at one time, 100 are allowed: raise `ulimit -n`"):
        IDLE.measure(run)


def test_a_disk_without_room_for_a_million_mails_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bench.run.shutil.disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    run, _ = measured(IDLE, plan(tmp_path))
    with run, pytest.raises(PeerError, match=r"1,000,000 mails need 9\.6 GB in .*: choose another disk with --dir"):
        run.filled(1_000_000)
