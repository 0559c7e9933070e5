"""The schema: one history, equal to the tables, and a store that can't be used is told in a line."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Table, TextClause
from sqlalchemy import text as text_query

from gateway.core.mail import read_mail
from gateway.store import schema
from gateway.store.engine import StoreError, sync_engine
from gateway.store.reading_receipts import find_receipt
from gateway.store.tables import metadata, never_log, quotas

_MESSAGE = {
    "account": 1, "at": 1, "state": "filed", "direction": "outgoing", "action": "attach", "automatic": 0, "subject": "",
    "snippet": "", "attachments": "[]", "auth": "{}", "unread": "[]", "size": 1,
}  # fmt: skip
_RECEIPT = {
    "account": 1, "id": "R1", "at": 1, "road": "smtp", "peer": "", "helo": "", "sender": "", "recipients": "[]",
    "size": 1, "verdict": "file", "rule": "B11", "reply": "250", "message": "M1", "took_ms": 1,
    "decision": '{"verdict":"file"}',
}  # fmt: skip


def text_of(table: str, row: dict[str, Any]) -> TextClause:
    """An INSERT into a table as it once was."""
    columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    return text_query(f"INSERT INTO {table} ({columns}) VALUES ({values})").bindparams(**row)


def shape(path: Path) -> set[tuple[str, ...]]:
    """What the store is made of, as SQLite wrote it down; the order inside a table says nothing."""
    with sqlite3.connect(path) as db:
        rows = db.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name != 'sqlite_stat1'"
        ).fetchall()
    texts = [
        " ".join(f"{kind} {name} {sql}".replace('"', "").replace("(", "( ").replace(")", " ").split())
        for kind, name, sql in rows
        if sql
    ]
    return {tuple(sorted(part.strip() for part in text.split(", "))) for text in texts}


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """What the index of words consists of is SQLite's own affair."""
    return kind != "table" or not str(name).startswith(("search_words", "search_terms"))


def names(path: Path) -> set[str]:
    with sqlite3.connect(path) as db:
        return {row[0] for row in db.execute("SELECT name FROM sqlite_master") if not row[0].startswith("sqlite_")}


def test_the_migrations_make_exactly_the_tables_the_code_works_with(tmp_path: Path) -> None:
    schema.ensure_schema(tmp_path / "migrated.db")
    with sync_engine(tmp_path / "created.db").begin() as tx:
        metadata.create_all(tx)
    assert shape(tmp_path / "migrated.db") == shape(tmp_path / "created.db")
    with sync_engine(tmp_path / "migrated.db").begin() as tx:
        assert compare_metadata(MigrationContext.configure(tx, opts={"include_name": is_ours}), metadata) == []


# Stores of one day say 0001 and have what revision 0002 brings.
@pytest.mark.parametrize("early", [(), (never_log, quotas)], ids=["as it was first", "with tables of the next"])
def test_a_store_of_the_first_revision_keeps_its_mail_its_receipts_and_what_makes_duplicates(
    tmp_path: Path, early: tuple[Table, ...]
) -> None:
    path = tmp_path / "store.db"
    text = (
        b"From: Dimas@acme.example\r\nTo: bob@x.example\r\nMessage-ID: <1@acme.example>\r\nSubject: Re: Offer\r\n\r\n"
    )
    mail, bare = read_mail(text), read_mail(text.replace(b"Message-ID", b"X-Other"))
    with sync_engine(path).begin() as tx:
        command.upgrade(schema.alembic_config(tx), "0001")
        for one, id in ((mail, "M1"), (bare, "M2")):
            changed = {
                "id": id,
                "message_id": one.message_id,
                "identity": f"old-{id}",
                "base_subject": one.base_subject,
            }
            tx.execute(text_of("messages", _MESSAGE | changed))
        for key, role, kind in (("dimas@acme.example", "from", "team"), ("bob@x.example", "to", "client")):
            row = {"account": 1, "message": "M1", "n": len(role), "role": role, "key": key, "kind": kind}
            tx.execute(text_of("participants", {"address": key, "name": "", **row}))
        tx.execute(text_of("receipts", _RECEIPT))
        metadata.create_all(tx, tables=early)

    assert schema.upgrade(path) == ("0001", schema.head())

    with sync_engine(tmp_path / "created.db").begin() as tx:
        metadata.create_all(tx)
    assert names(path) - {"alembic_version"} == names(tmp_path / "created.db")
    with sync_engine(path).begin() as tx:
        assert tx.execute(text_query("SELECT identity FROM messages ORDER BY id")).scalars().all() == [
            mail.identity,
            "-old-M2",
        ]
        assert tx.execute(text_query("SELECT key FROM participants WHERE waiting = 1")).scalars().all() == [
            "bob@x.example"
        ]
        found = find_receipt(tx, 1, "R1")
    assert found is not None
    assert found.receipt.decision == {"verdict": "file"}


def test_the_history_is_one_line_and_its_head_is_told_without_alembic(tmp_path: Path) -> None:
    with sync_engine(tmp_path / "any.db").begin() as tx:
        directory = ScriptDirectory.from_config(schema.alembic_config(tx))
    assert directory.get_heads() == [schema.head()]
    assert directory.get_bases() == ["0001"]


def test_a_store_that_is_current_is_opened_without_importing_alembic(tmp_path: Path) -> None:
    schema.ensure_schema(tmp_path / "store.db")
    code = (
        "import sys; from pathlib import Path; from gateway.store.schema import ensure_schema; "
        f"ensure_schema(Path({str(tmp_path / 'store.db')!r})); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_programs_that_make_the_same_store_at_one_moment_make_it_once(tmp_path: Path) -> None:
    path, faults = tmp_path / "deep" / "down" / "store.db", []

    def make() -> None:
        try:
            schema.ensure_schema(path)
        except StoreError as error:
            faults.append(error)

    makers = [threading.Thread(target=make) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert faults == []
    assert schema.check(path) == schema.head()


def test_a_store_that_is_behind_is_left_alone_until_somebody_upgrades_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    schema.ensure_schema(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE alembic_version SET version_num = '0000'")
    for look in (schema.ensure_schema, schema.check):
        with pytest.raises(StoreError, match=r"has schema 0000, and \d+ is needed: run `smartgate db upgrade`"):
            look(path)


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    schema.ensure_schema(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    for look in (schema.ensure_schema, schema.check, schema.upgrade):
        with pytest.raises(StoreError, match="made by a newer smartgate"):
            look(path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE recipes (id)")
    for look in (schema.ensure_schema, schema.check, schema.upgrade):
        with pytest.raises(StoreError, match="another program's tables"):
            look(path)
    assert names(path) == {"recipes"}


def broken_file(folder: Path) -> Path:
    path = folder / "store.db"
    path.write_bytes(b"Dear diary, this is no database at all." * 200)
    return path


def folder_that_is_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "store.db"


def store_that_is_a_folder(folder: Path) -> Path:
    (folder / "store.db").mkdir()
    return folder / "store.db"


UNUSABLE = {
    "a file that is no database": (broken_file, "is no SQLite database"),
    "a folder that can't be made": (folder_that_is_a_file, "can't be made"),
    "a path that is a folder": (store_that_is_a_folder, "is a folder"),
}


@pytest.mark.parametrize(("make", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_store_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises(StoreError, match=words) as told:
        schema.ensure_schema(make(tmp_path))
    assert "\n" not in str(told.value)


def test_damage_inside_a_store_is_found_by_the_check(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    schema.ensure_schema(path)
    raw = bytearray(path.read_bytes())
    raw[-4096:] = bytes(4096)
    path.write_bytes(raw)
    with pytest.raises(StoreError, match="damaged"):
        schema.check(path)


def test_a_store_that_is_not_there_is_told_by_the_check_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="isn't there yet"):
        schema.check(tmp_path / "store.db")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_inside_a_transaction_takes_everything_back(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    schema.ensure_schema(path)

    def fail() -> None:
        with schema.transaction(path) as tx:
            tx.exec_driver_sql("INSERT INTO slugs (slug, account) VALUES ('acme', 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with schema.transaction(path) as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM slugs").scalar() == 0


def test_a_transaction_that_only_reads_keeps_no_writer_waiting(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with schema.transaction(path, reading=True) as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM slugs").scalar() == 0
        with sqlite3.connect(path, timeout=0) as db:
            db.execute("INSERT INTO slugs (slug, account) VALUES ('acme', 1)")
        assert tx.exec_driver_sql("SELECT count(*) FROM slugs").scalar() == 0, "one moment, all the time"


def test_a_new_store_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"

    schema.ensure_schema(path)

    assert path.stat().st_mode & 0o077 == 0
