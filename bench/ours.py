"""Us: `smartgate serve` on a fresh store, with one account whose team writes to its clients."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from bench.peer import PeerError, Tree, greets, waited
from gateway.store.engine import sync_engine

_ROOT = Path(__file__).resolve().parent.parent
_COMMAND = (sys.executable, "-c", "from gateway.cli import main; main()")
_OWNER = ("--name", "Acme", "--owner", "dimas@acme.example", "--domain", "acme.example")
_ACCOUNT = ("account", "add", "acme", *_OWNER, "--json")
_SYNCHRONOUS = {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}
_ANNOUNCED = "listening "
_ADDED = "account.json"
_START_SECONDS = 30.0
_COMMAND_SECONDS = 600.0


class Database(Protocol):
    """Where our server keeps its mail."""

    name: str

    def start(self, folder: Path) -> None:
        """Ready for a store under `folder`; one that is there is taken as it is. Raises PeerError."""

    @property
    def url(self) -> str:
        """As SMARTGATE_DATABASE_URL takes it."""

    def cpu_seconds(self) -> float:
        """CPU used so far by processes of its own."""

    def kept(self) -> int:
        """How many mails stand in it."""

    def configuration(self) -> Mapping[str, str]: ...

    def stop(self) -> None: ...


class Sqlite:
    """One file; the work is done in our server's own process."""

    name = "SQLite"

    def __init__(self) -> None:
        self.path = Path()

    def start(self, folder: Path) -> None:
        self.path = folder / "store" / "smartgate.db"
        self.path.parent.mkdir(exist_ok=True)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def cpu_seconds(self) -> float:
        return 0.0

    def kept(self) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as store:
            return int(store.execute("SELECT count(*) FROM messages").fetchone()[0])

    def configuration(self) -> Mapping[str, str]:
        """Asked of a connection made as the server makes its own."""
        with sync_engine(self.path).connect() as store:
            journal, synchronous = (
                str(store.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in ("journal_mode", "synchronous")
            )
        return {
            "store": f"SQLite {sqlite3.sqlite_version}",
            "journal_mode": journal,
            "synchronous": _SYNCHRONOUS[synchronous],
        }

    def stop(self) -> None:
        """Nothing runs."""


class Ours:
    """Our server on loopback ports, its store under one folder; every setting not named here is the default.

    roles: those that are served. processes: more than one needs a database that takes several. settings: that are not
    the default.
    """

    def __init__(
        self,
        database: Database | None = None,
        *,
        name: str = "smartgate",
        roles: Sequence[str] = ("smtp",),
        processes: int = 1,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.folder = Path()
        self.ports: dict[str, int] = {}
        self.database: Database = database or Sqlite()
        self._roles, self._processes, self._settings = tuple(roles), processes, dict(settings or {})
        self._tree: Tree | None = None

    @property
    def port(self) -> int:
        """Where mail is taken."""
        return self.ports.get("smtp", 0)

    @property
    def token(self) -> str:
        """A token for the API, of the account's owner."""
        return str(json.loads((self.folder / _ADDED).read_text())["token"])

    @property
    def _listening(self) -> int:
        """How many of the roles have a port."""
        return len(set(self._roles) - {"deliveries"})

    @property
    def pids(self) -> list[int]:
        """Its own processes, the leader first."""
        return self._tree.pids() if self._tree else []

    def prepare(self, folder: Path) -> None:
        """The store with its account, not yet served; what is there already is kept. Raises PeerError."""
        self.folder = folder
        self.database.start(folder)
        if (folder / _ADDED).exists():
            return
        (folder / _ADDED).write_text(self.said(*_ACCOUNT))

    def said(self, *command: str) -> str:
        """What a command of ours prints, on our store. Raises PeerError."""
        done = subprocess.run(
            [*_COMMAND, *command],
            cwd=self.folder,
            env=self._env(),
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise PeerError(
                f"`smartgate {' '.join(command[:2])}` failed: {(done.stderr or done.stdout).strip()[-800:]}"
            )
        return done.stdout

    def start(self, folder: Path) -> None:
        self.prepare(folder)
        self.serve()
        if "smtp" in self._roles and not waited(lambda: greets(self.port), _START_SECONDS):
            self.stop()
            raise PeerError(f"`smartgate serve` does not answer within {_START_SECONDS:g} s")

    def serve(self) -> None:
        """Start the server of a prepared folder; returns when it has said that every role listens."""
        self.ports = {}
        self._tree = Tree(self.command(), self.folder, self._env())
        heard = threading.Event()
        if stdout := self._tree.process.stdout:
            threading.Thread(target=self._read_ports, args=(stdout, heard), daemon=True).start()
        if not heard.wait(_START_SECONDS) or len(self.ports) < self._listening:
            said = self._tree.said()
            self.stop()
            raise PeerError(
                f"`smartgate serve` ended or did not answer within {_START_SECONDS:g} s; it said: {said or 'nothing'}"
            )

    def command(self) -> Sequence[str]:
        """What serves."""
        more = ("--workers", str(self._processes)) if self._processes > 1 else ()
        return (*_COMMAND, "serve", "--only", ",".join(self._roles), *more)

    def cpu_seconds(self) -> float:
        return (self._tree.cpu_seconds() if self._tree else 0.0) + self.database.cpu_seconds()

    def kept(self) -> int:
        return self.database.kept()

    def configuration(self) -> Mapping[str, str]:
        return {**self.database.configuration(), "processes": str(self._processes), "settings": self._changed}

    @property
    def _changed(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self._settings.items()) or "defaults"

    def stop(self) -> None:
        if self._tree:
            self._tree.stop()
            self._tree = None
        self.database.stop()

    def _env(self) -> dict[str, str]:
        """The environment without settings of the caller's, plus those that put everything under our folder.

        Compiled modules may be kept, as they are where a service is installed.
        """
        env = {name: value for name, value in os.environ.items() if not name.startswith("SMARTGATE_")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        path = os.pathsep.join(filter(None, (str(_ROOT), env.get("PYTHONPATH"))))
        return {
            **env,
            "PYTHONPATH": path,
            "SMARTGATE_DATABASE_URL": self.database.url,
            "SMARTGATE_BLOB_URL": f"file://{self.folder / 'store' / 'blobs'}",
            "SMARTGATE_DOMAINS": "mail.kommo.com",
            "SMARTGATE_SMTP_LISTEN": "127.0.0.1:0",
            "SMARTGATE_HTTP_LISTEN": "127.0.0.1:0",
            **{f"SMARTGATE_{name}": value for name, value in self._settings.items()},
        }

    def _read_ports(self, stdout: IO[bytes], heard: threading.Event) -> None:
        """Learn each role's port from the line the server prints; then keep its stdout empty, so that it never blocks
        on it. heard: set when all are known, or none will come any more."""
        with contextlib.suppress(ValueError, OSError):
            for raw in stdout:
                line = raw.decode(errors="replace").strip()
                if line.startswith(_ANNOUNCED):
                    self.ports[line.split(" ")[1]] = int(line.rpartition(":")[2])
                    if len(self.ports) == self._listening:
                        heard.set()
        heard.set()
