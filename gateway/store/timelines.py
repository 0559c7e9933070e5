"""A card's timeline: its mail and the notes on it, by time, a page at once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.core.resources import Message, Note
from gateway.core.visibility import Eyes
from gateway.store.notes import list_notes
from gateway.store.reading import Page, Position
from gateway.store.reading_mail import list_on_card

MAILS, NOTES = "mails", "notes"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a mail, which may be locked, or a note. at: where it stands."""

    at: int
    id: str
    mail: Message | None = None
    note: Note | None = None


def list_timeline(
    tx: Connection, account: int, card: str, after: Position | None, limit: int, eyes: Eyes, show: str = ""
) -> Page[Entry]:
    """What stands on a card, newest first. show: `mails` or `notes` alone; else both.

    Of each kind a page is read and no more, so what else the card has costs nothing.
    """
    mails: Page[tuple[int, Message]] = Page(())
    notes: Page[Note] = Page(())
    if show != NOTES:
        mails = list_on_card(tx, account, card, after, limit, eyes)
    if show != MAILS:
        notes = list_notes(tx, account, card, after, limit)
    found = [Entry(at, mail.id, mail=mail) for at, mail in mails.rows]
    found += [Entry(note.at, note.id, note=note) for note in notes.rows]
    found.sort(key=lambda one: (one.at, one.id), reverse=True)
    more = len(found) > limit or mails.next is not None or notes.next is not None
    rows = tuple(found[:limit])
    return Page(rows, (rows[-1].at, rows[-1].id) if more and rows else None)
