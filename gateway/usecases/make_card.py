"""Make a contact or a lead from a mail that stands on no card, in one step (C3, and C4 to C6 as a mail would)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial

from gateway.core.address import parse_address
from gateway.core.effects import LEAD_NAME_CHARACTERS
from gateway.core.mail import Limits, Mail, read_mail
from gateway.core.names import split_name, tidy_name
from gateway.core.people import Kind, Team, never_logged, with_parents
from gateway.core.refusals import Denied, Taken, Wrong
from gateway.core.resources import Contact, Lead, Message
from gateway.store import audit, facts
from gateway.store import card_making as making
from gateway.store.access import Principal
from gateway.store.blobs import Blobs
from gateway.store.bodies import unpack
from gateway.store.cards_writing import add_contact, add_lead, show_mail_of
from gateway.store.deletions import DELETED, FILED
from gateway.store.engine import Store, Tx
from gateway.store.held import HELD
from gateway.store.ids import new_id, shared_time
from gateway.store.outbox import add_event
from gateway.store.reading_cards import find_contact, find_lead, find_owner
from gateway.store.reading_mail import find_message
from gateway.usecases.fetch_files import find_opened

KINDS = ("contact", "lead")


async def make_card(
    store: Store,
    blobs: Blobs,
    writer: Principal,
    id: str,
    kind: str,
    domains: Collection[str],
    limits: Limits,
) -> Contact | Lead | Wrong | Denied | Taken | None:
    """The contact of a mail's primary client, or the lead of its conversation, made where there is none yet; other mail
    of that client that waits for a card comes onto it as well. None where the reader has no such mail."""
    opened = await store.read(lambda tx: find_opened(tx, writer.account, id, (FILED,), writer.eyes))
    if opened is None:
        return await store.read(lambda tx: _aside(tx, writer, id))
    if opened.body is None:
        return Denied("Only who may open this mail may make a card from it.")
    if kind not in KINDS:
        return Wrong("kind", f"{kind[:80]!a} is not allowed; allowed: {', '.join(KINDS)}")
    raw = await asyncio.to_thread(unpack, blobs, writer.account, opened.body)
    mail = await asyncio.to_thread(read_mail, raw, limits)
    make = partial(_make, writer=writer, shown=opened.shown.message, mail=mail, kind=kind, domains=frozenset(domains))
    return await store.write(make, account=writer.account)


def _aside(tx: Tx, writer: Principal, id: str) -> Taken | None:
    """Mail that an admin can see, and that is not filed."""
    aside = writer.role == "admin" and find_message(tx, writer.account, id, (HELD, DELETED), writer.eyes) is not None
    return Taken("This mail is held or deleted; release or restore it first.", id) if aside else None


def _make(
    tx: Tx, writer: Principal, shown: Message, mail: Mail, kind: str, domains: frozenset[str]
) -> Contact | Lead | Wrong | None:
    account, now = writer.account, shared_time()
    talk = making.find_talk(tx, account, shown.id)
    if talk is None:
        return None
    client = _client(tx, account, shown, mail, talk.primary, domains)
    if isinstance(client, Wrong):
        return client
    key, name = client
    owner = find_owner(tx, account, key)
    contact = find_contact(tx, account, owner) if owner is not None else None
    if contact is None:
        first, last = split_name(name) if name != key else ("", "")
        contact = Contact(new_id(), name, first, last, (key,), (), "console", now)
        add_contact(tx, account, contact)
        add_event(tx, account, "contact.created", contact.id, now, talk.conversation)
        audit.note(tx, writer, "card.made", contact.id, now, name=name, kind="contact", message=shown.id)
    else:
        show_mail_of(tx, account, contact)
    if kind == "contact":
        return contact
    return _lead(tx, writer, shown.id, talk, contact, now)


def _lead(tx: Tx, writer: Principal, message: str, talk: making.Talk, contact: Contact, now: int) -> Lead | None:
    """C6: the conversation's lead while it is open; else a new one, which is the conversation's from then on (C5)."""
    account, lead = writer.account, talk.lead
    if lead is None:
        name = talk.base_subject or contact.name
        if len(name) > LEAD_NAME_CHARACTERS:
            name = name[: LEAD_NAME_CHARACTERS - 1].rstrip() + "…"
        lead = new_id()
        add_lead(tx, account, Lead(lead, name, 0, "open", (contact.id,), contact.id, now))
        if talk.conversation is not None:
            making.tie_lead(tx, account, talk.conversation, lead)
        add_event(tx, account, "lead.created", lead, now, talk.conversation)
        audit.note(tx, writer, "card.made", lead, now, name=name, kind="lead", message=message)
    else:
        making.link_to_lead(tx, account, lead, contact.id)
    making.show_on_lead(tx, account, message, talk.at, lead)
    return find_lead(tx, account, lead)


def _client(
    tx: Tx, account: int, shown: Message, mail: Mail, primary: str | None, domains: frozenset[str]
) -> tuple[str, str] | Wrong:
    """Key and name of the primary client, as the reader is shown them; a refusal where nobody can be added."""
    parties = [
        one
        for one in (shown.from_, *shown.to, *shown.cc)
        if one is not None and one.address.lower() == (primary or "").lower()
    ]
    box = parse_address(primary) if primary is not None and parties else None
    if box is None:
        return Wrong("kind", "There is no client in From, To or Cc of this mail, so nobody can be added.")
    keys = (box.key, box.domain, *with_parents(box.domain))
    team = Team(
        facts.find_team(tx, {account}, [box.key])[account],
        facts.find_own_domains(tx, {account})[account],
        domains,
        facts.find_never_log(tx, {account}, keys)[account],
    )
    if team.kind(box) is not Kind.CLIENT:
        return Wrong("kind", f"{primary} is one of your team, and becomes no contact.")
    if never_logged(box, box.key, mail, team.never_log):
        return Wrong(
            "kind", f"{primary} is on the never-log list, or answers nobody: it becomes no contact (rule B8a)."
        )
    name = next((one.name for one in parties if one.name), "")
    return box.key, tidy_name(name, box.address) or box.key
