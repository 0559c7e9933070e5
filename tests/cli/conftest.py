"""A command line with a store of its own."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from gateway.cli import app

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds until a program that says nothing is given up."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Commands set the log up for their own standard error."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands keep their store."""
    path = tmp_path / "store" / "smartgate.db"
    monkeypatch.setenv("SMARTGATE_DATABASE_URL", f"sqlite:///{path}")
    return path


@pytest.fixture
def run(store: Path) -> Run:
    """Runs a command inside this process."""

    def runner(*arguments: str, stdin: bytes = b"") -> Said:
        result = CliRunner().invoke(app, list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return runner


@pytest.fixture
def acme(run: Run) -> Any:
    """The account `acme`, as `account add --json` tells of it."""
    said = run("account", "add", "acme", "--name", "Acme", "--owner", "ana@acme.example", "--json")
    return said.json


class Program:
    """smartgate as a program of its own."""

    def __init__(self, *arguments: str, folder: Path, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SMARTGATE_")}
        environment |= {f"SMARTGATE_{name}": value for name, value in settings.items()} | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", "from gateway.cli import main; main()", *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def listeners(self, count: int) -> dict[str, tuple[str, int]]:
        """Waits for its listening lines: role → (host, port)."""
        said = {role: address.rpartition(":") for role, address in self.addresses(count).items()}
        return {role: (host, int(port)) for role, (host, _, port) in said.items()}

    def addresses(self, count: int) -> dict[str, str]:
        """Waits for its listening lines: role → what stands there."""
        assert self.process.stdout is not None
        found = {}
        for _ in range(count):
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(self.end(None))
            word, role, address = line.split()
            assert word == "listening"
            found[role] = address
        return found

    def end(self, number: int | None = signal.SIGTERM) -> Said:
        """Sends it a signal and waits for its end."""
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return Said(self.process.returncode, out, err)


Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the program on free ports, with its store in this test's folder."""
    running: list[Program] = []

    def starter(*arguments: str, **settings: str) -> Program:
        chosen = {"SMTP_LISTEN": "127.0.0.1:0", "HTTP_LISTEN": "127.0.0.1:0"} | settings
        program = Program(*arguments, folder=tmp_path, **chosen)
        running.append(program)
        return program

    yield starter
    for program in running:
        if program.process.poll() is None:
            program.process.kill()
            program.process.communicate()
