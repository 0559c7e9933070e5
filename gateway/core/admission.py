"""What RCPT TO may name: smart addresses, operators, or nothing of ours (rules A1 to A6)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.core import replies
from gateway.core.address import MAX_ADDRESS, normal_domain
from gateway.core.envelope import Action, Admission, Recipient, Step, known_step

OPERATORS = 0
"""The account number under which postmaster and abuse mail is kept."""

RESERVED_SLUGS = frozenset(
    [
        "abuse",
        "ftp",
        "hostmaster",
        "mailer-daemon",
        "no-reply",
        "nobody",
        "noc",
        "noreply",
        "postmaster",
        "root",
        "security",
        "usenet",
        "webmaster",
        "www",
    ]
)
"""Names that mail or its standards already give a meaning (RFC 2142)."""
_SLUG = re.compile(r"[a-z0-9-]{2,40}")
_OPERATOR_LOCALS = frozenset(("postmaster", "abuse"))
_ACTIONS = {"contact": Action.CONTACT, "lead": Action.LEAD}
_ROUTE = re.compile(r"@[^:]*:(.*)", re.S)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"@(.*)', re.S)


def valid_slug(slug: str) -> bool:
    """Rules, Words: 2 to 40 of a-z 0-9 -, and no reserved name."""
    return bool(_SLUG.fullmatch(slug)) and slug not in RESERVED_SLUGS


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recipient address taken apart. slug: "" where the local part can't hold one. suffix: None where there is none.

    ours: the domain is a gateway domain. operator: postmaster or abuse (A5).
    """

    written: str
    domain: str
    ours: bool
    operator: bool
    slug: str
    suffix: str | None

    @property
    def action(self) -> Action | None:
        """What the suffix asks for; None for a wrong one (A3)."""
        return _ACTIONS.get(self.suffix) if self.suffix else (Action.ATTACH if self.suffix is None else None)


@dataclass(frozen=True, slots=True)
class Directory:
    """What the store knows of a slug. state: "current", "grace" (a former name that still works) or "former" (A4)."""

    account: int
    state: str


def read_recipient(address: str, domains: frozenset[str]) -> Wanted:
    """Takes a path apart: source route ignored, quoted local part equal to its unquoted form, case ignored."""
    return (_known_recipient if len(address) <= MAX_ADDRESS else _read_recipient)(address, domains)


def _read_recipient(address: str, domains: frozenset[str]) -> Wanted:
    routed = _ROUTE.fullmatch(address)
    written = routed[1] if routed else address
    local, domain = _halves(written)
    normal = normal_domain(domain) if domain and not domain.startswith("[") else None
    ours = normal in domains or (not domain and local.lower() in _OPERATOR_LOCALS)
    base, plus, suffix = local.partition("+")
    slug = base.lower() if base.isascii() else ""
    return Wanted(
        written=written,
        domain=normal or "",
        ours=ours,
        operator=ours and local.lower() in _OPERATOR_LOCALS,
        slug=slug if _SLUG.fullmatch(slug) else "",
        suffix=suffix.lower() if plus else None,
    )


_known_recipient = lru_cache(maxsize=1_024)(_read_recipient)


def _halves(written: str) -> tuple[str, str]:
    quoted = _QUOTED.fullmatch(written)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.S), quoted[2]
    local, _, domain = written.rpartition("@") if "@" in written else (written, "", "")
    return local, domain


def admit(wanted: Wanted, found: Directory | None, admitted: Sequence[Admission]) -> Admission:
    """The answer to one RCPT. `found` is what the directory says of `wanted.slug`; `admitted` came before it (A6)."""
    account = found.account if found else None
    if not wanted.ours:
        step = Step("A1", "refuse", "The domain is not one of ours.")
        return Admission(replies.NOT_OUR_DOMAIN, (step,), wanted.written, None)
    steps = [known_step("A1", "ok", f"{wanted.domain or 'No domain, so ours'} is a gateway domain.")]
    if wanted.operator:
        return _admit_operator(wanted, steps, admitted)
    if wanted.action is None:
        steps.append(
            Step("A3", "refuse", f"The ending +{_shown(wanted.suffix or '')} does not exist; +contact and +lead do.")
        )
        return Admission(replies.wrong_suffix(wanted.slug, wanted.domain), tuple(steps), wanted.written, account)
    steps.append(known_step("A3", "ok", _ENDING[wanted.action]))
    if found is None:
        steps.append(Step("A2", "refuse", "No account has this name."))
        return Admission(replies.NO_ACCOUNT, tuple(steps), wanted.written, None)
    if found.state == "former":
        steps.append(
            Step("A4", "refuse", f"{wanted.slug} is a former name of this account; its addresses have changed.")
        )
        return Admission(replies.ADDRESS_CHANGED, tuple(steps), wanted.written, account)
    steps.append(known_step("A2", "ok", f"The account {wanted.slug} exists."))
    renamed = found.state == "grace"
    if renamed:
        steps.append(Step("A4", "note", f"{wanted.slug} is a former name; it still works for a while."))
    if _elsewhere(found.account, admitted):
        steps.append(Step("A6", "refuse", "Another account is in this transaction; each gives its own verdict."))
        return Admission(replies.ONE_ACCOUNT, tuple(steps), wanted.written, account)
    recipient = Recipient(wanted.written, found.account, wanted.slug, wanted.domain, wanted.action, renamed)
    reply = replies.RECIPIENT_RENAMED if renamed else replies.RECIPIENT_OK
    return Admission(reply, tuple(steps), wanted.written, account, recipient)


_ENDING = {
    Action.ATTACH: "No ending: file it on the cards of known people.",
    Action.CONTACT: "+contact: file it and add unknown people as contacts.",
    Action.LEAD: "+lead: file it and open a lead.",
}


def _admit_operator(wanted: Wanted, steps: list[Step], admitted: Sequence[Admission]) -> Admission:
    steps.append(Step("A5", "ok", "Mail to postmaster and abuse is kept for the operators."))
    if _elsewhere(OPERATORS, admitted):
        steps.append(Step("A6", "refuse", "An account is in this transaction; operators get theirs in another."))
        return Admission(replies.ONE_ACCOUNT, tuple(steps), wanted.written, OPERATORS)
    recipient = Recipient(wanted.written, OPERATORS, "", wanted.domain, None)
    return Admission(replies.RECIPIENT_OK, tuple(steps), wanted.written, OPERATORS, recipient)


def _elsewhere(account: int, admitted: Sequence[Admission]) -> bool:
    return any(earlier.recipient is not None and earlier.recipient.account != account for earlier in admitted)


def _shown(text: str) -> str:
    """Peer-given text as it may stand in a reply or step: printable ASCII, short."""
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text[:40])
