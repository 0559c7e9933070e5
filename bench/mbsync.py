"""The peer of mailbox rows: Debian's mbsync, which copies a mailbox into a Maildir, and the Dovecot that both read.

Where a choice had to be made it is the one that favours mbsync: it pulls only, its state lies beside the mail, nothing
is expunged, and its pipeline is as deep as it likes. It writes durably, as it does everywhere.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peer import PeerError
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import IMAP, PROGRAM, Dovecot
from tests.mailboxes.person import Person

_RC = """\
IMAPAccount stand
Host localhost
Port {port}
User {user}
Pass "{password}"
SSLType IMAPS
SystemCertificates no
CertificateFile {authority}

IMAPStore far
Account stand

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX Sent
Sync Pull
Create Near
SyncState *
"""
_SENT = re.compile(r"^imap\((?P<user>[^)]*)\).*: Info: Disconnected: .* out=(?P<out>\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Took:
    """What one run took. cpu: seconds of it, the server's left out."""

    seconds: float
    cpu: float


class Mbsync:
    """mbsync for one person, with a Maildir under a folder."""

    def __init__(self, dovecot: Dovecot, person: Person, folder: Path) -> None:
        self.folder = folder
        (folder / "mail").mkdir(parents=True)
        text = _RC.format(
            port=dovecot.imaps,
            user=person.address,
            password=person.password,
            authority=dovecot.authority.file,
            folder=folder,
        )
        (folder / "rc").write_text(text)
        (folder / "rc").chmod(0o600)

    def run(self) -> Took:
        """One run of it. Raises PeerError."""
        command = ["mbsync", "-c", str(self.folder / "rc"), "-q", "-a"]
        before, begun = _children(), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        took = Took(time.perf_counter() - begun, _children() - before)
        if done.returncode:
            raise PeerError(f"mbsync failed: {done.stderr.strip()[-800:]}")
        return took

    def kept(self) -> int:
        """How many mails its Maildir holds."""
        return sum(
            len(os.listdir(box / name))
            for box in (self.folder / "mail").iterdir()
            for name in ("cur", "new")
            if (box / name).is_dir()
        )


@contextmanager
def dovecot(folder: Path) -> Iterator[Dovecot]:
    """A server with nobody in it. Raises PeerError where a program is missing."""
    if not (PROGRAM.exists() and IMAP.exists() and shutil.which("mbsync")):
        raise PeerError("the rows of mailboxes need Debian's dovecot-imapd and isync: apt-get install them")
    folder.chmod(0o755)
    with Dovecot(Authority(folder), raw_log=False) as server:
        yield server


def sent_to(server: Dovecot, address: str, after: int) -> int:
    """Bytes that the server sent to clients of somebody, before TLS, as its log from a place on tells."""
    log = server.settled_log()[after:]
    return sum(int(found["out"]) for found in _SENT.finditer(log) if found["user"] == address)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
