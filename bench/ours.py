"""Us: `smartgate serve --only smtp` on a fresh store, with one account whose team writes to its clients."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from bench.peer import PeerError, Tree, greets
from gateway.store.engine import sync_engine

_ROOT = Path(__file__).resolve().parent.parent
_COMMAND = (sys.executable, "-c", "from gateway.cli import main; main()")
_OWNER = ("--name", "Acme", "--owner", "dimas@acme.example", "--domain", "acme.example")
_ACCOUNT = ("account", "add", "acme", *_OWNER, "--json")
_SYNCHRONOUS = {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}
_ANNOUNCED = "listening smtp "


class Ours:
    """Our server on a loopback port, its store under one folder; every setting not named here is the default."""

    name = "smartgate"

    def __init__(self) -> None:
        self.folder = Path()
        self._tree: Tree | None = None
        self._port = 0

    @property
    def port(self) -> int:
        return self._port

    def start(self, folder: Path) -> None:
        self.folder = folder
        command = [*_COMMAND, *_ACCOUNT]
        added = subprocess.run(
            command, cwd=folder, env=self._env(), capture_output=True, text=True, timeout=120, check=False
        )
        if added.returncode:
            raise PeerError(f"`smartgate account add` failed: {(added.stderr or added.stdout).strip()[-800:]}")
        self._tree = Tree(self.command(), folder, self._env())
        if stdout := self._tree.process.stdout:
            threading.Thread(target=self._read_port, args=(stdout,), daemon=True).start()
        if not self._tree.came_up(lambda: bool(self._port) and greets(self._port), 30):
            said = self._tree.said()
            self.stop()
            raise PeerError(f"`smartgate serve` ended or did not answer within 30 s; it said: {said or 'nothing'}")

    def command(self) -> Sequence[str]:
        """What serves."""
        return (*_COMMAND, "serve", "--only", "smtp")

    def cpu_seconds(self) -> float:
        return self._tree.cpu_seconds() if self._tree else 0.0

    def kept(self) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as store:
            return int(store.execute("SELECT count(*) FROM messages").fetchone()[0])

    def configuration(self) -> Mapping[str, str]:
        """Asked of a connection made as the server makes its own."""
        with sync_engine(self._database).connect() as store:
            journal, synchronous = (
                str(store.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in ("journal_mode", "synchronous")
            )
        sqlite = f"SQLite {sqlite3.sqlite_version}, fresh"
        return {
            "store": sqlite,
            "journal_mode": journal,
            "synchronous": _SYNCHRONOUS[synchronous],
            "settings": "defaults",
        }

    def stop(self) -> None:
        if self._tree:
            self._tree.stop()
            self._tree = None

    @property
    def _database(self) -> Path:
        return self.folder / "store" / "smartgate.db"

    def _env(self) -> dict[str, str]:
        """The environment without settings of the caller's, plus those that put everything under our folder."""
        self._database.parent.mkdir(exist_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith("SMARTGATE_")}
        path = os.pathsep.join(filter(None, (str(_ROOT), env.get("PYTHONPATH"))))
        return {
            **env,
            "PYTHONPATH": path,
            "SMARTGATE_DATABASE_URL": f"sqlite:///{self._database}",
            "SMARTGATE_BLOB_URL": f"file://{self.folder / 'store' / 'blobs'}",
            "SMARTGATE_DOMAINS": "mail.kommo.com",
            "SMARTGATE_SMTP_LISTEN": "127.0.0.1:0",
        }

    def _read_port(self, stdout: IO[bytes]) -> None:
        """Learn the port from the line the server prints; then keep its stdout empty, so that it never blocks on it."""
        with contextlib.suppress(ValueError, OSError):
            for raw in stdout:
                line = raw.decode(errors="replace").strip()
                if line.startswith(_ANNOUNCED):
                    self._port = int(line.rpartition(":")[2])
