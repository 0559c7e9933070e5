"""Where the time goes: what stacks say, the flame graph, and both profilers on a real server."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import flames, profiling, stacks
from bench.__main__ import main
from bench.profiling import looked_at, save, summary
from bench.rows import Row

ROW = Row("tiny", "tiny", 3072, 2, goal=1.0)
LOOP = "main (gateway/cli.py:3);run (asyncio/base.py:9)"
SEEN = f"""\
{LOOP};write (gateway/store/filing.py:12);execute (cursor.c:896);sqlite3VdbeExec (libsqlite3.so.0.8.6) 30
{LOOP};write (gateway/store/filing.py:13);sqlite3Step (libsqlite3.so.0.8.6);0x7f01 (libc.so.6) 10
{LOOP};read (gateway/core/mail.py:7) 30
{LOOP};send (gateway/smtp/wire.py:5);sock_send (socketmodule.c:1);send (libc.so.6) 10
{LOOP};sync (gateway/store/writer.py:5);fdatasync (libc.so.6) 10
{LOOP};read (gateway/core/mail.py:8);0x7f03 (orjson/orjson.cpython-311-x86_64-linux-gnu.so) 10
thread (threading.py:1);get (_queuemodule.c:2);PyThread_acquire_lock_timed (libpython3.11.so.1.0);0x7f02 (libc.so.6) 900
{LOOP};wait (selectors.py:1);epoll_wait (libc.so.6) 300
{LOOP};wait (psycopg/waiting.py:1);poll (libc.so.6) 300
"""


@pytest.fixture
def seen() -> Counter[stacks.Stack]:
    return stacks.read(SEEN.splitlines())


def test_those_who_only_wait_are_left_out_and_the_c_library_works_for_its_caller(seen: Counter[stacks.Stack]) -> None:
    assert dict(stacks.shares(seen)) == {
        stacks.SQLITE: 0.4,
        stacks.PYTHON: 0.3,
        stacks.KERNEL: 0.1,
        stacks.SYNC: 0.1,
        "orjson": 0.1,
    }


def test_a_function_is_counted_once_whatever_its_line(seen: Counter[stacks.Stack]) -> None:
    costs = {cost.function: (cost.alone, cost.below) for cost in stacks.costs(seen)}
    assert costs["read (gateway/core/mail.py)"] == (0.3, 0.4)
    assert costs["write (gateway/store/filing.py)"] == (0.0, 0.4)


def test_the_flame_graph_begins_where_stacks_part(seen: Counter[stacks.Stack]) -> None:
    root = stacks.flame(seen)
    assert root.samples == 100
    assert {frame: call.samples for frame, call in root.calls.items()} == {
        "write (gateway/store/filing.py)": 40,
        "read (gateway/core/mail.py)": 40,
        "send (gateway/smtp/wire.py)": 10,
        "sync (gateway/store/writer.py)": 10,
    }


def test_the_flame_graph_is_a_sound_picture_without_a_script(seen: Counter[stacks.Stack]) -> None:
    picture = flames.draw("<tiny>", seen)
    tree = ElementTree.fromstring(picture)
    assert "sqlite3VdbeExec (libsqlite3.so.0.8.6): 30.0%" in picture
    assert "SQLite 40%" in str(tree.findtext("{http://www.w3.org/2000/svg}desc"))
    assert "script" not in picture


@pytest.mark.parametrize("spied", [True, False], ids=["py-spy", "cProfile"])
def test_a_server_is_looked_at_while_it_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spied: bool) -> None:
    if not spied:
        monkeypatch.setattr(profiling, "_py_spy", lambda: None)
    found = looked_at(ROW, tmp_path, 1.0)
    words = summary(found)
    written = save(found, words, tmp_path / "out")
    assert found.load.outcome.refused == {}
    assert found.load.user > 0
    if found.seen:
        assert "Who is at work" in words
        assert [path.suffix for path in written] == [".txt", ".svg"]
    else:
        assert "By cProfile" in words
        assert found.why
        assert "function calls" in words
        assert [path.suffix for path in written] == [".txt"]


def test_a_row_without_a_load_of_its_own_is_no_row_to_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "memory"]) == 2
    assert "memory has no load of its own" in capsys.readouterr().out
