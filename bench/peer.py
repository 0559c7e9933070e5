"""A server under measurement: what the runner asks of it, and the process tree it runs in."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

_TICKS = os.sysconf("SC_CLK_TCK")
_STATE, _PARENT, _SESSION, _TIMES = 0, 1, 3, slice(11, 15)


class PeerError(RuntimeError):
    """A server under measurement is missing, did not start or did not stop; the text says what to do."""


class Peer(Protocol):
    """One SMTP server on a loopback port with an empty store of its own in a folder it is given."""

    name: str

    def start(self, folder: Path) -> None:
        """Start with an empty store under `folder`; returns when the port answers. Raises PeerError."""

    @property
    def port(self) -> int: ...

    def cpu_seconds(self) -> float:
        """CPU used so far by all its processes, ended ones included."""

    def kept(self) -> int:
        """How many mails stand in its store."""

    def configuration(self) -> Mapping[str, str]:
        """The settings that bear on the result, to be printed with the table."""

    def stop(self) -> None:
        """End its own processes and only these."""


class Tree:
    """A command with all its descendants: one session of the kernel and who was begun from it, so that nothing else is
    counted or ended."""

    def __init__(
        self, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, user: str | None = None
    ) -> None:
        """Start the command in `folder`, as another user where one is named; its stderr goes into a file there."""
        self._log = folder / "stderr.log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
            )

    def came_up(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until it is ready; False where the time is over or the leader has ended before."""
        return waited(lambda: self.process.poll() is not None or ready(), seconds) and self.process.poll() is None

    def cpu_seconds(self) -> float:
        """utime, stime and those of the children waited for (proc(5)), over all living members."""
        return cpu_seconds(self.process.pid)

    def pids(self) -> list[int]:
        """All living members, the leader first."""
        living = [pid for pid, fields in members(self.process.pid).items() if fields[_STATE] != "Z"]
        return sorted(living, key=lambda pid: (pid != self.process.pid, pid))

    def stop(self) -> None:
        """SIGTERM to the leader, which may drain; what is left of the session then is ended more and more firmly."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15.0)
        for firmer in (signal.SIGTERM, signal.SIGKILL):
            if waited(self._ended, 2.0):
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, firmer)
        waited(self._ended, 2.0)
        if self.process.stdout:
            self.process.stdout.close()

    def said(self) -> str:
        """The end of what it wrote to its log, for an error message."""
        return self._log.read_text(errors="replace")[-2000:].strip()

    def _ended(self) -> bool:
        return self.process.poll() is not None and all(
            fields[_STATE] == "Z"
            for fields in members(self.process.pid).values()
            if int(fields[_SESSION]) == self.process.pid
        )


def members(leader: int) -> dict[int, list[str]]:
    """Fields of /proc/PID/stat from the state on (field 3), of every process in the leader's session, and of those
    below one of them that began sessions of their own, as PostgreSQL's do."""
    everybody: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            everybody[int(stat.parent.name)] = stat.read_text().rpartition(") ")[2].split()
    found = {pid for pid, fields in everybody.items() if int(fields[_SESSION]) == leader}
    more = found
    while more:
        more = {pid for pid, fields in everybody.items() if int(fields[_PARENT]) in more} - found
        found |= more
    return {pid: everybody[pid] for pid in found}


def cpu_seconds(leader: int) -> float:
    """utime, stime and those of the children waited for (proc(5)), over all living members."""
    return sum(sum(map(int, fields[_TIMES])) for fields in members(leader).values()) / _TICKS


def waited(true: Callable[[], bool], seconds: float) -> bool:
    """Ask until it is so or the time is over; says which."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def greets(port: int) -> bool:
    """Whether an SMTP server answers on the loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(4).startswith(b"220")
    except OSError:
        return False
