"""Make, change and remove contacts (rules C3, C7, C8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.core.address import parse_address
from gateway.core.custom import check_values
from gateway.core.merging import MAX_EMAILS
from gateway.core.names import split_name
from gateway.core.options import AccountError, check_name
from gateway.core.refusals import Stale, Taken, Wrong
from gateway.core.resources import Contact
from gateway.store import audit
from gateway.store.access import Principal
from gateway.store.card_fields import list_fields, set_values
from gateway.store.cards_writing import add_contact, remove_contact, set_contact
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.outbox import add_event
from gateway.store.reading_cards import find_contact, find_owner

KIND = "contact"


@dataclass(frozen=True, slots=True)
class ContactChange:
    """Fields of a contact as they were sent; None leaves one as it is, or derives it for a new contact (C8).

    custom: what is to stand in the account's own fields, by their keys; those that are not named stay.
    """

    emails: tuple[str, ...] | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    custom: Mapping[str, str | None] | None = None


async def make_contact(
    store: Store, writer: Principal, change: ContactChange, gateway_domains: Collection[str], source: str = "api"
) -> Contact | Wrong | Taken:
    """A new contact, with the mail of its addresses on its card; the event tells of it in the same commit. source: by
    what it is made."""
    checked = _check(change, gateway_domains)
    if isinstance(checked, Wrong):
        return checked
    emails = checked.emails or ()
    name = checked.name or " ".join(filter(None, (checked.first_name, checked.last_name))) or emails[0]
    first, last = split_name(name) if name != emails[0] else ("", "")
    contact = Contact(
        id=new_id(),
        name=name,
        first_name=first if checked.first_name is None else checked.first_name,
        last_name=last if checked.last_name is None else checked.last_name,
        emails=emails,
        leads=(),
        source=source,
        created_at=time.time_ns() // 1_000_000,
    )

    def make(tx: Tx) -> Contact | Wrong | Taken:
        taken = _taken(tx, writer.account, contact)
        if taken is not None:
            return taken
        filled = _fill(tx, writer.account, contact, change)
        if isinstance(filled, Wrong):
            return filled
        add_contact(tx, writer.account, contact)
        set_values(tx, writer.account, KIND, contact.id, filled.custom)
        add_event(tx, writer.account, "contact.created", contact.id, contact.created_at)
        return filled

    return await store.write(make, account=writer.account)


async def change_contact(
    store: Store,
    writer: Principal,
    id: str,
    change: ContactChange,
    gateway_domains: Collection[str],
    unchanged: Callable[[Contact], bool],
) -> Contact | Wrong | Taken | Stale | None:
    """The contact as it is then; None when the account has no such one, Stale when it is not as the writer saw it."""
    checked = _check(change, gateway_domains, new=False)

    def edit(tx: Tx) -> Contact | Wrong | Taken | Stale | None:
        known = find_contact(tx, writer.account, id)
        if known is not None and not unchanged(known):
            return Stale()
        if known is None or isinstance(checked, Wrong):
            return checked if known is not None and isinstance(checked, Wrong) else None
        contact = replace(
            known,
            emails=known.emails if checked.emails is None else checked.emails,
            name=checked.name or known.name,
            first_name=known.first_name if checked.first_name is None else checked.first_name,
            last_name=known.last_name if checked.last_name is None else checked.last_name,
        )
        taken = _taken(tx, writer.account, contact)
        if taken is not None:
            return taken
        filled = _fill(tx, writer.account, contact, change)
        if isinstance(filled, Wrong):
            return filled
        set_contact(tx, writer.account, contact)
        set_values(tx, writer.account, KIND, id, {**dict.fromkeys(known.custom, ""), **filled.custom})
        return filled

    return await store.write(edit, account=writer.account)


async def drop_contact(store: Store, writer: Principal, id: str) -> bool:
    """Takes the contact away; its mail stays in Mail. False when the account has no such one."""

    def drop(tx: Tx) -> bool:
        known = find_contact(tx, writer.account, id)
        if known is None:
            return False
        remove_contact(tx, writer.account, id)
        audit.note(tx, writer, "contact.deleted", id, time.time_ns() // 1_000_000, name=known.name)
        return True

    return await store.write(drop, account=writer.account)


def _fill(tx: Tx, account: int, contact: Contact, change: ContactChange) -> Contact | Wrong:
    """The contact with what is to stand in its fields."""
    if not change.custom:
        return contact
    values = check_values(change.custom, [field.key for field in list_fields(tx, account, KIND)])
    if isinstance(values, Wrong):
        return values
    return replace(contact, custom={key: value for key, value in {**contact.custom, **values}.items() if value})


def _taken(tx: Tx, account: int, contact: Contact) -> Taken | None:
    """C7: one person per address."""
    for email in contact.emails:
        owner = find_owner(tx, account, email)
        if owner is not None and owner != contact.id:
            return Taken(f"{email} belongs to the contact {owner}; one address is one contact's.", owner)
    return None


def _check(change: ContactChange, gateway_domains: Collection[str], *, new: bool = True) -> ContactChange | Wrong:
    emails = change.emails
    if emails is not None or new:
        read = _read_emails(emails or (), gateway_domains)
        if isinstance(read, Wrong):
            return read
        emails = read
    checked: dict[str, str | None] = {"name": None, "first_name": None, "last_name": None}
    for field in checked:
        text = getattr(change, field)
        if text is None or (field != "name" and not text.strip()):
            checked[field] = None if text is None else ""
            continue
        try:
            checked[field] = check_name(text)
        except AccountError as fault:
            return Wrong(field, str(fault).replace("name", field, 1))
    return ContactChange(emails, checked["name"], checked["first_name"], checked["last_name"])


def _read_emails(texts: Sequence[str], gateway_domains: Collection[str]) -> tuple[str, ...] | Wrong:
    if not 0 < len(texts) <= MAX_EMAILS:
        return Wrong("emails", f"{len(texts)} addresses are not allowed; allowed: 1 to {MAX_EMAILS}")
    keys: dict[str, None] = {}
    for n, text in enumerate(texts):
        found = parse_address(text)
        if found is None or found.domain.startswith("["):
            return Wrong(f"emails/{n}", f"{text[:80]!a} is no e-mail address; allowed: one such as ana@example.com")
        if found.domain in gateway_domains:
            return Wrong(f"emails/{n}", f"{text[:80]!a} is a smart address, no person's; allowed: a person's own")
        keys[found.key] = None
    return tuple(keys)
