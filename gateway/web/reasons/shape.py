"""What there is to say of a refusal, and around it on its page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """The text of one refusal.

    title, lead: for the sender, on the public page. how: the steps that make it right. envelope: the header the address
    stood in (`Bcc`, `To`), where a picture of wrong and right helps. short: in a list, after "Refused". happened: what
    happened to `{mail}`, which is its subject in quotes, as a heading. team: what colleagues are told to do. once: the
    mail comes again by itself.
    """

    title: str
    lead: str
    how: tuple[str, ...]
    short: str
    happened: str
    team: str
    envelope: str = ""
    once: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around every reason on the public page.

    title: of the page. language: what the choice is called. safe, safe_why: that nobody else is affected. right, now:
    above the steps. wrong, works, client, nobody: of the two envelopes. told: above the reply. stuck, receipt: whom to
    ask, with `{receipt}`. private: below all. gone, gone_days, gone_how: of a record that is no longer there, with
    `{days}`. mail: a mail without a subject, in a heading.
    """

    title: str
    language: str
    safe: str
    safe_why: str
    right: str
    now: str
    wrong: str
    works: str
    client: str
    nobody: str
    told: str
    stuck: str
    receipt: str
    private: str
    gone: str
    gone_days: str
    gone_how: str
    mail: str
