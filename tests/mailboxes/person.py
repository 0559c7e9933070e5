"""Somebody with a mailbox on the stand's Dovecot: their mail as its server has it, and what clients did to it.

What is done here goes past the port (`doveadm exec imap`): it counts as no log-in and stands in no raw log.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from imapclient import IMAPClient, imap_utf7

if TYPE_CHECKING:
    from tests.mailboxes.dovecot import Dovecot

_PATIENCE = 20.0
_CAN = (b"IMAP4REV1", b"LITERAL+", b"MULTIAPPEND", b"UIDPLUS", b"MOVE", b"ENABLE", b"CONDSTORE")
_STAMP = re.compile(rb"^\d+\.\d+ ", re.MULTILINE)
_OPENED = re.compile(r'^\S+ (SELECT|EXAMINE) ("(?:[^"\\]|\\.)*"|\S+)', re.IGNORECASE)


class _Let(IMAPClient):  # type: ignore[misc]
    """A client of a server that a command starts, and that lets it in at once (PREAUTH).

    It is told what Dovecot can, whatever that says of itself to this person's clients.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        super().__init__(f"{shlex.join(command)} 2>>{shlex.quote(str(log))}", ssl=False, stream=True)
        self._cached_capabilities = _CAN

    def _set_read_timeout(self) -> None:
        """There is no socket that could be given one."""


class Person:
    """address, password: what they log in with; folder names here are full, prefix included, as a client sees them."""

    def __init__(self, dovecot: Dovecot, address: str, password: str, logged: int) -> None:
        self.dovecot = dovecot
        self.address = address
        self.password = password
        self._logged = logged

    def set_password(self, password: str) -> None:
        """From the next log-in on; who is in stays in."""
        self.password = password
        self.dovecot.set_password(self.address, password)

    def append(
        self,
        folder: str,
        mails: Sequence[bytes],
        *,
        at: datetime | Sequence[datetime] | None = None,
        step: timedelta = timedelta(),
        seen: bool = False,
    ) -> list[int]:
        """Puts mails there in one go; their UIDs. at: their INTERNALDATE, with a time zone: one each, or that of the
        first, to which step is added from mail to mail; None: now."""
        if not mails:
            return []
        first = datetime.now(UTC) if at is None else at
        dates = [first + step * n for n in range(len(mails))] if isinstance(first, datetime) else first
        flags = ["\\Seen"] if seen else []
        given = [{"msg": mail, "flags": flags, "date": date} for mail, date in zip(mails, dates, strict=True)]
        with self.inside() as client:
            said = client.multiappend(folder, given)
        found = re.search(r"APPENDUID \d+ ([\d:,]+)", str(said))
        assert found is not None, said
        return _numbers(found[1])

    def uids(self, folder: str) -> list[int]:
        with self.inside(folder) as client:
            return sorted(client.search())

    def flags(self, folder: str) -> dict[int, frozenset[str]]:
        """The flags of each mail by its UID, such as `\\Seen`; `\\Recent` is left out."""
        with self.inside(folder) as client:
            found = client.get_flags(client.search())
        return {uid: frozenset(flag.decode() for flag in of if flag != b"\\Recent") for uid, of in found.items()}

    def message(self, folder: str, uid: int) -> bytes:
        """A whole mail as the server keeps it."""
        with self.inside(folder) as client:
            return bytes(client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"])

    def expunge(self, folder: str, uids: Sequence[int]) -> None:
        with self.inside(folder, write=True) as client:
            client.delete_messages(uids)
            client.uid_expunge(uids)

    def move(self, folder: str, uids: Sequence[int], to: str) -> list[int]:
        """Moves mails (RFC 6851); their UIDs there."""
        with self.inside(folder, write=True) as client:
            client.move(uids, to)
        return self.uids(to)[-len(uids) :]

    def create(self, folder: str) -> None:
        with self.inside() as client:
            client.create_folder(folder)

    def rename(self, folder: str, name: str) -> None:
        with self.inside() as client:
            client.rename_folder(folder, name)

    def remove(self, folder: str) -> None:
        with self.inside() as client:
            client.delete_folder(folder)

    def folders(self) -> dict[str, set[str]]:
        """Name → flags, special uses among them."""
        with self.inside() as client:
            return {name: {flag.decode() for flag in flags} for flags, _, name in client.list_folders()}

    def uidvalidity(self, folder: str) -> int:
        with self.inside() as client:
            return int(client.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"])

    def renew(self, folder: str, *, renumber: bool = True) -> dict[int, int]:
        """Another UIDVALIDITY, as after a restore (RFC 9051 section 2.3.1.1); old UID → new one. renumber: the mails
        are the same, with other UIDs; else only the UIDVALIDITY is another one."""
        new = {uid: uid for uid in self.uids(folder)}
        if renumber and new:
            with self.inside(folder, write=True) as client:
                kept = client.fetch(list(new), ["BODY.PEEK[]", "INTERNALDATE", "FLAGS"])
                client.normalise_times = False
                dated = client.fetch(list(new), ["INTERNALDATE"])
                client.delete_messages(list(new))
                client.expunge()
            given = [
                {
                    "msg": kept[uid][b"BODY[]"],
                    "flags": [flag for flag in kept[uid][b"FLAGS"] if flag != b"\\Recent"],
                    "date": dated[uid][b"INTERNALDATE"],
                }
                for uid in new
            ]
            with self.inside() as client:
                client.multiappend(folder, given)
            new = dict(zip(new, self.uids(folder), strict=True))
        other = str(self.uidvalidity(folder) + 7)
        self.dovecot.run("mailbox", "update", "-u", self.address, "--uid-validity", other, folder)
        return new

    @contextlib.contextmanager
    def inside(self, folder: str | None = None, *, write: bool = False) -> Iterator[IMAPClient]:
        """A client that is let in as this person without a log-in, with a folder opened if one is named."""
        command = ["doveadm", "-c", str(self.dovecot.configuration), "exec", "imap", "-u", self.address]
        client = _Let(command, self.dovecot.folder / "inside.log")
        try:
            if folder is not None:
                client.select_folder(folder, readonly=not write)
            yield client
        except BaseException:
            client.shutdown()
            raise
        client.logout()

    @contextlib.contextmanager
    def client(self) -> Iterator[IMAPClient]:
        """A client that has logged in over TLS, as any other does."""
        client = IMAPClient("localhost", self.dovecot.imaps, ssl_context=self.dovecot.client(), timeout=_PATIENCE)
        try:
            client.login(self.address, self.password)
            yield client
        finally:
            try:
                client.logout()
            except (client.Error, OSError):
                with contextlib.suppress(OSError):
                    client.shutdown()

    def logins(self) -> int:
        """How often somebody was let in as this person since they came to be."""
        mark = f"imap-login: Info: Login: user=<{self.address}>,"
        return self.dovecot.settled_log()[self._logged :].count(mark)

    def refusals(self) -> int:
        """How often somebody gave a wrong password or token for this person since they came to be."""
        said = re.compile(rf"^auth.* (?:dict|oauth2)\({re.escape(self.address)},", re.MULTILINE)
        return len(said.findall(self.dovecot.settled_log()[self._logged :]))

    def sessions(self) -> list[list[str]]:
        """What clients sent after each log-in, line by line, oldest session first; what a literal holds is in it."""
        files = sorted((self.dovecot.raw / self.address).glob("*.in"), key=lambda path: path.stat().st_mtime_ns)
        return [_STAMP.sub(b"", path.read_bytes()).decode("utf-8", "replace").splitlines() for path in files]

    def commands(self) -> list[str]:
        """All lines of all sessions."""
        return [line for session in self.sessions() for line in session]

    def opened(self) -> list[tuple[str, str]]:
        """Each SELECT or EXAMINE with the name of its folder, in order."""
        found = [match for line in self.commands() if (match := _OPENED.match(line))]
        return [(match[1].upper(), _folder(match[2])) for match in found]

    def answers(self) -> str:
        """What the server sent to all sessions after their log-in."""
        files = sorted((self.dovecot.raw / self.address).glob("*.out"), key=lambda path: path.stat().st_mtime_ns)
        return "".join(_STAMP.sub(b"", path.read_bytes()).decode("utf-8", "replace") for path in files)


def _folder(written: str) -> str:
    if written.startswith('"'):
        written = re.sub(r"\\(.)", r"\1", written[1:-1])
    return str(imap_utf7.decode(written.encode()))


def _numbers(written: str) -> list[int]:
    """The numbers of a sequence set (RFC 9051 section 9) without `*`."""
    found: list[int] = []
    for part in written.split(","):
        first, _, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found
