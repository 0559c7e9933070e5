"""Large mails: kept outside of the rows, and durable before the commit that names them (docs/architecture.md).

Here they are files on disk, named by their content; `buckets` keeps them as objects in S3-compatible storage. A mail is
spooled to an unlinked temporary file in the folder where it will stay, so a crash or a refusal leaves nothing behind.
Its bytes are made durable beforehand; the transaction that files it links it under its SHA-256, and syncs the folder
before it commits: once for all mails of a batch that stand in the same one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Protocol

from gateway.store.folders import fsync_folder, make_folder

_MAX_REMEMBERED = 65_536
PIECE = 1024 * 1024


class BlobError(OSError):
    """Where large mails are kept can't be reached, or refuses; the text says what it said. Small mail goes on."""


class Blobs(Protocol):
    """Where large mails are kept. All but `open_spool` may take long: call it off the loop.

    at_once: how many mails may be brought there at one time.
    """

    at_once: ClassVar[int]

    def prepare(self) -> None:
        """Makes what is needed on this machine; raises OSError. No network is asked: a parent that forks calls it."""

    def check(self) -> None:
        """Raises OSError where mails can't be kept, read and taken away."""

    def reachable(self) -> bool:
        """Whether mails can be read; asked often, so a fresh answer of before will do."""

    def open_spool(self) -> Spool:
        """Begins one large message."""

    def load(self, account: int, name: str) -> bytes:
        """A whole message. Raises FileNotFoundError, or another OSError."""

    def pieces(self, account: int, name: str) -> Iterator[bytes]:
        """A message piece by piece; raises as `load` does, the first time before anything was given."""

    def has(self, account: int, name: str) -> bool:
        """Whether a message is there. Raises OSError where nobody can tell."""

    def drop(self, account: int, name: str) -> None:
        """Takes one message away; harmless where it is gone."""

    def drop_account(self, account: int) -> None:
        """Takes away all that an account had."""


class Spool:
    """One large message on its way to disk. `close` drops it; it is harmless after `land`.

    durable: folders whose own names are known to be, shared by all spools of a store. lands: whether `land` belongs
    into the transaction that files it.
    """

    lands: ClassVar[bool] = True

    def __init__(self, root: Path, durable: set[Path]) -> None:
        self.size = 0
        self._root, self._durable = root, durable
        self._hash = sha256()
        self._name: str | None = None
        self._settled = ""
        try:
            self._fd = os.open(root, os.O_TMPFILE | os.O_RDWR, 0o600)
        except OSError:
            self._fd, self._name = tempfile.mkstemp(prefix="spool-", dir=root)

    def write(self, data: bytes) -> None:
        """Appends; raises OSError when the disk is full."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self._hash.update(data)
        self.size += len(data)

    @property
    def path(self) -> str:
        """Where another process of this user finds it, while it is open."""
        return self._name or f"/proc/{os.getpid()}/fd/{self._fd}"

    def read(self) -> bytes:
        """The whole message, in one call of the system: it fills memory that nobody has to clear or copy meanwhile."""
        whole = os.pread(self._fd, self.size, 0)
        if len(whole) != self.size:
            raise OSError("a spooled mail is shorter than what was written")
        return whole

    def read_at(self, at: int, size: int) -> bytes:
        """So many octets of the message from `at` on; fewer at its end."""
        return os.pread(self._fd, size, at)

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written, with which its name begins."""
        return self._hash.hexdigest()

    def settle(self, account: int, name: str | None = None) -> str:
        """Makes the bytes durable, still without a name in the folder; gives the name they will have.

        name: the one that rows of a backup know it by.
        """
        os.fsync(self._fd)
        self._settled = name or self.digest
        return self._settled

    def withdraw(self, account: int) -> None:
        """Undoes `settle` where no row will ever name the message: here, without a name it goes by itself."""

    def land(self, account: int) -> Path:
        """Gives the settled message its name, for the commit that refers to it; harmless a second time.

        The name is durable once the folder that this answers with was synced.
        """
        name = self._settled or self.digest
        folder = self._root / str(account) / name[:2]
        if folder not in self._durable:
            self._make(folder)
        source = self._name or f"/proc/self/fd/{self._fd}"
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Only with a folder given does link() follow the symlink in /proc (linkat with AT_SYMLINK_FOLLOW).
            with contextlib.suppress(FileExistsError):
                os.link(source, folder / name, src_dir_fd=root, follow_symlinks=True)
        except FileNotFoundError:
            self._durable.discard(folder)
            raise
        finally:
            os.close(root)
        return folder

    def _make(self, folder: Path) -> None:
        """Makes the folder's own name durable. One that is there may be left from a program that was cut short."""
        folder.mkdir(parents=True, exist_ok=True)
        fsync_folder(self._root)
        fsync_folder(folder.parent)
        if len(self._durable) >= _MAX_REMEMBERED:
            self._durable.clear()
        self._durable.add(folder)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._name is not None:
            Path(self._name).unlink(missing_ok=True)
            self._name = None


class BlobStore:
    """The folder of large mails: `ACCOUNT/AA/SHA256`."""

    at_once: ClassVar[int] = 3

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable: set[Path] = set()

    def prepare(self) -> None:
        """Makes the folder and clears spools that a crash on an old file system may have left."""
        make_folder(self.root, 0o700)
        for left in self.root.glob("spool-*"):
            left.unlink(missing_ok=True)

    def open_spool(self) -> Spool:
        return Spool(self.root, self._durable)

    def check(self) -> None:
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise BlobError(f"the folder {self.root} of large mails isn't there, or isn't ours to write")

    def reachable(self) -> bool:
        return os.access(self.root, os.R_OK | os.X_OK)

    def load(self, account: int, name: str) -> bytes:
        return self._path(account, name).read_bytes()

    def pieces(self, account: int, name: str) -> Iterator[bytes]:
        with self._path(account, name).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def has(self, account: int, name: str) -> bool:
        return self._path(account, name).exists()

    def drop(self, account: int, name: str) -> None:
        self._path(account, name).unlink(missing_ok=True)

    def drop_account(self, account: int) -> None:
        shutil.rmtree(self.root / str(account), ignore_errors=True)

    def _path(self, account: int, name: str) -> Path:
        return self.root / str(account) / name[:2] / name
