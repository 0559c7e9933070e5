"""A real Dovecot 2.3 on loopback, with a configuration, a folder and ports of its own; Debian's service is not touched.

One server serves many tests, each with people of its own, who differ in their folders, flags, storage and in what the
server says it can. What a person's client said after its log-in is read from Dovecot's raw log (`Person.commands`), who
logged in and who tried in vain from its log. Everything runs as whoever runs the tests; root keeps mail as `nobody`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot_settings import SLOTS, passwords, settings, signed_in
from tests.mailboxes.person import Person

PROGRAM = Path("/usr/sbin/dovecot")
IMAP = Path("/usr/lib/dovecot/imap")
PATIENCE = 20.0
"""Seconds until something that never comes is given up."""
SENT = {"Sent": "\\Sent", "Drafts": "\\Drafts", "Junk": "\\Junk", "Trash": "\\Trash", "Archive": "\\Archive"}
"""Folders as most servers have them, with their special use (RFC 6154)."""
_names = itertools.count(1)


def installed() -> bool:
    """Whether there is one on this machine."""
    return PROGRAM.exists() and IMAP.exists()


def need_dovecot() -> None:
    """Skips where it is missing, and says which package brings it."""
    if not installed():
        pytest.skip("dovecot is missing: apt-get install dovecot-imapd")


class Dovecot:
    """The server. certificate: one of `certificates.KINDS`. introspection: where it asks whom an access token is for;
    None takes none. raw_log: whether what clients say is kept. given: settings of dovecot.conf, over ours.

    imaps, imap: its ports, the second one for STARTTLS; it takes clear text as well, to tell who would send it.
    """

    host = "localhost"

    def __init__(
        self,
        authority: Authority,
        *,
        certificate: str = "good",
        introspection: str | None = None,
        raw_log: bool = True,
        **given: str,
    ) -> None:
        self.authority = authority
        self.folder = Path(tempfile.mkdtemp(prefix="smartgate-dovecot-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.homes, self.raw = self._open_folder("homes"), self._open_folder("raw")
        self.imaps, self.imap = _free_ports(2)
        self._people: dict[str, tuple[str, Mapping[str, str]]] = {_NOBODY: ("nobody knows", {})}
        self._raw_log = raw_log
        self._process: subprocess.Popen[bytes] | None = None
        authority.certificate(certificate).write(self.folder / "server.pem")
        (self.folder / "people.conf").write_text(passwords(self.folder))
        if introspection is not None:
            (self.folder / "oauth2.conf").write_text(signed_in(introspection, authority.file))
        self.configuration = self.folder / "dovecot.conf"
        text = settings(self.folder, self.imaps, self.imap, _owner(), given, oauth=introspection is not None)
        self.configuration.write_text(text)
        self._write_people()

    def __enter__(self) -> Dovecot:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Starts and waits until its port answers."""
        with (self.folder / "said").open("ab") as said:
            command = [str(PROGRAM), "-F", "-c", str(self.configuration)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        until = time.monotonic() + PATIENCE
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > until:
                why = (self.folder / "said").read_text("utf-8", "replace")
                self.close()
                raise AssertionError(f"Dovecot did not start: {why}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends it and every connection at once, as a crash would; `start` brings it up again with all its mail."""
        process, self._process = self._process, None
        if process is not None:
            for pid in (process.pid, *_below(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(PATIENCE)
            (self.folder / "run" / "master.pid").unlink(missing_ok=True)

    def close(self) -> None:
        """Ends it and takes everything away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def person(self, address: str | None = None, **given: Any) -> Person:
        """Somebody new with an empty mailbox; see `people` for what may be given."""
        return self.people([address or f"p{next(_names)}@acme.example"], **given)[0]

    def people(
        self,
        addresses: Sequence[str],
        *,
        password: str = "correct horse",
        folders: Mapping[str, str] = SENT,
        storage: str = "maildir:~/Maildir",
        prefix: str = "",
        separator: str = "/",
        capability: str | None = None,
    ) -> list[Person]:
        """People with empty mailboxes; who was there before under one of the addresses is forgotten with all mail.

        folders: name without prefix → special use, or nothing; up to ten with a use. storage: a mail_location, such as
        `sdbox:~/sdbox`. prefix: of every folder but the inbox, such as `INBOX.`, with its separator. capability: what
        the server says it can after log-in, instead of all it can.
        """
        used = {name: use for name, use in folders.items() if use}
        own = {"mail": storage, f"{_SECTION}separator": separator}
        own |= {f"{_SECTION}prefix": prefix} if prefix else {}
        for slot, (name, use) in zip(SLOTS, used.items(), strict=False):
            own |= {f"{_SECTION}mailbox/{slot}/name": name, f"{_SECTION}mailbox/{slot}/special_use": use}
            own |= {f"{_SECTION}mailbox/{slot}/auto": "create"}
        own |= {} if capability is None else {"imap_capability": capability}
        for address in addresses:
            self._people[address] = (password, own)
            shutil.rmtree(self.homes / address, ignore_errors=True)
            shutil.rmtree(self.raw / address, ignore_errors=True)
            if self._raw_log:
                _give((self.raw / address), _owner())
        self._write_people()
        made = [Person(self, address, password, len(self.log())) for address in addresses]
        for one in made:
            for name, use in folders.items():
                if not use:
                    one.create(f"{prefix}{name}")
        return made

    def set_password(self, address: str, password: str) -> None:
        """From the next log-in on; who is in stays in."""
        self._people[address] = (password, self._people[address][1])
        self._write_people()

    def client(self) -> ssl.SSLContext:
        """What a client that trusts the stand's authority connects with."""
        return self.authority.client()

    def run(self, *arguments: str) -> str:
        """A command of doveadm, and what it says."""
        command = ["doveadm", "-c", str(self.configuration), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def settled_log(self) -> str:
        """Its log once everything that happened before is in it: somebody tries in vain, and both processes that write
        of log-ins have written of that."""
        before = len(self.log())
        with self._connection() as connection:
            connection.sendall(b"a LOGIN %s wrong\r\n" % _NOBODY.encode())
            assert b"AUTHENTICATIONFAILED" in _until(connection, b"\r\n")
        until = time.monotonic() + PATIENCE
        while True:
            log = self.log()
            if f"dict({_NOBODY}," in log[before:] and f"user=<{_NOBODY}>" in log[before:]:
                return log
            assert time.monotonic() < until, "what happened never came into the log"
            time.sleep(0.01)

    def _write_people(self) -> None:
        """Replaces the file, which is how Dovecot's dict notices at once."""
        lines = [
            f"shared/{kind}/{address}\n{json.dumps(fields, ensure_ascii=False)}\n"
            for address, (password, own) in self._people.items()
            for kind, fields in (("passdb", {"password": password}), ("userdb", own))
        ]
        new = self.folder / "people.new"
        new.write_text("".join(lines))
        new.replace(self.folder / "people")

    def _open_folder(self, name: str) -> Path:
        return _give(self.folder / name, _owner())

    def _greets(self) -> bool:
        try:
            with self._connection():
                return True
        except OSError:
            return False

    @contextlib.contextmanager
    def _connection(self) -> Iterator[socket.socket]:
        """In clear text, greeted."""
        with socket.create_connection(("127.0.0.1", self.imap), timeout=PATIENCE) as connection:
            if not _until(connection, b"\r\n").startswith(b"* OK"):
                raise ConnectionError
            yield connection


_NOBODY = "nobody@stand.example"
_SECTION = "namespace/inbox/"


def _until(connection: socket.socket, mark: bytes) -> bytes:
    said = b""
    while mark not in said:
        more = connection.recv(4096)
        if not more:
            raise ConnectionError(said)
        said += more
    return said


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens at; all are held before one is let go, so that they differ."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _owner() -> str:
    """The system's user who owns the mail: Dovecot refuses to let root read mail."""
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _give(folder: Path, user: str) -> Path:
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    return folder


def _below(pid: int) -> list[int]:
    """Processes that were begun by this one, at whatever distance."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(re.split(r"\) ", stat.read_text())[-1].split()[1])
    found = [one for one, parent in parents.items() if parent == pid]
    return found + [more for one in found for more in _below(one)]
