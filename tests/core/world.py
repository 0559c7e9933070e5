"""One small world to decide in: the account acme, its team, and mails that a line describes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gateway.core.admission import Directory, admit, read_recipient
from gateway.core.decision import Decision
from gateway.core.envelope import Admission, Envelope
from gateway.core.facts import Account, Facts, Known, Origin
from gateway.core.mail import DEFAULT_LIMITS, Limits, Mail, read_mail
from gateway.core.people import Team, cast_fetched, cast_people
from gateway.core.rules import decide

ACME = "acme@mail.kommo.com"
CONTACT = "acme+contact@mail.kommo.com"
LEAD = "acme+lead@mail.kommo.com"
DIMAS = "Dimas Putra <dimas@acme.example>"
BOB = "Bob Miller <bob@bluefin.example>"
CAROL = "Carol Jones <carol@example.net>"

DOMAINS = frozenset(("mail.kommo.com", "in.gate.example"))
NUMBERS = {"acme": 1, "beta": 2}
TEAM = Team(frozenset(("dimas@acme.example",)), frozenset(("acme.example",)), DOMAINS)
ACCOUNT = Account(1, "acme", "Acme", "cc", "accept", TEAM)
FACTS = Facts(ACCOUNT, slugs=NUMBERS)


def mail_of(
    author: str = CAROL,
    to: str = DIMAS,
    cc: str = LEAD,
    *,
    subject: str = "Boats",
    extra: Iterable[str] = (),
    body: str = "Hello",
    limits: Limits = DEFAULT_LIMITS,
) -> Mail:
    """A read mail; an empty argument leaves its header out."""
    lines = [f"From: {author}", f"To: {to}", f"Cc: {cc}", f"Subject: {subject}", "Message-ID: <1@example.net>"]
    header = [line for line in (*lines, *extra) if line.partition(": ")[2]]
    return read_mail("\r\n".join([*header, "", body]).encode(), limits)


def known(*people: str) -> dict[str, Known]:
    """Contacts by address key, from `Name <address>`."""
    found = {}
    for person in people:
        name, _, address = person.rstrip(">").rpartition(" <")
        found[address] = Known(f"id-{address}", name)
    return found


def admitted(*addresses: str) -> tuple[Admission, ...]:
    """What RCPT answers for each address, one after the other."""
    answers: list[Admission] = []
    for address in addresses:
        wanted = read_recipient(address, DOMAINS)
        number = NUMBERS.get(wanted.slug)
        answers.append(admit(wanted, Directory(number, "current") if number else None, answers))
    return tuple(answers)


def envelope(rcpt: Sequence[str] = (LEAD,), sender: str = "carol@example.net") -> Envelope:
    return Envelope("smtp", "192.0.2.1", "client.example", sender, admitted(*rcpt), 1_736_843_400_000)


def decided(
    mail: Mail,
    *rcpt: str,
    facts: Facts = FACTS,
    sender: str = "carol@example.net",
    copy_policy: str = "cc",
    strangers: str = "accept",
    limits: Limits = DEFAULT_LIMITS,
) -> Decision:
    """The decision for acme; without recipients it is for acme+lead."""
    account = replace(facts.account, copy_policy=copy_policy, strangers=strangers)
    cast = cast_people(mail, account.team, author_trusted=facts.auth.trusted)
    return decide(mail, envelope(rcpt or (LEAD,), sender), cast, replace(facts, account=account), limits)


def fetched(mail: Mail, auto_create: str = "off", folder: str = "inbox", *, facts: Facts = FACTS) -> Decision:
    """The decision for acme on a mail that one of its people has in a mailbox."""
    given = replace(facts, origin=Origin("M", folder, auto_create, 1_736_843_400_000))
    cast = cast_fetched(mail, facts.account.team, sent=folder == "sent")
    return decide(mail, Envelope("imap", "imap.example.net", "", "", (), 1_736_843_400_000), cast, given)


def asked(decision: Decision) -> list[str]:
    """The ids of the rules in the order they were asked, RCPT left out."""
    return [step.rule for step in decision.steps if not step.rule.startswith("A") or step.rule == "A7"]


def told(decision: Decision, rule: str) -> list[str]:
    """Outcome and detail of each step of one rule."""
    return [f"{step.outcome}: {step.detail}" for step in decision.steps if step.rule == rule]
