"""Write templates of mail, show them, and fill them in with what is known of a contact and a lead (section G).

Everybody of an account may write them: who did is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.core.options import AccountError, check_name
from gateway.core.refusals import Stale, Taken, Wrong
from gateway.core.resources import Contact, Lead, Template
from gateway.core.templates import FIELDS, Mistake, Rendered, Value, check, render, unix_lines
from gateway.store import reading_cards
from gateway.store import templates as store_of
from gateway.store.access import Principal
from gateway.store.accounts import get_account
from gateway.store.audit import note
from gateway.store.card_fields import find_values
from gateway.store.card_fields import list_fields as list_card_fields
from gateway.store.engine import Store, Tx
from gateway.store.ids import new_id
from gateway.store.ids import shared_time as now
from gateway.store.reading import Page, Position

MOST = 500
"""Templates of one account."""
_KINDS = ("contact", "lead")


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """Fields of a template as they were sent; None leaves one as it is, or empty."""

    name: str | None = None
    subject: str | None = None
    body: str | None = None
    html: bool | None = None


@dataclass(frozen=True, slots=True)
class Flawed:
    """The texts of a template that can't be kept: each mistake with its place."""

    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class TemplateField:
    """What may stand in a template as `{{ name }}`. label: what it is, as people read it. own: of the account's own
    making; its label is then theirs."""

    name: str
    label: str
    own: bool = False


async def list_templates(
    store: Store, reader: Principal, after: Position | None = None, limit: int = 200
) -> Page[Template]:
    """The account's templates, the newest first."""
    return await store.read(lambda tx: store_of.list_templates(tx, reader.account, after, limit))


async def list_by_name(store: Store, reader: Principal) -> tuple[Template, ...]:
    """All templates of the account in the order of their names, to choose from."""
    return await store.read(lambda tx: store_of.list_by_name(tx, reader.account, MOST))


async def show_template(store: Store, reader: Principal, id: str) -> Template | None:
    """One template of the account."""
    return await store.read(lambda tx: store_of.find_template(tx, reader.account, id))


async def list_fields(store: Store, reader: Principal) -> tuple[TemplateField, ...]:
    """What may stand in the account's templates: what every account has, then its own fields of contacts and leads."""
    return await store.read(lambda tx: _fields(tx, reader.account))


async def add_template(store: Store, writer: Principal, change: TemplateChange) -> Template | Wrong | Flawed | Taken:
    """A new template."""

    def add(tx: Tx) -> Template | Wrong | Flawed | Taken:
        if store_of.count_templates(tx, writer.account, MOST) >= MOST:
            return Taken(f"the account has {MOST} templates, which is the most; remove one first", "")
        at = now()
        checked = _checked(tx, writer.account, Template(new_id(), "", "", "", False, at, at), change)
        if isinstance(checked, Template):
            store_of.add_template(tx, writer.account, checked)
            note(tx, writer, "template.added", checked.id, at, name=checked.name)
        return checked

    return await store.write(add, account=writer.account)


async def change_template(
    store: Store,
    writer: Principal,
    id: str,
    change: TemplateChange,
    unchanged: Callable[[Template], bool] = lambda _: True,
) -> Template | Wrong | Flawed | Taken | Stale | None:
    """The template as it is then; None when the account has no such one, Stale when it is not as the writer saw it."""

    def edit(tx: Tx) -> Template | Wrong | Flawed | Taken | Stale | None:
        known = store_of.find_template(tx, writer.account, id)
        if known is None or not unchanged(known):
            return None if known is None else Stale()
        at = now()
        checked = _checked(tx, writer.account, replace(known, changed_at=at), change)
        if isinstance(checked, Template):
            store_of.set_template(tx, writer.account, checked)
            note(tx, writer, "template.changed", id, at, name=checked.name)
        return checked

    return await store.write(edit, account=writer.account)


async def drop_template(store: Store, writer: Principal, id: str) -> Template | None:
    """Takes a template away; what it was, or None when the account has no such one."""

    def drop(tx: Tx) -> Template | None:
        known = store_of.find_template(tx, writer.account, id)
        if known is not None:
            store_of.remove_template(tx, writer.account, id)
            note(tx, writer, "template.removed", id, now(), name=known.name)
        return known

    return await store.write(drop, account=writer.account)


async def render_template(
    store: Store, reader: Principal, id: str, contact: str | None, lead: str | None
) -> Rendered | Wrong | None:
    """A template filled in for a contact and a lead (ids); None when the account has no such template.

    contact left out: the lead's main contact. lead left out: the contact's only open lead.
    """

    def fill(tx: Tx) -> Rendered | Wrong | None:
        known = store_of.find_template(tx, reader.account, id)
        if known is None:
            return None
        values = _values(tx, reader, contact, lead)
        if isinstance(values, Wrong):
            return values
        return render(known.subject, known.body, html=known.html, values=values)

    return await store.read(fill)


async def preview(
    store: Store, reader: Principal, change: TemplateChange, contact: str | None, lead: str | None
) -> Rendered | Wrong:
    """What would come of a template that isn't kept yet, with its mistakes; empty fields show their names."""
    subject, body = change.subject or "", change.body or ""

    def fill(tx: Tx) -> Rendered | Wrong:
        values = _values(tx, reader, contact, lead)
        if isinstance(values, Wrong):
            return values
        mistakes = check(subject, body, tuple(values))
        shown = render(subject, body, html=bool(change.html), values=values, marked=True)
        return replace(shown, mistakes=mistakes or shown.mistakes)

    return await store.read(fill)


def _checked(tx: Tx, account: int, known: Template, change: TemplateChange) -> Template | Wrong | Flawed | Taken:
    """The template with what is to change of it, or why that can't be."""
    try:
        name = known.name if change.name is None and known.name else check_name(change.name or "")
    except AccountError as fault:
        return Wrong("name", str(fault))
    holder = store_of.find_named(tx, account, name)
    if holder not in (None, known.id):
        return Wrong("name", f"{name!a} is the name of another template; allowed: a name of its own")
    changed = replace(
        known,
        name=name,
        subject=known.subject if change.subject is None else change.subject.strip(),
        body=known.body if change.body is None else unix_lines(change.body).strip("\n"),
        html=known.html if change.html is None else change.html,
    )
    if not changed.body.strip():
        return Wrong("body", "an empty text is not allowed; allowed: what the mail is to say")
    mistakes = check(changed.subject, changed.body, [one.name for one in _fields(tx, account)])
    return Flawed(mistakes) if mistakes else changed


def _fields(tx: Tx, account: int) -> tuple[TemplateField, ...]:
    own = (one for kind in _KINDS for one in list_card_fields(tx, account, kind))
    every = [TemplateField(name, label) for name, label in FIELDS.items()]
    every += [TemplateField(f"{one.kind}.{one.key}", one.name, own=True) for one in own]
    return tuple({one.name: one for one in reversed(every)}.values())[::-1]


def _values(tx: Tx, reader: Principal, contact: str | None, lead: str | None) -> Mapping[str, Value] | Wrong:
    """What each field holds for a contact and a lead; empty where there is none."""
    person = reading_cards.find_contact(tx, reader.account, contact) if contact else None
    deal = reading_cards.find_lead(tx, reader.account, lead) if lead else None
    if contact and person is None:
        return Wrong("contact", "no contact of the account has this id")
    if lead and deal is None:
        return Wrong("lead", "no lead of the account has this id")
    if person is None and deal is not None and deal.main_contact is not None:
        person = reading_cards.find_contact(tx, reader.account, deal.main_contact)
    if deal is None and person is not None:
        deal = _only_open(reading_cards.find_leads(tx, reader.account, person.leads))
    account = get_account(tx, reader.account)
    values: dict[str, Value] = {one.name: None for one in _fields(tx, reader.account)}
    values |= {"user.name": reader.name, "user.email": reader.email}
    values["account.name"] = account.name if account is not None else ""
    return values | _own_values(tx, reader.account, person, deal) | _contact_values(person) | _lead_values(deal)


def _only_open(leads: tuple[Lead, ...]) -> Lead | None:
    """The one lead that is open, where it is one."""
    found = [one for one in leads if one.status == "open"]
    return found[0] if len(found) == 1 else None


def _contact_values(person: Contact | None) -> dict[str, Value]:
    if person is None:
        return {}
    return {
        "contact.name": person.name,
        "contact.first_name": person.first_name,
        "contact.last_name": person.last_name,
        "contact.email": person.emails[0] if person.emails else "",
    }


def _lead_values(deal: Lead | None) -> dict[str, Value]:
    return {} if deal is None else {"lead.name": deal.name, "lead.price": deal.price, "lead.status": deal.status}


def _own_values(tx: Tx, account: int, person: Contact | None, deal: Lead | None) -> dict[str, Value]:
    cards = {one.id: kind for kind, one in (("contact", person), ("lead", deal)) if one is not None}
    found = find_values(tx, account, tuple(cards))
    return {f"{cards[card]}.{key}": value for card, values in found.items() for key, value in values.items()}
