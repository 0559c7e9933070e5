"""An attempt in words: what became of it in a line, its steps with headings, who was on it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.usecases.show_receipts import Attempt, Named
from gateway.web.reasons import around, reason_of
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later, ngettext

VERDICTS = {"file": later("Filed"), "refuse": later("Refused"), "hold": later("Held")}
COLOURS = {"file": "ok", "refuse": "bad", "hold": "wait"}
ICONS = {"file": "check", "refuse": "x", "hold": "pause"}
_OUTCOMES = {"ok": "ok", "refuse": "bad", "hold": "wait", "note": "info", "skip": "off"}

# Rule → its heading when it let the mail on, and when it didn't.
_HEADINGS: Mapping[str, tuple[str, str]] = {
    "A1": (later("The domain is ours"), later("The domain isn’t ours")),
    "A2": (later("The account exists"), later("No account has this name")),
    "A3": (later("The ending is known"), later("The ending doesn’t exist")),
    "A4": (later("The account has a new name"), later("A former name")),
    "A5": (later("Mail for the operators"), later("Mail for the operators")),
    "A6": (later("One account"), later("Another account comes first")),
    "A7": (later("Several smart addresses"), later("Several smart addresses")),
    "A8": (later("Within the limits"), later("Beyond a limit")),
    "B1": (later("Everyone can see the address"), later("The address isn’t in Cc")),
    "B2": (later("Not a bounce"), later("A bounce")),
    "B3": (later("Not a loop"), later("A loop")),
    "B4": (later("The header can be read"), later("The header is malformed")),
    "B4a": (later("Lines end as they should"), later("A line ends wrongly")),
    "B4b": (later("Within what we read"), later("Beyond what we read")),
    "B4c": (later("Not from a smart address"), later("From a smart address")),
    "B5": (later("The sender is genuine"), later("The sender isn’t proven")),
    "B6": (later("Person or machine"), later("Automatic mail")),
    "B7": (later("May the author write here"), later("The author is a stranger")),
    "B8": (later("Somebody to add"), later("Nobody to add")),
    "B8a": (later("Addresses that are never logged"), later("Addresses that are never logged")),
    "B8b": (later("Within the quotas"), later("Beyond the quotas")),
    "B9": (later("Seen before or new"), later("Seen before")),
    "B10": (later("Everything works"), later("Trouble on our side")),
    "B11": (later("Filed"), later("Filed")),
    "C1": (later("Who is on it"), later("Who is on it")),
    "C3": (later("On known cards"), later("On known cards")),
    "C4": (later("New contacts"), later("New contacts")),
    "C5": (later("A new lead"), later("A new lead")),
    "C6": (later("Its conversation has a lead"), later("Its conversation has a lead")),
    "C6a": (later("Which lead it shows on"), later("Which lead it shows on")),
}
_HELD = {
    "B5": later("its sender isn’t proven"),
    "B7": later("a stranger wrote to you"),
    "B8b": later("more new people than an hour may bring"),
    "B9": later("already held"),
}
_WHY_HELD = {
    "B7": later("Its author is a stranger, and your account holds strangers’ mail for review."),
    "B8b": later("More new people wrote to you within an hour than your account takes in by itself."),
}
_ASKED = (
    ("A1", later("domain")),
    ("A3", later("ending")),
    ("A2", later("account")),
    ("B3", later("loop")),
    ("B4b", later("size and shape")),
)
ORDER: Mapping[str, str] = {
    **dict(_ASKED),
    "B4": later("a header that can be read"),
    "B4c": later("not from a smart address"),
    "B2": later("not a bounce"),
    "B1": later("a visible copy"),
    "B5": later("a genuine author"),
    "B6": later("automatic mail"),
    "B9": later("filed before"),
    "B7": later("strangers"),
    "B8": later("a client to add"),
}
"""The rules every mail is asked, in their order, in a few words each."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line; strong: a name."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Badge:
    """Whether the author is who From says (B5). why: a sentence that explains it."""

    colour: str
    icon: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class StepLine:
    """One rule that was asked. colour: of its mark. stopped: the mail ended here."""

    rule: str
    heading: str
    detail: str
    colour: str
    stopped: bool


def reason_id(attempt: Attempt) -> str:
    """The key of the attempt's reason."""
    return reason_key(attempt.receipt.decision)


def reason_key(decision: Mapping[str, Any]) -> str:
    """The key of a decision's reason: its rule, and for B1 which header the address stood in."""
    if decision["rule"] != "B1":
        return str(decision["rule"])
    slug = str(decision.get("account") or "")
    visible = [
        one["address"].rpartition("@")[0].partition("+")[0].lower()
        for one in decision["participants"]
        if one["role"] == "to" and one["kind"] == "smart"
    ]
    return "B1-to" if slug in visible else "B1"


def title(attempt: Attempt) -> str:
    """The subject; a mail refused before its text came is named after the address it was for."""
    if attempt.subject:
        return attempt.subject
    if attempt.subject is None and attempt.receipt.recipients:
        return _("Mail to %s") % ", ".join(attempt.receipt.recipients)
    return _("Mail without a subject")


def heading(attempt: Attempt) -> str:
    """What happened to a refused mail: “Offer” was sent with a hidden copy."""
    named = around().mail if attempt.subject is None else f"“{title(attempt)}”"
    return reason_of(reason_id(attempt)).happened.replace("{mail}", named)


def author(attempt: Attempt) -> str:
    """The author's name, else address, else the envelope's sender."""
    wrote = writer(attempt)
    return wrote["name"] or wrote["address"] if wrote else attempt.receipt.sender or _("no sender")


def writer(attempt: Attempt) -> Mapping[str, str] | None:
    """The From participant, where the header could be read."""
    return _writer(attempt.receipt.decision)


def _writer(decision: Mapping[str, Any]) -> Mapping[str, str] | None:
    people: Sequence[Mapping[str, str]] = decision.get("participants", ())
    return next((one for one in people if one["role"] == "from"), None)


def badge(attempt: Attempt) -> Badge | None:
    """What is known of the author of an attempt."""
    return badge_of(attempt.receipt.decision)


def badge_of(decision: Mapping[str, Any]) -> Badge | None:
    """What is known of the author: proven, not proven, or a colleague's name that nothing proves; None for nothing."""
    wrote, authentic = _writer(decision), decision.get("authentic")
    if wrote is None or authentic is None:
        return None
    domain = wrote["address"].rpartition("@")[2]
    if authentic:
        text, why = _("Really from %s"), _("The servers of %s vouch for this mail.")
        return Badge("ok", "shield", text % domain, why % domain)
    if wrote["kind"] == "team":
        why = _(
            "It names a colleague as its author, but nothing proves that %s sent it. We treat it like a "
            "stranger’s mail. Ask your colleague another way before you act on it."
        )
        return Badge("bad", "warn", _("Says %s, but isn’t") % domain, why % domain)
    text, why = _("Not proven to be from %s"), _("Nothing proves that %s sent this mail.")
    return Badge("wait", "warn", text % domain, why % domain)


def why_held(attempt: Attempt) -> str:
    """Why a mail waits for an admin, in a sentence or two (B5, B7, B8b)."""
    if attempt.rule == "B5":
        wrote = writer(attempt)
        if wrote is None:
            return _("Nothing proves who sent it, and the sender’s domain asks to set such mail apart.")
        why = _("Nothing proves that {domain} sent it, and {domain} asks to set such mail apart.")
        return why.replace("{domain}", wrote["address"].rpartition("@")[2])
    return _(_WHY_HELD.get(attempt.rule, later("It is held for review.")))


def what_to_do(attempt: Attempt) -> str:
    """What the team does about a refused mail."""
    return reason_of(reason_id(attempt)).team


def people(attempt: Attempt, role: str) -> str:
    """Who stood in a header, smart addresses left out; empty for nobody."""
    listed = [one for one in attempt.receipt.decision.get("participants", ()) if one["role"] == role]
    return ", ".join(one["name"] or one["address"] for one in listed if one["kind"] != "smart")


def became(attempt: Attempt, cards: Sequence[Named]) -> list[Piece]:
    """What became of it, after the verdict's word."""
    decision, verdict = attempt.receipt.decision, attempt.receipt.verdict
    if verdict == "refuse":
        return [Piece(reason_of(reason_id(attempt)).short)]
    if verdict == "hold":
        return [Piece(_(_HELD.get(attempt.rule, later("for review"))))]
    if attempt.rule == "A5":
        return [Piece(_("kept for the operators"))]
    if attempt.rule == "B9" and not _creates(decision):
        return [Piece(_("already filed; nothing doubled"))]
    clauses = _filed(decision, cards)
    return [piece for n, clause in enumerate(clauses) for piece in ([Piece(", ")] * (n > 0) + clause)]


def _filed(decision: Mapping[str, Any], cards: Sequence[Named]) -> list[list[Piece]]:
    """What filing did, a clause each."""
    made = decision["creates"]
    new = {one["name"] for one in made["contacts"]}
    contacts = [card.name for card in cards if card.kind == "contact"]
    known = [name for name in contacts if name not in new]
    clauses = [[Piece(_("automatic mail"))]] if decision["automatic"] else []
    if made["lead"]:
        clauses.append([Piece(_("new lead"))])
    if new:
        sentence = ngettext("new contact {names}", "{count} new contacts {names}", len(new))
        clauses.append(_fill(sentence, count=len(new), names=_names(sorted(new))))
    if known:
        clauses.append(_fill(_("on {names}"), names=_names(known)))
    if not made["lead"]:
        leads = [card.name for card in cards if card.kind == "lead"]
        clauses += [_fill(_("lead {name}"), name=[Piece(name, True)]) for name in leads]
    if not contacts and not new:
        clauses.append([Piece(_("without a card"))])
    return clauses


def _names(names: Sequence[str]) -> list[Piece]:
    if len(names) == 1:
        return [Piece(names[0], True)]
    first = [Piece(names[0], True)]
    if len(names) == 2:
        return _fill(_("{one} and {other}"), one=first, other=[Piece(names[1], True)])
    others = ngettext("{one} and {count} other", "{one} and {count} others", len(names) - 1)
    return _fill(others, one=first, count=len(names) - 1)


def _fill(sentence: str, **parts: list[Piece] | int) -> list[Piece]:
    """A sentence with pieces where their names stand in braces."""
    pieces: list[Piece] = []
    for n, text in enumerate(re.split(r"\{(\w+)\}", sentence)):
        part = parts[text] if n % 2 else [Piece(text)] * bool(text)
        pieces += [Piece(str(part))] if isinstance(part, int) else part
    return pieces


def _creates(decision: Mapping[str, Any]) -> bool:
    return bool(decision["creates"]["contacts"] or decision["creates"]["lead"])


def sentence(attempt: Attempt, cards: Sequence[Named]) -> str:
    """The whole line for those who listen: "Filed: Offer, new contact Bob"."""
    what = "".join(piece.text for piece in became(attempt, cards))
    said = f"{_(VERDICTS[attempt.receipt.verdict])}: {title(attempt)}, {what}"
    about = badge(attempt)
    return f"{said}. {about.text}" if about is not None and about.colour == "bad" else said


def steps(decision: Mapping[str, Any]) -> list[StepLine]:
    """The rules that were asked, in order, with headings."""
    lines = []
    for step in decision["steps"]:
        stopped = step["outcome"] in ("refuse", "hold")
        known = _HEADINGS.get(step["rule"])
        heading = _(known[stopped]) if known else _("Rule %s") % step["rule"]
        lines.append(StepLine(step["rule"], heading, step["detail"], _OUTCOMES.get(step["outcome"], "off"), stopped))
    return lines


def not_asked(decision: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rules the mail didn't come to, with their few words."""
    asked = {step["rule"] for step in decision["steps"]}
    operators = decision["rule"] == "A5" and decision["verdict"] == "file"
    return [] if operators else [(rule, _(few)) for rule, few in ORDER.items() if rule not in asked]


def address(attempt: Attempt) -> str:
    """The smart address the attempt was for, as replies write it."""
    return next(iter(attempt.receipt.recipients), "").lower()


def initials(name: str) -> str:
    """Two letters for a person."""
    parts = name.replace("@", " ").split()
    return "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper()


def size(number: float) -> str:
    """How large a file is, in a few figures: 182 kB, 1.4 MB."""
    for unit in ("B", "kB", "MB"):
        if number < 999.5:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 9.95 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
