"""Raw mail: compressed in its row when small, in a file or an object when large; byte for byte as it was received."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard
from sqlalchemy import Connection, select

from gateway.core.header import read_header
from gateway.store.blobs import Blobs
from gateway.store.tables import IN_FILE, bodies

IN_ROW = 256 * 1024
"""A message up to this size stands in its row, compressed."""
ZSTD = "zstd"
FILE = "file"
_MAX_IN_ROW = 64 * 1024 * 1024
_PASS = 500


class _Zstd(threading.local):
    """A compressor for each thread: shared by two, one writes over the other's output, or ends the process."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)


_zstd = _Zstd()


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A body as it is kept. trace: the header fields we put before it. data: compressed bytes, or the name among blobs.

    land: puts a file in its place and says which folder is to be synced before the commit; called in the transaction
    that files the message, so a refused one leaves none.
    """

    codec: str
    trace: bytes
    data: bytes
    land: Callable[[], Path] | None = None


def pack(trace: bytes, message: bytes) -> StoredBody:
    """A small message for its row."""
    return StoredBody(ZSTD, trace, _zstd.compressor.compress(message))


def refer(trace: bytes, name: str, land: Callable[[], Path] | None) -> StoredBody:
    """A large message that is kept, or will be, under a name among blobs."""
    return StoredBody(FILE, trace, name.encode("ascii"), land)


def find_body(tx: Connection, account: int, message: str, n: int = 0) -> StoredBody | None:
    """A body as it is kept; None where there is no such one."""
    query = select(bodies.c.codec, bodies.c.trace, bodies.c.data)
    row = tx.execute(
        query.where(bodies.c.account == account, bodies.c.message == message, bodies.c.n == n)
    ).one_or_none()
    return StoredBody(row.codec, row.trace, row.data) if row is not None else None


def find_unnamed(tx: Connection, names: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of some names among blobs, each with its account, that no message has."""
    unnamed = set(names)
    wanted: dict[int, list[bytes]] = {}
    for account, name in unnamed:
        wanted.setdefault(account, []).append(name.encode("ascii"))
    for account, some in wanted.items():
        for begin in range(0, len(some), _PASS):
            query = select(bodies.c.data).where(bodies.c.account == account, IN_FILE)
            for row in tx.execute(query.where(bodies.c.data.in_(some[begin : begin + _PASS]))):
                unnamed.discard((account, bytes(row.data).decode("ascii")))
    return unnamed


def find_bodies(tx: Connection, account: int, wanted: Mapping[str, int]) -> dict[str, StoredBody]:
    """The bodies of messages, of each that of this number, where it has one."""
    query = select(bodies.c.message, bodies.c.n, bodies.c.codec, bodies.c.trace, bodies.c.data)
    numbers = sorted(set(wanted.values()))
    mine = (bodies.c.account == account, bodies.c.message.in_(tuple(wanted)), bodies.c.n.in_(numbers))
    rows = [row for row in tx.execute(query.where(*mine)) if row.n == wanted[row.message]]
    return {row.message: StoredBody(row.codec, row.trace, row.data) for row in rows}


def pieces(blobs: Blobs, account: int, body: StoredBody) -> Iterator[bytes]:
    """As unpack, without a whole large mail in memory: its bytes as they come."""
    if body.codec == FILE:
        return blobs.pieces(account, body.data.decode("ascii"))
    return iter((unpack(blobs, account, body),))


def head_of(body: StoredBody) -> bytes | None:
    """The header section of a message that stands in its row; None of one in a file."""
    if body.codec == FILE:
        return None
    raw = zstandard.ZstdDecompressor().decompress(body.data, max_output_size=_MAX_IN_ROW)
    return raw[: read_header(raw).body_at]


def unpack(blobs: Blobs, account: int, body: StoredBody) -> bytes:
    """The message as received. It may be large: call this off the loop."""
    if body.codec == FILE:
        return blobs.load(account, body.data.decode("ascii"))
    return zstandard.ZstdDecompressor().decompress(body.data, max_output_size=_MAX_IN_ROW)
