"""Every look-up of the filing path is served by an index, however many mails are stored."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import tuple_
from sqlalchemy.dialects import sqlite

from gateway.store import facts
from gateway.store.prepared import Prepared
from gateway.store.reading import Position
from gateway.store.reading_mail import Filter, select_messages
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


LISTS = {
    "the mail of a card": (Filter(cards=("c",)), ["SEARCH cards", "SEARCH messages"]),
    "the mail of a card in one folder": (Filter(cards=("c",), folder="inbox"), ["SEARCH cards", "SEARCH messages"]),
    "the mail of two cards": (Filter(cards=("c", "d")), ["SEARCH cards", "SEARCH messages"]),
    "all mail": (Filter(), ["SEARCH messages"]),
}


@pytest.mark.parametrize(("wanted", "steps"), LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("after", [None, (1, "m")], ids=["from the newest on", "from a position on"])
def test_a_list_is_read_in_its_order_and_no_further_than_its_page(
    store: sqlite3.Connection, wanted: Filter, steps: list[str], after: Position | None
) -> None:
    plan = plan_of(store, wanted, after)
    assert [" ".join(step.split()[:2]) for step in plan[: len(steps)]] == steps
    assert [step for step in plan if "TEMP B-TREE" in step or "LIST" in step or step.startswith("SCAN")] == []


def test_the_mail_of_a_thread_is_read_from_the_thread(store: sqlite3.Connection) -> None:
    plan = plan_of(store, Filter(thread="t"), None)
    assert any(step.startswith("SEARCH sources USING") and "thread=?" in step for step in plan)
    assert any(step.startswith("SEARCH messages USING") and "id=?" in step for step in plan)


def plan_of(store: sqlite3.Connection, wanted: Filter, after: Position | None) -> list[str]:
    query, keys = select_messages(7, wanted)
    if after is not None:
        query = query.where(tuple_(*keys) < tuple_(*after))
    ordered = query.order_by(*(key.desc() for key in keys)).limit(51)
    text = ordered.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    return [row[3] for row in store.execute(f"EXPLAIN QUERY PLAN {text}")]
