"""What the SMTP envelope tells about one transaction, as plain values (RFC 5321 section 2.3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from gateway.core.replies import Reply


class Action(StrEnum):
    """What a smart address asks for; the suffix of its local part says which (rules, Words)."""

    ATTACH = "attach"
    CONTACT = "contact"
    LEAD = "lead"

    @property
    def rank(self) -> int:
        """Strength for A7 and B9: lead > contact > attach."""
        return _RANK[self]

    @property
    def suffix(self) -> str:
        """The suffix as it is written in the address, plus sign included; empty for attach."""
        return "" if self is Action.ATTACH else f"+{self.value}"


_RANK = {Action.ATTACH: 0, Action.CONTACT: 1, Action.LEAD: 2}


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was asked and what it answered; `Decision.steps` is a list of them in order.

    rule: the rule's id ("A2"). outcome: "ok" (asked, the mail goes on), "refuse" (the mail stops here),
    "hold", "skip" (does not apply; detail says why) or "note" (something a reader should know).
    detail: one plain sentence without private data of other accounts.
    """

    rule: str
    outcome: str
    detail: str


@lru_cache(maxsize=1_024)
def known_step(rule: str, outcome: str, detail: str) -> Step:
    """A step as a value that is made once: nearly all mails take the same ones."""
    return Step(rule, outcome, detail)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT TO address that names an account (A2) or an operator (A5).

    written: the address as it was given, without brackets and source route. account: the account's number;
    0 is the operators' own (postmaster, abuse). slug: as addressed, lower case. domain: the gateway domain
    without trailing dot, lower case. action: None for an operator address. renamed: the slug is a former name
    of the account still in its grace time (A4).
    """

    written: str
    account: int
    slug: str
    domain: str
    action: Action | None
    renamed: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to one RCPT command: what is said, which rules were asked, and whom it concerns.

    recipient is set when the address was accepted. account is set whenever the address names an existing
    account, refused or not: that account gets a receipt of it. None: nobody's, counted only.
    """

    reply: Reply
    steps: tuple[Step, ...]
    written: str
    account: int | None
    recipient: Recipient | None = None

    @property
    def accepted(self) -> bool:
        return self.recipient is not None


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who handed us a message, and for whom.

    road: "smtp" or "lmtp". peer: the client's IP address, without port. helo: the name it gave. sender: MAIL FROM
    without brackets; "" is the null sender. admissions: the answers to each RCPT of the transaction, refused ones
    included, in order. at: when MAIL began, in milliseconds since 1970. tls: protocol version such as "TLSv1.3",
    None in plain text.
    """

    road: str
    peer: str
    helo: str
    sender: str
    admissions: tuple[Admission, ...]
    at: int
    tls: str | None = None
