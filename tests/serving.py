"""The product as its users run it: `smartgate serve` as a process of its own, the command line beside it, its API."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parent.parent
SMARTGATE = (sys.executable, "-c", "from gateway.cli import main; main()")
PATIENCE = 120.0
"""Seconds until something that never comes is given up."""


class Api:
    """`/v1` as one user of an account sees it."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx2.Client(base_url=f"{url}/v1", headers=headers, timeout=PATIENCE, trust_env=False)

    def get(self, path: str, **query: str | int) -> Any:
        return self._ask("GET", path, params=query).json()

    def bytes(self, path: str) -> bytes:
        return self._ask("GET", path).content

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, json=body).json()

    def ask(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        """The answer to a request that may be refused."""
        return self._client.request(method, path, **rest)

    def all(self, path: str) -> list[Any]:
        """Every row of a list, page by page."""
        rows: list[Any] = []
        after: dict[str, str] = {}
        while True:
            page = self.get(path, limit=200, **after)
            rows += page["data"]
            if page["next"] is None:
                return rows
            after = {"after": page["next"]}

    def close(self) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        answer = self._client.request(method, path, **rest)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


class Serving:
    """A server with a store in `folder`, on free ports of this machine; settings as the environment names them.

    store: another folder for the store. prefix: a command that every command is started through. spoil: code that makes
    the program worse before it runs. options: of `serve`. listens: the roles whose ports are asked for. The process
    leads a group of its own: nothing else is killed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        store: Path | None = None,
        prefix: Sequence[str] = (),
        spoil: str = "",
        options: Sequence[str] = (),
        listens: Sequence[str] = ("smtp", "http"),
        **settings: str,
    ) -> None:
        self.folder = folder
        self.prefix, self.options, self.listens = tuple(prefix), tuple(options), tuple(listens)
        self._program = (*SMARTGATE[:2], f"{spoil}\n{SMARTGATE[2]}")
        self.database = (store or folder / "store") / "smartgate.db"
        self.place: Path | str = settings.get("DATABASE_URL", self.database)
        self.blobs = Path(settings.get("BLOB_URL", str(self.database.parent / "blobs")).removeprefix("file://"))
        self.smtp = self.http = ("", 0)
        self.lmtp = ""
        own = {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "SMTP_LISTEN": "127.0.0.1:0",
            "HTTP_LISTEN": "127.0.0.1:0",
            "HOSTNAME": "mx.mail.kommo.com",
        }
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("SMARTGATE_")}
        self._env |= {f"SMARTGATE_{name}": value for name, value in (own | settings).items()}
        self._env["PYTHONPATH"] = str(ROOT)
        self._process: subprocess.Popen[str] | None = None
        self._log = folder / "stderr.log"

    @property
    def url(self) -> str:
        return f"http://{self.http[0]}:{self.http[1]}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """What programs on the same settings are given."""
        return self._env

    def command(self, *arguments: str) -> list[str]:
        """A command of the command line, to be run in `folder`."""
        return [*self.prefix, *self._program, *arguments]

    @property
    def over(self) -> bool:
        """Whether the process has ended by itself."""
        return self._process is None or self._process.poll() is not None

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """One command of the command line, on the same settings."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        """What a command says with --json."""
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def set(self, **settings: str) -> None:
        """Other settings, from the next command or start on."""
        self._env |= {f"SMARTGATE_{name}": value for name, value in settings.items()}

    def add_account(self, slug: str = "acme", owner: str = "dimas@acme.example") -> str:
        """Opens an account whose own domain is the owner's; its owner's token."""
        domain = owner.partition("@")[2]
        made = self.json("account", "add", slug, "--name", slug.title(), "--owner", owner, "--domain", domain)
        return str(made["token"])

    def start(self) -> None:
        """Starts and waits until its ports answer."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.prefix, *self._program, "serve", *self.options],
                cwd=self.folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                text=True,
            )
        if "smtp" in self.listens:
            self.smtp = self._port("smtp")
        if "SMARTGATE_LMTP_LISTEN" in self._env:
            self.lmtp = self._listening("lmtp")
        if "http" in self.listens:
            self.http = self._port("http")

    def terminate(self) -> None:
        """SIGTERM, as a service manager sends it."""
        assert self._process is not None
        self._process.terminate()

    def wait(self) -> int:
        """The exit status, once the process has ended by itself."""
        assert self._process is not None
        status = self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return status

    def stop(self) -> int:
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL to the server's process group; harmless when it has ended."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.wait()

    def said(self) -> str:
        """What it wrote to standard error since the folder was made."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _port(self, role: str) -> tuple[str, int]:
        host, _, port = self._listening(role).rpartition(":")
        return host, int(port)

    def _listening(self, role: str) -> str:
        """The address in the line `listening ROLE ADDRESS`."""
        assert self._process is not None
        assert self._process.stdout is not None
        watch = threading.Timer(PATIENCE, os.killpg, (self._process.pid, signal.SIGKILL))
        watch.start()
        line = self._process.stdout.readline()
        watch.cancel()
        if not line.startswith(f"listening {role} "):
            self.kill()
            raise AssertionError(f"it said {line!r} where `listening {role} …` belongs, and: {self.said()}")
        return line.split()[2]
