"""Rule B5 as stories: what is known of the author, what his domain asks for, and what becomes of the mail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.decision import Verdict
from gateway.core.facts import NOT_EVALUATED, Auth
from tests.core.world import BOB, CAROL, DIMAS, FACTS, LEAD, asked, decided, known, mail_of, told

GENUINE = Auth("pass", "none", "pass", evaluated=True, enforced=True, detail="SPF passes")
FORGED = Auth("fail", "none", "fail", trusted=False, evaluated=True, enforced=True, detail="nothing passes")
REJECT, QUARANTINE = replace(FORGED, policy="reject"), replace(FORGED, policy="quarantine")
UNDECIDED = replace(FORGED, spf="temperror", undecided=True)
FILED, HELD = (Verdict.FILE, "B11", "250 2.6.0"), (Verdict.HOLD, "B5", "250 2.6.0")
REFUSED, LATER = (Verdict.REFUSE, "B5", "550 5.7.26"), (Verdict.REFUSE, "B10", "451 4.4.3")

SKIP = "skip: Not evaluated: nobody has looked into it."
OK = "ok: The author is genuine: SPF passes."
NOTE = "note: Not proven genuine: nothing passes."
OUTSIDER = f"{NOTE} From names the team; the mail counts as an outsider's."
OPEN = "note: Not decided: nothing passes, but the DNS owes an answer."
NO = "refuse: Not genuine: nothing passes, and that domain asks to refuse such mail."
APART = "hold: Not genuine: nothing passes, and that domain asks to set such mail apart."

STORIES = {
    # story: From, what is known, verdict with rule and reply, what the step says, direction
    "B5 the team where nothing was evaluated is believed": (DIMAS, NOT_EVALUATED, FILED, SKIP, "outgoing"),
    "B5 the team that is proven genuine is believed": (DIMAS, GENUINE, FILED, OK, "outgoing"),
    "B5 what passes counts, whatever the domain asks for": (
        DIMAS, replace(GENUINE, policy="reject"), FILED, OK, "outgoing",
    ),
    "B5 what passes waits for no other answer": (
        DIMAS, replace(GENUINE, policy="unknown", undecided=True), FILED, OK, "outgoing",
    ),
    "B5 a forged client is refused where his domain asks for it": (CAROL, REJECT, REFUSED, NO, "incoming"),
    "B5 a forged colleague is refused where our domain asks for it": (DIMAS, REJECT, REFUSED, NO, "incoming"),
    "B5 a forged client is held where his domain asks for it": (CAROL, QUARANTINE, HELD, APART, "incoming"),
    "B5 a forged colleague is held where our domain asks for it": (DIMAS, QUARANTINE, HELD, APART, "incoming"),
    "B5 a client who is not proven genuine is filed where his domain asks for nothing": (
        CAROL, FORGED, FILED, NOTE, "incoming",
    ),
    "B5 a colleague who is not proven genuine is an outsider": (DIMAS, FORGED, FILED, OUTSIDER, "incoming"),
    "B5 mail that is only marked is not refused": (CAROL, replace(REJECT, enforced=False), FILED, NOTE, "incoming"),
    "B5 mail that is only marked is not held": (CAROL, replace(QUARANTINE, enforced=False), FILED, NOTE, "incoming"),
    "B5 a colleague's mail that is only marked is an outsider's all the same": (
        DIMAS, replace(REJECT, enforced=False), FILED, OUTSIDER, "incoming",
    ),
    "B5 mail that is only marked waits for no answer": (
        DIMAS, replace(UNDECIDED, policy="unknown", enforced=False), FILED, OUTSIDER, "incoming",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("author", "auth", "end", "step", "direction"), STORIES.values(), ids=STORIES)
def test_what_is_known_of_the_author_decides(
    author: str, auth: Auth, end: tuple[Verdict, str, str], step: str, direction: str
) -> None:
    decision = decided(mail_of(author, BOB), facts=replace(FACTS, auth=auth))

    assert (decision.verdict, decision.rule, f"{decision.reply.code} {decision.reply.enhanced}") == end
    assert told(decision, "B5") == [step]
    assert decision.cast.direction == direction
    assert decision.verdict is Verdict.FILE or (asked(decision)[-1], decision.effects.cards) == ("B5", ())


KNOWN = replace(FACTS, contacts=known(BOB))
OWED = {
    # story: From, option `strangers`, policy, verdict with rule and reply
    "B10 the domain may ask to refuse such mail": (CAROL, "accept", "reject", LATER),
    "B10 the domain may ask to set such mail apart": (CAROL, "accept", "quarantine", LATER),
    "B10 what the domain asks for is what the DNS owes": (CAROL, "accept", "unknown", LATER),
    "B10 a colleague would make the mail outgoing": (DIMAS, "accept", "none", LATER),
    "B10 a contact would be let in where strangers are held": (BOB, "hold", "none", LATER),
    "B10 a contact would be let in where strangers are refused": (BOB, "refuse", "none", LATER),
    "B10 a contact's mail waits for nothing where strangers may write": (BOB, "accept", "none", FILED),
    "B10 a stranger's mail waits for nothing where it is filed either way": (CAROL, "accept", "none", FILED),
    "B10 a stranger's mail waits for nothing where it is held either way": (
        CAROL, "hold", "none", (Verdict.HOLD, "B7", "250 2.6.0"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("author", "strangers", "policy", "end"), OWED.values(), ids=OWED)
def test_an_answer_that_the_dns_owes_delays_a_mail_only_where_it_could_change_something(
    author: str, strangers: str, policy: str, end: tuple[Verdict, str, str]
) -> None:
    facts = replace(KNOWN, auth=replace(UNDECIDED, policy=policy))
    decision = decided(mail_of(author, "x@one.example"), facts=facts, strangers=strangers)

    assert (decision.verdict, decision.rule, f"{decision.reply.code} {decision.reply.enhanced}") == end
    assert told(decision, "B5") == [OPEN if end is LATER else NOTE]
    assert ("B10" in asked(decision)) is (end is LATER)


WAIVED = "ok: The author's domain asks for a second look; an admin let the mail in."
RELEASED = {
    # story: what is known, verdict with rule and reply, what the step says
    "B5 what was held is filed once an admin let it in": (QUARANTINE, FILED, WAIVED),
    "B5 a mail that a domain asks to refuse is refused even so": (REJECT, REFUSED, NO),
    "B5 a genuine mail needs nobody's leave": (GENUINE, FILED, OK),
}


@pytest.mark.parametrize(("auth", "end", "step"), RELEASED.values(), ids=RELEASED)
def test_an_admin_lets_in_what_was_held_and_nothing_else(auth: Auth, end: tuple[Verdict, str, str], step: str) -> None:
    decision = decided(mail_of(), LEAD, facts=replace(FACTS, auth=auth, released=True))

    assert (decision.verdict, decision.rule, f"{decision.reply.code} {decision.reply.enhanced}") == end
    assert told(decision, "B5") == [step]
