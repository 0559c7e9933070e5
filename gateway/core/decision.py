"""What the rules decide: a verdict that explains itself, and the effects to record (docs/api.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.envelope import Action, Step
from gateway.core.facts import Auth, Lead
from gateway.core.people import Cast
from gateway.core.replies import Reply


class Verdict(StrEnum):
    """What becomes of a mail."""

    FILE = "file"
    REFUSE = "refuse"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact to make (C4, C8). key: its address as compared."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class NewLead:
    """A lead to open (C5). main: key of its main contact."""

    name: str
    main: str


@dataclass(frozen=True, slots=True)
class Effects:
    """What filing changes beside the message itself. People are named by address key.

    contacts: to make. cards: whose cards it shows on, known and new. lead: a new one, the one it joins, or None.
    links: clients to link to that lead. closed_reply: the closed lead whose conversation goes on without it (C6a).
    """

    contacts: tuple[NewContact, ...] = ()
    cards: tuple[str, ...] = ()
    lead: NewLead | Lead | None = None
    links: tuple[str, ...] = ()
    customer: str | None = None
    closed_reply: Lead | None = None

    @property
    def created(self) -> int:
        """How many contacts and leads are new: what counts against the quotas (B8b)."""
        return len(self.contacts) + isinstance(self.lead, NewLead)


@dataclass(frozen=True, slots=True)
class Decision:
    """One verdict. rule: the id of the deciding rule. steps: every rule asked, in order. effects: for FILE only.

    quota: the scope of the quota that holds it, or keeps it from creating anything (B8b).
    """

    verdict: Verdict
    reply: Reply
    rule: str
    account: str
    action: Action | None
    cast: Cast
    automatic: bool
    duplicate_of: str | None
    base_subject: str
    unread: tuple[str, ...]
    auth: Auth
    steps: tuple[Step, ...]
    effects: Effects = Effects()
    quota: str | None = None


def done(effects: Effects, *, again: bool, automatic: bool) -> str:
    """The words of the reply on filing (B11): counts only, no names. again: it was filed before (B9)."""
    words = []
    if isinstance(effects.lead, NewLead):
        words.append("new lead")
    elif effects.lead is not None:
        words.append("on its lead")
    if effects.contacts:
        words.append(counted(len(effects.contacts), "new contact"))
    if effects.cards:
        words.append(f"on {counted(len(effects.cards), 'card')}")
    if not words:
        words.append("without a card")
    if automatic:
        words.append("automatic mail creates nothing")
    start = "Already filed; now" if again else "Filed:"
    return f"{start} {', '.join(words)}."


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def auth_as_json(auth: Auth) -> dict[str, str]:
    """Results of sender authenticity, as messages and decisions carry them."""
    return {"spf": auth.spf, "dkim": auth.dkim, "dmarc": auth.dmarc, "arc": auth.arc}


def as_json(decision: Decision) -> dict[str, object]:
    """The one shape of `explain --json` and of a receipt's `decision`."""
    steps = [{"rule": step.rule, "outcome": step.outcome, "detail": step.detail} for step in decision.steps]
    return shape(decision, decision.reply) | {"steps": steps}


def shape(decision: Decision, reply: Reply) -> dict[str, object]:
    """That shape with the reply as it is said in the end; its steps are values still."""
    lead = decision.effects.lead
    primary = decision.cast.primary
    return {
        "verdict": decision.verdict.value,
        "code": reply.code,
        "enhanced": reply.enhanced,
        "reply": str(reply),
        "rule": decision.rule,
        "account": decision.account or None,
        "action": decision.action.value if decision.action else None,
        "direction": decision.cast.direction,
        "automatic": decision.automatic,
        "duplicate_of": decision.duplicate_of,
        "primary": primary.address if primary else None,
        "base_subject": decision.base_subject,
        "unread": list(decision.unread),
        "participants": [
            {"role": person.role, "address": person.address, "name": person.name, "kind": person.kind.value}
            for person in decision.cast.participants
        ],
        "creates": {
            "contacts": [{"email": contact.key, "name": contact.name} for contact in decision.effects.contacts],
            "lead": {"name": lead.name} if isinstance(lead, NewLead) else None,
        },
        "auth": auth_as_json(decision.auth),
        "authentic": decision.auth.authentic,
        "steps": decision.steps,
    }
