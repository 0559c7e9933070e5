"""The private PostgreSQL of the bench: durable, counted with all its processes, and gone without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import postgresql
from bench.peer import PeerError, waited
from bench.postgresql import Postgresql, programs
from bench.rows import ROWS
from bench.whole import ours


def available() -> bool:
    try:
        return programs().is_dir()
    except PeerError:
        return False


@pytest.mark.e2e
@pytest.mark.skipif(not available(), reason="PostgreSQL is missing: apt-get install postgresql")
def test_a_private_postgresql_is_as_durable_as_the_others_and_leaves_nothing_behind(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest-", "popen-")) or folder == tmp_path:
            folder.chmod(0o755)
    server = Postgresql()
    server.start(tmp_path)
    try:
        told = server.configuration()
        assert (told["fsync"], told["synchronous_commit"], told["full_page_writes"]) == ("on", "on", "on")
        assert server.url.startswith("postgresql://smartgate@127.0.0.1:")
        assert waited(lambda: server.cpu_seconds() > 0, 10)
        with pytest.raises(PeerError, match="messages"):
            server.kept()
        pids = server.pids
    finally:
        server.stop()
    assert len(pids) > 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_where_it_is_missing_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgresql, "_DEBIAN", tmp_path)
    monkeypatch.setattr(postgresql, "_PACKAGE", "no_such_package")
    with pytest.raises(PeerError, match="PostgreSQL is not installed: apt-get install postgresql"):
        programs()


def test_a_row_has_the_server_that_it_names() -> None:
    named = {row.id: ours(row) for row in ROWS if row.database == "PostgreSQL" or row.id == "3k-1"}
    assert {id: (server.database.name, server.name) for id, server in named.items()} == {
        "3k-1": ("SQLite", "smartgate"),
        "pg-3k-100": ("PostgreSQL", "smartgate on PostgreSQL"),
        "pg-3k-100-w2": ("PostgreSQL", "smartgate on PostgreSQL, 2 processes"),
        "pg-3k-100-w4": ("PostgreSQL", "smartgate on PostgreSQL, 4 processes"),
    }
    assert named["pg-3k-100-w4"].command()[-2:] == ("--workers", "4")
