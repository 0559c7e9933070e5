"""Facts about the machine that the figures depend on, to be printed with them."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

_ROOT = Path(__file__).resolve().parent.parent
_IN_MEMORY = ("tmpfs", "ramfs", "overlay")


def facts(folder: Path) -> dict[str, str]:
    """Name and value of each fact; `folder` is where both servers keep their mail."""
    kind, options = filesystem(folder)
    return {
        "cores": str(cores()),
        "processor": _processor(),
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": f"{kind} ({options})",
        "fdatasync of 4 KB": f"{sync_ms(folder):.2f} ms (median of 50)",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "load before": f"{os.getloadavg()[0]:.2f}",
        "commit": commit(),
    }


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def filesystem(folder: Path) -> tuple[str, str]:
    """Type and options of the mount that holds the folder (proc(5), mountinfo)."""
    best, found = "", ("unknown", "")
    place = str(folder.resolve())
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, options = line.split()[:4]
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, found = mount, (kind, options)
    return found


def forgets(folder: Path) -> bool:
    """Whether a write that was synced there may still be in memory only, so that durability costs nothing."""
    return filesystem(folder)[0] in _IN_MEMORY


def sync_ms(folder: Path, times: int = 50) -> float:
    """The median time of an append of 4 KB made durable: what one commit can't go below."""
    probe = folder / "sync.probe"
    taken = []
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(times):
            begun = time.perf_counter()
            os.write(descriptor, bytes(4096))
            os.fdatasync(descriptor)
            taken.append((time.perf_counter() - begun) * 1000)
    finally:
        os.close(descriptor)
        probe.unlink()
    return median(taken)


def busy_seconds() -> float:
    """CPU seconds of all cores that were spent on anything since the start (proc(5), stat): user to steal, idle and
    waiting left out."""
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


class Watch:
    """The share of the cores that others take from now on: neither the server that is watched, nor this process, nor
    generators that it starts and waits for. server: CPU seconds it has used so far."""

    def __init__(self, server: Callable[[], float]) -> None:
        self._server = server
        self._begun, self._busy, self._ours = time.monotonic(), busy_seconds(), self._own()

    def others(self) -> float:
        foreign = busy_seconds() - self._busy - (self._own() - self._ours)
        return max(foreign / (time.monotonic() - self._begun) / cores(), 0.0)

    def _own(self) -> float:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return self._server() + sum(one.ru_utime + one.ru_stime for one in used)


def commit() -> str:
    """The commit the tree stands on; a plus sign says that files differ from it."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        head = _git("rev-parse", "--short", "HEAD").strip()
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no").strip() else "")
    return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
