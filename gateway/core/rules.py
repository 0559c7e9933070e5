"""What becomes of a message: rules B and C in the order they are asked (docs/rules.md).

`decide` is the whole of it. Each rule is one function that appends the step it took and, where the mail stops there,
returns the end of the matter; the first refusal is the reply. Mail of somebody's own mailbox is asked a few of them, in
its own way (section E): nobody waits for a reply, so nothing is refused or held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.core import replies
from gateway.core.admission import OPERATORS
from gateway.core.authenticity import judge
from gateway.core.case import Case, End, already_filed
from gateway.core.decision import Decision, Effects, Verdict, counted, done
from gateway.core.effects import file_mail
from gateway.core.envelope import Action, Envelope, Step
from gateway.core.facts import Facts
from gateway.core.mail import DEFAULT_LIMITS, Limits, Mail
from gateway.core.people import Cast, Kind
from gateway.core.visible import actions_in, smart_address

_Rule = Callable[[Case], End | None]
_DOING = {
    Action.ATTACH: "show it on the cards of known people",
    Action.CONTACT: "add unknown people as contacts",
    Action.LEAD: "open a lead",
}


def decide(mail: Mail, envelope: Envelope, cast: Cast, facts: Facts, limits: Limits = DEFAULT_LIMITS) -> Decision:
    """The verdict on one message for one account, with every step that led to it. Pure; never raises."""
    account = facts.account
    recipients = tuple(
        admission.recipient
        for admission in envelope.admissions
        if admission.recipient is not None and admission.recipient.account == account.number
    )
    case = Case(mail, envelope, cast, facts, limits, recipients)
    for admission in envelope.admissions:
        if admission.account in (account.number, None):
            case.steps.extend(admission.steps)
    if facts.origin is not None:
        case.action = Action.ATTACH if facts.origin.auto_create == "off" else Action(facts.origin.auto_create)
        case.ok("E6", f"Fetched from a mailbox, which asks us to {_DOING[case.action]}.")
        return _ask(case, _MAILBOX_RULES)
    case.action = max((one.action for one in recipients if one.action), key=lambda one: one.rank, default=None)
    return _ask(case, _OPERATOR_RULES if account.number == OPERATORS else _RULES)


def _ask(case: Case, rules: tuple[_Rule, ...]) -> Decision:
    for rule in rules:
        end = rule(case)
        if end is not None:
            return case.decision(end, Effects())
    return file_mail(case)


def _b3_loop(case: Case) -> End | None:
    count, most = case.mail.received, case.limits.received
    if count > most:
        return case.refuse("B3", replies.LOOP, f"It has {count} Received lines; {most} are allowed.")
    case.ok("B3", f"{count} servers so far; more than {most} would be a loop.")
    return None


def _b4b_bomb(case: Case) -> End | None:
    if case.mail.bomb:
        return case.refuse("B4b", replies.bomb(case.mail.bomb), f"It has {case.mail.bomb}.")
    if case.mail.outline.unread:
        case.note("B4b", f"Part of it stays unread and is kept as an attachment: {case.mail.outline.unread}.")
    else:
        case.ok("B4b", "Header, addresses and parts are within what we read.")
    return None


def _b4_malformed(case: Case) -> End | None:
    if case.mail.malformed:
        reason = case.mail.malformed
        return case.refuse("B4", replies.malformed(reason), f"The header is malformed: {reason}.")
    case.ok("B4", "The header can be read: one From with one address.")
    if case.mail.unread:
        case.note("C1", f"{len(case.mail.unread)} entries of To or Cc are no addresses and are listed as unread.")
    return None


def _b4c_from_us(case: Case) -> End | None:
    if case.cast.author_kind is Kind.SMART:
        return case.refuse("B4c", replies.FROM_US, "From is an address of the gateway itself.")
    case.ok("B4c", "From is not an address of the gateway.")
    return None


def _b2_bounce(case: Case) -> End | None:
    if not case.envelope.sender:
        return case.refuse("B2", replies.BOUNCE, "The envelope has no sender: a bounce, and we send nothing.")
    case.ok("B2", "It has a sender to answer.")
    return None


def _b1_visible(case: Case) -> End | None:
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


def _b5_authentic(case: Case) -> End | None:
    verdict, reply, steps = judge(case.facts, case.cast)
    if verdict is Verdict.HOLD and case.facts.released:
        case.ok("B5", "The author's domain asks for a second look; an admin let the mail in.")
        return None
    case.steps += steps
    return End(verdict, reply, steps[-1].rule) if reply is not None else None


def _b6_automatic(case: Case) -> End | None:
    colleague = case.cast.author_kind is Kind.TEAM and case.facts.auth.trusted
    reason = case.mail.automatic
    case.automatic = bool(reason) and not colleague
    if case.automatic:
        case.note("B6", f"Automatic mail ({reason}): it is filed, but creates and links nothing.")
    elif reason:
        did = "put us in Cc" if case.facts.origin is None else "sent it"
        case.note("B6", f"It looks automatic ({reason}), but a colleague {did}, which counts more.")
    else:
        case.ok("B6", "Written by a person.")
    return None


def _b9_duplicate(case: Case) -> End | None:
    """What only mailboxes have brought so far is asked B7 and B8 all the same when it comes to a smart address: its
    sender is told the same, whichever copy was the first."""
    known = case.facts.duplicate
    if known is None:
        case.ok("B9", "Not filed before.")
        return None
    if known.state == "held" and case.facts.origin is not None:
        case.note("B9", "This mail is held; a mailbox has it too, where nothing is held, and so it is filed.")
        return None
    if known.state == "held":
        case.note("B9", "This mail is already held; what it asks for is looked at together.")
        return End(Verdict.HOLD, replies.ALREADY_HELD, "B9")
    if known.state in ("deleted", "gone"):
        case.note("B9", "This mail came before and was removed; it stays removed.")
        return End(Verdict.FILE, replies.ALREADY_DELETED, "B9")
    if case.nothing_new:
        case.note("B9", "This mail is already filed; nothing is doubled.")
        return already_filed() if known.smart or case.facts.origin is not None else None
    case.note("B9", f"This mail is already filed; what is new is applied now: {_DOING[case.action or Action.ATTACH]}.")
    return None


def _b7_stranger(case: Case) -> End | None:
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
        return already_filed()
    if policy == "hold":
        case.steps.append(Step("B7", "hold", "The author is a stranger; strangers are held for review."))
        return End(Verdict.HOLD, replies.HELD, "B7")
    return case.refuse("B7", replies.STRANGER, "The author is a stranger; only known people may write here.")


def _b8_nobody(case: Case) -> End | None:
    if case.action is Action.ATTACH:
        case.skip("B8", "Asked only where a contact or lead is wanted.")
    elif case.automatic:
        case.skip("B8", "Automatic mail is filed in any case.")
    elif not case.cast.clients:
        return case.refuse("B8", replies.NOBODY_TO_ADD, "There is no client in From, To or Cc.")
    else:
        case.ok("B8", f"{counted(len(case.cast.clients), 'client')} in From, To and Cc.")
    return None


def _b8b_quota(case: Case) -> End | None:
    spent = _spent(case)
    if spent is None:
        return None
    if case.facts.duplicate is not None:
        case.note("B8b", f"Beyond a quota: {spent}. What is filed already stays as it is.")
        return already_filed()
    case.steps.append(Step("B8b", "hold", f"Beyond a quota: {spent}."))
    return End(Verdict.HOLD, replies.HELD, "B8b")


def _spent(case: Case) -> str | None:
    """The quota that what the mail would create is beyond, in words; None where it stays within, or isn't counted."""
    quota = case.facts.quota
    if quota is None or case.facts.released:
        case.skip("B8b", "Counted only where an outsider's mail asks for a contact or lead.")
        return None
    wanted = file_mail(replace(case, steps=[])).effects.created
    case.quota = quota.reached(wanted)
    if case.quota is None:
        case.ok("B8b", f"{counted(wanted, 'new contact or lead', 'new contacts and leads')}, within the quotas.")
        return None
    return quota.told(case.quota, wanted)


def _b4b_kept(case: Case) -> End | None:
    if not case.mail.bomb:
        return _b4b_bomb(case)
    case.note("B4b", f"It has {case.mail.bomb}. It is kept, and shown on no card.")
    case.marks.append(f"The header is beyond what we read: {case.mail.bomb}.")
    return None


def _b4_kept(case: Case) -> End | None:
    if not case.mail.malformed:
        return _b4_malformed(case)
    case.note("B4", f"The header is malformed: {case.mail.malformed}. The mail is kept, and shown on no card.")
    case.marks.append(f"The header is malformed: {case.mail.malformed}.")
    return None


def _b4_no_card(case: Case) -> End | None:
    if not case.marks:
        return None
    return End(Verdict.FILE, replies.filed(done(Effects(), again=False, automatic=case.automatic)), "B4")


def _b8b_less(case: Case) -> End | None:
    """Beyond a quota, a mailbox's mail is filed without creating anything."""
    spent = _spent(case)
    if spent is None:
        return None
    case.note("B8b", f"Beyond a quota: {spent}. The mail is filed without creating anything.")
    case.action = Action.ATTACH
    return None


def _a5_kept(case: Case) -> End | None:
    return End(Verdict.FILE, replies.FOR_OPERATORS, "A5")


_OPERATOR_RULES: tuple[_Rule, ...] = (_b3_loop, _b4b_bomb, _a5_kept)
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
_MAILBOX_RULES: tuple[_Rule, ...] = (_b4b_kept, _b4_kept, _b6_automatic, _b9_duplicate, _b4_no_card, _b8b_less)
"""Of A and B, what is asked of mail that people's own mailboxes have (section E)."""
