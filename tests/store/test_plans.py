"""Every look-up of the filing path is served by an index, however many mails are stored."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from gateway.store import facts
from gateway.store.prepared import Prepared
from gateway.store.schema import ensure_schema

# Of an account there is one row, and of its own domains a handful.
WHOLE = frozenset(("_ACCOUNTS", "_DOMAINS"))
LOOKUPS = {name: one for name, one in vars(facts).items() if isinstance(one, Prepared) and name not in WHOLE}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    ensure_schema(tmp_path / "store.db")
    connection = sqlite3.connect(tmp_path / "store.db")
    yield connection
    connection.close()


@pytest.mark.parametrize("name", LOOKUPS)
def test_a_lookup_names_more_than_the_account(store: sqlite3.Connection, name: str) -> None:
    tables = {row[0] for row in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    query = str(LOOKUPS[name]._statement.compile(dialect=sqlite.dialect(paramstyle="named")))  # type: ignore[attr-defined]
    values = dict.fromkeys(re.findall(r":(\w+)", query), "[]")

    plan = [row[3] for row in store.execute(f"EXPLAIN QUERY PLAN {query}", values)]

    steps = [step for step in plan if re.match(r"(SCAN|SEARCH) (\w+)", step) and step.split()[1] in tables]
    assert steps
    assert [step for step in steps if step.startswith("SCAN") or "(account=?)" in step] == []
