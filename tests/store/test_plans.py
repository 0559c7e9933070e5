"""Every look-up of filing and of deliveries is served by an index, however many mails and events are stored."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, tuple_
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool

from gateway.core.visibility import Box, Eyes, Sight
from gateway.store import deliveries, facts, filing
from gateway.store.accounts import find_seats
from gateway.store.prepared import Prepared
from gateway.store.reading import Position
from gateway.store.reading_cards import list_contacts, list_leads
from gateway.store.reading_mail import Filter, list_messages, select_messages
from gateway.store.reading_outcomes import find_outcomes
from gateway.store.reading_receipts import Search, find_first_attempts, list_receipts
from gateway.store.schema import ensure_schema
from tests.web.site import letter, make_store, open_site

# Of an account there is one row, of its own domains and endpoints a handful.
WHOLE = frozenset(("_ACCOUNTS", "_DOMAINS", "_DUE"))
LOOKUPS = {
    name: one
    for module in (facts, filing, deliveries)
    for name, one in vars(module).items()
    if isinstance(one, Prepared) and name not in WHOLE
}


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


EYES = Eyes("u1", "user", True)
BOXES = (Box("b1", "personal", "u1", False), Box("b2", "shared", "u2", False), Box("b3", "personal", "u2", False))
SIGHTS = {"without mailboxes": Sight(EYES), "with mailboxes": Sight(EYES, {box.id: box for box in BOXES})}
LISTS = {
    "the mail of a card": (Filter(cards=("c",)), ["SEARCH cards", "SEARCH messages"]),
    "the mail of a card in one folder": (Filter(cards=("c",), folder="inbox"), ["SEARCH cards", "SEARCH messages"]),
    "the mail of two cards": (Filter(cards=("c", "d")), ["SEARCH cards", "SEARCH messages"]),
    "all mail": (Filter(), ["SEARCH messages"]),
    "what waits for an admin": (Filter(folder="held"), ["SEARCH messages USING INDEX ix_messages_aside"]),
    "what was deleted": (Filter(folder="deleted"), ["SEARCH messages USING INDEX ix_messages_aside"]),
}


@pytest.mark.parametrize(("wanted", "steps"), LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("after", [None, (1, "m")], ids=["from the newest on", "from a position on"])
@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)
def test_a_list_is_read_in_its_order_and_no_further_than_its_page(
    store: sqlite3.Connection, wanted: Filter, steps: list[str], after: Position | None, sight: Sight
) -> None:
    plan = plan_of(store, wanted, after, sight)
    assert [step[: len(begin)] for step, begin in zip(plan, steps, strict=False)] == steps
    assert [step for step in plan if "TEMP B-TREE" in step or "LIST" in step or step.startswith("SCAN")] == []


async def test_the_accounts_of_an_address_are_found_by_the_address(tmp_path: Path) -> None:
    made = make_store(tmp_path / "store.db")
    engine = create_engine(f"sqlite:///{made.place}")
    asked = statements(engine)
    with engine.connect() as tx:
        assert find_seats(tx, "ana@acme.example", 10) == [("acme", "Acme Coffee")]
        plans = [
            [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
            for text, values in asked.copy()
        ]
    assert [plan[0].partition(" (")[0] for plan in plans] == [
        "SEARCH users USING COVERING INDEX ix_users_email",
        "SEARCH accounts USING INTEGER PRIMARY KEY",
    ]


@pytest.mark.parametrize("verdict", ["refuse", "hold"])
def test_what_was_refused_or_held_is_found_among_all_that_was_filed(store: sqlite3.Connection, verdict: str) -> None:
    engine = create_engine("sqlite://", creator=lambda: store, poolclass=StaticPool)
    asked = statements(engine)
    with engine.connect() as tx:
        list_receipts(tx, 7, ("r",), 50, Search(verdict=verdict))
        plan = [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0][0]}", asked[0][1])]
    assert plan == ["SEARCH receipts USING INDEX ix_receipts_amiss (account=? AND verdict=? AND id<?)"]


def test_the_mail_of_a_thread_is_read_from_the_thread(store: sqlite3.Connection) -> None:
    plan = plan_of(store, Filter(thread="t"), None)
    assert any(step.startswith("SEARCH sources USING") and "thread=?" in step for step in plan)
    assert any(step.startswith("SEARCH messages USING") and "id=?" in step for step in plan)


async def test_what_belongs_to_the_rows_of_a_page_is_found_by_their_keys(tmp_path: Path) -> None:
    made = make_store(tmp_path / "store.db")
    site = open_site(made, made.place, tmp_path)
    await site.hand(letter("Offer"))
    await site.close()
    engine = create_engine(f"sqlite:///{made.place}")
    asked = statements(engine)
    with engine.connect() as tx:
        account = tx.exec_driver_sql("SELECT number FROM accounts WHERE slug = 'acme'").scalar_one()
        page = list_messages(tx, account, None, 50, Filter())
        for read in (list_contacts, list_leads):
            assert read(tx, account, None, 50).rows
        ids = [row.id for row in page.rows]
        assert find_outcomes(tx, account, ids)
        assert find_first_attempts(tx, account, ids)
        belonging = [one for one in asked if " IN (" in one[0]]
        plans = {
            text: [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
            for text, values in belonging
        }
    assert len(plans) >= 8
    for text, plan in plans.items():
        assert [step for step in plan if step.startswith("SCAN") or "(account=?)" in step] == [], text


def test_the_planner_has_figures_of_every_index(store: sqlite3.Connection) -> None:
    tables = {row[0] for row in store.execute("SELECT DISTINCT tbl_name FROM sqlite_schema WHERE type = 'index'")}
    rowless = {row[1] for row in store.execute("PRAGMA table_list") if row[4]}
    indexes = {row[0] for row in store.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}
    known = set(store.execute("SELECT tbl, idx FROM sqlite_stat1"))
    assert {table for table, _ in known} >= tables | (rowless - {"sqlite_schema", "sqlite_temp_schema"})
    assert {index for _, index in known} >= indexes - {name for name in indexes if name.startswith("sqlite_autoindex")}


def statements(engine: Engine) -> list[tuple[str, Any]]:
    """Whatever is asked of it from now on, with its values."""
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda _1, _2, sql, values, *_: asked.append((sql, values)))
    return asked


def plan_of(
    store: sqlite3.Connection, wanted: Filter, after: Position | None, sight: Sight = SIGHTS["without mailboxes"]
) -> list[str]:
    query, keys = select_messages(7, wanted, sight)
    if after is not None:
        query = query.where(tuple_(*keys) < tuple_(*after))
    ordered = query.order_by(*(key.desc() for key in keys)).limit(51)
    text = ordered.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    return [row[3] for row in store.execute(f"EXPLAIN QUERY PLAN {text}")]
