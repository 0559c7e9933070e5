"""Group commit: what is ready together is durable together, and one bad job hurts nobody else."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError

from gateway.store import writer
from gateway.store.engine import Store, StoreError, Tx
from gateway.store.jobs import Job
from gateway.store.sqlite import Sqlite


@pytest.fixture(params=[False, True], ids=["quick disk", "slow disk"])
async def store(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    """On a slow disk every commit is too slow for the loop, and the next one is done in a thread."""
    if request.param:
        monkeypatch.setattr(writer, "SLOW_SECONDS", -1.0)
    one = Store(f"sqlite:///{tmp_path / 'store.db'}")
    one.start()
    await one.write(lambda tx: tx.exec_driver_sql("CREATE TABLE words (word TEXT PRIMARY KEY)").rowcount)
    yield one
    await one.stop()


def add(word: str, tx: Tx) -> int:
    return tx.exec_driver_sql("INSERT INTO words VALUES (?)", (word,)).rowcount


def log_size(store: Store) -> int:
    return Path(f"{store.path}-wal").stat().st_size


def writer_of(store: Store) -> writer.Writer:
    database = store._database
    assert isinstance(database, Sqlite)
    assert database._writer is not None
    return database._writer


async def words(store: Store) -> list[str]:
    rows = await store.read(lambda tx: tx.exec_driver_sql("SELECT word FROM words ORDER BY word").all())
    return [row[0] for row in rows]


async def test_jobs_that_are_ready_together_share_one_transaction(store: Store) -> None:
    batches: list[list[str]] = []

    def add_all(tx: Tx, items: Sequence[str]) -> list[int]:
        batches.append(list(items))
        return [add(item, tx) for item in items]

    results = await asyncio.gather(*(store.write_each(add_all, f"word{n}") for n in range(20)))

    assert results == [1] * 20
    assert [len(batch) for batch in batches] == [20]
    assert len(await words(store)) == 20


async def test_a_job_that_fails_is_told_so_and_its_neighbours_are_kept(store: Store) -> None:
    await store.write(partial(add, "twice"))

    told = await asyncio.gather(
        *(store.write(partial(add, word)) for word in ["a", "twice", "b"]), return_exceptions=True
    )

    assert told[0] == told[2] == 1
    assert isinstance(told[1], IntegrityError)
    assert await words(store) == ["a", "b", "twice"]


async def test_an_answer_means_that_another_connection_sees_it(store: Store) -> None:
    await store.write(partial(add, "durable"))

    with sqlite3.connect(store.path) as other:
        assert other.execute("SELECT word FROM words").fetchall() == [("durable",)]


async def test_while_another_process_writes_the_loop_goes_on_and_the_job_is_done_afterwards(store: Store) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    waiting = asyncio.ensure_future(store.write(partial(add, "late")))
    assert await words(store) == []
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()

    assert await waiting == 1
    assert await words(store) == ["late"]


async def test_a_job_that_waits_too_long_for_the_lock_gives_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.02)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(OperationalError, match="locked"):
        await store.write(partial(add, "never"))
    other.execute("ROLLBACK")
    other.close()

    assert await words(store) == []


async def test_after_a_commit_that_failed_the_next_job_is_done(store: Store) -> None:
    own = writer_of(store)

    failing = [OSError("no commit today")]

    def fail(connection: object) -> None:
        if failing:
            raise failing.pop()

    event.listen(own._engine, "commit", fail)
    with pytest.raises(OSError, match="no commit today"):
        await store.write(partial(add, "gone"))

    assert await store.write(partial(add, "next")) == 1
    assert await words(store) == ["next"]


async def test_what_breaks_around_a_transaction_is_told_to_everybody_who_waits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(partial(add, "twice"))

    def breaks(fault: Exception) -> bool:
        raise MemoryError

    monkeypatch.setattr(writer, "_is_lock", breaks)
    told = await asyncio.gather(*(store.write(partial(add, word)) for word in ("a", "twice")), return_exceptions=True)
    monkeypatch.undo()

    assert [type(one) for one in told] == [MemoryError, MemoryError]
    assert await words(store) == ["twice"]
    assert await store.write(partial(add, "next")) == 1


async def test_where_telling_fails_once_everybody_who_waits_is_told_of_that(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = Job.tell

    def fails(self: Job) -> None:
        monkeypatch.setattr(Job, "tell", tell)
        raise MemoryError

    monkeypatch.setattr(Job, "tell", fails)
    told = await asyncio.gather(*(store.write(partial(add, word)) for word in ("a", "b")), return_exceptions=True)

    assert [type(one) for one in told] == [MemoryError, MemoryError]
    assert await store.write(partial(add, "next")) == 1


async def test_where_no_thread_is_to_be_had_everybody_who_waits_is_told_of_that(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SLOW_SECONDS", -1.0)
    await store.write(partial(add, "first"))

    def fails(self: writer.Writer, jobs: list[Job]) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(writer.Writer, "_go_away", fails)
        told = await asyncio.gather(*(store.write(partial(add, word)) for word in ("a", "b")), return_exceptions=True)

    assert [type(one) for one in told] == [MemoryError, MemoryError]
    assert await store.write(partial(add, "next")) == 1


async def test_a_turn_that_failed_before_it_began_is_asked_for_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather, failed = writer.Writer._gather, asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)

    def fails(self: writer.Writer, seen: int, looks: int) -> None:
        monkeypatch.setattr(writer.Writer, "_gather", gather)
        failed.set()
        raise MemoryError

    monkeypatch.setattr(writer.Writer, "_gather", fails)
    monkeypatch.setattr(writer, "OVERDUE_SECONDS", 0.0)
    waiting = asyncio.ensure_future(store.write(partial(add, "first")))
    await failed.wait()

    assert await store.write(partial(add, "second")) == 1
    assert await waiting == 1


async def test_what_was_handed_in_before_the_end_is_written(store: Store) -> None:
    handed = [asyncio.ensure_future(store.write(partial(add, f"word{n}"))) for n in range(5)]
    await asyncio.sleep(0)

    await store.stop()

    assert await asyncio.gather(*handed) == [1] * 5
    with sqlite3.connect(store.path) as other:
        assert other.execute("SELECT count(*) FROM words").fetchone() == (5,)
    with pytest.raises(StoreError, match="not open"):
        await store.write(partial(add, "after"))


async def test_the_write_ahead_log_is_moved_into_the_file_when_nobody_writes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = asyncio.Event()
    move = writer.WriteAheadLog._checkpoint
    loop = asyncio.get_running_loop()

    def witnessed(self: writer.WriteAheadLog) -> None:
        move(self)
        loop.call_soon_threadsafe(done.set)

    monkeypatch.setattr(writer.WriteAheadLog, "_checkpoint", witnessed)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.0)

    await store.write(partial(add, "moved"))
    await asyncio.wait_for(done.wait(), 10)

    (store.path.parent / "store.db-wal").rename(store.path.parent / "elsewhere")
    with sqlite3.connect(f"file:{store.path}?mode=ro&immutable=1", uri=True) as other:
        assert other.execute("SELECT word FROM words").fetchall() == [("moved",)]
    (store.path.parent / "elsewhere").rename(store.path.parent / "store.db-wal")


async def test_after_a_slow_commit_the_loop_is_free_while_the_next_is_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SLOW_SECONDS", -1.0)
    monkeypatch.setattr(writer, "TURNS_AWAY", 2)
    threads = [await store.write(lambda tx: threading.get_ident()) for _ in range(3)]
    assert threads[1] != threading.get_ident()
    monkeypatch.setattr(writer, "SLOW_SECONDS", 60.0)
    threads = [await store.write(lambda tx: threading.get_ident()) for _ in range(3)]
    assert threads[2] == threading.get_ident()


async def test_what_comes_while_a_thread_writes_is_written_next_and_together(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SLOW_SECONDS", -1.0)
    await store.write(partial(add, "first"))
    go_on = threading.Event()
    batches: list[list[str]] = []

    def add_all(tx: Tx, items: Sequence[str]) -> list[int]:
        go_on.wait(10)
        batches.append(list(items))
        return [add(item, tx) for item in items]

    held = asyncio.ensure_future(store.write_each(add_all, "held"))
    await asyncio.sleep(0.01)
    others = [asyncio.ensure_future(store.write_each(add_all, word)) for word in ("a", "b")]
    await asyncio.sleep(0.01)
    assert not held.done()
    go_on.set()
    assert await asyncio.gather(held, *others) == [1, 1, 1]
    assert batches == [["held"], ["a", "b"]]


async def test_the_log_begins_anew_on_a_slow_disk_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SLOW_SECONDS", -1.0)
    monkeypatch.setattr(writer, "CHECKPOINT_BYTES", 100_000)
    monkeypatch.setattr(writer, "LOOK_EVERY", 1)
    for number in range(200):
        await store.write(partial(add, f"{number} " * 1_000))
    assert log_size(store) < 1_000_000


async def test_where_the_return_of_a_thread_is_missed_the_next_job_hears_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SLOW_SECONDS", -1.0)
    monkeypatch.setattr(writer, "OVERDUE_SECONDS", -1.0)
    await store.write(partial(add, "first"))
    with monkeypatch.context() as patch:
        patch.setattr(writer.Writer, "_came_back", lambda self, away: None)
        missed = asyncio.ensure_future(store.write(partial(add, "missed")))
        for _ in range(writer.LOOKS + 2):
            await asyncio.sleep(0)
        away = writer_of(store)._away
        assert away is not None
        await asyncio.wait([away])
    await store.write(partial(add, "next"))
    assert await missed == 1
