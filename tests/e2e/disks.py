"""A small disk that can be filled and emptied again while a server writes to it."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_ROOM = 12 * 1024 * 1024
_PIECE = b"\0" * 4096


class Disk(Protocol):
    """Where a server keeps its store."""

    folder: Path

    def fill(self, pid: int) -> None:
        """From now on the process `pid` finds no room."""

    def free(self, pid: int) -> None:
        """There is room again."""


class Mounted:
    """A file system in memory with a size of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(_PIECE)
            except OSError:
                return

    def free(self, pid: int) -> None:
        (self.folder / "ballast").unlink()


class Limited:
    """An ordinary folder where the process may make no file longer: what is left where nothing can be mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        self._allow(pid, max(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()))

    def free(self, pid: int) -> None:
        self._allow(pid, resource.RLIM_INFINITY)

    def _allow(self, pid: int, size: int) -> None:
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A mounted disk where this user may mount one, else a limited folder."""
    folder.mkdir()
    options = f"size={_ROOM}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield Limited(folder)
        return
    try:
        yield Mounted(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
