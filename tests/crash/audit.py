"""Looks through a store for what must never be: mail that was acknowledged and is gone, doubled, or half there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from zstandard import ZstdError

from gateway.store import schema
from gateway.store.blobs import BlobError, Blobs, BlobStore
from gateway.store.bodies import StoredBody, unpack
from gateway.store.buckets import BucketBlobs
from gateway.store.engine import StoreError
from tests.crash.fleet import Letter

STRAYS = {
    "a body of no mail": "SELECT message FROM bodies EXCEPT SELECT id FROM messages",
    "a participant of no mail": "SELECT message FROM participants EXCEPT SELECT id FROM messages",
    "a source of no mail": "SELECT message FROM sources EXCEPT SELECT id FROM messages",
    "a card's line of no mail": "SELECT message FROM cards EXCEPT SELECT id FROM messages",
    "a receipt of no mail": "SELECT message FROM receipts WHERE message IS NOT NULL EXCEPT SELECT id FROM messages",
    "an event of no mail": "SELECT subject FROM events WHERE type = 'message.filed' EXCEPT SELECT id FROM messages",
    "a line of no card": "SELECT card FROM cards EXCEPT SELECT id FROM contacts EXCEPT SELECT id FROM leads",
    "an address of no contact": "SELECT contact FROM contact_emails EXCEPT SELECT id FROM contacts",
    "a contact without an address": "SELECT id FROM contacts EXCEPT SELECT contact FROM contact_emails",
    "a contact without its event": (
        "SELECT id FROM contacts EXCEPT SELECT subject FROM events WHERE type = 'contact.created'"
    ),
    "a lead without its event": "SELECT id FROM leads EXCEPT SELECT subject FROM events WHERE type = 'lead.created'",
    "an event of no card": (
        "SELECT subject FROM events WHERE type LIKE '%.created'"
        " EXCEPT SELECT id FROM leads EXCEPT SELECT id FROM contacts"
    ),
    "a link of no lead": "SELECT lead FROM lead_contacts EXCEPT SELECT id FROM leads",
    "a lead without a contact": "SELECT id FROM leads EXCEPT SELECT lead FROM lead_contacts",
    "a link to no contact": "SELECT contact FROM lead_contacts EXCEPT SELECT id FROM contacts",
    "a conversation that isn't there": "SELECT conversation FROM messages EXCEPT SELECT id FROM conversations",
    "a conversation's lead that isn't there": (
        "SELECT lead FROM conversations WHERE lead IS NOT NULL EXCEPT SELECT id FROM leads"
    ),
    "a thread that isn't there": "SELECT thread FROM sources EXCEPT SELECT id FROM threads",
    "a thread that counts wrongly": (
        "SELECT id FROM threads WHERE count <> (SELECT COUNT(*) FROM sources WHERE sources.thread = threads.id)"
    ),
    "a conversation with two leads": (
        "SELECT conversation FROM messages JOIN cards ON message = messages.id AND kind = 'lead'"
        " GROUP BY conversation HAVING COUNT(DISTINCT card) > 1"
    ),
}
_PARTS = {
    "bodies": ("SELECT message, COUNT(*) FROM bodies GROUP BY message", 1),
    "sources": ("SELECT message, COUNT(*) FROM sources GROUP BY message", 1),
    "contact cards": ("SELECT message, COUNT(*) FROM cards WHERE kind = 'contact' GROUP BY message", 1),
    "lead cards": ("SELECT message, COUNT(*) FROM cards WHERE kind = 'lead' GROUP BY message", 1),
    "events": ("SELECT subject, COUNT(*) FROM events WHERE type = 'message.filed' GROUP BY subject", 1),
    "receipts": (
        "SELECT message, COUNT(*) FROM receipts WHERE verdict = 'file' AND rule = 'B11' GROUP BY message",
        1,
    ),
}
_PARTICIPANTS = "SELECT message, COUNT(*) FROM participants GROUP BY message"
_KEPT = "SELECT m.id, m.message_id FROM messages m JOIN accounts a ON a.number = m.account WHERE a.slug = :slug"
_ON_CARDS = (
    "SELECT m.message_id, e.email, l.name FROM messages m"
    " LEFT JOIN cards c ON c.message = m.id AND c.kind = 'contact' LEFT JOIN contact_emails e ON e.contact = c.card"
    " LEFT JOIN cards d ON d.message = m.id AND d.kind = 'lead' LEFT JOIN leads l ON l.id = d.card"
)


class Audit:
    """Looks through stores that hold some of the same letters; what a letter's bytes are is worked out once.

    accounts: slugs of those whom every letter was for.
    """

    def __init__(self, letters: Iterable[Letter], accounts: Sequence[str] = ("acme",)) -> None:
        self._letters = {letter.id: letter for letter in letters}
        self._hashes = {sha256(letter.content).hexdigest() for letter in self._letters.values()}
        self._accounts = accounts
        self._parts = _PARTS | {"participants": (_PARTICIPANTS, 2 + len(accounts))}

    def look(
        self,
        place: Path | str,
        *acknowledged: Mapping[str, str],
        blobs: Path | Blobs | None = None,
        whole: bool = False,
        deep: bool = True,
    ) -> list[str]:
        """What is wrong with a store, opened as the product opens it.

        acknowledged: for each account, Message-ID → id in the reply, "" where only the code is known. blobs: the
        folder of large mails, or the bucket; left out, it stands beside the file. whole: every letter was acknowledged.
        deep: every page is checked as well.
        """
        try:
            with schema.transaction(place, reading=True) as tx:
                folder = Path(place).parent / "blobs" if blobs is None else blobs
                files = BlobStore(folder) if isinstance(folder, Path) else folder
                found = list(self._look(tx, files, acknowledged, whole=whole))
            if deep:
                schema.check(place)
        except (StoreError, DBAPIError, ValueError) as error:
            return [f"unusable: {error}"]
        return found

    def _look(
        self, tx: Connection, blobs: Blobs, acknowledged: Sequence[Mapping[str, str]], *, whole: bool
    ) -> Iterator[str]:
        names: dict[str, str] = {}
        for slug, told in zip(self._accounts, acknowledged, strict=True):
            kept = [(str(id), str(name)) for id, name in tx.execute(text(_KEPT), {"slug": slug})]
            yield from self._mails(kept, told, whole=whole)
            names |= dict(kept)
        yield from self._bytes(tx, blobs, names)
        yield from self._cards(tx, set(names))
        for words, query in STRAYS.items():
            yield from (f"orphan: {words}: {row[0]}" for row in tx.execute(text(query)) if row[0] is not None)
        if isinstance(blobs, BlobStore):
            yield from self._files(blobs.root)
        elif isinstance(blobs, BucketBlobs):
            yield from self._objects(blobs)

    def _mails(self, kept: Sequence[tuple[str, str]], told: Mapping[str, str], *, whole: bool) -> Iterator[str]:
        """Each mail once, those that must be there, and no others."""
        ids = {name: id for id, name in kept}
        yield from (f"doubled: {name}" for name, n in Counter(name for _, name in kept).items() if n > 1)
        yield from (f"lost: {name}" for name in told if name not in ids)
        yield from (f"told wrongly: {name}" for name, id in told.items() if id and ids.get(name, id) != id)
        yield from (f"never sent: {name}" for name in ids if name not in self._letters)
        if whole:
            yield from (f"lost: {name}" for name in self._letters if name not in ids)

    def _bytes(self, tx: Connection, blobs: Blobs, names: Mapping[str, str]) -> Iterator[str]:
        """Raw bytes as they were sent."""
        query = "SELECT account, message, codec, trace, data FROM bodies"
        for account, message, codec, trace, data in tx.execute(text(query)):
            letter = self._letters.get(names.get(message, ""))
            try:
                content = unpack(blobs, account, StoredBody(codec, trace, data))
            except OSError as error:
                yield f"lost: the file of {names.get(message)}: {error.strerror}"
                continue
            except (ZstdError, TypeError):  # a page that lost its sync gives rows without their values
                yield f"torn: {names.get(message)} can't be unpacked"
                continue
            if letter is not None and content != letter.content:
                yield f"torn: {letter.id} has other bytes"

    def _cards(self, tx: Connection, messages: set[str]) -> Iterator[str]:
        """All rows of a mail or none, each as often as it must be; one contact an address, one lead a conversation."""
        for words, (query, wanted) in self._parts.items():
            counts = {row[0]: row[1] for row in tx.execute(text(query))}
            yield from (
                f"half-written or doubled: {counts.get(message, 0)} {words} of mail {message}"
                for message in messages
                if counts.get(message, 0) != wanted
            )
        for name, email, lead in tx.execute(text(_ON_CARDS)):
            letter = self._letters.get(name)
            if letter is not None and (email, lead) != (letter.client, letter.subject):
                yield f"on a wrong card: {name} on {email} and {lead!r}"
        for query in ("SELECT account, name FROM leads", "SELECT account, email FROM contact_emails"):
            counted = Counter((row[0], str(row[1])) for row in tx.execute(text(query)))
            yield from (f"doubled: card {name}" for (_, name), count in counted.items() if count > 1)

    def _files(self, root: Path) -> Iterator[str]:
        """A file's name is the hash of its bytes, and no spool is left where a start has cleaned."""
        for path in root.rglob("*"):
            if not path.is_file():
                continue
            if path.name not in self._hashes:
                yield f"orphan: the file {path.name}"
            elif sha256(path.read_bytes()).hexdigest() != path.name:
                yield f"torn: the file {path.name}"

    def _objects(self, blobs: BucketBlobs) -> Iterator[str]:
        """An object's name begins with the hash of its bytes; one that no mail names holds a letter all the same."""
        for one in blobs.objects():
            if one.name.partition(".")[0] not in self._hashes:
                yield f"orphan: the object {one.name}"
            try:
                blobs.load(one.account, one.name)
            except BlobError:
                yield f"torn: the object {one.name}"
