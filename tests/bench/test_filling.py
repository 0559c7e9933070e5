"""A filled store is one that mail could have made: the same rows and shapes, dealt out as it is told."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import cards
from bench.cards import CARD, SEARCH
from bench.filling import FEWEST, STEPS, Filled, fill, regulars
from bench.run import Run, Yardstick
from bench.runner import Plan
from bench.stored import STORED
from gateway.store.tables import metadata

MAILS = 2 * FEWEST
ID = re.compile("01[0-9A-HJKMNP-TV-Z]{24}")
INDEXED = ("search_entries", "search_walks")
"""The samples' own are made by the clock, if it comes to it."""
STRANGE = ("alembic_version", "accounts", "slugs", "own_domains", "users", "tokens", "audit", *INDEXED)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    steps: list[None] = []
    made = fill(tmp_path_factory.mktemp("filled"), MAILS, lambda: steps.append(None))
    assert len(steps) == STEPS
    return made


@pytest.fixture
def store(filled: Filled) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(filled.folder / "store" / "smartgate.db")) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def count(store: sqlite3.Connection, query: str) -> int:
    return int(store.execute(f"SELECT count(*) FROM {query}").fetchone()[0])


def test_the_store_is_sound_and_holds_the_mails_beside_the_two_samples(
    store: sqlite3.Connection, filled: Filled
) -> None:
    assert store.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert filled.mails == MAILS + 2 == count(store, "messages")


def test_regulars_have_fifty_mails_each_and_the_others_five(store: sqlite3.Connection) -> None:
    query = "SELECT card, count(*) AS mails FROM cards WHERE kind = 'contact' GROUP BY card"
    found = Counter(row["mails"] for row in store.execute(query))
    assert found == {50: MAILS // FEWEST, 5: MAILS * 19 // 20 // 5, 2: 1}


def test_a_filled_row_has_the_columns_and_types_of_one_that_a_mail_made(store: sqlite3.Connection) -> None:
    """The samples came by SMTP, at the end of all; what else is in a table has no kind of row that they don't have."""
    sample = str(store.execute("SELECT conversation FROM messages ORDER BY id DESC LIMIT 1").fetchone()[0])
    begun = sample[:8]
    for table in metadata.tables.keys() - set(STRANGE):
        rows = [dict(row) for row in store.execute(f"SELECT * FROM {table}")]
        mailed = [row for row in rows if any(str(value).startswith(begun) for value in row.values())]
        assert {kinds(row) for row in rows} == {kinds(row) for row in mailed}
        assert bool(rows) == bool(mailed)


def kinds(row: dict[str, object]) -> tuple[tuple[str, type, bool], ...]:
    """Columns, the types of what stands in them, and whether that is an id."""
    return tuple((name, type(value), bool(ID.fullmatch(str(value)))) for name, value in row.items())


BELONGS = {
    "messages": ("conversation", "conversations", "id"),
    "bodies": ("message", "messages", "id"),
    "participants": ("message", "messages", "id"),
    "sources": ("thread", "threads", "id"),
    "receipts": ("message", "messages", "id"),
    "contact_emails": ("contact", "contacts", "id"),
    "lead_contacts": ("lead", "leads", "id"),
    "leads": ("main_contact", "contacts", "id"),
    "conversations": ("lead", "leads", "id"),
    "threads": ("conversation", "conversations", "id"),
}


@pytest.mark.parametrize(("table", "place"), BELONGS.items(), ids=BELONGS)
def test_nothing_belongs_to_nothing(store: sqlite3.Connection, table: str, place: tuple[str, str, str]) -> None:
    column, other, key = place
    assert count(store, f"{table} WHERE {column} NOT IN (SELECT {key} FROM {other})") == 0
    assert count(store, table) > 0


def test_ids_rise_with_the_time_of_the_mails(store: sqlite3.Connection) -> None:
    ats = [row["at"] for row in store.execute("SELECT at FROM messages ORDER BY id")]
    assert ats == sorted(ats)


def test_a_number_that_cannot_be_dealt_out_evenly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1500 mails can't be dealt out evenly: a multiple of 1000 is needed"):
        fill(tmp_path, 1_500)


def test_regulars_are_spread_over_the_whole_store(filled: Filled) -> None:
    path = filled.folder / "store" / "smartgate.db"
    assert len(regulars(path, 500)) == MAILS // FEWEST
    assert len(regulars(path, 1)) == 1


@pytest.fixture
def run(filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose stores are filled already, both alike: what is measured on them is no matter here."""
    monkeypatch.setattr(cards, "_REQUESTS", 10)
    plan = Plan(tmp_path, rounds=1, seconds=0.2, warm_up=0.1, stored=MAILS)
    copies = {mails: tmp_path / str(mails) for mails in (FEWEST, MAILS)}
    for copy in copies.values():
        shutil.copytree(filled.folder, copy)
    return Run(
        plan,
        lambda _: None,
        stores={mails: replace(filled, folder=copy, mails=mails) for mails, copy in copies.items()},
    )


@pytest.mark.parametrize("row", [CARD, SEARCH, STORED], ids=lambda row: row.id)
def test_what_grows_with_the_store_is_measured_at_few_and_at_many(row: Yardstick, run: Run) -> None:
    steps: list[str] = []
    run.stepped = steps.append
    found = row.measure(run)
    assert found.faults == ()
    assert all(line.middle for line in found.lines)
    assert len(steps) == row.steps(run.plan)


def test_a_store_is_filled_once_a_run_and_gone_with_it(tmp_path: Path) -> None:
    steps: list[str] = []
    with Run(Plan(tmp_path), steps.append) as run:
        first = run.filled(FEWEST)
        assert run.filled(FEWEST) is first
        assert first.mails == FEWEST + 2
    assert steps == [f"fills a store with {FEWEST:,} mails"] * STEPS + [f"has a store with {FEWEST:,} mails"] * STEPS
    assert list(tmp_path.iterdir()) == []
