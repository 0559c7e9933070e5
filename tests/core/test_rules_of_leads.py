"""Rules C4 to C7 as stories: which lead a mail opens or joins, what it is called, and who is on its card."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.decision import NewContact, NewLead
from gateway.core.facts import Known, Lead
from gateway.core.mail import Limits
from tests.core.world import ACME, BOB, CAROL, CONTACT, DIMAS, FACTS, LEAD, decided, known, mail_of, told

BOB_KEY, CAROL_KEY = "bob@bluefin.example", "carol@example.net"
OPEN = Lead("L1", "Old boats", True, frozenset((f"id-{BOB_KEY}",)))
CLOSED = replace(OPEN, open=False)


LEADS = {
    # story: rcpt, author, facts about leads, shown lead, closed reply, linked
    "C6 a reply joins its conversation's open lead": (ACME, BOB, {"conversation_lead": OPEN}, "Old boats", False, ()),
    "C6 +lead in it makes no second lead": (LEAD, BOB, {"conversation_lead": OPEN}, "Old boats", False, ()),
    "C6 +lead links who is not on it": (LEAD, CAROL, {"conversation_lead": OPEN}, "Old boats", False, (CAROL_KEY,)),
    "C6 +contact links nobody": (CONTACT, CAROL, {"conversation_lead": OPEN}, "Old boats", False, ()),
    "C6 +lead on a closed one opens a new one": (
        LEAD, BOB, {"conversation_lead": CLOSED}, "Boats", False, (BOB_KEY,),
    ),
    "C6a a closed one is never joined in silence": (ACME, BOB, {"conversation_lead": CLOSED}, None, True, ()),
    "C6a else the primary's only open lead": (ACME, BOB, {"primary_leads": (OPEN,)}, "Old boats", False, ()),
    "C6a the only open one beside a closed conversation": (
        ACME, BOB, {"conversation_lead": CLOSED, "primary_leads": (OPEN,)}, "Old boats", False, (),
    ),
    "C6a none of two open ones": (ACME, BOB, {"primary_leads": (OPEN, replace(OPEN, id="L2"))}, None, False, ()),
    "C5 a new conversation gets its own lead": (LEAD, BOB, {"primary_leads": (OPEN,)}, "Boats", False, (BOB_KEY,)),
}  # fmt: skip


@pytest.mark.parametrize(("rcpt", "author", "about", "lead", "closed", "links"), LEADS.values(), ids=LEADS)
def test_which_lead_a_message_shows_on(
    rcpt: str, author: str, about: dict[str, object], lead: str | None, closed: bool, links: tuple[str, ...]
) -> None:
    facts = replace(FACTS, contacts=known(BOB), **about)  # type: ignore[arg-type]
    effects = decided(mail_of(author, DIMAS, rcpt), rcpt, facts=facts).effects

    assert (effects.lead.name if effects.lead else None) == lead
    assert (effects.closed_reply is CLOSED) == closed
    assert effects.links == links


def test_c6a_a_closed_conversation_without_a_card_is_told_as_such() -> None:
    decision = decided(mail_of(cc=ACME), ACME, facts=replace(FACTS, conversation_lead=CLOSED))

    assert told(decision, "C6a") == [
        "ok: Its conversation's lead is closed; the mail stays in Mail without a card, and the team is told."
    ]


def test_c6a_a_never_logged_primary_brings_neither_its_lead_nor_its_customer() -> None:
    facts = replace(FACTS, contacts=known("S <noreply@shop.example>"), primary_leads=(OPEN,), customer="K1")
    effects = decided(mail_of("noreply@shop.example", cc=ACME), ACME, facts=facts).effects

    assert (effects.lead, effects.customer) == (None, None)


def test_c6a_a_message_shows_on_the_primarys_only_customer() -> None:
    facts = replace(FACTS, contacts=known(BOB), customer="K1")

    assert decided(mail_of(BOB, cc=ACME), ACME, facts=facts).effects.customer == "K1"


LEAD_NAMES = {
    # story: subject, author, known, name of the lead
    "the base subject": ("Re: [x] Boats", CAROL, (), "Boats"),
    "without one the new primary's name": ("Re:", CAROL, (), "Carol Jones"),
    "without one the known primary's own name": (
        "",
        "bob@x.example",
        ("Bob Miller <bob@x.example>",),
        "Bob Miller",
    ),
    "without name either the address": ("", "x@one.example", (), "x@one.example"),
    "a subject of 200 characters stays whole": ("b" * 200, CAROL, (), "b" * 200),
    "a longer one is cut, with a mark, to 200": ("b" * 201, CAROL, (), "b" * 199 + "…"),
    "no blank stands before the mark": (f"{'b' * 198} boats", CAROL, (), "b" * 198 + "…"),
    "a contact's long name is cut too": ("", BOB, (f"{'B' * 201} <{BOB_KEY}>",), "B" * 199 + "…"),
}


@pytest.mark.parametrize(("subject", "author", "whom", "name"), LEAD_NAMES.values(), ids=LEAD_NAMES)
def test_c5_a_leads_name(subject: str, author: str, whom: tuple[str, ...], name: str) -> None:
    facts = replace(FACTS, contacts=known(*whom))
    lead = decided(mail_of(author, subject=subject), facts=facts).effects.lead

    assert isinstance(lead, NewLead)
    assert (lead.name, lead.main) == (name, author.rpartition("<")[2].rstrip(">"))


def test_c4_no_more_than_the_limit_become_contacts_and_the_step_says_how_many_were_left() -> None:
    to = ", ".join(f"c{n}@example.net" for n in range(5))
    decision = decided(mail_of(CAROL, to), limits=Limits(contacts=2))

    assert decision.effects.contacts == (
        NewContact(CAROL_KEY, "Carol Jones"), NewContact("c0@example.net", "c0@example.net"),
    )  # fmt: skip
    assert decision.effects.cards == (CAROL_KEY, "c0@example.net")
    assert told(decision, "C4") == ["ok: 2 new contacts, 0 known. 4 more were left: 2 a message is the limit."]


def test_c7_a_contact_with_two_addresses_gets_the_mail_once() -> None:
    one = Known("id-bob", "Bob")
    facts = replace(FACTS, contacts={BOB_KEY: one, "bob@home.example": one})
    effects = decided(mail_of(BOB, "bob@home.example"), facts=facts).effects

    assert effects.cards == effects.links == (BOB_KEY,)
