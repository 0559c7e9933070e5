"""A person at a terminal: a command runs in one, its screen is read, and what it asks for is typed."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGKILL

_SPAWN = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """One command. shown: what stood on the screen, in order, without colours; what was wiped is in it."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SPAWN, *command],
            cwd=folder,
            env={**environment, "TERM": "xterm", "COLUMNS": "200"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._raw = b""
        self._watch = threading.Timer(seconds, self._process.send_signal, (SIGKILL,))
        self._watch.start()

    @property
    def shown(self) -> str:
        return _COLOURS.sub("", self._raw.decode("utf-8", "replace"))

    def answer(self, question: str, text: str) -> None:
        """Types a line once this is asked, from where the screen was read up to."""
        before = len(self.shown)
        while question not in self.shown[before:]:
            assert self._read(), f"it never asked for {question!r}: {self.shown}"
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        self._process.stdin.flush()

    def end(self) -> int:
        """Reads to its end; its exit status."""
        while self._read():
            pass
        assert self._process.stdin is not None
        self._process.stdin.close()
        status = self._process.wait()
        self._watch.cancel()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return status

    def _read(self) -> bool:
        assert self._process.stdout is not None
        said = self._process.stdout.read1(4_096)  # type: ignore[attr-defined]
        self._raw += said
        return bool(said)
