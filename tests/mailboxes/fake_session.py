"""A mail server in memory that keeps to IMAP's rules, and sessions with it, which can be made to fail at any call.

UIDs ascend and are never used twice under one UIDVALIDITY; what is fetched has to be in the folder that was examined;
nothing is asked before the log-in; what went is told only to who names a modseq (RFC 9051, RFC 7162, RFC 2177).
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.parser import BytesParser

from gateway.core.mailboxes import PASSWORD, Credential, Servers
from gateway.core.remote import RemoteFile
from gateway.mailboxes.session import Fetched, Folders, SessionError, Status
from gateway.usecases.mail_servers import Trouble

CUT = Trouble("network", "The server cut the connection.")


@dataclass
class Mail:
    """A message on the server. files: those that stay there; whole: the message with them."""

    message: bytes
    at: int
    files: tuple[RemoteFile, ...] = ()
    whole: bytes = b""


@dataclass
class FakeFolder:
    """A folder. modseq: counts what happens to it. went: UIDs that were expunged, each with the modseq of that."""

    uidvalidity: int = 1
    uidnext: int = 1
    modseq: int = 1
    mails: dict[int, Mail] = field(default_factory=dict)
    went: list[tuple[int, int]] = field(default_factory=list)

    def add(self, message: bytes, at: int, files: tuple[RemoteFile, ...] = (), whole: bytes = b"") -> int:
        uid, self.uidnext, self.modseq = self.uidnext, self.uidnext + 1, self.modseq + 1
        self.mails[uid] = Mail(message, at, files, whole)
        return uid

    def expunge(self, uid: int) -> Mail:
        self.modseq += 1
        self.went.append((self.modseq, uid))
        return self.mails.pop(uid)

    def renumber(self) -> None:
        """A new UIDVALIDITY: the same messages have other UIDs."""
        kept = [self.mails[uid] for uid in sorted(self.mails)]
        self.uidvalidity += 1
        self.uidnext, self.mails, self.went = 1, {}, []
        for mail in kept:
            self.add(mail.message, mail.at, mail.files, mail.whole)


@dataclass
class FakeServer:
    """One mailbox on a server. password: what lets in, or the access tokens that do. can: its capabilities. calls: of
    all sessions, by name. cut_at: the call after which every connection is lost; None for never. unreadable: UIDs that
    can't be read. breaking: UIDs whose fetch is answered with what nobody understands. deadly: UIDs whose fetch ends
    the connection. late: UIDs that have no room beside
    others. early: whether news come with the permission to wait, read with it. before: called before each
    call, in the session's thread. refuses: what the log-in is answered."""

    sent: str | None = "Sent"
    password: str = "right"
    can: frozenset[str] = frozenset({"IMAP4REV1", "CONDSTORE", "QRESYNC"})
    folders: dict[str, FakeFolder] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    fetched: Counter[tuple[str, int]] = field(default_factory=Counter)
    batches: list[int] = field(default_factory=list)
    log_ins: int = 0
    open_now: int = 0
    most_open: int = 0
    cut_at: int | None = None
    unreadable: set[int] = field(default_factory=set)
    breaking: set[int] = field(default_factory=set)
    deadly: set[int] = field(default_factory=set)
    late: set[int] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    refuses: Trouble | None = None
    early: bool = False
    before: Callable[[str], None] | None = None
    idle: list[FakeSession] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.folders.setdefault("INBOX", FakeFolder())
        if self.sent is not None:
            self.folders.setdefault(self.sent, FakeFolder(uidvalidity=9))

    @property
    def inbox(self) -> FakeFolder:
        return self.folders["INBOX"]

    @property
    def outbox(self) -> FakeFolder:
        assert self.sent is not None
        return self.folders[self.sent]

    def session(self, address: str, servers: Servers, credential: Credential) -> FakeSession:
        return FakeSession(self, credential)

    def tell(self) -> None:
        """Tells those who wait that something changed."""
        for session in self.idle:
            session.told.send(b"* 1 EXISTS\r\n")

    def hang_up(self) -> None:
        """Ends the connections of those who wait."""
        for session in list(self.idle):
            session.told.close()


class FakeSession:
    """A `Session`. Each call counts; after the one that the server names, the connection is lost."""

    def __init__(self, server: FakeServer, credential: Credential) -> None:
        self.server, self.credential = server, credential
        self.moved = 0
        self.capabilities: frozenset[str] = frozenset()
        self._open = self._dead = False
        self._path = ""
        self._early = False
        self._waits: socket.socket | None = None
        self.told: socket.socket

    def _call(self, name: str, *, opened: bool = True) -> None:
        if self.server.before is not None:
            self.server.before(name)
        with self.server.lock:
            assert not self._dead, f"{name} on a connection that is lost"
            assert self._open or not opened, f"{name} before the log-in"
            assert self._waits is None or name in ("heard", "end_idle"), f"{name} while idle"
            self.server.calls[name] += 1
            self.moved += 100
            if self.server.cut_at is not None and sum(self.server.calls.values()) > self.server.cut_at:
                self._lose()

    def _lose(self) -> None:
        self._dead = True
        raise SessionError(CUT)

    def _folder(self) -> FakeFolder:
        assert self._path, "nothing was examined"
        return self.server.folders[self._path]

    def open(self) -> None:
        self._call("open", opened=False)
        with self.server.lock:
            self.server.log_ins += 1
            self.server.open_now += 1
            self.server.most_open = max(self.server.most_open, self.server.open_now)
            self._open = True
            if self.server.refuses is not None:
                raise SessionError(self.server.refuses)
            given = self.credential.secret if self.credential.kind == PASSWORD else self.credential.access
            if given != self.server.password:
                raise SessionError(Trouble("auth", "The server refuses the password."))
            self.capabilities = self.server.can

    def folders(self, sent: str | None = None) -> Folders:
        self._call("folders")
        return Folders("INBOX", sent or self.server.sent)

    def examine(self, path: str) -> Status:
        self._call("examine")
        if path in self.server.broken:
            raise SessionError(Trouble("protocol", f"The server can't open the folder {path}."))
        self._path = path
        found = self._folder()
        counts = "CONDSTORE" in self.server.can
        return Status(found.uidvalidity, len(found.mails), found.uidnext, found.modseq if counts else None)

    def since(self, day: date) -> list[int]:
        self._call("since")
        found = self._folder().mails.items()
        return sorted(uid for uid, mail in found if datetime.fromtimestamp(mail.at / 1000, UTC).date() >= day)

    def dates(self, uids: Sequence[int]) -> dict[int, int]:
        self._call("dates")
        return {uid: self._folder().mails[uid].at for uid in uids if uid in self._folder().mails}

    def above(self, uid: int) -> list[int]:
        self._call("above")
        return sorted(one for one in self._folder().mails if one > uid)

    def all(self) -> list[int]:
        self._call("all")
        return sorted(self._folder().mails)

    def vanished(self, uidvalidity: int, modseq: int) -> list[int] | None:
        self._call("vanished")
        if "QRESYNC" not in self.server.can:
            return None
        assert uidvalidity == self._folder().uidvalidity
        return sorted(uid for at, uid in self._folder().went if at > modseq)

    def fetch(self, uids: Sequence[int], *, whole: bool = False) -> list[Fetched]:
        self._call("fetch")
        assert list(uids) == sorted(set(uids)), "UIDs ascend, each once"
        self.server.batches.append(len(uids))
        if self.server.deadly.intersection(uids):
            self._lose()
        if self.server.breaking.intersection(uids):
            raise SessionError(Trouble("protocol", "The server says what nobody understands."))
        here = [uid for uid in uids if uid in self._folder().mails]
        late = self.server.late if len(uids) > 1 else set[int]()
        return [self._late(uid) if uid in late else self._one(uid, whole=whole) for uid in here]

    def _late(self, uid: int) -> Fetched:
        mail = self._folder().mails[uid]
        return Fetched(uid, None, False, (), mail.at, len(mail.message))

    def _one(self, uid: int, *, whole: bool) -> Fetched:
        mail = self._folder().mails[uid]
        self.server.fetched[self._path, uid] += 1
        if uid in self.server.unreadable:
            return Fetched(uid, None, False, (), mail.at, 0, "It can't be taken apart.")
        message = mail.whole if whole and mail.whole else mail.message
        self.moved += len(message)
        return Fetched(uid, message, whole or not mail.files, mail.files, mail.at, len(mail.whole or mail.message))

    def part(self, uid: int, section: str, most: int) -> bytes:
        raise AssertionError("a look fetches no files")

    def find(self, message_id: str) -> list[int]:
        self._call("find")
        found = self._folder().mails.items()
        return [u for u, mail in found if BytesParser().parsebytes(mail.message)["Message-ID"] == message_id]

    def append(self, path: str, message: bytes, at: int) -> None:
        self._call("append")
        self.server.folders[path].add(message, at)

    def begin_idle(self) -> None:
        self._call("begin_idle")
        assert "IDLE" in self.server.can
        self._waits, self.told = socket.socketpair()
        self._waits.setblocking(False)
        self.server.idle.append(self)
        self._early = self.server.early

    def fileno(self) -> int:
        assert self._waits is not None
        return self._waits.fileno()

    def heard(self) -> bool:
        self._call("heard")
        assert self._waits is not None
        if self._early:
            self._early = False
            return True
        try:
            came = self._waits.recv(4_096)
        except BlockingIOError:
            return False
        if not came:
            self._lose()
        return b"EXISTS" in came or b"EXPUNGE" in came

    def end_idle(self) -> None:
        self._call("end_idle")
        self._leave()

    def _leave(self) -> None:
        if self._waits is not None:
            self._waits.close()
            self.told.close()
            self._waits = None
            self.server.idle.remove(self)

    def close(self) -> None:
        with self.server.lock:
            self._leave()
            if self._open:
                self.server.open_now -= 1
            self._open, self._dead = False, True
