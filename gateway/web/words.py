"""An attempt in words: what became of it in a line, its steps with headings, who was on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.usecases.show_receipts import Attempt, Named
from gateway.web.reasons import reason_of

VERDICTS = {"file": "Filed", "refuse": "Refused", "hold": "Held"}
COLOURS = {"file": "ok", "refuse": "bad", "hold": "wait"}
ICONS = {"file": "check", "refuse": "x", "hold": "pause"}
_OUTCOMES = {"ok": "ok", "refuse": "bad", "hold": "wait", "note": "info", "skip": "off"}

# Rule → its heading when it let the mail on, and when it didn't.
_HEADINGS: Mapping[str, tuple[str, str]] = {
    "A1": ("The domain is ours", "The domain isn’t ours"),
    "A2": ("The account exists", "No account has this name"),
    "A3": ("The ending is known", "The ending doesn’t exist"),
    "A4": ("The account has a new name", "A former name"),
    "A5": ("Mail for the operators", "Mail for the operators"),
    "A6": ("One account", "Another account comes first"),
    "A7": ("Several smart addresses", "Several smart addresses"),
    "A8": ("Within the limits", "Beyond a limit"),
    "B1": ("Everyone can see the address", "The address isn’t in Cc"),
    "B2": ("Not a bounce", "A bounce"),
    "B3": ("Not a loop", "A loop"),
    "B4": ("The header can be read", "The header is malformed"),
    "B4a": ("Lines end as they should", "A line ends wrongly"),
    "B4b": ("Within what we read", "Beyond what we read"),
    "B4c": ("Not from a smart address", "From a smart address"),
    "B5": ("The sender is genuine", "The sender isn’t proven"),
    "B6": ("Person or machine", "Automatic mail"),
    "B7": ("May the author write here", "The author is a stranger"),
    "B8": ("Somebody to add", "Nobody to add"),
    "B8a": ("Addresses that are never logged", "Addresses that are never logged"),
    "B8b": ("Within the quotas", "Beyond the quotas"),
    "B9": ("Seen before or new", "Seen before"),
    "B10": ("Everything works", "Trouble on our side"),
    "B11": ("Filed", "Filed"),
    "C1": ("Who is on it", "Who is on it"),
    "C3": ("On known cards", "On known cards"),
    "C4": ("New contacts", "New contacts"),
    "C5": ("A new lead", "A new lead"),
    "C6": ("Its conversation has a lead", "Its conversation has a lead"),
    "C6a": ("Which lead it shows on", "Which lead it shows on"),
}
_HELD = {
    "B5": "its sender isn’t proven",
    "B7": "a stranger wrote to you",
    "B8b": "more new people than an hour may bring",
    "B9": "already held",
}
_WHY_HELD = {
    "B7": "Its author is a stranger, and your account holds strangers’ mail for review.",
    "B8b": "More new people wrote to you within an hour than your account takes in by itself.",
}
_ASKED = (("A1", "domain"), ("A3", "ending"), ("A2", "account"), ("B3", "loop"), ("B4b", "size and shape"))
ORDER: Mapping[str, str] = {
    **dict(_ASKED),
    "B4": "a header that can be read",
    "B4c": "not from a smart address",
    "B2": "not a bounce",
    "B1": "a visible copy",
    "B5": "a genuine author",
    "B6": "automatic mail",
    "B9": "filed before",
    "B7": "strangers",
    "B8": "a client to add",
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
    """The key of the attempt's reason: its rule, and for B1 which header the address stood in."""
    if attempt.rule != "B1":
        return attempt.rule
    slug = str(attempt.receipt.decision.get("account") or "")
    visible = [
        one["address"].rpartition("@")[0].partition("+")[0].lower()
        for one in attempt.receipt.decision["participants"]
        if one["role"] == "to" and one["kind"] == "smart"
    ]
    return "B1-to" if slug in visible else "B1"


def title(attempt: Attempt) -> str:
    """The subject; a mail refused before its text came is named after the address it was for."""
    if attempt.subject:
        return attempt.subject
    if attempt.subject is None:
        return f"Mail to {', '.join(attempt.receipt.recipients) or 'nobody'}"
    return "Mail without a subject"


def heading(attempt: Attempt) -> str:
    """What happened to a refused mail: “Offer” was sent with a hidden copy."""
    named = "A mail" if attempt.subject is None else f"“{title(attempt)}”"
    return f"{named} {reason_of(reason_id(attempt)).happened}"


def author(attempt: Attempt) -> str:
    """The author's name, else address, else the envelope's sender."""
    wrote = writer(attempt)
    return wrote["name"] or wrote["address"] if wrote else attempt.receipt.sender or "no sender"


def writer(attempt: Attempt) -> Mapping[str, str] | None:
    """The From participant, where the header could be read."""
    people: Sequence[Mapping[str, str]] = attempt.receipt.decision.get("participants", ())
    return next((one for one in people if one["role"] == "from"), None)


def badge(attempt: Attempt) -> Badge | None:
    """What is known of the author: proven, not proven, or a colleague's name that nothing proves; None for nothing."""
    wrote, authentic = writer(attempt), attempt.receipt.decision.get("authentic")
    if wrote is None or authentic is None:
        return None
    domain = wrote["address"].rpartition("@")[2]
    if authentic:
        return Badge("ok", "shield", f"Really from {domain}", f"The servers of {domain} vouch for this mail.")
    if wrote["kind"] == "team":
        why = (
            f"It names a colleague as its author, but nothing proves that {domain} sent it. We treat it like a "
            "stranger’s mail. Ask your colleague another way before you act on it."
        )
        return Badge("bad", "warn", f"Says {domain}, but isn’t", why)
    return Badge("wait", "warn", f"Not proven to be from {domain}", f"Nothing proves that {domain} sent this mail.")


def why_held(attempt: Attempt) -> str:
    """Why a mail waits for an admin, in a sentence or two (B5, B7, B8b)."""
    if attempt.rule == "B5":
        wrote = writer(attempt)
        domain = wrote["address"].rpartition("@")[2] if wrote else "the sender’s domain"
        return f"Nothing proves that {domain} sent it, and {domain} asks to set such mail apart."
    return _WHY_HELD.get(attempt.rule, "It is held for review.")


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
        return [Piece(_HELD.get(attempt.rule, "for review"))]
    if attempt.rule == "A5":
        return [Piece("kept for the operators")]
    if attempt.rule == "B9" and not _creates(decision):
        return [Piece("already filed; nothing doubled")]
    return _filed(decision, cards)


def _filed(decision: Mapping[str, Any], cards: Sequence[Named]) -> list[Piece]:
    made = decision["creates"]
    new = {one["name"] for one in made["contacts"]}
    contacts = [card.name for card in cards if card.kind == "contact"]
    known = [name for name in contacts if name not in new]
    pieces: list[Piece] = [Piece("automatic mail, ")] if decision["automatic"] else []
    if made["lead"]:
        pieces.append(Piece("new lead, "))
    if new:
        pieces += [Piece("new contact " if len(new) == 1 else f"{len(new)} new contacts "), *_names(sorted(new))]
        pieces.append(Piece(", "))
    if known:
        pieces += [Piece("on "), *_names(known), Piece(", ")]
    if not made["lead"]:
        shown = [card.name for card in cards if card.kind == "lead"]
        pieces += [piece for name in shown for piece in (Piece("lead "), Piece(name, True), Piece(", "))]
    if not contacts and not new:
        pieces.append(Piece("without a card, "))
    last = pieces[-1]
    return [*pieces[:-1], Piece(last.text.removesuffix(", "), last.strong)]


def _names(names: Sequence[str]) -> list[Piece]:
    if len(names) > 2:
        return [Piece(names[0], True), Piece(f" and {len(names) - 1} others")]
    return [piece for name in names for piece in (Piece(" and "), Piece(name, True))][1:]


def _creates(decision: Mapping[str, Any]) -> bool:
    return bool(decision["creates"]["contacts"] or decision["creates"]["lead"])


def sentence(attempt: Attempt, cards: Sequence[Named]) -> str:
    """The whole line for those who listen: "Filed: Offer, new contact Bob"."""
    what = "".join(piece.text for piece in became(attempt, cards))
    about = badge(attempt)
    warning = f". {about.text}" if about is not None and about.colour == "bad" else ""
    return f"{VERDICTS[attempt.receipt.verdict]}: {title(attempt)}, {what}{warning}"


def steps(attempt: Attempt) -> list[StepLine]:
    """The rules that were asked, in order, with headings."""
    lines = []
    for step in attempt.receipt.decision["steps"]:
        stopped = step["outcome"] in ("refuse", "hold")
        heading = _HEADINGS.get(step["rule"], ("Rule " + step["rule"],) * 2)[stopped]
        lines.append(StepLine(step["rule"], heading, step["detail"], _OUTCOMES.get(step["outcome"], "off"), stopped))
    return lines


def not_asked(attempt: Attempt) -> list[tuple[str, str]]:
    """Rules the mail didn't come to, with their few words."""
    asked = {step["rule"] for step in attempt.receipt.decision["steps"]}
    operators = attempt.rule == "A5" and attempt.receipt.verdict == "file"
    return [] if operators else [(rule, few) for rule, few in ORDER.items() if rule not in asked]


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
