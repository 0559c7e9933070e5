"""Back a store up into one file, and make a store of such a file: on another machine, or on the other database."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from gateway.store import archive, copying, schema
from gateway.store.archive import HEAD, ArchiveError, Reader, Writer
from gateway.store.blobs import Blobs
from gateway.store.engine import Place, StoreError, Tx
from gateway.store.folders import fsync_folder
from gateway.store.outgoing import doubt_queue

Told = Callable[[int, int], None]
"""Hears how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a backup holds. rows: by table. missing: large mails that were erased while it was made."""

    file: Path
    schema: str
    made_at: int
    rows: dict[str, int]
    blobs: int
    missing: int = 0
    bytes: int = 0


@dataclass(slots=True)
class _Progress:
    told: Told
    total: int
    done: int = 0

    def step(self, more: int) -> None:
        self.done += more
        self.told(self.done, max(self.total, self.done))


def back_up(place: Place, blobs: Blobs, file: Path, version: str, told: Told = lambda done, total: None) -> Kept:
    """Writes all of a store as it is at one moment, while servers work on it; large mails after the rows.

    Raises StoreError where it can't be written; then nothing is left of it.
    """
    schema.require_there(place)
    now = time.time_ns() // 1_000_000
    try:
        with archive.writing(file) as writer:
            with schema.transaction(place, reading=True) as tx:
                rows, progress = _write_rows(tx, writer, version, now, told)
                named = copying.blobs_named(tx)
            progress.total += len(named)
            missing = 0
            for account, name in named:
                try:
                    writer.add(f"blobs/{account}/{name}", blobs.load(account, name))
                except FileNotFoundError:
                    missing += 1
                progress.step(1)
            writer.close(rows | {"blobs": len(named) - missing})
        return Kept(file, str(schema.head()), now, rows, len(named) - missing, missing, file.stat().st_size)
    except OSError as error:
        raise StoreError(f"the backup {file} can't be written: {error.strerror or error}") from error


def _write_rows(tx: Tx, writer: Writer, version: str, now: int, told: Told) -> tuple[dict[str, int], _Progress]:
    shapes = copying.shapes()
    counts = {name: copying.count(tx, name) for name in shapes}
    head = {"format": archive.FORMAT, "version": version, "schema": schema.head(), "made_at": now, "tables": shapes}
    writer.add(HEAD, orjson.dumps(head))
    progress = _Progress(told, sum(counts.values()))
    for name in shapes:
        for number, (count, data) in enumerate(copying.dump(tx, name)):
            writer.add(f"tables/{name}/{number:06}.jsonl", data)
            progress.step(count)
    return counts, progress


def restore(place: Place, blobs: Blobs, file: Path, told: Told = lambda done, total: None) -> Kept:
    """Makes a store of a backup: all of it, or nothing. Raises StoreError, also for a store that has accounts."""
    landing = _Landing(blobs)
    try:
        blobs.prepare()
        with archive.reading(file) as reader:
            revision = str(reader.head.get("schema"))
            with schema.restoring(place, revision) as tx:
                rows = _read_rows(tx, reader, landing, told)
        made_at = int(reader.head.get("made_at", 0))
        return Kept(file, revision, made_at, rows, len(landing.landed), bytes=file.stat().st_size)
    except ArchiveError as error:
        landing.undo()
        raise StoreError(f"the file {file} {error}; nothing was restored") from error
    except OSError as error:
        landing.undo()
        raise StoreError(f"the backup {file} can't be restored: {error.strerror or error}") from error
    except BaseException:
        landing.undo()
        raise


def _read_rows(tx: Tx, reader: Reader, landing: _Landing, told: Told) -> dict[str, int]:
    shapes = _shapes(reader.head)
    rows = dict.fromkeys(shapes, 0)
    progress = _Progress(told, 0)
    for member, data in reader:
        kind, _, rest = member.partition("/")
        of, _, name = rest.partition("/")
        if kind == "tables" and of in shapes:
            try:
                count = copying.load(tx, of, shapes[of], data)
            except ValueError as error:
                raise ArchiveError(f"can't be read at {member!a}: {error}") from error
            rows[of] += count
            progress.step(count)
        elif kind == "blobs" and of.isdigit() and name.replace(".", "").isalnum():
            landing.land(int(of), name, data)
            progress.step(1)
        else:
            raise ArchiveError(f"was altered: {member!a} stands where nothing should")
    if rows | {"blobs": len(landing.landed)} != reader.counts:
        raise ArchiveError("was altered: it holds more or fewer rows than its manifest says")
    landing.settle()
    doubt_queue(tx)
    copying.know(tx)
    return rows


def _shapes(head: dict[str, Any]) -> dict[str, copying.Shape]:
    known = copying.shapes()
    shapes: dict[str, copying.Shape] = {name: [(a, b) for a, b in shape] for name, shape in head["tables"].items()}
    if str(head.get("schema")) == schema.head() and shapes != known:
        raise ArchiveError("was altered: its tables aren't those of its schema")
    return shapes


@dataclass(slots=True)
class _Landing:
    """Large mails that come out of a backup: they stay where the rows do."""

    blobs: Blobs
    landed: list[tuple[int, str, bool]] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)

    def land(self, account: int, name: str, data: bytes) -> None:
        spool = self.blobs.open_spool()
        there = self.blobs.has(account, name)
        try:
            spool.write(data)
            if spool.digest != name.partition(".")[0]:
                raise ArchiveError(f"was altered: the large mail {name!a} has another content")
            spool.settle(account, name)
            if spool.lands:
                self.folders.add(spool.land(account))
            self.landed.append((account, name, there))
        finally:
            spool.close()

    def settle(self) -> None:
        """Makes their names durable, before the rows that refer to them."""
        for folder in self.folders:
            fsync_folder(folder)

    def undo(self) -> None:
        """Takes away what came out of the backup, and nothing that stood there before: it may be all that is left."""
        for account, name, there in self.landed:
            if not there:
                with suppress(OSError):
                    self.blobs.drop(account, name)
