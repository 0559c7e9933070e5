"""What a poller asks of one connection to a mailbox's IMAP server. Blocking: each is used by one thread at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from gateway.core.remote import RemoteFile
from gateway.usecases.mail_servers import Trouble


class SessionError(Exception):
    """The server did not do what it was asked; trouble says why. The session is of no use after that, but where the
    trouble's kind is `gone` or `protocol`."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.says)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Folders:
    """The two folders that are read (rule E3). sent: None where the server has none that is known as such; candidates:
    then, what a person may choose from."""

    inbox: str
    sent: str | None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """A folder as it was opened, by EXAMINE. modseq: None where the server counts none (CONDSTORE)."""

    uidvalidity: int
    exists: int
    uidnext: int | None
    modseq: int | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message as fetched. message: header and text parts as `core.remote.Skeleton` has them, or all of it where
    whole; None where it can't be read, and error says why, or where it is late. at: its INTERNALDATE, ms since 1970,
    else its Date; 0 where neither can be read. size: all of it, there.
    """

    uid: int
    message: bytes | None
    whole: bool
    files: tuple[RemoteFile, ...]
    at: int
    size: int
    error: str = ""

    @property
    def late(self) -> bool:
        """There was no room for it beside the others: it is asked for once more, alone."""
        return self.message is None and not self.error


class Session(Protocol):
    """One connection. All methods but `close` raise SessionError; 60 seconds without data end it."""

    moved: int
    """Bytes received so far."""
    capabilities: frozenset[str]
    """What the server can, in capitals, after log-in."""

    def open(self) -> None:
        """Connects by TLS or with STARTTLS, names us (ID) before and after the log-in, and enables QRESYNC or CONDSTORE
        before anything is opened. NAMESPACE unmasks a server that lets in who may not (Exchange)."""

    def folders(self, sent: str | None = None) -> Folders:
        """The folders to read. sent: the path that somebody chose."""

    def examine(self, path: str) -> Status:
        """Opens a folder for reading: nothing is ever marked as seen."""

    def since(self, day: date) -> list[int]:
        """UIDs of messages whose INTERNALDATE is that day or later, ascending."""

    def dates(self, uids: Sequence[int]) -> dict[int, int]:
        """INTERNALDATE of messages, ms since 1970, by UID; without those that are gone or have none to be read."""

    def above(self, uid: int) -> list[int]:
        """UIDs above one, ascending; without the last one that servers return for a range beyond the end."""

    def all(self) -> list[int]:
        """All UIDs, ascending."""

    def vanished(self, uidvalidity: int, modseq: int) -> list[int] | None:
        """UIDs that went since a modseq (RFC 7162); None where this server can't tell."""

    def fetch(self, uids: Sequence[int], *, whole: bool = False) -> list[Fetched]:
        """Messages in the order of their UIDs; those that are gone are left out. whole: with their files.
        The first one always has room."""

    def part(self, uid: int, section: str, most: int) -> bytes:
        """A part as it stands there, encoded; empty section: the whole message. Trouble `gone` where there is none."""

    def find(self, message_id: str) -> list[int]:
        """UIDs of messages with this Message-ID in the opened folder."""

    def append(self, path: str, message: bytes, at: int) -> None:
        """Puts a message into a folder, as seen, with this INTERNALDATE (ms since 1970)."""

    def begin_idle(self) -> None:
        """Asks to be told of changes (RFC 2177). What came in before that is nothing to wait for any more: `heard` is
        asked once at first."""

    def fileno(self) -> int:
        """To wait for the server with a selector, while idle."""

    def heard(self) -> bool:
        """While idle: whether what came says that something changed. Never waits."""

    def end_idle(self) -> None:
        """Ends it; the folder stays open."""

    def close(self) -> None:
        """Logs out if that is soon done, and ends the connection; never raises."""
