"""What an answer to a mail, or a forward of it, begins as: to whom it goes, what it is called, what it quotes (E11)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.core.recipients import Person

REPLY_ALL, FORWARD = "reply_all", "forward"
_MOST_QUOTED = 100_000
_RE = re.compile(r"\s*re\s*(?:[\[(^]\s*\d+\s*[\])]?)?\s*[:\uff1a]", re.I)
_FWD = re.compile(r"\s*(?:fwd?|fw)\s*(?:[\[(^]\s*\d+\s*[\])]?)?\s*[:\uff1a]", re.I)


@dataclass(frozen=True, slots=True)
class Answered:
    """A message that is answered or handed on. reply_to: where its author wants answers. outgoing: one of us wrote it.

    at: ms since 1970, None where nobody knows.
    """

    author: Person | None
    reply_to: tuple[Person, ...]
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    outgoing: bool
    subject: str
    text: str
    at: int | None


def recipients_of(
    answered: Answered, how: str, own: Collection[str], domains: Collection[str]
) -> tuple[tuple[Person, ...], tuple[Person, ...]]:
    """To and Cc of an answer. own: lower-case addresses of who answers, who doesn't write to themselves.

    The answer to a mail of ours goes to whom that went. A smart address that took part takes part again, in Cc: that is
    how the answer is filed as the mail was (B1).
    """
    if how == FORWARD:
        return (), ()
    author = (answered.author,) if answered.author is not None else ()
    first = answered.to if answered.outgoing else answered.reply_to or author
    rest = (*answered.to, *answered.cc) if how == REPLY_ALL else ()
    seen = set(own)
    smart = _each_once([one for one in (*first, *rest) if _is_smart(one, domains)], set())
    to = _each_once([one for one in first if not _is_smart(one, domains)], seen)
    cc = _each_once([one for one in rest if not _is_smart(one, domains)], seen)
    if not to:  # they answer themselves, as people do to add what they forgot
        to, cc = (
            (cc[:1], cc[1:]) if cc else (_each_once([one for one in first if not _is_smart(one, domains)], set()), ())
        )
    return to, (*cc, *(smart if how == REPLY_ALL else ()))


def subject_of(subject: str, how: str) -> str:
    """`Re:` or `Fwd:` before it, once."""
    mark, known = ("Fwd: ", _FWD) if how == FORWARD else ("Re: ", _RE)
    return subject if known.match(subject) else f"{mark}{subject}".strip()


def quoted_text(answered: Answered, how: str) -> str:
    """What stands below the place where somebody writes."""
    text = answered.text.strip("\n")[:_MOST_QUOTED]
    if how == FORWARD:
        return f"\n\n---------- Forwarded message ----------\n{_head_of(answered)}\n\n{text}\n"
    return f"\n\n{_introduction(answered)}\n" + "".join(_quoted(line) for line in text.split("\n"))


def references_of(message_id: str | None, references: Sequence[str]) -> tuple[str, ...]:
    """The References of an answer: those of what it answers, from first to last, and that one (RFC 5322 3.6.4)."""
    return (*(one for one in references if one != message_id), *((message_id,) if message_id else ()))


def _quoted(line: str) -> str:
    return f">{line}\n" if line.startswith(">") else f"> {line}".rstrip() + "\n"


def _introduction(answered: Answered) -> str:
    who = _shown(answered.author) if answered.author is not None else "somebody"
    return f"On {_moment(answered.at)}, {who} wrote:" if answered.at is not None else f"{who} wrote:"


def _head_of(answered: Answered) -> str:
    lines = [f"From: {_shown(answered.author)}"] if answered.author is not None else []
    lines += [f"Date: {_moment(answered.at)}"] if answered.at is not None else []
    lines += [f"Subject: {answered.subject}", f"To: {', '.join(map(_shown, answered.to))}"]
    lines += [f"Cc: {', '.join(map(_shown, answered.cc))}"] if answered.cc else []
    return "\n".join(lines)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _shown(person: Person) -> str:
    return f"{person.name} <{person.address}>" if person.name else person.address


def _is_smart(person: Person, domains: Collection[str]) -> bool:
    return person.address.rpartition("@")[2].lower() in domains


def _each_once(people: Sequence[Person], seen: set[str]) -> tuple[Person, ...]:
    """People in order, each address once; those that were seen are left out, and these are from now on."""
    found = []
    for one in people:
        if one.address.lower() not in seen:
            seen.add(one.address.lower())
            found.append(one)
    return tuple(found)
