"""Looks through a store for what must never come of a mailbox: a gap, a double, half of a mail, a mark on a mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from gateway.store import schema
from tests.crash.audit import STRAYS
from tests.mailboxes.mails import Letter
from tests.mailboxes.person import Person

FOLDERS = {"inbox": "INBOX", "sent": "Sent"}
_MESSAGES = "SELECT message_id FROM messages"
_STANDING = (
    "SELECT b.address, r.role, r.uid, m.message_id FROM remote_messages r"
    " JOIN mailboxes b ON b.account = r.account AND b.id = r.mailbox"
    " LEFT JOIN messages m ON m.account = r.account AND m.id = r.message"
)
_SOURCES = (
    "SELECT b.address, s.folder, m.message_id FROM sources s"
    " JOIN mailboxes b ON b.account = s.account AND b.id = s.mailbox"
    " JOIN messages m ON m.account = s.account AND m.id = s.message"
)
_CARDS = (
    "SELECT m.message_id, e.email FROM cards c JOIN messages m ON m.account = c.account AND m.id = c.message"
    " JOIN contact_emails e ON e.account = c.account AND e.contact = c.card WHERE c.kind = 'contact'"
)
_FILED = "SELECT m.message_id FROM events e JOIN messages m ON m.id = e.subject WHERE e.type = 'message.filed'"
_BODIES = "SELECT m.message_id FROM bodies b JOIN messages m ON m.account = b.account AND m.id = b.message"


class Mailbag:
    """What stands in somebody's folders, each letter in one place. known: addresses of contacts there are."""

    def __init__(self, known: frozenset[str] = frozenset()) -> None:
        self.known = known
        self.people: list[Person] = []
        self.standing: dict[tuple[str, str, int], Letter] = {}

    def put(self, person: Person, role: str, letters: list[Letter]) -> None:
        if person not in self.people:
            self.people.append(person)
        uids = person.append(FOLDERS[role], [one.raw for one in letters])
        for uid, one in zip(uids, letters, strict=True):
            self.standing[person.address, role, uid] = one

    def count(self, place: Path | str) -> int:
        """How many of them are filed."""
        with schema.transaction(place, reading=True) as tx:
            return int(tx.execute(text("SELECT count(*) FROM remote_messages")).scalar_one())

    def faults(self, place: Path | str, *, whole: bool = True) -> list[str]:
        """What is wrong. whole: all has to be there by now."""
        with schema.transaction(place, reading=True) as tx:
            return list(self._look(tx, whole=whole))

    def seen(self) -> list[str]:
        """Mails that somebody has marked as seen, or as anything else, on their server."""
        return [
            f"seen: {uid} of {person.address}: {', '.join(flags)}"
            for person in self.people
            for folder in FOLDERS.values()
            for uid, flags in person.flags(folder).items()
            if flags
        ]

    def _look(self, tx: Connection, *, whole: bool) -> Iterator[str]:
        names = {key: f"<{one.message_id}>" for key, one in self.standing.items()}
        stands = {(row[0], row[1], row[2]): row[3] for row in tx.execute(text(_STANDING))}
        there = {key: names[key] for key in stands if key in names}
        yield from (f"never sent: {key}" for key in stands if key not in names)
        yield from (f"lost: {key}" for key in names if whole and key not in stands)
        yield from (f"told wrongly: {key}" for key, name in there.items() if stands[key] != name)
        once = Counter(there.values())
        yield from _differences("messages", once, Counter(row[0] for row in tx.execute(text(_MESSAGES))))
        yield from _differences("events", once, Counter(row[0] for row in tx.execute(text(_FILED))))
        yield from _differences("bodies", once, Counter(row[0] for row in tx.execute(text(_BODIES))))
        sources = Counter((row[0], row[1], row[2]) for row in tx.execute(text(_SOURCES)))
        yield from _differences("sources", Counter((*key[:2], name) for key, name in there.items()), sources)
        cards = Counter((row[0], row[1]) for row in tx.execute(text(_CARDS)))
        wanted = {(name, client_of(self.standing[key], key[1])) for key, name in there.items()}
        yield from _differences("cards", Counter(one for one in wanted if one[1] in self.known), cards)
        for words, query in STRAYS.items():
            yield from (f"orphan: {words}: {row[0]}" for row in tx.execute(text(query)) if row[0] is not None)


def client_of(letter: Letter, role: str) -> str:
    """Whom of its two people isn't the mailbox's."""
    return (letter.author if role == "inbox" else letter.to).rpartition("<")[2].rstrip(">")


def _differences(what: str, wanted: Counter[Any], found: Counter[Any]) -> Iterator[str]:
    for key in wanted.keys() | found.keys():
        if wanted[key] != found[key]:
            kind = "doubled" if found[key] > wanted[key] else "half-written or doubled"
            yield f"{kind}: {found[key]} {what} of {key} instead of {wanted[key]}"
