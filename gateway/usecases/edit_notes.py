"""Notes on cards: write one, change one's own, take one away (section F)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.core.refusals import Denied, Wrong
from gateway.core.resources import Contact, Customer, Lead, Note
from gateway.core.visibility import may_drop_note, may_edit_note
from gateway.store import audit, notes
from gateway.store.access import Principal
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id, shared_time
from gateway.store.reading_cards import find_contact, find_customer, find_lead

MAX_NOTE = 10_000
_FIND: dict[str, Callable[[Tx, int, str], Contact | Lead | Customer | None]] = {
    "contact": find_contact,
    "lead": find_lead,
    "customer": find_customer,
}


async def add_note(store: Store, writer: Principal, kind: str, card: str, text: str) -> Note | Wrong | None:
    """Writes a note on a card; None when the account has no such card."""

    def add(tx: Tx) -> Note | Wrong | None:
        if _FIND[kind](tx, writer.account, card) is None:
            return None
        checked = _check(text)
        if isinstance(checked, Wrong):
            return checked
        note = Note(new_id(), card, writer.user, writer.name, checked, shared_time())
        notes.add_note(tx, writer.account, kind, note)
        return note

    return await store.write(add, account=writer.account)


async def change_note(store: Store, writer: Principal, card: str, id: str, text: str) -> Note | Wrong | Denied | None:
    """Changes what one wrote oneself; None when there is no such note on the card."""

    def change(tx: Tx) -> Note | Wrong | Denied | None:
        known = notes.find_note(tx, writer.account, card, id)
        if known is None:
            return None
        if not may_edit_note(writer.eyes, known.user):
            return Denied("Only who wrote a note may change it.")
        checked = _check(text)
        if isinstance(checked, Wrong):
            return checked
        note = replace(known, text=checked)
        notes.set_note(tx, writer.account, note)
        return note

    return await store.write(change, account=writer.account)


async def drop_note(store: Store, writer: Principal, card: str, id: str) -> bool | Denied:
    """Takes a note away; False when there is no such one on the card."""

    def drop(tx: Tx) -> bool | Denied:
        known = notes.find_note(tx, writer.account, card, id)
        if known is None:
            return False
        if not may_drop_note(writer.eyes, known.user):
            return Denied("Only who wrote a note, or an admin, may delete it.")
        notes.remove_note(tx, writer.account, id)
        audit.note(tx, writer, "note.deleted", id, shared_time(), card=card, author=known.author)
        return True

    return await store.write(drop, account=writer.account)


def _check(text: str) -> str | Wrong:
    """A note of several lines; what can't be seen in it is left out."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    clean = "\n".join("".join(sign for sign in line if sign.isprintable() or sign == "\t") for line in lines).strip()
    if not 0 < len(clean) <= MAX_NOTE:
        return Wrong("text", f"A note has {len(clean):,} characters; allowed: 1 to {MAX_NOTE:,}")
    return clean
