"""Debian's Postfix in front of the gateway, as docs/howto-postfix.md sets it up; a private instance, for one test."""

from __future__ import annotations

import os
import re
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.peer import Tree, greets, waited
from tests.serving import PATIENCE, ROOT

_PROGRAMS = Path("/usr/lib/postfix/sbin")
_HOWTO = ROOT / "docs" / "howto-postfix.md"
_MAIN = {
    "compatibility_level": "3.6",
    "myhostname": "relay.acme.example",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "alias_maps": "",
    "inet_interfaces": "loopback-only",
    "inet_protocols": "ipv4",
    "smtpd_peername_lookup": "no",
    "minimal_backoff_time": "1s",
    "queue_run_delay": "1s",
    "address_verify_poll_delay": "1s",
}
# service, type, private, unprivileged, chroot, wakeup, process limit, command: Debian's table without chroot
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
pickup unix n - n 60 1 pickup
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
flush unix n - n 1000? 0 flush
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def needed() -> None:
    """Skips where Postfix can't be run, and says what it needs."""
    if not (_PROGRAMS / "master").exists():
        pytest.skip("postfix is missing: apt-get install postfix")
    if os.geteuid() != 0:
        pytest.skip("postfix is started by root only")


def documented(heading: str, file: str) -> str:
    """The lines of `file` that the guide gives under a heading."""
    section = _HOWTO.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```(\S+)\n(.*?)```", section, re.DOTALL)
    assert blocks, f"no set-up under {heading!r}"
    return "".join(lines for name, lines in blocks if name == file)


class Relay:
    """Postfix on a loopback port. Mail for other domains than ours, such as bounces, goes to the port `world`."""

    def __init__(self, folder: Path, world: int) -> None:
        self.folder = folder
        self.port = _free_port()
        self._world = world
        self._tree: Tree | None = None

    def start(self, headings: list[str], places: Mapping[str, str], **more: str) -> None:
        """Starts it with what the guide gives under these headings. places: what stands there → what holds here."""
        main, master = ("\n".join(documented(one, file) for one in headings) for file in ("main.cf", "master.cf"))
        for written, real in places.items():
            assert written in main, written
            main = main.replace(written, real)
        etc, queue, data = (self.folder / name for name in ("etc", "queue", "data"))
        for made in (etc, queue, data):
            made.mkdir()
        shutil.chown(data, "postfix")
        own = {
            **_MAIN,
            "default_transport": f"smtp:[127.0.0.1]:{self._world}",
            "queue_directory": str(queue),
            "data_directory": str(data),
            "maillog_file": str(self._log),
            "maillog_file_prefixes": str(self.folder),
            **more,
        }
        (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in own.items()) + main)
        (etc / "master.cf").write_text(_MASTER.format(port=self.port) + master)
        self._command("postfix", "check")
        self._tree = Tree([str(_PROGRAMS / "master"), "-c", str(etc), "-d"], self.folder)
        assert self._tree.came_up(lambda: greets(self.port), PATIENCE), self._tree.said() + self.log()

    def drained(self) -> None:
        """Waits until every mail has left the queue, bounces too."""
        assert waited(lambda: not self._command("postqueue", "-j").strip(), PATIENCE), self.log()

    def stop(self) -> None:
        if self._tree is not None:
            self._tree.stop()

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.folder / "mail.log"

    def _command(self, program: str, *arguments: str) -> str:
        command = [f"/usr/sbin/{program}", "-c", str(self.folder / "etc"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


class World(socketserver.ThreadingTCPServer):
    """Every other mail server of the world: takes what it is given and keeps it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Taker)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Taker(socketserver.StreamRequestHandler):
    server: World

    def handle(self) -> None:
        recipient = ""
        self.wfile.write(b"220 world.example SMTP\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
            if verb == b"DATA":
                self.wfile.write(b"354 Go on\r\n")
                text = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append((recipient, text.decode(errors="replace")))
            self.wfile.write(b"221 Bye\r\n" if verb == b"QUIT" else b"250 Ok\r\n")
            if verb == b"QUIT":
                return


@contextmanager
def world() -> Iterator[World]:
    with World() as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        try:
            yield one
        finally:
            one.shutdown()
            thread.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
