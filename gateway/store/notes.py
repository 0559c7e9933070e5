"""What people write down on cards."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from gateway.core.resources import Note
from gateway.store.reading import Page, Position, contains, read_page
from gateway.store.tables import notes, users


def list_notes(tx: Connection, account: int, card: str, after: Position | None, limit: int) -> Page[Note]:
    """The notes on a card, newest first. after: time and id of the last one that was given."""
    query = _select(account).where(notes.c.card == card)
    return read_page(tx, query, [notes.c.at, notes.c.id], after, limit).map(_note)


def find_note(tx: Connection, account: int, card: str, id: str) -> Note | None:
    """One note on a card."""
    row = tx.execute(_select(account).where(notes.c.card == card, notes.c.id == id)).first()
    return None if row is None else _note(row)


def add_note(tx: Connection, account: int, kind: str, note: Note) -> None:
    """Writes a note. kind: of its card."""
    made = {"id": note.id, "card": note.card, "user": note.user, "text": note.text, "at": note.at}
    tx.execute(insert(notes).values(account=account, kind=kind, **made))


def set_note(tx: Connection, account: int, note: Note) -> None:
    """Writes a note's text anew."""
    tx.execute(update(notes).where(notes.c.account == account, notes.c.id == note.id).values(text=note.text))


def remove_note(tx: Connection, account: int, id: str) -> None:
    """Takes a note away."""
    tx.execute(delete(notes).where(notes.c.account == account, notes.c.id == id))


def forget_mentions(tx: Connection, account: int, keys: Collection[str]) -> int:
    """Drops the notes in which one of the addresses stands; how many there were."""
    dropped = 0
    for key in keys:
        dropped += tx.execute(delete(notes).where(notes.c.account == account, contains(notes.c.text, key))).rowcount
    return dropped


def _select(account: int) -> Select[Any]:
    known = (users.c.account == notes.c.account) & (users.c.id == notes.c.user)
    query = select(notes, users.c.name.label("author")).join_from(notes, users, known, isouter=True)
    return query.where(notes.c.account == account)


def _note(row: Row[Any]) -> Note:
    return Note(row.id, row.card, row.user, row.author or "", row.text, row.at)
