"""Large mails on disk: content-addressed files, durable before the commit that names them (docs/architecture.md).

A mail is spooled to an unlinked temporary file in the folder where it will stay, so a crash or a refusal leaves
nothing behind. Its bytes are made durable beforehand; the transaction that files it links it under its SHA-256, and
syncs the folder before it commits: once for all mails of a batch that stand in the same one.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from hashlib import sha256
from pathlib import Path

from gateway.store.folders import fsync_folder, make_folder

_MAX_REMEMBERED = 65_536


class Spool:
    """One large message on its way to disk. `close` drops it; it is harmless after `land`.

    durable: folders whose own names are known to be, shared by all spools of a store.
    """

    def __init__(self, root: Path, durable: set[Path]) -> None:
        self.size = 0
        self._root, self._durable = root, durable
        self._hash = sha256()
        self._name: str | None = None
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

    def settle(self) -> str:
        """Makes the bytes durable, still without a name in the folder; gives the name they will have."""
        os.fsync(self._fd)
        return self._hash.hexdigest()

    def land(self, account: int) -> Path:
        """Gives the settled message its name, for the commit that refers to it; harmless a second time.

        The name is durable once the folder that this answers with was synced.
        """
        name = self._hash.hexdigest()
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

    def load(self, account: int, name: str) -> bytes:
        return self._path(account, name).read_bytes()

    def drop(self, account: int, name: str) -> None:
        """Takes one message away; harmless where it is gone."""
        self._path(account, name).unlink(missing_ok=True)

    def _path(self, account: int, name: str) -> Path:
        return self.root / str(account) / name[:2] / name
