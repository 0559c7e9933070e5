"""Folders that survive a power cut: a folder's name is certain only once the folder it stands in was synced."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Makes a folder and those above it that aren't there, and makes their names durable; raises OSError.

    A folder that is there may be left from a start that was cut short, so its own name is synced again. Where this
    user may not read the folder above, its name can't be, and nobody is stopped by that.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for made in reversed(missing or [folder]):
        with contextlib.suppress(PermissionError):
            fsync_folder(made.parent)


def fsync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
