"""One connection to a mailbox's IMAP server (RFC 3501, RFC 9051), as `session.Session` wants it.

What it says and in which order is what servers are known to need: TLS before all else, ID before and after the log-in
(163 and 126 let nobody in who didn't say it), NAMESPACE as the first question, because Exchange answers OK to a log-in
that it doesn't mean, and EXAMINE with PEEK, so that nothing is ever marked as seen.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import date

from gateway.core.mailboxes import STARTTLS, Credential, Server
from gateway.core.sent_names import Namespaces
from gateway.mailboxes.fetching import Items, fetch_messages
from gateway.mailboxes.folders import append, examine, list_folders, read_namespaces
from gateway.mailboxes.log_in import log_in, name_us
from gateway.mailboxes.responses import (
    LAST_UID,
    Record,
    answers,
    as_set,
    items_of,
    moment,
    number,
    of_set,
    uids_of,
    weight,
)
from gateway.mailboxes.session import Fetched, Folders, SessionError, Status
from gateway.mailboxes.troubles import refused, told
from gateway.mailboxes.wire import RefusedError, Way, Wire
from gateway.usecases.mail_servers import Trouble

SECONDS = 60.0
"""So long without an octet, and a connection is over."""
_PARTING_SECONDS = 2.0
_DATES_AT_ONCE = 500
_PIECE = 16 * 1024 * 1024
_MOST_VALUES = 500_000
"""So many values of one command are held at most, whatever a server tells of the messages it was asked for."""
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class ImapSession:
    """A `session.Session` with a real server. addresses: those of its host that may be connected to, already judged.

    user: the log-in name. context: what trusts certificates; they have to be for the name of the host.
    """

    def __init__(
        self,
        server: Server,
        user: str,
        credential: Credential,
        addresses: Sequence[str],
        context: ssl.SSLContext,
        *,
        seconds: float = SECONDS,
    ) -> None:
        self.moved = 0
        self.capabilities: frozenset[str] = frozenset()
        self._user, self._credential = user, credential
        self._way = Way(server.host, server.port, addresses, context, server.security == STARTTLS, seconds)
        self._wire: Wire | None = None
        self._lost = False
        self._names: dict[str, bytes] = {}
        self._status: Status | None = None
        self._spaces = Namespaces()
        self._qresync = False
        self._idle: bytes | None = None

    def open(self) -> None:
        """See `Session`: connects, logs in, and learns what the server can."""
        try:
            with self._told(login=True):
                wire = self._wire = Wire(self._way, self._count)
            with self._told(login=True):
                name_us(wire)
                self.capabilities = log_in(wire, self._user, self._credential)
                name_us(wire)
            with self._told():
                self._spaces = read_namespaces(wire, self.capabilities)
                self._qresync = self._enabled(wire)
        except SessionError:
            self.close()
            raise

    def folders(self, sent: str | None = None) -> Folders:
        """See `Session`: the inbox, and the folder of sent mail by its flag, else by its name (E3)."""
        with self._told():
            found, names = list_folders(self._open, self.capabilities, self._spaces, sent)
        self._names |= names
        return found

    def examine(self, path: str) -> Status:
        """See `Session`. Without UIDVALIDITY nothing can be told apart: trouble `protocol`."""
        wire = self._open
        self._status = None
        with self._told():
            self._status = examine(wire, path, self._names)
        if not self._status.uidvalidity:
            raise SessionError(Trouble("protocol", f"{self._way.host} does not number its messages lastingly"))
        return self._status

    def since(self, day: date) -> list[int]:
        """See `Session`. The day is the server's."""
        return self._search(f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year:04}")

    def dates(self, uids: Sequence[int]) -> dict[int, int]:
        """See `Session`."""
        found: dict[int, int] = {}
        for begin in range(0, len(uids), _DATES_AT_ONCE):
            with self._told():
                told_of, _ = self._ask_fetch(uids[begin : begin + _DATES_AT_ONCE], "(UID INTERNALDATE)")
            moments = {uid: moment(items.get(b"INTERNALDATE")) for uid, items in told_of.items()}
            found |= {uid: at for uid, at in moments.items() if at is not None}
        return found

    def above(self, uid: int) -> list[int]:
        """See `Session`: `n:*` always names the last message, also where it is not above (RFC 9051 section 9)."""
        if uid >= LAST_UID:
            return []
        return [one for one in self._search(f"UID {uid + 1}:*") if one > uid]

    def all(self) -> list[int]:
        """See `Session`. A search that finds fewer than there are is asked again in another way."""
        found = self._search("ALL")
        if self._status is not None and len(found) < self._status.exists:
            with self._told():
                self._open.ask("UID", "FETCH", "1:*", "(UID)")
                numbers = {number(items.get(b"UID")) for _, items in self._fetched() if items is not None}
                found = sorted(numbers.union(found))
        return [uid for uid in found if 0 < uid <= LAST_UID]

    def vanished(self, uidvalidity: int, modseq: int) -> list[int] | None:
        """See `Session`: by QRESYNC (RFC 7162 section 3.2.6)."""
        if not self._qresync or self._status is None or self._status.uidvalidity != uidvalidity:
            return None
        if self._status.modseq is None:
            return None
        with self._told():
            self._open.ask("UID", "FETCH", "1:*", "(UID)", f"(CHANGEDSINCE {modseq} VANISHED)")
        lines = self._open.untagged("VANISHED")
        sets = [line.rpartition(b" ")[2] if isinstance(line, bytes) else b"" for line in lines]
        return of_set(b",".join(sets)) if sets else []

    def fetch(self, uids: Sequence[int], *, whole: bool = False) -> list[Fetched]:
        """See `Session`."""
        with self._told():
            return fetch_messages(self._ask_fetch, sorted(set(uids)), whole=whole)

    def part(self, uid: int, section: str, most: int) -> bytes:
        """See `Session`: in pieces, so that none takes too long. Trouble `refused` where it is larger than `most`."""
        found = b""
        while (asked := min(_PIECE, most + 1 - len(found))) > 0:
            piece = self._piece(uid, section, len(found), asked)
            found += piece
            if len(piece) != asked:
                break
        if len(found) > most:
            raise SessionError(Trouble("refused", "The file is larger than what is fetched from a mailbox"))
        return found

    def _piece(self, uid: int, section: str, at: int, most: int) -> bytes:
        """Octets of a part from `at` on; fewer than asked for at its end, more from a server that knows no pieces."""
        with self._told():
            told_of, _ = self._ask_fetch([uid], f"(UID BODY.PEEK[{section}]<{at}.{most}>)")
        found = told_of.get(uid, {}).get(f"BODY[{section}]".upper().encode())
        if isinstance(found, bytes):
            return found
        raise SessionError(Trouble("gone", f"{self._way.host} does not have that any more"))

    def find(self, message_id: str) -> list[int]:
        """See `Session`. A Message-ID that can't stand in a command is found nowhere."""
        if not message_id.isascii() or not message_id.isprintable():
            return []
        quoted = message_id.replace("\\", "\\\\").replace('"', '\\"')
        return self._search(f'HEADER Message-ID "{quoted}"')

    def append(self, path: str, message: bytes, at: int) -> None:
        """See `Session` (RFC 3501 section 6.3.11)."""
        with self._told():
            append(self._open, path, self._names, message, at)

    def begin_idle(self) -> None:
        """See `Session`. What came in meanwhile is told by `heard`, which is therefore asked once before waiting."""
        with self._told():
            self._idle = self._open.begin("IDLE")

    def fileno(self) -> int:
        """See `Session`. It stays the same until `close`, also where the connection is lost meanwhile."""
        if self._wire is None:
            raise SessionError(self._gone())
        return self._wire.sock.fileno()

    def heard(self) -> bool:
        """See `Session`. True as well where the server has ended it by itself."""
        wire = self._open
        with self._told():
            ended = wire.heard(self._idle)
        news, wire.news = wire.news or ended, False
        return news

    def end_idle(self) -> None:
        """See `Session`."""
        tag, self._idle = self._idle, None
        if tag is not None:
            with self._told():
                self._open.end("IDLE", tag, b"DONE\r\n")

    def close(self) -> None:
        """See `Session`."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        with suppress(Exception):
            if self._idle is None and not self._lost:
                wire.hurry(_PARTING_SECONDS)
                wire.logout()
        with suppress(Exception):
            wire.shutdown()

    @property
    def _open(self) -> Wire:
        if self._wire is None or self._lost:
            raise SessionError(self._gone())
        return self._wire

    def _gone(self) -> Trouble:
        return Trouble("network", f"There is no connection to {self._way.host}")

    def _count(self, octets: int) -> None:
        self.moved += octets

    def _told(self, *, login: bool = False) -> AbstractContextManager[None]:
        return told(self._way.host, self._way.port, self._lose, login=login)

    def _lose(self) -> None:
        """The connection is of no use any more: nothing else is asked of it, and its socket stays until `close`."""
        self._lost = True

    def _enabled(self, wire: Wire) -> bool:
        """Turns on what tells changes (RFC 5161), before any folder is opened. True: QRESYNC is on."""
        wanted = next((one for one in ("QRESYNC", "CONDSTORE") if one in self.capabilities), None)
        if wanted is None or not self.capabilities & {"ENABLE", "QRESYNC"}:
            return False
        with suppress(RefusedError):
            wire.ask("ENABLE", wanted)
        return b"QRESYNC" in b" ".join(one for one in wire.untagged("ENABLED") if isinstance(one, bytes)).upper()

    def _search(self, criteria: str) -> list[int]:
        wire = self._open
        wire.news = False
        with self._told():
            wire.ask("UID", "SEARCH", criteria)
            return uids_of(wire.untagged("SEARCH"))

    def _fetched(self) -> Iterator[tuple[Sequence[Record], Items | None]]:
        """The FETCH answers, and what each tells; None of one that can't be read."""
        for answer in answers(self._open.untagged("FETCH")):
            try:
                yield answer, items_of(answer)
            except ValueError:
                yield answer, None

    def _ask_fetch(self, uids: Sequence[int], items: str) -> tuple[dict[int, Items], bool]:
        """UID FETCH. A refusal is raised where it means trouble of the mailbox; else what came is what there is."""
        accepted = True
        try:
            self._open.ask("UID", "FETCH", as_set(uids), items)
        except RefusedError as error:
            trouble = refused(error.text, self._way.host)
            if trouble.kind not in ("protocol", "gone"):
                raise SessionError(trouble) from None
            accepted = False
        return self._told_of(frozenset(uids), sound=accepted)

    def _told_of(self, uids: frozenset[int], *, sound: bool) -> tuple[dict[int, Items], bool]:
        """What FETCH answers tell of these messages, and whether every answer could be read and held."""
        told_of: dict[int, Items] = {}
        left = _MOST_VALUES
        for answer, items in self._fetched():
            if items is None:
                sound = False
            elif (uid := number(items.get(b"UID"))) in uids:
                left -= weight(answer)
                if left < 0:
                    return told_of, False
                told_of.setdefault(uid, {}).update(items)
        return told_of, sound
