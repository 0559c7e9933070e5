"""To whom a mail that is written here goes: what people type becomes addresses, or says which one is none (rule E11).

A smart address is the product's own copy and belongs into Cc, where everybody sees it (B1): in To or Bcc it would be
refused at its door, after the mail was sent.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from gateway.core.address import Mailbox, parse_address_list
from gateway.core.outgoing import Draft
from gateway.core.refusals import Wrong
from gateway.core.words import decode_phrase

MOST_RECIPIENTS = 100
MOST_SUBJECT = 500
MOST_UPLOADS = 50
MOST_TEXT = 2 * 1024 * 1024
_LONGEST = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a mail goes to, or comes from. name: as it is shown, decoded; empty where there is none."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Recipients:
    """To whom a mail goes, each address once: one in To is not in Cc again, and one in either not in Bcc."""

    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()

    @property
    def envelope(self) -> tuple[str, ...]:
        """All of them, as the server for sending is told."""
        return tuple(one.address for one in (*self.to, *self.cc, *self.bcc))


def read_recipients(draft: Draft, domains: Collection[str]) -> Recipients | Wrong:
    """The people a draft names. domains: of the gateway. Wrong: `to/0`, `cc/2`, … or `to` where there is nobody."""
    seen: set[str] = set()
    found: dict[str, tuple[Person, ...]] = {}
    for field, texts in (("to", draft.to), ("cc", draft.cc), ("bcc", draft.bcc)):
        people = _read(field, texts, domains, seen)
        if isinstance(people, Wrong):
            return people
        found[field] = people
    if not seen:
        return Wrong("to", "nobody is named; allowed: at least one address in To, Cc or Bcc")
    if all(_domain(one) in domains for people in found.values() for one in people):
        return Wrong("to", "only a smart address is named, which is for copies; allowed: somebody to write to, in To")
    if len(seen) > MOST_RECIPIENTS:
        return Wrong("to", f"{len(seen)} recipients are too many; allowed: at most {MOST_RECIPIENTS}")
    return Recipients(**found)


def wrong_words(draft: Draft) -> Wrong | None:
    """What is wrong with a draft's subject, text or files, whoever it goes to."""
    if _CONTROL.search(draft.subject):
        return Wrong("subject", "it holds a line end or another control; allowed: one line of text")
    if len(draft.subject) > MOST_SUBJECT:
        return Wrong("subject", f"{len(draft.subject)} characters are too many; allowed: at most {MOST_SUBJECT}")
    if _SURROGATE.search(draft.body):
        return Wrong("body", "it holds half a character; allowed: text in Unicode")
    if len(draft.body) > MOST_TEXT:
        return Wrong("body", f"{len(draft.body)} characters are too many; allowed: at most {MOST_TEXT}")
    if len(draft.uploads) > MOST_UPLOADS:
        return Wrong("attachments", f"{len(draft.uploads)} files are too many; allowed: at most {MOST_UPLOADS}")
    return None


def _read(field: str, texts: Collection[str], domains: Collection[str], seen: set[str]) -> tuple[Person, ...] | Wrong:
    people = []
    for n, text in enumerate(texts):
        place = f"{field}/{n}"
        if len(text) > _LONGEST * MOST_RECIPIENTS or _CONTROL.search(text):
            return Wrong(
                place, "it holds a line end or another control, or is too long; allowed: addresses on one line"
            )
        listed = parse_address_list(text.encode())
        if listed.unread or listed.trailing or listed.group:
            return Wrong(place, f"{text[:80]!a} is no e-mail address; allowed: one such as Bob <bob@example.net>")
        for box in listed.mailboxes:
            if box.domain.startswith("["):
                return Wrong(place, f"{text[:80]!a} names a machine; allowed: an address such as bob@example.net")
            if box.domain in domains and field != "cc":
                return Wrong(
                    place, f"{box.address} is a smart address, which works only as a visible Cc; move it there"
                )
            if box.key not in seen:
                seen.add(box.key)
                people.append(_person(box))
    return tuple(people)


def _person(box: Mailbox) -> Person:
    return Person(box.address, decode_phrase(box.phrase))


def _domain(person: Person) -> str:
    return person.address.rpartition("@")[2]
