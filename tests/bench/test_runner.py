"""The runner: fair turns, clean ends, and servers that keep what they acknowledge."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import ours
from bench.__main__ import _is_kept, _parser, _plan, main
from bench.choice import ALL
from bench.lines import Found, Line
from bench.peer import PeerError, Tree, greets, waited
from bench.postfix import Postfix
from bench.rows import Row
from bench.run import Run, Yardstick
from bench.runner import Plan, measure
from bench.whole import measure_all
from tests.bench.responder import Responder

ROW = Row("tiny", "tiny", 3072, 2, goal=1.0)


class StandIn:
    """A server that only counts, behind the interface of a peer; it notes whenever the load comes over to it."""

    def __init__(self, name: str, turns: list[str]) -> None:
        self.name = name
        self._turns = turns
        self._responder = Responder(verdict=self._note)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._listening = self._responder.listening()

    def start(self, folder: Path) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listening.__aenter__(), self._loop).result(10)

    @property
    def port(self) -> int:
        return self._responder.port

    def cpu_seconds(self) -> float:
        return 0.0

    def kept(self) -> int:
        return len(self._responder.mails)

    def configuration(self) -> Mapping[str, str]:
        return {"kind": "stand-in"}

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._listening.__aexit__(None, None, None), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _note(self, number: int) -> str:
        if self._turns[-1:] != [self.name]:
            self._turns.append(self.name)
        return "250 2.6.0 fine"


def test_servers_take_turns_and_the_one_that_goes_first_changes(tmp_path: Path) -> None:
    turns: list[str] = []
    steps: list[str] = []
    plan = Plan(tmp_path, rounds=2, seconds=0.2, warm_up=0.1)
    result, used = measure(ROW, plan, StandIn("peer", turns), StandIn("ours", turns), steps.append)
    assert turns == ["peer", "ours", "peer", "ours", "peer"]  # warm-up, a round, and one the other way round
    assert len(steps) == plan.bursts(2)
    assert result.faults == []
    assert result.ratio("rate") is not None
    assert used == {"peer": {"kind": "stand-in"}, "ours": {"kind": "stand-in"}}
    assert list(tmp_path.iterdir()) == []


def test_a_process_tree_is_counted_and_ended_with_its_children(tmp_path: Path) -> None:
    child = "import os, signal; sum(range(10**7)); print(os.getpid(), flush=True); signal.pause()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    tree = Tree([sys.executable, "-c", parent], tmp_path)
    assert tree.process.stdout
    child_id = int(tree.process.stdout.readline())
    assert waited(lambda: tree.cpu_seconds() > 0, 10)
    tree.stop()
    stat = Path(f"/proc/{child_id}/stat")
    assert not stat.exists() or ") Z " in stat.read_text()


def test_the_list_names_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert all(row.id in shown for row in ALL)


def test_an_unknown_row_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["7k-7"]) == 2
    assert "no row 7k-7" in capsys.readouterr().out


@pytest.mark.e2e
@pytest.mark.skipif(not Path("/usr/sbin/postfix").exists(), reason="postfix is missing: apt-get install postfix")
@pytest.mark.skipif(os.geteuid() != 0, reason="Postfix is started by root only: run as root")
def test_a_private_postfix_keeps_what_it_acknowledges_and_leaves_nothing_behind() -> None:
    peer = Postfix()
    result, used = measure(ROW, Plan(Path("/var/tmp"), rounds=1, seconds=0.3, warm_up=0.1), peer, None, lambda _: None)
    assert result.faults == []
    assert "static:HOLD" in used["postfix"]["smtpd_recipient_restrictions"]
    assert not greets(peer.port)


def test_our_server_keeps_what_it_acknowledges(tmp_path: Path) -> None:
    server = ours.Ours()
    result, used = measure(ROW, Plan(tmp_path, rounds=1, seconds=0.3, warm_up=0.1), None, server, lambda _: None)
    assert result.faults == []
    assert result.ours is not None
    assert result.ours.middle("cpu_ms") > 0
    assert used["smartgate"]["synchronous"] == "FULL"
    assert not greets(server.port)


FAILURES = {
    # story                               the command as it fails                          what is said
    "an account that can't be made": (
        "sys.exit('SMARTGATE_DOMAINS: no')",
        "`smartgate account add` failed: SMARTGATE_DOMAINS: no",
    ),
    "a server that ends at once": (
        "'serve' in sys.argv and sys.exit('the port is taken')",
        "`smartgate serve` ended or did not answer within 30 s; it said: the port is taken",
    ),
}


@pytest.mark.parametrize(("command", "said"), FAILURES.values(), ids=FAILURES)
def test_a_server_that_does_not_start_is_told_with_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, said: str
) -> None:
    monkeypatch.setattr(ours, "_COMMAND", (sys.executable, "-c", f"import sys; {command}"))
    server = ours.Ours()
    with pytest.raises(PeerError, match=re.escape(said)):
        server.start(tmp_path)
    server.stop()


def test_a_row_that_cannot_be_measured_leaves_the_others_alone(tmp_path: Path) -> None:
    def broken(_: Run) -> Found:
        raise PeerError("`smartgate serve` ended; it said: Traceback:\n  File x\nValueError: no")

    sound = Yardstick("sound", "", "", lambda _: 1, lambda _: Found("sound", (Line("x", (1.0,)),)))
    report = measure_all([Yardstick("broken", "", "", lambda _: 1, broken), sound], Plan(tmp_path))
    assert report.faults == ["broken: not measured: `smartgate serve` ended; it said: Traceback: … ValueError: no"]
    assert [one.row for one in report.found] == ["sound"]


def test_the_only_row_that_was_asked_for_fails_with_its_own_words(tmp_path: Path) -> None:
    def broken(_: Run) -> Found:
        raise PeerError("nobody is there")

    with pytest.raises(PeerError, match="nobody is there"):
        measure_all([Yardstick("broken", "", "", lambda _: 1, broken)], Plan(tmp_path))


KEPT = {
    # story                                   asked for                                   kept
    "a whole run is kept": ([], True),
    "nine rounds are": (["--rounds", "9"], True),
    "four rounds are not": (["--rounds", "4"], False),
    "one server alone is not": (["--only", "smartgate"], False),
    "a smaller store is not": (["--stored", "20000"], False),
    "fewer connections are not": (["--held", "100"], False),
    "a quick run is not": (["--quick"], False),
}


@pytest.mark.parametrize(("asked", "kept"), KEPT.values(), ids=KEPT)
def test_what_is_kept(asked: list[str], kept: bool) -> None:
    assert _is_kept(_parser().parse_args(asked)) is kept


def test_a_quick_run_has_one_short_round_and_small_stores_unless_more_is_named() -> None:
    quick = _plan(_parser().parse_args(["--quick", "--rounds", "3"]))
    assert (quick.rounds, quick.seconds, quick.stored, quick.held) == (3, 1.0, 20_000, 1_000)
    whole = _plan(_parser().parse_args([]))
    assert (whole.rounds, whole.seconds, whole.stored, whole.held) == (5, None, 1_000_000, 10_000)
