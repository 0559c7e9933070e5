"""A PostgreSQL that can't be used is told in one line that says what to do and shows no password."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from gateway.store import schema
from gateway.store.engine import Store, StoreError
from tests.postgresql import Server

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database(postgresql: Server) -> Iterator[str]:
    name = postgresql.make()
    yield name
    postgresql.drop(name)


def test_a_database_is_made_a_store_checked_and_brought_forward(postgresql: Server, database: str) -> None:
    url = postgresql.url(database)
    with pytest.raises(StoreError, match=r"isn't there yet; `smartgate db upgrade` makes it"):
        schema.check(url)

    assert schema.upgrade(url) == (None, schema.head())
    assert schema.upgrade(url) == (schema.head(), schema.head())
    assert schema.check(url) == schema.head()

    postgresql.run("UPDATE alembic_version SET version_num = '0000'", database)
    for opened in (schema.ensure_schema, schema.check):
        with pytest.raises(StoreError, match=r"has schema 0000, and \d+ is needed: run `smartgate db upgrade`"):
            opened(url)
    postgresql.run("UPDATE alembic_version SET version_num = '9999'", database)
    for look in (schema.ensure_schema, schema.check, schema.upgrade):
        with pytest.raises(StoreError, match="made by a newer smartgate"):
            look(url)


def test_another_programs_database_is_left_alone(postgresql: Server, database: str) -> None:
    postgresql.run("CREATE TABLE recipes (id int)", database)
    for look in (schema.ensure_schema, schema.check, schema.upgrade):
        with pytest.raises(StoreError, match="another program's tables: name another database"):
            look(postgresql.url(database))


def test_text_is_compared_by_its_bytes_as_on_sqlite(postgresql: Server, database: str) -> None:
    with schema.transaction(postgresql.url(database)) as tx:
        tx.execute(text("INSERT INTO slugs (slug, account) VALUES ('b', 1), ('A', 1), ('a', 1), ('é', 1), ('-', 1)"))
        rows = tx.execute(text("SELECT slug FROM slugs ORDER BY slug")).scalars().all()
    assert rows == ["-", "A", "a", "b", "é"]


def test_a_transaction_that_only_reads_sees_one_moment_and_writes_nothing(postgresql: Server, database: str) -> None:
    url = postgresql.url(database)
    with schema.transaction(url, reading=True) as tx:
        assert tx.execute(text("SELECT count(*) FROM slugs")).scalar() == 0
        with schema.transaction(url) as other:
            other.execute(text("INSERT INTO slugs (slug, account) VALUES ('acme', 1)"))
        assert tx.execute(text("SELECT count(*) FROM slugs")).scalar() == 0, "one moment, all the time"


def test_a_server_that_would_answer_before_the_disk_does_is_overruled(postgresql: Server, database: str) -> None:
    postgresql.run(f"ALTER DATABASE {database} SET synchronous_commit = off")
    with schema.transaction(postgresql.url(database)) as tx:
        assert tx.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_a_database_in_another_encoding_is_refused(postgresql: Server) -> None:
    postgresql.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(StoreError, match="has the encoding LATIN1: make a database with ENCODING 'UTF8'"):
        schema.ensure_schema(postgresql.url("latin"))
    postgresql.drop("latin")


def test_a_role_that_may_make_no_tables_is_told_what_it_lacks(postgresql: Server, database: str) -> None:
    postgresql.run("CREATE ROLE guest LOGIN")
    postgresql.run("REVOKE CREATE ON SCHEMA public FROM public", database)
    with pytest.raises(StoreError, match="lacks a right for this user"):
        schema.ensure_schema(postgresql.url(database).replace("//postgres@", "//guest@"))


def test_a_database_that_is_not_there_is_told(postgresql: Server) -> None:
    with pytest.raises(StoreError, match=r"the store postgresql://postgres@/none isn't there: make the database"):
        schema.ensure_schema(postgresql.url("none"))


AWAY = {
    "nobody answers": (
        "postgresql://me:hunter2@127.0.0.1:1/mail",
        "no PostgreSQL server answers at that host",
    ),
    "no socket": ("postgresql://me:hunter2@/mail?host=/nowhere", "no PostgreSQL server answers on that unix socket"),
    "no such host": ("postgresql://me:hunter2@db.invalid/mail", "nobody knows its host name"),
}


@pytest.mark.parametrize(("url", "words"), AWAY.values(), ids=AWAY)
def test_a_server_that_cannot_be_reached_is_told_without_the_password(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as told:
        schema.ensure_schema(url)
    assert "hunter2" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_wrong_password_is_told_without_showing_it() -> None:
    server = Server()
    (server.data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    server.start()
    try:
        server.run("CREATE ROLE me LOGIN PASSWORD 'right'")
        url = server.url("postgres").replace("//postgres@", "//me:hunter2@")
        with pytest.raises(StoreError, match="wrong user or password") as told:
            schema.ensure_schema(url)
        assert "hunter2" not in str(told.value)
    finally:
        server.close()


def test_nothing_is_connected_before_a_store_is_started(postgresql: Server, database: str) -> None:
    """A process that forks makes its store before, and opens it after."""
    Store(postgresql.url(database))
    with psycopg.connect(postgresql.url("postgres")) as look:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        assert look.execute(query, (database,)).fetchone() == (0,)
