"""Debian's Chromium, once for a run: each story connects to it and has a profile of its own in it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peer import Tree
from tests.e2e.clients import need


@contextmanager
def served_chromium(folder: Path) -> Iterator[str]:
    """Where Playwright connects to it. folder: for its settings and what it says."""
    need("chromium")
    settings = folder / "chromium.json"
    settings.write_text(json.dumps({"executablePath": shutil.which("chromium"), "args": ["--no-sandbox"]}))
    command = [sys.executable, "-m", "playwright", "launch-server", "--browser", "chromium", "--config", str(settings)]
    tree = Tree(command, folder)
    try:
        assert tree.process.stdout is not None
        address = tree.process.stdout.readline().decode().strip()
        assert address.startswith("ws://"), tree.said()
        yield address
    finally:
        tree.stop()
