"""A backup as a file: a tar within zstd. Its first member says what it is, its last one what all the others must be.

Members: `smartgate-backup.json`, `tables/NAME/N.jsonl` with a row a line, `blobs/ACCOUNT/NAME` with large mails, and
`manifest.json` with the count and SHA-256 of each. So a file that was cut short or altered is known for it, and both
writing and reading need no more memory than a piece. https://www.rfc-editor.org/rfc/rfc8878
"""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson
import zstandard

from gateway.store.folders import fsync_folder

FORMAT = 1
HEAD = "smartgate-backup.json"
MANIFEST = "manifest.json"
_MOST_BYTES = 1 << 31
_PACKED = 1 << 16


class ArchiveError(Exception):
    """A file is no backup, or not as it was written; the text says why."""


class Writer:
    """Writes members one after the other, and the manifest at the end."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.sums: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> None:
        """One member."""
        self.sums[name] = sha256(data).hexdigest()
        self._put(name, data)

    def close(self, counts: dict[str, int]) -> None:
        """The last member. counts: of rows a table, and of blobs."""
        self._put(MANIFEST, orjson.dumps({"counts": counts, "sha256": self.sums}))

    def _put(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o600
        self._tar.addfile(member, io.BytesIO(data))


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A new file that gets its name once it is whole and on the disk; of one that fails nothing stays."""
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            packer = zstandard.ZstdCompressor(level=3, write_checksum=True)
            with (
                packer.stream_writer(file, closefd=False) as packed,
                tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
            ):
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(path)
        fsync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class Reader:
    """The members of a backup in order. head: what the first one says. After the last one, `counts` is known."""

    def __init__(self, members: Iterator[tuple[str, bytes]]) -> None:
        self._members = members
        name, data = next(members, ("", b""))
        self._sums = {name: sha256(data).hexdigest()}
        self.head = _json(data) if name == HEAD else {}
        self.counts: dict[str, int] = {}
        if self.head.get("format") != FORMAT:
            raise ArchiveError("is no backup of smartgate, or one of a newer version")

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Every member between the first and the last; raises ArchiveError where they aren't what was written."""
        manifest: dict[str, Any] | None = None
        for name, data in self._members:
            if manifest is not None or name in self._sums:
                raise ArchiveError(f"was altered: {name!a} stands where nothing should")
            if name == MANIFEST:
                manifest = _json(data)
            else:
                self._sums[name] = sha256(data).hexdigest()
                yield name, data
        if manifest is None:
            raise ArchiveError("was cut short: its manifest is missing")
        wanted = manifest.get("sha256")
        if wanted != self._sums:
            wrong = sorted(set(self._sums.items()) ^ set(dict(wanted or {}).items()))
            raise ArchiveError(f"was altered: {wrong[0][0]!a} isn't what was written")
        self.counts = dict(manifest.get("counts", {}))


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """A backup to be read. Raises ArchiveError, and OSError where the file can't be read."""
    try:
        with path.open("rb") as file:
            yield Reader(_members(_Unpacked(file)))
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
        raise ArchiveError("is no backup of smartgate, or was cut short or altered") from error


class _Unpacked:
    """What stands in a zstd frame, as a stream that knows whether it was read to the frame's end and checksum."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._frame = file, zstandard.ZstdDecompressor().decompressobj()
        self._left = b""

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end."""
        pieces = [self._left]
        there = len(self._left)
        while there < size and not self._frame.eof and (packed := self._file.read(_PACKED)):
            pieces.append(self._frame.decompress(packed))
            there += len(pieces[-1])
        data = b"".join(pieces)
        self._left = data[size:]
        return data[:size]

    def finish(self) -> None:
        """Raises ArchiveError where the file ends before the frame does, or goes on behind it."""
        while self.read(_PACKED):
            pass
        if not self._frame.eof:
            raise ArchiveError("was cut short")
        if self._frame.unused_data or self._file.read(1):
            raise ArchiveError("was altered: something stands behind its end")


def _members(plain: _Unpacked) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=cast("BinaryIO", plain), mode="r|") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() and member.size < _MOST_BYTES else None
            if file is None:
                raise ArchiveError(f"was altered: {member.name!a} is no file")
            yield member.name, file.read()
    plain.finish()


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ArchiveError("was altered: a part of it is no JSON") from error
    if not isinstance(found, dict):
        raise ArchiveError("was altered: a part of it is no object")
    return found
