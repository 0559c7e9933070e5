"""Section E: what becomes of mail that somebody has in a mailbox of their own. Nothing of it is refused or held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.decision import Verdict
from gateway.core.envelope import Action
from gateway.core.facts import Facts, Filed, Lead
from gateway.core.mail import Limits, Mail
from gateway.core.people import Kind, cast_fetched
from gateway.core.quota import Quota, Quotas
from tests.core.world import ACME, BOB, CAROL, DIMAS, FACTS, LEAD, TEAM, asked, decided, fetched, known, mail_of, told

BOB_KEY, CAROL_KEY = "bob@bluefin.example", "carol@example.net"
OPEN = Lead("L1", "Old boats", True)
MANY = "a@b.example, " * 11

CREATED = {
    # story: auto_create, From, To, folder, known, cards, new contacts, lead
    "E6 off shows it on known cards": ("off", CAROL, f"{DIMAS}, {BOB}", "inbox", (BOB,), (BOB_KEY,), (), None),
    "E6 off makes nobody a contact": ("off", CAROL, DIMAS, "inbox", (), (), (), None),
    "E6 contact adds the unknown": ("contact", CAROL, DIMAS, "inbox", (), (CAROL_KEY,), (CAROL_KEY,), None),
    "E6 lead opens a lead as well": ("lead", CAROL, DIMAS, "inbox", (), (CAROL_KEY,), (CAROL_KEY,), "Boats"),
    "E6 lead of nobody opens none": ("lead", DIMAS, "ana@acme.example", "inbox", (), (), (), None),
    "E6 sent mail makes its readers contacts": ("contact", DIMAS, BOB, "sent", (), (BOB_KEY,), (BOB_KEY,), None),
    "B8a no-reply becomes nobody": ("lead", "no-reply@shop.example", DIMAS, "inbox", (), (), (), None),
    "E14 an alias that nobody confirmed is no contact": (
        "lead", "alias@elsewhere.example", CAROL, "sent", (), (CAROL_KEY,), (CAROL_KEY,), "Boats",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("auto_create", "author", "to", "folder", "whom", "cards", "new", "lead"), CREATED.values(), ids=CREATED
)
def test_what_a_mailbox_shows_and_creates(
    auto_create: str,
    author: str,
    to: str,
    folder: str,
    whom: tuple[str, ...],
    cards: tuple[str, ...],
    new: tuple[str, ...],
    lead: str | None,
) -> None:
    decision = fetched(mail_of(author, to, ""), auto_create, folder, facts=replace(FACTS, contacts=known(*whom)))
    effects = decision.effects

    assert (decision.verdict, decision.rule) == (Verdict.FILE, "B11")
    assert (effects.cards, tuple(one.key for one in effects.contacts)) == (cards, new)
    assert (effects.lead.name if effects.lead else None) == lead


NOT_ASKED = {
    "A7 a smart address in its Cc has no effect": mail_of(cc=LEAD),
    "B1 one that is hidden": mail_of(cc="", extra=[f"Bcc: {LEAD}"]),
    "B3 many servers": mail_of(extra=["Received: x"] * 60),
    "B4c From at a gateway domain": mail_of(ACME, DIMAS, ""),
}


@pytest.mark.parametrize("mail", NOT_ASKED.values(), ids=NOT_ASKED)
def test_what_concerns_the_door_alone_is_not_asked(mail: Mail) -> None:
    decision = fetched(mail)

    assert (decision.verdict, decision.action) == (Verdict.FILE, Action.ATTACH)
    assert asked(decision) == ["E6", "B4b", "B4", "B6", "B9", "B8b", "C3", "C6a", "B11"]


def test_b7_a_stranger_is_filed_whatever_the_account_says_of_strangers() -> None:
    facts = replace(FACTS, account=replace(FACTS.account, strangers="refuse"))

    assert fetched(mail_of(), facts=facts).verdict is Verdict.FILE


LIMITS = Limits(header_bytes=10_000, addresses=10)
UNREADABLE = {
    # story: mail, its steps, what is marked, its author as it is shown
    "B4 no From": (
        mail_of("", BOB), "B4 note", "The header is malformed: there is no From header.", None,
    ),
    "B4 two From fields": (
        mail_of(CAROL, BOB, extra=[f"From: {BOB}"]),
        "B4 note", "The header is malformed: there are 2 From headers.", None,
    ),
    "B4b too many addresses": (
        mail_of(CAROL, MANY, limits=LIMITS),
        "B4b note", "The header is beyond what we read: more than 10 addresses in From, To and Cc.", CAROL_KEY,
    ),
    "B4b too long a header": (
        mail_of(CAROL, BOB, extra=["X: " + "x" * 10_000], limits=LIMITS),
        "B4b note", "The header is beyond what we read: a header section of more than 10000 bytes.", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("mail", "step", "mark", "author"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("folder", ["inbox", "sent"])
def test_what_cannot_be_read_is_filed_without_a_card_and_marked(
    mail: Mail, step: str, mark: str, author: str | None, folder: str
) -> None:
    facts = replace(FACTS, contacts=known(BOB, CAROL), conversation_lead=OPEN)
    decision = fetched(mail, "lead", folder, facts=facts)

    assert (decision.verdict, decision.rule, decision.reply.text) == (Verdict.FILE, "B4", "Filed: without a card.")
    assert decision.effects == type(decision.effects)()
    assert decision.unread[-1] == mark
    assert step in [f"{one.rule} {one.outcome}" for one in decision.steps]
    assert (decision.cast.primary, decision.cast.clients) == (None, ())
    authors = [one.key for one in decision.cast.participants if one.role == "from"]
    assert authors == ([author] if author else [])


def test_b4b_the_people_of_a_bomb_are_not_written_down() -> None:
    assert len(fetched(mail_of(CAROL, MANY, limits=LIMITS)).cast.participants) == 1


PEOPLE = {
    # story: From, To, Cc, folder, direction, primary
    "C2 a client writes": (CAROL, DIMAS, BOB, "inbox", "incoming", CAROL_KEY),
    "C2 a colleague's mail in the inbox": (DIMAS, "ana@acme.example", BOB, "inbox", "outgoing", BOB_KEY),
    "C2 sent mail": (DIMAS, f"ana@acme.example, {BOB}", CAROL, "sent", "outgoing", BOB_KEY),
    "C2 sent mail with a client in Cc only": (DIMAS, "ana@acme.example", CAROL, "sent", "outgoing", CAROL_KEY),
    "E14 sent through an alias": (CAROL, BOB, "", "sent", "outgoing", BOB_KEY),
    "E14 sent through an alias to itself": (CAROL, CAROL, BOB, "sent", "outgoing", BOB_KEY),
    "E14 sent through an alias to nobody else": (CAROL, CAROL, "", "sent", "outgoing", None),
    "sent by nobody who can be read": ("", BOB, "", "sent", "outgoing", None),
}


@pytest.mark.parametrize(("author", "to", "cc", "folder", "direction", "primary"), PEOPLE.values(), ids=PEOPLE)
def test_direction_and_primary_client_by_folder(
    author: str, to: str, cc: str, folder: str, direction: str, primary: str | None
) -> None:
    cast = cast_fetched(mail_of(author, to, cc), TEAM, sent=folder == "sent")

    assert cast.direction == direction
    assert (cast.primary.key if cast.primary else None) == primary
    assert folder == "inbox" or cast.author_kind in (Kind.TEAM, None)


AUTOMATIC = {
    # story: From, folder, automatic, what the step says
    "B6 it creates nothing": (CAROL, "inbox", True, "note: Automatic mail ("),
    "B6 but what a colleague sent": (
        DIMAS,
        "sent",
        False,
        "note: It looks automatic (Auto-Submitted says so), but a coll",
    ),
}


@pytest.mark.parametrize(("author", "folder", "automatic", "step"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_automatic_mail(author: str, folder: str, automatic: bool, step: str) -> None:
    decision = fetched(mail_of(author, BOB, "", extra=["Auto-Submitted: auto-replied"]), "lead", folder)

    assert decision.automatic is automatic
    assert decision.effects.created == (0 if automatic else 2)
    assert told(decision, "B6")[0].startswith(step)


def copy(state: str = "filed", action: Action = Action.ATTACH, *, smart: bool = True) -> Facts:
    return replace(FACTS, contacts=known(CAROL), duplicate=Filed("M1", state, action, smart))


COPIES = {
    # story: facts, auto_create, the rule, the reply's beginning, cards, lead
    "B9 deleted since": (copy("deleted"), "lead", "B9", "This mail came before and was removed", (), None),
    "B9 purged since": (copy("gone"), "lead", "B9", "This mail came before and was removed", (), None),
    "B9 nothing new": (copy(action=Action.LEAD), "lead", "B9", "Already filed; nothing doubled.", (), None),
    "B9 weaker": (copy(action=Action.LEAD), "off", "B9", "Already filed; nothing doubled.", (), None),
    "B9 came by another mailbox only": (copy(smart=False), "off", "B9", "Already filed; nothing doubled.", (), None),
    "B9 stronger": (copy(), "lead", "B9", "Already filed; now new lead", (CAROL_KEY,), "Boats"),
    "B9 held, and here nothing is": (copy("held"), "off", "B11", "Filed: on 1 card.", (CAROL_KEY,), None),
    "B9 held, and the mailbox opens leads": (copy("held"), "lead", "B11", "Filed: new lead", (CAROL_KEY,), "Boats"),
}


@pytest.mark.parametrize(("facts", "auto_create", "rule", "text", "cards", "lead"), COPIES.values(), ids=COPIES)
def test_a_mailbox_has_a_mail_that_came_before(
    facts: Facts, auto_create: str, rule: str, text: str, cards: tuple[str, ...], lead: str | None
) -> None:
    decision = fetched(mail_of(cc=""), auto_create, facts=facts)

    assert (decision.verdict, decision.rule, decision.duplicate_of) == (Verdict.FILE, rule, "M1")
    assert decision.reply.text.startswith(text)
    assert decision.effects.cards == cards
    assert (decision.effects.lead.name if decision.effects.lead else None) == lead


HANDED = {
    # story: recipient, author, To, facts, strangers, verdict, rule
    "B9 nothing new": (ACME, CAROL, DIMAS, copy(smart=False), "hold", Verdict.FILE, "B9"),
    "B9 stronger": (LEAD, CAROL, DIMAS, copy(smart=False), "accept", Verdict.FILE, "B9"),
    "B7 a stranger is refused as if it were the first": (
        ACME, "eve@evil.example", DIMAS, copy(smart=False), "refuse", Verdict.REFUSE, "B7",
    ),
    "B7 a stranger's copy of what smart addresses have is not": (
        ACME, "eve@evil.example", DIMAS, copy(), "refuse", Verdict.FILE, "B9",
    ),
    "B8 nobody to add is refused as if it were the first": (
        LEAD, DIMAS, "ana@acme.example", copy(action=Action.LEAD, smart=False), "accept", Verdict.REFUSE, "B8",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rcpt", "author", "to", "facts", "strangers", "verdict", "rule"), HANDED.values(), ids=HANDED)
def test_a_smart_address_gets_a_mail_that_a_mailbox_has(
    rcpt: str, author: str, to: str, facts: Facts, strangers: str, verdict: Verdict, rule: str
) -> None:
    decision = decided(mail_of(author, to, rcpt), rcpt, facts=facts, strangers=strangers)

    assert (decision.verdict, decision.rule) == (verdict, rule)


SPENT = {
    # story: facts, rule, cards, duplicate
    "B8b it is filed without creating": (FACTS, "B11", (), "Filed: without a card."),
    "B8b on known cards": (replace(FACTS, contacts=known(CAROL)), "B11", (CAROL_KEY,), "Filed: on 1 card."),
    "B8b a held one too": (copy("held"), "B11", (CAROL_KEY,), "Filed: on 1 card."),
    "B8b what is filed stays as it is": (copy(), "B9", (), "Already filed; nothing doubled."),
}


@pytest.mark.parametrize(("facts", "rule", "cards", "text"), SPENT.values(), ids=SPENT)
def test_beyond_a_quota_a_mailbox_creates_nothing(facts: Facts, rule: str, cards: tuple[str, ...], text: str) -> None:
    spent = replace(facts, quota=Quota({"author": 20}, Quotas(author=20)))
    decision = fetched(mail_of(cc=""), "lead", facts=spent)

    assert (decision.verdict, decision.rule, decision.quota) == (Verdict.FILE, rule, "author")
    assert (decision.action, decision.reply.text) == (Action.ATTACH, text)
    assert (decision.effects.cards, decision.effects.created) == (cards, 0)


def test_b8b_within_a_quota_a_mailbox_creates_as_it_says() -> None:
    decision = fetched(mail_of(cc=""), "lead", facts=replace(FACTS, quota=Quota({"author": 18}, Quotas(author=20))))

    assert (decision.quota, decision.effects.created) == (None, 2)
