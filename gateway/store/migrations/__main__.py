"""Writes the next revision, from what `tables.py` says and the last one doesn't."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import Script

from gateway.store.engine import sync_engine
from gateway.store.schema import alembic_config, head


def write_revision(message: str) -> None:
    """Compares the tables with an empty store brought to the last revision, and writes the difference."""
    with tempfile.TemporaryDirectory() as folder:
        engine = sync_engine(Path(folder) / "empty.db")
        with engine.begin() as tx:
            config = alembic_config(tx)
            command.upgrade(config, "head")
            number = f"{int(head() or 0) + 1:04}"
            script = command.revision(config, message, autogenerate=True, rev_id=number)
            assert isinstance(script, Script)
            _without_remarks(Path(script.path))
        engine.dispose()


def _without_remarks(path: Path) -> None:
    lines = [line for line in path.read_text("utf-8").splitlines(keepends=True) if not line.strip().startswith("# ###")]
    path.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    write_revision(" ".join(sys.argv[1:]) or "the first mail")
