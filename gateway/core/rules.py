"""What becomes of a message: rules B and C in the order they are asked (docs/rules.md).

`decide` is the whole of it. Each rule is one function that appends the step it took and, where the mail stops there,
returns the end of the matter; the first refusal is the reply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gateway.core import replies
from gateway.core.admission import OPERATORS
from gateway.core.authenticity import judge
from gateway.core.decision import Decision, Effects, NewContact, NewLead, Verdict, counted, done
from gateway.core.envelope import Action, Envelope, Recipient, Step, known_step
from gateway.core.facts import Facts, Lead
from gateway.core.mail import DEFAULT_LIMITS, Limits, Mail
from gateway.core.people import Cast, Kind, Participant
from gateway.core.replies import Reply
from gateway.core.visible import actions_in, smart_address

LEAD_NAME_CHARACTERS = 200
_DOING = {
    Action.ATTACH: "show it on the cards of known people",
    Action.CONTACT: "add unknown people as contacts",
    Action.LEAD: "open a lead",
}


@dataclass(frozen=True, slots=True)
class _End:
    """The rule that decided, and how. quota: the scope that is used up (B8b)."""

    verdict: Verdict
    reply: Reply
    rule: str
    quota: str | None = None


@dataclass(slots=True)
class _Case:
    """One message before the rules, with the steps taken so far."""

    mail: Mail
    envelope: Envelope
    cast: Cast
    facts: Facts
    limits: Limits
    recipients: tuple[Recipient, ...]
    steps: list[Step] = field(default_factory=list)
    action: Action | None = None
    automatic: bool = False

    def ok(self, rule: str, detail: str) -> None:
        self.steps.append(known_step(rule, "ok", detail))

    def skip(self, rule: str, detail: str) -> None:
        self.steps.append(known_step(rule, "skip", detail))

    def note(self, rule: str, detail: str) -> None:
        self.steps.append(known_step(rule, "note", detail))

    def refuse(self, rule: str, reply: Reply, detail: str) -> _End:
        self.steps.append(known_step(rule, "refuse", detail))
        return _End(Verdict.REFUSE, reply, rule)


def decide(mail: Mail, envelope: Envelope, cast: Cast, facts: Facts, limits: Limits = DEFAULT_LIMITS) -> Decision:
    """The verdict on one message for one account, with every step that led to it. Pure; never raises."""
    account = facts.account
    recipients = tuple(
        admission.recipient
        for admission in envelope.admissions
        if admission.recipient is not None and admission.recipient.account == account.number
    )
    case = _Case(mail, envelope, cast, facts, limits, recipients)
    for admission in envelope.admissions:
        if admission.account in (account.number, None):
            case.steps.extend(admission.steps)
    case.action = max((one.action for one in recipients if one.action), key=lambda one: one.rank, default=None)
    for rule in _OPERATOR_RULES if account.number == OPERATORS else _RULES:
        end = rule(case)
        if end is not None:
            return _decision(case, end, Effects())
    if account.number == OPERATORS:
        return _decision(case, _End(Verdict.FILE, replies.FOR_OPERATORS, "A5"), Effects())
    return _file(case)


def _decision(case: _Case, end: _End, effects: Effects) -> Decision:
    duplicate = case.facts.duplicate
    return Decision(
        verdict=end.verdict,
        reply=end.reply,
        rule=end.rule,
        account=case.facts.account.slug,
        action=case.action,
        cast=case.cast,
        automatic=case.automatic,
        duplicate_of=duplicate.id if duplicate else None,
        base_subject=case.mail.base_subject,
        unread=case.mail.unread,
        auth=case.facts.auth,
        steps=tuple(case.steps),
        effects=effects,
        quota=end.quota,
    )


def _b3_loop(case: _Case) -> _End | None:
    count, most = case.mail.received, case.limits.received
    if count > most:
        return case.refuse("B3", replies.LOOP, f"It has {count} Received lines; {most} are allowed.")
    case.ok("B3", f"{count} servers so far; more than {most} would be a loop.")
    return None


def _b4b_bomb(case: _Case) -> _End | None:
    if case.mail.bomb:
        return case.refuse("B4b", replies.bomb(case.mail.bomb), f"It has {case.mail.bomb}.")
    if case.mail.outline.unread:
        case.note("B4b", f"Part of it stays unread and is kept as an attachment: {case.mail.outline.unread}.")
    else:
        case.ok("B4b", "Header, addresses and parts are within what we read.")
    return None


def _b4_malformed(case: _Case) -> _End | None:
    if case.mail.malformed:
        reason = case.mail.malformed
        return case.refuse("B4", replies.malformed(reason), f"The header is malformed: {reason}.")
    case.ok("B4", "The header can be read: one From with one address.")
    if case.mail.unread:
        case.note("C1", f"{len(case.mail.unread)} entries of To or Cc are no addresses and are listed as unread.")
    return None


def _b4c_from_us(case: _Case) -> _End | None:
    if case.cast.author_kind is Kind.SMART:
        return case.refuse("B4c", replies.FROM_US, "From is an address of the gateway itself.")
    case.ok("B4c", "From is not an address of the gateway.")
    return None


def _b2_bounce(case: _Case) -> _End | None:
    if not case.envelope.sender:
        return case.refuse("B2", replies.BOUNCE, "The envelope has no sender: a bounce, and we send nothing.")
    case.ok("B2", "It has a sender to answer.")
    return None


def _b1_visible(case: _Case) -> _End | None:
    """Rules B1 and A7: the action is the strongest of the addresses that are recipients and visible."""
    in_cc = actions_in(case.mail.cc, case.facts)
    in_to = actions_in(case.mail.to, case.facts)
    allowed = in_cc | in_to if case.facts.account.copy_policy == "cc_or_to" else in_cc
    seen = [one for one in case.recipients if one.action in allowed]
    hidden = [one for one in case.recipients if one.action not in allowed]
    if not seen:
        for one in hidden:
            if one.action in in_to:
                address = smart_address(one)
                return case.refuse("B1", replies.only_in_to(address), f"{address} stands in To; it works in Cc only.")
        address = smart_address(hidden[0])
        return case.refuse("B1", replies.hidden_copy(address), f"{address} stands in no header that people see.")
    case.ok("B1", f"{smart_address(seen[0])} is visible to everyone on the mail.")
    for one in hidden:
        case.note("B1", f"{smart_address(one)} is hidden and is ignored beside the visible one.")
    case.action = max((one.action for one in seen if one.action), key=lambda one: one.rank)
    if len({one.action for one in seen}) > 1:
        case.note("A7", f"Several smart addresses: the strongest counts, {_DOING[case.action]}.")
    return None


def _b5_authentic(case: _Case) -> _End | None:
    verdict, reply, steps = judge(case.facts, case.cast)
    if verdict is Verdict.HOLD and case.facts.released:
        case.ok("B5", "The author's domain asks for a second look; an admin let the mail in.")
        return None
    case.steps += steps
    return _End(verdict, reply, steps[-1].rule) if reply is not None else None


def _b6_automatic(case: _Case) -> _End | None:
    colleague = case.cast.author_kind is Kind.TEAM and case.facts.auth.trusted
    reason = case.mail.automatic
    case.automatic = bool(reason) and not colleague
    if case.automatic:
        case.note("B6", f"Automatic mail ({reason}): it is filed, but creates and links nothing.")
    elif reason:
        case.note("B6", f"It looks automatic ({reason}), but a colleague put us in Cc, which counts more.")
    else:
        case.ok("B6", "Written by a person.")
    return None


def _b9_duplicate(case: _Case) -> _End | None:
    known = case.facts.duplicate
    if known is None:
        case.ok("B9", "Not filed before.")
        return None
    if known.state == "held":
        case.note("B9", "This mail is already held; what it asks for is looked at together.")
        return _End(Verdict.HOLD, replies.ALREADY_HELD, "B9")
    if known.state in ("deleted", "gone"):
        case.note("B9", "This mail came before and was removed; it stays removed.")
        return _End(Verdict.FILE, replies.ALREADY_DELETED, "B9")
    if case.action is None or case.action.rank <= known.action.rank:
        case.note("B9", "This mail is already filed; nothing is doubled.")
        return _End(Verdict.FILE, replies.ALREADY_FILED, "B9")
    case.note("B9", f"This mail is already filed; what is new is applied now: {_DOING[case.action]}.")
    return None


def _b7_stranger(case: _Case) -> _End | None:
    policy = case.facts.account.strangers
    author = case.cast.participants[0]
    known = author.key in case.facts.contacts or author.kind is Kind.TEAM
    if case.facts.answers_ours or (known and case.facts.auth.trusted):
        case.ok("B7", "The author is known to this team, or answers it.")
        return None
    if case.facts.released:
        case.ok("B7", "The author is a stranger; an admin let the mail in.")
        return None
    if policy == "accept":
        case.ok("B7", "The author is a stranger; strangers may write here.")
        return None
    if policy == "hold" and case.facts.duplicate is not None:
        case.note("B7", "The author is a stranger; what is filed already stays as it is.")
        return _End(Verdict.FILE, replies.ALREADY_FILED, "B9")
    if policy == "hold":
        case.steps.append(Step("B7", "hold", "The author is a stranger; strangers are held for review."))
        return _End(Verdict.HOLD, replies.HELD, "B7")
    return case.refuse("B7", replies.STRANGER, "The author is a stranger; only known people may write here.")


def _b8_nobody(case: _Case) -> _End | None:
    if case.action is Action.ATTACH:
        case.skip("B8", "Asked only where a contact or lead is wanted.")
    elif case.automatic:
        case.skip("B8", "Automatic mail is filed in any case.")
    elif not case.cast.clients:
        return case.refuse("B8", replies.NOBODY_TO_ADD, "There is no client in From, To or Cc.")
    else:
        case.ok("B8", f"{counted(len(case.cast.clients), 'client')} in From, To and Cc.")
    return None


def _b8b_quota(case: _Case) -> _End | None:
    quota = case.facts.quota
    if quota is None or case.facts.released:
        case.skip("B8b", "Counted only where an outsider's mail asks for a contact or lead.")
        return None
    wanted = _file(replace(case, steps=[])).effects.created
    scope = quota.reached(wanted)
    if scope is None:
        case.ok("B8b", f"{counted(wanted, 'new contact or lead', 'new contacts and leads')}, within the quotas.")
        return None
    spent = quota.told(scope, wanted)
    if case.facts.duplicate is not None:
        case.note("B8b", f"Beyond a quota: {spent}. What is filed already stays as it is.")
        return _End(Verdict.FILE, replies.ALREADY_FILED, "B9", scope)
    case.steps.append(Step("B8b", "hold", f"Beyond a quota: {spent}."))
    return _End(Verdict.HOLD, replies.HELD, "B8b", scope)


_Rule = Callable[[_Case], _End | None]
_OPERATOR_RULES: tuple[_Rule, ...] = (_b3_loop, _b4b_bomb)
"""Rule A5: a postmaster takes what others refuse, malformed mail too (RFC 5321 section 4.5.1)."""
_RULES: tuple[_Rule, ...] = (
    _b3_loop,
    _b4b_bomb,
    _b4_malformed,
    _b4c_from_us,
    _b2_bounce,
    _b1_visible,
    _b5_authentic,
    _b6_automatic,
    _b9_duplicate,
    _b7_stranger,
    _b8_nobody,
    _b8b_quota,
)


def _file(case: _Case) -> Decision:
    """Rules C3 to C6a: whose cards the message shows on, who is added, which lead it belongs to."""
    loggable = _loggable(case)
    contacts = _new_contacts(case, loggable)
    cards = _cards(case, {contact.key for contact in contacts})
    people = tuple(key for key in cards if any(one.key == key for one in loggable))
    creating = case.action is Action.LEAD and not case.automatic
    joined = case.facts.conversation_lead
    primary = case.cast.primary is not None and not case.cast.primary.never_log
    lead: NewLead | None = None
    shown: Lead | None = None
    closed = None
    if joined is not None and joined.open:
        case.ok("C6", f"Its conversation belongs to the open lead {joined.name}.")
        shown = joined
    elif creating and people:
        lead = NewLead(_lead_name(case, people[0]), people[0])
        case.ok("C5", f"A new lead: {lead.name}.")
    else:
        if primary and len(case.facts.primary_leads) == 1:
            shown = case.facts.primary_leads[0]
        closed = joined if shown is None else None
        case.ok("C6a", _where(shown, closed, cards))
    links: tuple[str, ...] = ()
    if creating:
        links = tuple(key for key in people if shown is None or _contact_id(case, key) not in shown.contacts)
    customer = case.facts.customer if primary else None
    effects = Effects(contacts, cards, lead or shown, links, customer, closed)
    again = case.facts.duplicate is not None
    reply = replies.filed(done(effects, again=again, automatic=case.automatic))
    case.ok("B11", reply.text)
    return _decision(case, _End(Verdict.FILE, reply, "B9" if again else "B11"), effects)


def _loggable(case: _Case) -> list[Participant]:
    """Clients who may become contacts and stand on leads (B8a); the others are shown only where somebody knows them."""
    loggable = [one for one in case.cast.clients if not one.never_log]
    hidden = len(case.cast.clients) - len(loggable)
    if hidden:
        case.note("B8a", f"{counted(hidden, 'address', 'addresses')} of the kind that becomes no contact.")
    return loggable


def _new_contacts(case: _Case, loggable: list[Participant]) -> tuple[NewContact, ...]:
    """Rule C4: unknown clients, the primary first, at most so many; none for `attach` (C3) and automatic mail (B6)."""
    unknown = [one for one in loggable if one.key not in case.facts.contacts]
    known = len(loggable) - len(unknown)
    if case.action is Action.ATTACH or case.automatic:
        case.ok("C3", f"Shown on the cards of {counted(known, 'known client')}.")
        return ()
    taken, left = unknown[: case.limits.contacts], unknown[case.limits.contacts :]
    detail = f"{counted(len(taken), 'new contact')}, {known} known."
    if left:
        detail += f" {len(left)} more were left: {case.limits.contacts} a message is the limit."
    case.ok("C4", detail)
    return tuple(NewContact(one.key, one.contact_name) for one in taken)


def _cards(case: _Case, made: set[str]) -> tuple[str, ...]:
    """Contacts that the message shows on, known and new, each once though it may have several addresses."""
    keys: dict[str, str] = {}
    for one in case.cast.clients:
        if one.key in made or one.key in case.facts.contacts:
            keys.setdefault(_contact_id(case, one.key) or one.key, one.key)
    return tuple(keys.values())


def _lead_name(case: _Case, main: str) -> str:
    """The base subject, else the main contact's name (C5); cut where it is longer than a name may be."""
    name = case.mail.base_subject or _name_of(case, main)
    return name if len(name) <= LEAD_NAME_CHARACTERS else name[: LEAD_NAME_CHARACTERS - 1].rstrip() + "…"


def _name_of(case: _Case, key: str) -> str:
    known = case.facts.contacts.get(key)
    if known is not None:
        return known.name
    return next(one.contact_name for one in case.cast.clients if one.key == key)


def _contact_id(case: _Case, key: str) -> str | None:
    known = case.facts.contacts.get(key)
    return known.id if known else None


def _where(shown: Lead | None, closed: Lead | None, cards: tuple[str, ...]) -> str:
    if shown is not None:
        return "Shown on the primary client's only open lead."
    stays = "the mail stays on its contacts' cards" if cards else "the mail stays in Mail without a card"
    if closed is not None:
        return f"Its conversation's lead is closed; {stays}, and the team is told."
    return f"It belongs to no lead; {stays}."
