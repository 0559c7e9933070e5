"""A message from end to end, as the door reads it: read, cast, decided on, outlined, shown (target `message`).

Input: an octet that chooses the world, an octet that chooses the recipients, then the message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import Any

from gateway.core.address import Mailbox, parse_address
from gateway.core.admission import OPERATORS
from gateway.core.body import attachment, content
from gateway.core.decision import Decision, Verdict, as_json
from gateway.core.envelope import Action
from gateway.core.facts import Auth, Facts, Filed, Lead
from gateway.core.header import read_header
from gateway.core.mail import Limits, Mail, read_mail
from gateway.core.people import Kind, cast_people
from gateway.core.quota import Quota
from gateway.core.rules import decide
from gateway.core.safe_html import KNOWN, make_safe
from gateway.smtp.answers import on_wire
from tests.core.world import ACCOUNT, ACME, BOB, CAROL, CONTACT, LEAD, NUMBERS, envelope, known
from tests.mail import corpus

MOST_BYTES = 8_192
LIMITS = Limits(header_bytes=6_000, header_lines=60, addresses=20, mime_depth=4, mime_parts=12, received=5, contacts=3)
RECIPIENTS = ((ACME,), (CONTACT,), (LEAD,), (ACME, LEAD), ("postmaster@mail.kommo.com",), ('"acme"@In.Gate.Example.',))
FOR_OPERATORS = 4
UNPROVEN = Auth(trusted=False, evaluated=True, policy="reject", enforced=True)
DUPLICATES = (None, Filed("m1", "filed", Action.ATTACH), Filed("m1", "held", Action.ATTACH))
_ADDED = frozenset((("a", "rel"), ("a", "target")))
_LEADS = re.compile(r"(?i)\s*(?:https?|mailto|tel):")
_HELD_IN_ITSELF = re.compile(r"(?i)data:image/(?:gif|jpeg|jpg|png|webp);base64,")
_ELSEWHERE = re.compile(r"(?i)https?://")
_QUOTED = re.compile(r'"[^"]*"')
_FETCHES = re.compile(r"(?i)url|expression|import|position|var\(|image-set|[\\{}<>@]")


def seeds() -> Iterator[bytes]:
    for sample in corpus():
        if len(sample.raw) < MOST_BYTES:
            wanted = next((n for n, rcpt in enumerate(RECIPIENTS) if rcpt == sample.rcpt), 2)
            yield bytes((0, wanted)) + sample.raw


def check(data: bytes) -> None:
    world, wanted, message = data[:1] or b"\0", data[1:2] or b"\0", data[2:]
    mail = read_mail(message, LIMITS)
    decision = _decided(mail, world[0], wanted[0])
    assert mail == read_mail(message, LIMITS)
    assert decision == _decided(mail, world[0], wanted[0])
    _is_storable(mail)
    _says_one_thing(decision)
    _people_are_those_of_the_header(mail, message)
    _stays_within_limits(mail, decision)
    _needs_a_visible_copy(mail, decision, world[0], wanted[0])
    _shows_safely(message, mail)


def _decided(mail: Mail, world: int, wanted: int) -> Decision:
    account = replace(
        ACCOUNT,
        number=OPERATORS if wanted % 6 == FOR_OPERATORS else ACCOUNT.number,
        copy_policy="cc_or_to" if world & 1 else "cc",
        strangers=("accept", "hold", "refuse", "accept")[world >> 1 & 3],
    )
    facts = Facts(
        account,
        slugs=NUMBERS,
        contacts=known(BOB, CAROL) if world & 8 else {},
        duplicate=DUPLICATES[(world >> 4 & 3) % 3],
        conversation_lead=Lead("l1", "Boats", bool(world & 16)) if world & 64 else None,
        auth=UNPROVEN if world & 128 else Auth(),
        quota=Quota({"author": 19}) if world & 4 else None,
    )
    cast = cast_people(mail, account.team, author_trusted=facts.auth.trusted)
    sender = "" if wanted & 64 else "carol@example.net"
    return decide(mail, envelope(RECIPIENTS[wanted % 6], sender), cast, facts, LIMITS)


def texts(value: Any) -> Iterator[str]:
    """Every text inside a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts(list(value.items()))
    elif is_dataclass(value):
        yield from texts([getattr(value, field.name) for field in fields(value)])
    elif isinstance(value, (tuple, frozenset, list)):
        for one in value:
            yield from texts(one)


def _is_storable(mail: Mail) -> None:
    for text in texts(mail):
        assert b"\0" not in text.encode("utf-8"), text
    for line in (mail.subject, mail.base_subject, mail.subject_key, *mail.unread, *_names(mail)):
        assert line.rstrip() == " ".join(line.split()), line
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line), line
    for name in _names(mail):
        assert len(name) <= 200 + len(".eml")
        assert not re.search(r"[/\\]|^\.", name), name


def _names(mail: Mail) -> list[str]:
    return [one.filename for one in mail.outline.attachments]


def _says_one_thing(decision: Decision) -> None:
    """The decision can be written down, and its reply can be neither another reply nor a temporary one."""
    json.dumps(as_json(decision), ensure_ascii=False).encode("utf-8")
    said = on_wire(decision.reply)
    assert re.fullmatch(rb"(?:[25][0-9]{2}[- ][25]\.\d\.\d{1,2} [ -~]*\r\n)+", said), said
    assert max(map(len, said.split(b"\r\n"))) <= 510
    assert (decision.verdict is Verdict.REFUSE) == (decision.reply.code >= 500)
    assert decision.rule == "A5" or any(step.rule == decision.rule for step in decision.steps)
    if decision.verdict is not Verdict.FILE:
        assert decision.effects.created == 0


def _people_are_those_of_the_header(mail: Mail, message: bytes) -> None:
    """C1: nothing but From, To and Cc makes people; the body and the other fields change nothing."""
    header = read_header(message, max_bytes=LIMITS.header_bytes, max_lines=LIMITS.header_lines)
    if header.size > LIMITS.header_bytes or header.lines > LIMITS.header_lines:
        assert _people(mail) == (None, (), (), ())
        return
    assert _people(read_mail(message[: header.body_at], LIMITS)) == _people(mail)
    alone = b"".join(
        name.encode() + b": " + value + b"\r\n" for name in ("from", "to", "cc") for value in header.all(name)
    )
    assert _people(read_mail(alone + b"\r\n", LIMITS)) == _people(mail)


def _people(mail: Mail) -> tuple[Mailbox | None, tuple[Mailbox, ...], tuple[Mailbox, ...], tuple[str, ...]]:
    return mail.author, mail.to, mail.cc, mail.unread


def _stays_within_limits(mail: Mail, decision: Decision) -> None:
    boxes = [box for box in (mail.author, *mail.to, *mail.cc) if box is not None]
    assert mail.bomb or len(boxes) <= LIMITS.addresses
    assert len(mail.outline.attachments) <= LIMITS.mime_parts + 2
    assert len(decision.effects.contacts) <= LIMITS.contacts
    for box in boxes:
        assert box.domain == box.domain.lower()
        assert box.domain.isascii()
        again = parse_address(box.address)
        assert again is not None, box.address
        assert (again.local, again.domain, again.key) == (box.local, box.domain, box.key)


def _needs_a_visible_copy(mail: Mail, decision: Decision, world: int, wanted: int) -> None:
    """B1, B4, B4c: whatever else it says, a mail without its smart address in Cc is refused, and one without author."""
    if wanted % 6 == FOR_OPERATORS:
        return
    if not world & 1:
        assert _decided(replace(mail, cc=()), world, wanted).verdict is Verdict.REFUSE
    if decision.verdict is not Verdict.REFUSE:
        assert mail.author is not None
        assert not mail.malformed
        assert not mail.bomb
        assert decision.cast.author_kind is not Kind.SMART
        assert decision.cast.direction == "incoming" or mail.author.domain == "acme.example"
        assert not (world & 128 and decision.cast.direction == "outgoing")


def _shows_safely(message: bytes, mail: Mail) -> None:
    for images in (False, True):
        shown = content(message, max_parts=LIMITS.mime_parts, max_depth=LIMITS.mime_depth, images=images)
        assert "".join(block.text for block in shown.blocks) == shown.text
        for text in texts(shown):
            assert b"\0" not in text.encode("utf-8")
        if shown.html is not None:
            assert make_safe(shown.html, show_remote=images).html == shown.html, shown.html
            _Inspector(remote=images).feed(shown.html)
    if not mail.bomb:
        for one in mail.outline.attachments:
            found = attachment(message, one.n, max_parts=LIMITS.mime_parts, max_depth=LIMITS.mime_depth)
            assert found is not None
            assert found[0] == one
            assert len(found[1]) == one.size
        beyond = len(mail.outline.attachments) + 1
        assert attachment(message, beyond, max_parts=LIMITS.mime_parts, max_depth=LIMITS.mime_depth) is None


class _Inspector(HTMLParser):
    """Another reader of the same HTML, who finds nothing in it that acts, nor one that calls unless it may."""

    def __init__(self, *, remote: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.remote = remote

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in KNOWN, tag
        for name, value in attrs:
            assert name in KNOWN[tag] or (tag, name) in _ADDED, (tag, name)
            if name == "href":
                assert _LEADS.match(value or ""), value
            if name in ("src", "background"):
                assert _HELD_IN_ITSELF.match(value or "") or (self.remote and _ELSEWHERE.match(value or "")), value
            if name == "style":
                assert not _FETCHES.search(_QUOTED.sub("", value or "")), value
