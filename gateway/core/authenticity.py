"""Rule B5: what follows where nothing proves that the author is who From says, and where something does."""

from __future__ import annotations

from gateway.core import replies
from gateway.core.decision import Verdict
from gateway.core.envelope import Step
from gateway.core.facts import Facts
from gateway.core.people import Cast, Kind
from gateway.core.replies import Reply


def judge(facts: Facts, cast: Cast) -> tuple[Verdict, Reply | None, tuple[Step, ...]]:
    """The steps, and the end of the matter where there is a reply: the author's domain says what is to be done.

    Where mail is only marked, it goes on; a team author who is not proven genuine is an outsider all the same. Where
    the DNS owes an answer that could change the decision, the mail has to come again (B10).
    """
    auth = facts.auth
    if not auth.evaluated:
        return _goes_on(Step("B5", "skip", f"Not evaluated: {auth.detail}."))
    if auth.trusted:
        return _goes_on(Step("B5", "ok", f"The author is genuine: {auth.detail}."))
    if auth.enforced and auth.undecided and _matters(facts, cast):
        open_ = Step("B5", "note", f"Not decided: {auth.detail}, but the DNS owes an answer.")
        step = Step("B10", "refuse", "The answer of the DNS could change the decision, so the mail has to come again.")
        return Verdict.REFUSE, replies.DNS_TROUBLE, (open_, step)
    if auth.enforced and auth.policy == "reject":
        step = Step("B5", "refuse", f"Not genuine: {auth.detail}, and that domain asks to refuse such mail.")
        return Verdict.REFUSE, replies.NOT_GENUINE, (step,)
    if auth.enforced and auth.policy == "quarantine":
        step = Step("B5", "hold", f"Not genuine: {auth.detail}, and that domain asks to set such mail apart.")
        return Verdict.HOLD, replies.HELD, (step,)
    team = " From names the team; the mail counts as an outsider's." if cast.author_kind is Kind.TEAM else ""
    return _goes_on(Step("B5", "note", f"Not proven genuine: {auth.detail}.{team}"))


def _goes_on(step: Step) -> tuple[Verdict, None, tuple[Step, ...]]:
    return Verdict.FILE, None, (step,)


def _matters(facts: Facts, cast: Cast) -> bool:
    """Whether the verdict or the direction could be another one if the author were known to be genuine."""
    author = cast.participants[0]
    known = author.key in facts.contacts and facts.account.strangers != "accept"
    return facts.auth.policy != "none" or author.kind is Kind.TEAM or known
