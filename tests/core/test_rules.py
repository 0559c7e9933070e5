"""Rules B and C as stories: who writes to whom, what is known, and what becomes of the mail."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from gateway.core.admission import OPERATORS
from gateway.core.decision import Decision, Verdict
from gateway.core.envelope import Action
from gateway.core.facts import Account, Auth, Facts, Filed, Lead
from gateway.core.mail import Limits, Mail
from gateway.core.people import Team, cast_people
from gateway.core.rules import decide
from gateway.core.visible import header_slugs
from tests.core.world import (
    ACCOUNT,
    ACME,
    BOB,
    CAROL,
    CONTACT,
    DIMAS,
    DOMAINS,
    FACTS,
    LEAD,
    asked,
    decided,
    envelope,
    known,
    mail_of,
    told,
)

BOB_KEY, CAROL_KEY = "bob@bluefin.example", "carol@example.net"
OPEN = Lead("L1", "Old boats", True, frozenset((f"id-{BOB_KEY}",)))


@dataclass(frozen=True)
class File:
    """What a filed mail comes to: on whose cards, who is new, and which lead."""

    cards: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    lead: str | None = None


@dataclass(frozen=True)
class Refuse:
    rule: str
    code: int = 550
    enhanced: str = "5.7.1"


def outcome(decision: Decision) -> File | Refuse:
    if decision.verdict is Verdict.REFUSE:
        return Refuse(decision.rule, decision.reply.code, decision.reply.enhanced)
    effects = decision.effects
    return File(effects.cards, tuple(one.key for one in effects.contacts), effects.lead.name if effects.lead else None)


STORIES = {
    # story: rcpt, From, To, Cc, known, outcome
    "C3 attach shows it on known people only": (ACME, DIMAS, f"{BOB}, {CAROL}", ACME, (BOB,), File((BOB_KEY,))),
    "C3 attach without anyone known has no card": (ACME, CAROL, DIMAS, ACME, (), File()),
    "C3 attach needs no client at all": (ACME, DIMAS, "Ana <ana@acme.example>", ACME, (), File()),
    "C4 contact adds whom nobody knows": (CONTACT, CAROL, DIMAS, CONTACT, (), File((CAROL_KEY,), (CAROL_KEY,))),
    "C4 known people are not added again": (CONTACT, BOB, DIMAS, CONTACT, (BOB,), File((BOB_KEY,))),
    "C4 primary first, then To, then Cc": (
        CONTACT, DIMAS, f"{BOB}, x@one.example", f"y@two.example, {CONTACT}", (),
        File((BOB_KEY, "x@one.example", "y@two.example"), (BOB_KEY, "x@one.example", "y@two.example")),
    ),
    "C5 lead opens a lead as well": (LEAD, CAROL, DIMAS, LEAD, (), File((CAROL_KEY,), (CAROL_KEY,), "Boats")),
    "C5 a lead for someone known": (LEAD, DIMAS, BOB, LEAD, (BOB,), File((BOB_KEY,), (), "Boats")),
    "B8 a lead for nobody is refused": (LEAD, DIMAS, "ana@acme.example", LEAD, (), Refuse("B8")),
    "B8 a contact of nobody is refused": (CONTACT, DIMAS, "", CONTACT, (), Refuse("B8")),
    "B8 a gateway address is no client": (LEAD, DIMAS, "beta@mail.kommo.com", LEAD, (), Refuse("B8")),
    "B8a no-reply alone is filed without card or lead": (LEAD, "no-reply@shop.example", DIMAS, LEAD, (), File()),
    "B8a no-reply with a tag too": (LEAD, "no-reply+17@shop.example", DIMAS, LEAD, (), File()),
    "B8a the others are added beside it": (
        LEAD, "noreply@shop.example", f"{DIMAS}, {CAROL}", LEAD, (), File((CAROL_KEY,), (CAROL_KEY,), "Boats"),
    ),
    "B8a one that somebody made a contact is shown there, but opens no lead": (
        LEAD, "Shop <noreply@shop.example>", DIMAS, LEAD, ("Shop <noreply@shop.example>",),
        File(cards=("noreply@shop.example",)),
    ),
    "B1 in To only is refused": (ACME, CAROL, f"{DIMAS}, {ACME}", "", (), Refuse("B1")),
    "B1 in no header is refused": (ACME, CAROL, DIMAS, "", (), Refuse("B1")),
    "B1 the same account with another suffix is not it": (ACME, CAROL, DIMAS, LEAD, (), Refuse("B1")),
    "B1 another account's address is not it": (LEAD, CAROL, DIMAS, "beta+lead@mail.kommo.com", (), Refuse("B1")),
    "B1 at another gateway domain it is the same": (
        LEAD, CAROL, DIMAS, "Acme <ACME+Lead@In.Gate.Example.>", (), File((CAROL_KEY,), (CAROL_KEY,), "Boats"),
    ),
    "B1 a wrong suffix beside it counts for nothing": (
        ACME, CAROL, DIMAS, f"acme+x@mail.kommo.com, {ACME}", (BOB,), File(),
    ),
    "B4c From at a gateway domain is refused": (LEAD, "whoever@mail.kommo.com", DIMAS, LEAD, (), Refuse("B4c")),
}  # fmt: skip


@pytest.mark.parametrize(("rcpt", "author", "to", "cc", "whom", "expected"), STORIES.values(), ids=STORIES)
def test_decide(rcpt: str, author: str, to: str, cc: str, whom: tuple[str, ...], expected: File | Refuse) -> None:
    decision = decided(mail_of(author, to, cc), rcpt, facts=replace(FACTS, contacts=known(*whom)))

    assert outcome(decision) == expected
    assert decision.rule == ("B11" if isinstance(expected, File) else expected.rule)
    if isinstance(expected, File):
        assert (decision.reply.code, decision.reply.enhanced) == (250, "2.6.0")


LIMITS = Limits(header_bytes=10_000, addresses=10, received=3)
REFUSED_MAILS = {
    # story: mail, refusal
    "B3 a mail in circles": (mail_of(extra=["Received: x"] * 4, limits=LIMITS), Refuse("B3", 554, "5.4.6")),
    "B4b too many bytes": (mail_of(extra=["X: " + "x" * 10_000], limits=LIMITS), Refuse("B4b", 554, "5.6.0")),
    "B4b too many addresses": (mail_of(to="a@b.example," * 11, limits=LIMITS), Refuse("B4b", 554, "5.6.0")),
    "B4 no From": (mail_of(author=""), Refuse("B4", 550, "5.6.0")),
    "B4 two From fields": (mail_of(extra=[f"From: {BOB}"]), Refuse("B4", 550, "5.6.0")),
    "B4 a blank before the colon": (mail_of(author="", extra=[f"From : {BOB}"]), Refuse("B4", 550, "5.6.0")),
}


@pytest.mark.parametrize(("mail", "refusal"), REFUSED_MAILS.values(), ids=REFUSED_MAILS)
def test_a_mail_that_is_broken_in_itself_is_refused(mail: Mail, refusal: Refuse) -> None:
    decision = decided(mail, limits=LIMITS)

    assert outcome(decision) == refusal
    assert [step.outcome for step in decision.steps if step.rule == refusal.rule] == ["refuse"]
    assert decision.effects == type(decision.effects)()


def test_b2_a_bounce_is_refused() -> None:
    assert outcome(decided(mail_of(), sender="")) == Refuse("B2")


ORDER = {
    # story: mail, recipients, sender, rules in the order in which they are asked
    "a lead": (mail_of(), (LEAD,), "x", "B3 B4b B4 B4c B2 B1 B5 B6 B9 B7 B8 B8b C4 C5 B11"),
    "attach": (mail_of(cc=ACME), (ACME,), "x", "B3 B4b B4 B4c B2 B1 B5 B6 B9 B7 B8 B8b C3 C6a B11"),
    "no-reply": (mail_of("noreply@x.example"), (LEAD,), "x", "B3 B4b B4 B4c B2 B1 B5 B6 B9 B7 B8 B8b B8a C4 C6a B11"),
    "something unread": (mail_of(to="<x"), (LEAD,), "x", "B3 B4b B4 C1 B4c B2 B1 B5 B6 B9 B7 B8 B8b C4 C5 B11"),
    "circles before malformed": (mail_of("", extra=["Received: x"] * 51), (LEAD,), "", "B3"),
    "malformed before a bounce": (mail_of(author=""), (LEAD,), "", "B3 B4b B4"),
    "from us before a bounce": (mail_of(ACME), (LEAD,), "", "B3 B4b B4 B4c"),
    "a bounce before a hidden copy": (mail_of(cc=""), (LEAD,), "", "B3 B4b B4 B4c B2"),
    "a hidden copy before nobody to add": (mail_of(DIMAS, DIMAS, ""), (LEAD,), "x", "B3 B4b B4 B4c B2 B1"),
    "strongest of several": (
        mail_of(cc=f"{LEAD}, {ACME}"), (ACME, LEAD), "x", "B3 B4b B4 B4c B2 B1 A7 B5 B6 B9 B7 B8 B8b C4 C5 B11",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("mail", "rcpt", "sender", "rules"), ORDER.values(), ids=ORDER)
def test_rules_are_asked_in_their_order_and_the_first_refusal_ends_it(
    mail: Mail, rcpt: tuple[str, ...], sender: str, rules: str
) -> None:
    assert asked(decided(mail, *rcpt, sender=sender)) == rules.split()


def test_the_steps_begin_with_what_was_said_to_each_recipient() -> None:
    decision = decided(mail_of(), LEAD, "acme+x@mail.kommo.com", "beta@mail.kommo.com", "nobody@mail.kommo.com")

    assert [step.rule for step in decision.steps][:8] == ["A1", "A3", "A2", "A1", "A3", "A1", "A3", "A2"]
    assert "beta" not in " ".join(step.detail for step in decision.steps)


HIDDEN = {
    # story: recipients, To, Cc, the address the reply names, its advice
    "in no header": ((ACME,), DIMAS, "", ACME, "visible Cc, not Bcc"),
    "in To": ((ACME,), ACME, "", ACME, "forwards too"),
    "one in To and one in no header": ((ACME, LEAD), LEAD, "", LEAD, "forwards too"),
    "two in no header": ((LEAD, ACME), DIMAS, "", LEAD, "visible Cc, not Bcc"),
}


@pytest.mark.parametrize(("rcpt", "to", "cc", "address", "advice"), HIDDEN.values(), ids=HIDDEN)
def test_b1_the_reply_names_the_address_and_says_what_to_do(
    rcpt: tuple[str, ...], to: str, cc: str, address: str, advice: str
) -> None:
    reply = decided(mail_of(to=to, cc=cc), *rcpt).reply

    assert reply.text.startswith(f"{address} ")
    assert advice in reply.text


VISIBLE = {
    # story: copy policy, recipients, To, Cc, action or None where B1 refuses
    "Cc under cc": ("cc", (LEAD,), DIMAS, LEAD, Action.LEAD),
    "To under cc": ("cc", (LEAD,), LEAD, "", None),
    "To under cc_or_to": ("cc_or_to", (LEAD,), LEAD, "", Action.LEAD),
    "hidden under cc_or_to": ("cc_or_to", (LEAD,), DIMAS, "", None),
    "A7 the strongest of two": ("cc", (ACME, LEAD), DIMAS, f"{ACME}, {LEAD}", Action.LEAD),
    "A7 contact before attach": ("cc", (CONTACT, ACME), DIMAS, f"{ACME}, {CONTACT}", Action.CONTACT),
    "A7 a stronger one in the header only": ("cc", (ACME,), DIMAS, f"{ACME}, {LEAD}", Action.ATTACH),
    "A7 a stronger one in the envelope only": ("cc", (ACME, LEAD), DIMAS, ACME, Action.ATTACH),
    "A7 a stronger one in To": ("cc", (ACME, LEAD), LEAD, ACME, Action.ATTACH),
    "A7 a stronger one in To, where To counts": ("cc_or_to", (ACME, LEAD), LEAD, ACME, Action.LEAD),
}


@pytest.mark.parametrize(("policy", "rcpt", "to", "cc", "action"), VISIBLE.values(), ids=VISIBLE)
def test_b1_and_a7_what_is_both_a_recipient_and_visible_counts(
    policy: str, rcpt: tuple[str, ...], to: str, cc: str, action: Action | None
) -> None:
    decision = decided(mail_of(to=to, cc=cc), *rcpt, copy_policy=policy)

    assert (decision.rule == "B1") == (action is None)
    assert action is None or decision.action is action


def test_b1_a_hidden_address_beside_a_visible_one_is_ignored_and_the_step_says_so() -> None:
    decision = decided(mail_of(cc=ACME), ACME, LEAD)

    assert told(decision, "B1") == [
        f"ok: {ACME} is visible to everyone on the mail.",
        f"note: {LEAD} is hidden and is ignored beside the visible one.",
    ]


AUTOMATIC = "Auto-Submitted: auto-replied"
AUTOMATIC_MAILS = {
    # story: rcpt, From, To, facts, automatic, outcome
    "B6 it creates nothing": (LEAD, CAROL, DIMAS, FACTS, True, File()),
    "B6 it is filed on known cards": (LEAD, BOB, DIMAS, replace(FACTS, contacts=known(BOB)), True, File((BOB_KEY,))),
    "B6 it joins a conversation's lead but links nobody": (
        LEAD, CAROL, BOB, replace(FACTS, contacts=known(CAROL, BOB), conversation_lead=OPEN), True,
        File((CAROL_KEY, BOB_KEY), (), "Old boats"),
    ),
    "B8 is asked of a colleague's automatic mail": (LEAD, "ana@acme.example", "", FACTS, False, Refuse("B8")),
    "B6 a colleague's Cc wins": (LEAD, DIMAS, CAROL, FACTS, False, File((CAROL_KEY,), (CAROL_KEY,), "Boats")),
    "B6 one that only says it is a colleague does not": (
        LEAD, DIMAS, CAROL, replace(FACTS, auth=Auth(trusted=False)), True, File(),
    ),
    "B8 is not asked of automatic mail": (
        LEAD, DIMAS, "", replace(FACTS, auth=Auth(trusted=False)), True, File(),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("rcpt", "author", "to", "facts", "automatic", "expected"), AUTOMATIC_MAILS.values(), ids=AUTOMATIC_MAILS
)
def test_automatic_mail(
    rcpt: str, author: str, to: str, facts: Facts, automatic: bool, expected: File | Refuse
) -> None:
    decision = decided(mail_of(author, to, extra=[AUTOMATIC]), rcpt, facts=facts)

    assert decision.automatic is automatic
    assert outcome(decision) == expected
    assert decision.effects.links == () or not automatic
    assert ("automatic mail creates nothing" in decision.reply.text) is automatic


def filed(state: str = "filed", action: Action = Action.ATTACH) -> Facts:
    return replace(FACTS, contacts=known(CAROL), duplicate=Filed("M1", state, action))


def test_b9_a_mail_that_is_held_stays_held_when_it_comes_again() -> None:
    decision = decided(mail_of(), facts=filed("held"))

    assert (decision.verdict, decision.rule, decision.duplicate_of) == (Verdict.HOLD, "B9", "M1")
    assert decision.reply.text.startswith("Already held")


DUPLICATES = {
    # story: facts, the reply's beginning, on which cards, lead
    "deleted since": (filed("deleted"), "This mail came before and was removed", (), None),
    "refused by an admin": (filed("gone"), "This mail came before and was removed", (), None),
    "the same action again": (filed(action=Action.LEAD), "Already filed; nothing doubled", (), None),
    "a stronger action": (filed(), "Already filed; now new lead, on 1 card.", (CAROL_KEY,), "Boats"),
}


@pytest.mark.parametrize(("facts", "text", "cards", "lead"), DUPLICATES.values(), ids=DUPLICATES)
def test_b9_a_mail_that_comes_again_is_filed_once(
    facts: Facts, text: str, cards: tuple[str, ...], lead: str | None
) -> None:
    decision = decided(mail_of(), facts=facts)

    assert (decision.verdict, decision.rule, decision.duplicate_of) == (Verdict.FILE, "B9", "M1")
    assert decision.reply.text.startswith(text)
    assert outcome(decision) == File(cards, (), lead)


def test_b9_a_weaker_action_takes_nothing_back() -> None:
    decision = decided(mail_of(cc=ACME), ACME, facts=filed(action=Action.LEAD))

    assert decision.reply.text == "Already filed; nothing doubled."


TRUSTED, DISTRUSTED = Auth(), Auth(trusted=False)
STRANGERS = {
    # story: From, facts, is a stranger
    "nobody knows the author": (CAROL, FACTS, True),
    "the author is a contact": (BOB, replace(FACTS, contacts=known(BOB)), False),
    "the mail answers one of ours": (CAROL, replace(FACTS, answers_ours=True), False),
    "the author is team": (DIMAS, FACTS, False),
    "the author says he is team and is not believed": (DIMAS, replace(FACTS, auth=DISTRUSTED), True),
}


@pytest.mark.parametrize(("author", "facts", "stranger"), STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize(
    ("policy", "verdict", "code"),
    [("accept", Verdict.FILE, 250), ("hold", Verdict.HOLD, 250), ("refuse", Verdict.REFUSE, 550)],
)
def test_b7_strangers(author: str, facts: Facts, stranger: bool, policy: str, verdict: Verdict, code: int) -> None:
    decision = decided(mail_of(author, CAROL), facts=facts, strangers=policy)

    assert (decision.verdict, decision.reply.code) == ((verdict, code) if stranger else (Verdict.FILE, 250))
    assert decision.rule == ("B7" if stranger and policy != "accept" else "B11")
    assert decision.verdict is Verdict.FILE or decision.effects.contacts == ()


LET_IN = {
    # story: From, facts, what the step says
    "B7 a stranger is filed once an admin let him in": (
        CAROL, FACTS, "ok: The author is a stranger; an admin let the mail in.",
    ),
    "B7 one who is not believed to be a contact is filed once an admin let him in": (
        BOB, replace(FACTS, contacts=known(BOB), auth=DISTRUSTED),
        "ok: The author is a stranger; an admin let the mail in.",
    ),
    "B7 somebody who became a contact since needs no leave": (
        BOB, replace(FACTS, contacts=known(BOB)), "ok: The author is known to this team, or answers it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("author", "facts", "step"), LET_IN.values(), ids=LET_IN)
@pytest.mark.parametrize("policy", ["hold", "refuse"])
def test_an_admin_lets_a_stranger_in(author: str, facts: Facts, step: str, policy: str) -> None:
    decision = decided(mail_of(author), facts=replace(facts, released=True), strangers=policy)

    assert (decision.verdict, decision.rule) == (Verdict.FILE, "B11")
    assert told(decision, "B7") == [step]
    assert outcome(decision) != File()


def test_b7_a_strangers_stronger_copy_of_a_filed_mail_changes_nothing_where_strangers_are_held() -> None:
    duplicate = replace(FACTS, duplicate=Filed("M1", "filed", Action.ATTACH))
    decision = decided(mail_of(), facts=duplicate, strangers="hold")

    assert (decision.verdict, decision.rule, decision.reply.text) == (
        Verdict.FILE, "B9", "Already filed; nothing doubled.",
    )  # fmt: skip


def test_a5_mail_to_operators_is_kept_whoever_it_is_from() -> None:
    operators = Account(OPERATORS, "", "Operators", "cc", "accept", Team(frozenset(), frozenset(), DOMAINS))
    mail = mail_of(author="", cc="")
    decision = decide(
        mail, envelope(("postmaster@mail.kommo.com",), ""), cast_people(mail, operators.team), Facts(operators)
    )

    assert (decision.verdict, decision.rule, decision.reply.code) == (Verdict.FILE, "A5", 250)
    assert asked(decision) == ["B3", "B4b"]
    assert decision.action is None


def test_b4b_a_body_that_is_not_read_to_its_end_is_filed_and_the_step_says_so() -> None:
    mail = mail_of(
        extra=['Content-Type: multipart/mixed; boundary="b"'],
        body="--b\r\n\r\nx\r\n" * 3,
        limits=Limits(mime_parts=2),
    )

    assert told(decided(mail), "B4b") == [
        "note: Part of it stays unread and is kept as an attachment: more than 2 MIME parts."
    ]


def test_the_same_facts_always_give_the_same_decision() -> None:
    assert decided(mail_of()) == decided(mail_of())


def test_the_directory_is_asked_for_slugs_at_gateway_domains_in_to_and_cc_only() -> None:
    mail = mail_of("x@mail.kommo.com", "Beta+x@in.gate.example, é@mail.kommo.com", f"{LEAD}, acme@else.example")

    assert header_slugs(mail, DOMAINS) == {"acme", "beta"}


def test_an_account_that_holds_a_former_name_is_reached_by_it_in_the_header_too() -> None:
    facts = replace(FACTS, account=replace(ACCOUNT, slug="apex"), slugs={"acme": 1})

    assert decided(mail_of(), facts=facts).verdict is Verdict.FILE
