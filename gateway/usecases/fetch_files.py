"""Hand over what a message carries: from our own store, or from the mail server on which it was left (rule E7).

What stays on its server is fetched when somebody opens it, over a short connection. Once it is no longer there, that is
kept: from then on nobody is asked, and lists say that it isn't available.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakValueDictionary

import structlog

from gateway.core.body import attachment, content
from gateway.core.mailboxes import AUTH_FAILED, PASSWORD
from gateway.core.refusals import Away, Lost
from gateway.core.resources import File
from gateway.core.visibility import BACK_END, Eyes
from gateway.sealing import Keyring, SealError
from gateway.store import mailbox_reading as boxes
from gateway.store.blobs import Blobs
from gateway.store.bodies import StoredBody, find_bodies, find_body, unpack
from gateway.store.engine import Store, Tx
from gateway.store.ids import shared_time as now
from gateway.store.mailbox_reading import Remote
from gateway.store.mailboxes import MailboxRow, get_mailbox
from gateway.store.reading_mail import find_shown
from gateway.store.showing_mail import Shown
from gateway.usecases.credentials import Credentials
from gateway.usecases.mail_servers import MailServers, Place, Trouble

LARGE = 16 * 1024
"""Bytes from which a message is parsed in a thread: what is hostile in it can take tenths of a second to clean."""
_MARGIN = 1024 * 1024
_MOST_WHOLE = 64 * 1024 * 1024
_NO_DOOR = "This server has no connection to people's mailboxes at this moment; try again."
_log = structlog.get_logger(__name__)
_turns: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()
"""Files of one mailbox are fetched one after the other: with who syncs it there are two connections to it at most."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that somebody opens. body: of the source they are shown. remotes: where that one is on a server.

    twin: a copy that a smart address got, which is kept here with its files."""

    shown: Shown
    body: StoredBody | None
    remotes: tuple[Remote, ...]
    twin: StoredBody | None = None

    @property
    def apart(self) -> bool:
        """Whether files of it were left on the server, so that what is kept is not all of it."""
        return any(one.files for one in self.remotes)


@dataclass(frozen=True, slots=True)
class Handed:
    """The decoded bytes of an attachment, and what it is called."""

    filename: str
    content_type: str
    data: bytes


def find_opened(tx: Tx, account: int, id: str, states: Sequence[str], eyes: Eyes = BACK_END) -> Opened | None:
    """A message as its reader sees it, with what opening it takes."""
    shown = find_shown(tx, account, id, states, eyes)
    if shown is None or shown.n is None:
        return None if shown is None else Opened(shown, None, ())
    body = find_bodies(tx, account, {id: shown.n}).get(id)
    source = shown.message.sources[0]
    remotes = boxes.find_remotes(tx, account, [id]).get(id, ()) if source.mailbox is not None else ()
    own = tuple(one for one in remotes if (one.mailbox, one.role) == (source.mailbox, source.folder))
    others = zip(shown.others, shown.message.sources[1:], strict=True)
    smart = next((n for n, one in others if one.mailbox is None), None) if own else None
    return Opened(shown, body, own, find_body(tx, account, id, smart) if smart is not None else None)


@dataclass(frozen=True, slots=True)
class Files:
    """What handing files over takes. servers: the door to mailboxes, None where there is none.

    parts, depth: the bounds with which messages are read (B4b).
    """

    store: Store
    blobs: Blobs
    keyring: Callable[[], Keyring]
    servers: MailServers | None = None
    parts: int = 1_000
    depth: int = 50

    async def attachment(self, account: int, opened: Opened, n: int) -> Handed | Lost | Away | None:
        """The n-th attachment of a message; None where it has no such one. Raises FileNotFoundError where the file of a
        large mail is gone."""
        if any(one.file(n) is not None for one in opened.remotes):
            about = next((one for one in opened.shown.message.attachments if one.n == n), File(n, f"file {n}", "", 0))
            found = await self._fetch(account, opened, n)
            if isinstance(found, bytes):
                return Handed(about.filename, about.content_type, found)
            return await self._of_twin(account, opened, about) or found
        return None if opened.body is None else await self._kept(account, opened.body, n)

    async def _kept(self, account: int, body: StoredBody, n: int) -> Handed | None:
        raw = await asyncio.to_thread(unpack, self.blobs, account, body)
        read = partial(attachment, raw, n, max_parts=self.parts, max_depth=self.depth)
        kept = await asyncio.to_thread(read) if len(raw) > LARGE else read()
        return None if kept is None else Handed(kept[0].filename, kept[0].content_type, kept[1])

    async def _of_twin(self, account: int, opened: Opened, about: File) -> Handed | None:
        """The file as a smart address got it, where that copy says the same and has it under the same name (E13)."""
        if opened.twin is None or opened.body is None:
            return None
        found = await self._kept(account, opened.twin, about.n)
        if found is None or (found.filename, found.content_type) != (about.filename, about.content_type):
            return None
        texts = [await self._words(account, body) for body in (opened.body, opened.twin)]
        return found if texts[0] == texts[1] else None

    async def _words(self, account: int, body: StoredBody) -> list[str]:
        raw = await asyncio.to_thread(unpack, self.blobs, account, body)
        read = partial(content, raw, max_parts=self.parts, max_depth=self.depth)
        return (await asyncio.to_thread(read)).text.split()

    async def whole(self, account: int, opened: Opened) -> bytes | Lost | Away:
        """All of a message of which files were left on the server."""
        return await self._fetch(account, opened, None)

    async def _fetch(self, account: int, opened: Opened, n: int | None) -> bytes | Lost | Away:
        turn = _turns.setdefault((account, opened.shown.box or ""), asyncio.Lock())
        async with turn:
            return await self._fetch_in_turn(account, opened, n)

    async def _fetch_in_turn(self, account: int, opened: Opened, n: int | None) -> bytes | Lost | Away:
        id, box = opened.shown.message.id, opened.shown.box or ""
        row = await self._row(account, box)
        if row is None or not row.reachable:
            return Lost("The mailbox in which this stands is disconnected, so it can't be had from its mail server.")
        if row.state == AUTH_FAILED or row.tries:
            return Away(f"The mail server of {row.address} refused the log-in; look at the mailbox's settings.")
        for remote in opened.remotes:
            place = _place(remote, n, opened.shown.message.message_id)
            if place is None:
                continue
            found = await self._ask(account, row, place)
            if not (isinstance(found, Trouble) and found.kind == "gone"):
                return Away(found.says, found.after_ms) if isinstance(found, Trouble) else found
            _log.info("mailbox.file_gone", account=account, mailbox=box, message=id)
            gone = partial(boxes.set_gone, account=account, remote=remote, now=now())
            await self.store.write(gone, account=account)
        return Lost(f"This is no longer on the mail server of {row.address}.")

    async def _ask(self, account: int, row: MailboxRow, place: Place) -> bytes | Trouble:
        if self.servers is None:
            return Trouble("busy", _NO_DOOR)
        try:
            credential = await Credentials(self.store, self.keyring).of(account, row, self.servers)
        except SealError as fault:
            _log.error("mailbox.not_opened", account=account, mailbox=row.id, reason=str(fault))
            return Trouble("auth", "The password of this mailbox can't be read here; connect it again")
        if isinstance(credential, Trouble):
            return credential
        found = await self.servers.fetch(row.address, row.servers, credential, place)
        if isinstance(found, Trouble) and found.kind == "auth" and credential.kind == PASSWORD:
            refused = partial(boxes.add_refused_log_in, account=account, id=row.id, sealed=row.credential or b"")
            await self.store.write(refused, account=account)
        return found

    async def _row(self, account: int, id: str) -> MailboxRow | None:
        return await self.store.read(lambda tx: get_mailbox(tx, account, id))


def _place(remote: Remote, n: int | None, message_id: str | None) -> Place | None:
    """Where to look; None where it is known to be no longer there. n: the file, None for the whole message."""
    if remote.gone or remote.path is None or not remote.files:
        return None
    whole = Place(remote.path, remote.uidvalidity, remote.uid, "", "", message_id, _MOST_WHOLE)
    if n is None:
        return replace(whole, most=_MOST_WHOLE + sum(one.octets for one in remote.files))
    file = remote.file(n)
    if file is None:
        return None
    return replace(whole, part=file.part, encoding=file.encoding, most=file.octets + _MARGIN, octets=file.octets)
