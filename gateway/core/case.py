"""One message before the rules, with what they have come to so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.core import replies
from gateway.core.decision import Decision, Effects, Verdict
from gateway.core.envelope import Action, Envelope, Recipient, Step, known_step
from gateway.core.facts import Facts
from gateway.core.mail import Limits, Mail
from gateway.core.people import Cast
from gateway.core.replies import Reply


@dataclass(frozen=True, slots=True)
class End:
    """The rule that decided, and how."""

    verdict: Verdict
    reply: Reply
    rule: str


def already_filed() -> End:
    """Nothing is new: the mail is filed as it is (B9)."""
    return End(Verdict.FILE, replies.ALREADY_FILED, "B9")


@dataclass(slots=True)
class Case:
    """The message, what is known about it, and the steps taken so far.

    quota: the scope that is used up (B8b). marks: in words, what of it can't be read, beside `Mail.unread`.
    """

    mail: Mail
    envelope: Envelope
    cast: Cast
    facts: Facts
    limits: Limits
    recipients: tuple[Recipient, ...]
    steps: list[Step] = field(default_factory=list)
    action: Action | None = None
    automatic: bool = False
    quota: str | None = None
    marks: list[str] = field(default_factory=list)

    @property
    def nothing_new(self) -> bool:
        """It is filed already, and asks for no more than before (B9)."""
        known = self.facts.duplicate
        if known is None or not known.standing:
            return False
        return self.action is None or self.action.rank <= known.action.rank

    def ok(self, rule: str, detail: str) -> None:
        """The rule was asked, and the mail goes on."""
        self.steps.append(known_step(rule, "ok", detail))

    def skip(self, rule: str, detail: str) -> None:
        """The rule does not apply; detail says why."""
        self.steps.append(known_step(rule, "skip", detail))

    def note(self, rule: str, detail: str) -> None:
        """Something a reader should know."""
        self.steps.append(known_step(rule, "note", detail))

    def refuse(self, rule: str, reply: Reply, detail: str) -> End:
        """The mail stops here."""
        self.steps.append(known_step(rule, "refuse", detail))
        return End(Verdict.REFUSE, reply, rule)

    def decision(self, end: End, effects: Effects) -> Decision:
        """All of it as the decision."""
        duplicate = self.facts.duplicate
        return Decision(
            verdict=end.verdict,
            reply=end.reply,
            rule=end.rule,
            account=self.facts.account.slug,
            action=self.action,
            cast=self.cast,
            automatic=self.automatic,
            duplicate_of=duplicate.id if duplicate else None,
            base_subject=self.mail.base_subject,
            unread=(*self.mail.unread, *self.marks),
            auth=self.facts.auth,
            steps=tuple(self.steps),
            effects=effects,
            quota=self.quota,
        )
