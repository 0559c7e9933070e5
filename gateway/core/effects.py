"""Whose cards a message shows on, who is added, which lead it belongs to (rules C3 to C6a)."""

from __future__ import annotations

from gateway.core import replies
from gateway.core.case import Case, End, already_filed
from gateway.core.decision import Decision, Effects, NewContact, NewLead, Verdict, counted, done
from gateway.core.envelope import Action
from gateway.core.facts import Lead
from gateway.core.people import Participant

LEAD_NAME_CHARACTERS = 200


def file_mail(case: Case) -> Decision:
    """The decision on a mail that no rule has stopped, with all that follows from it."""
    if case.nothing_new:
        return case.decision(already_filed(), Effects())
    loggable = _loggable(case)
    contacts = _new_contacts(case, loggable)
    cards = _cards(case, {contact.key for contact in contacts})
    people = tuple(key for key in cards if any(one.key == key for one in loggable))
    creating = case.action is Action.LEAD and not case.automatic
    joined = case.facts.conversation_lead
    primary = case.cast.primary is not None and not case.cast.primary.never_log
    lead: NewLead | None = None
    shown: Lead | None = None
    closed = None
    if joined is not None and joined.open:
        case.ok("C6", f"Its conversation belongs to the open lead {joined.name}.")
        shown = joined
    elif creating and people:
        lead = NewLead(_lead_name(case, people[0]), people[0])
        case.ok("C5", f"A new lead: {lead.name}.")
    else:
        if primary and len(case.facts.primary_leads) == 1:
            shown = case.facts.primary_leads[0]
        closed = joined if shown is None else None
        case.ok("C6a", _where(shown, closed, cards))
    links: tuple[str, ...] = ()
    if creating:
        links = tuple(key for key in people if shown is None or _contact_id(case, key) not in shown.contacts)
    customer = case.facts.customer if primary else None
    effects = Effects(contacts, cards, lead or shown, links, customer, closed)
    again = case.facts.duplicate is not None and case.facts.duplicate.standing
    reply = replies.filed(done(effects, again=again, automatic=case.automatic))
    case.ok("B11", reply.text)
    return case.decision(End(Verdict.FILE, reply, "B9" if again else "B11"), effects)


def _loggable(case: Case) -> list[Participant]:
    """Clients who may become contacts and stand on leads (B8a); the others are shown only where somebody knows them."""
    loggable = [one for one in case.cast.clients if not one.never_log]
    hidden = len(case.cast.clients) - len(loggable)
    if hidden:
        case.note("B8a", f"{counted(hidden, 'address', 'addresses')} of the kind that becomes no contact.")
    return loggable


def _new_contacts(case: Case, loggable: list[Participant]) -> tuple[NewContact, ...]:
    """Rule C4: unknown clients, the primary first, at most so many; none for `attach` (C3) and automatic mail (B6)."""
    unknown = [one for one in loggable if one.key not in case.facts.contacts]
    known = len(loggable) - len(unknown)
    if case.action is Action.ATTACH or case.automatic:
        case.ok("C3", f"Shown on the cards of {counted(known, 'known client')}.")
        return ()
    taken, left = unknown[: case.limits.contacts], unknown[case.limits.contacts :]
    detail = f"{counted(len(taken), 'new contact')}, {known} known."
    if left:
        detail += f" {len(left)} more were left: {case.limits.contacts} a message is the limit."
    case.ok("C4", detail)
    return tuple(NewContact(one.key, one.contact_name) for one in taken)


def _cards(case: Case, made: set[str]) -> tuple[str, ...]:
    """Contacts that the message shows on, known and new, each once though it may have several addresses."""
    keys: dict[str, str] = {}
    for one in case.cast.clients:
        if one.key in made or one.key in case.facts.contacts:
            keys.setdefault(_contact_id(case, one.key) or one.key, one.key)
    return tuple(keys.values())


def _lead_name(case: Case, main: str) -> str:
    """The base subject, else the main contact's name (C5); cut where it is longer than a name may be."""
    name = case.mail.base_subject or _name_of(case, main)
    return name if len(name) <= LEAD_NAME_CHARACTERS else name[: LEAD_NAME_CHARACTERS - 1].rstrip() + "…"


def _name_of(case: Case, key: str) -> str:
    known = case.facts.contacts.get(key)
    if known is not None:
        return known.name
    return next(one.contact_name for one in case.cast.clients if one.key == key)


def _contact_id(case: Case, key: str) -> str | None:
    known = case.facts.contacts.get(key)
    return known.id if known else None


def _where(shown: Lead | None, closed: Lead | None, cards: tuple[str, ...]) -> str:
    if shown is not None:
        return "Shown on the primary client's only open lead."
    stays = "the mail stays on its contacts' cards" if cards else "the mail stays in Mail without a card"
    if closed is not None:
        return f"Its conversation's lead is closed; {stays}, and the team is told."
    return f"It belongs to no lead; {stays}."
