"""What the rules need to know besides the message: values a use case reads before it asks for a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.envelope import Action
from gateway.core.people import Team
from gateway.core.quota import Quota


@dataclass(frozen=True, slots=True)
class Account:
    """The account a message is for, with the options that rules read."""

    number: int
    slug: str
    name: str
    copy_policy: str
    strangers: str
    team: Team


@dataclass(frozen=True, slots=True)
class Known:
    """A contact the account has (C7). made_by_mail: when a mail made it, ms since 1970; None where a person did."""

    id: str
    name: str
    made_by_mail: int | None = None


@dataclass(frozen=True, slots=True)
class Lead:
    """The lead a conversation belongs to. contacts: ids of the contacts linked to it."""

    id: str
    name: str
    open: bool
    contacts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Filed:
    """The message of the account that is the same as this one (B9). state: "filed", "held", "deleted" or "gone".

    smart: it came to a smart address; False where people's own mailboxes alone have brought it (E13).
    """

    id: str
    state: str
    action: Action
    smart: bool = True

    @property
    def standing(self) -> bool:
        """It is filed, and neither waits for anybody nor was taken away."""
        return self.state == "filed"


@dataclass(frozen=True, slots=True)
class Auth:
    """What is known of a mail's authenticity (B5).

    spf, dkim, dmarc, arc: result words of RFC 8601; "none" where nothing was evaluated. evaluated: they are results,
    ours or a trusted relay's. trusted: the author is who From says: something passed for that domain, or nothing was
    evaluated. policy: what the author's domain asks for mail where nothing passes: "none", "quarantine", "reject", or
    "unknown" where it couldn't be asked. undecided: with an answer that the DNS owes, the outcome might be another one.
    enforced: rule B5 may refuse and hold. detail: in words, what passes or does not, or why nothing was evaluated.
    """

    spf: str = "none"
    dkim: str = "none"
    dmarc: str = "none"
    arc: str = "none"
    trusted: bool = True
    evaluated: bool = False
    policy: str = "none"
    undecided: bool = False
    enforced: bool = False
    detail: str = "nobody has looked into it"

    @property
    def authentic(self) -> bool | None:
        """Whether the author is who From says, None where that was not evaluated."""
        return self.trusted if self.evaluated else None


NOT_EVALUATED = Auth()


@dataclass(frozen=True, slots=True)
class Origin:
    """Which of people's own mailboxes a message came from (section E). mailbox: its id. folder: `inbox` or `sent`.

    auto_create: `off`, `contact` or `lead` (E6). at: its INTERNALDATE, by which it stands in lists, ms since 1970.
    """

    mailbox: str
    folder: str
    auto_create: str
    at: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about one message for one account.

    slugs: account number behind each slug that stands in To or Cc at a gateway domain (B1). contacts: by address key,
    of all clients. answers_ours: it refers to a message we have (B7). conversation_lead: the lead of its conversation,
    None when it has none yet (C6). primary_leads: open leads of the primary client (C6a). customer: the primary's only
    customer, or None. auth: what is known of its authenticity (B5). released: an admin lets this held mail in (B7).
    quota: what outsiders caused in this hour; None where nothing is counted (B8b). origin: the mailbox it was fetched
    from; None for mail that somebody handed to a smart address.
    """

    account: Account
    slugs: Mapping[str, int] = field(default_factory=dict)
    contacts: Mapping[str, Known] = field(default_factory=dict)
    duplicate: Filed | None = None
    answers_ours: bool = False
    conversation_lead: Lead | None = None
    primary_leads: tuple[Lead, ...] = ()
    customer: str | None = None
    auth: Auth = field(default_factory=Auth)
    released: bool = False
    quota: Quota | None = None
    origin: Origin | None = None
