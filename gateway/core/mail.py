"""One message as the rules see it: the facts of its header section and an outline of its body, read once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from gateway.core.address import AddressList, Mailbox, parse_address_list
from gateway.core.body import Outline, outline
from gateway.core.dates import parse_date
from gateway.core.header import Header, read_header
from gateway.core.subject import base_subject, subject_key
from gateway.core.words import decode_words

MAX_REFERENCES = 100
_PIECE = 256 * 1024
_MSG_ID = re.compile(rb"<[^<>\x00-\x20\x7f]{1,996}>")
_NO_BRACKETS = re.compile(rb"[^<>\x00-\x20\x7f]{1,996}")
_MAILTO = re.compile(rb"<[ \t\n]*mailto:([^<>?]*)", re.I)
_AUTO = re.compile(rb"[ \t]*no[ \t]*(?:;|\(|\Z)", re.I)
_BULK = frozenset((b"bulk", b"junk", b"list", b"auto_reply"))
_TRACE = re.compile(
    rb"(?im)^(?:received|return-path|delivered-to|x-original-to|authentication-results|received-spf|arc-[a-z-]+|x-received"
    rb"|x-(?:spam|virus)-[a-z-]+)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of rule B4b and B3, from the settings."""

    header_bytes: int = 262_144
    header_lines: int = 1_000
    addresses: int = 500
    mime_depth: int = 50
    mime_parts: int = 1_000
    received: int = 50
    contacts: int = 20


DEFAULT_LIMITS = Limits()
_NOTHING = Outline("", ())


@dataclass(frozen=True, slots=True)
class Mail:
    """A message, read. Values are decoded; addresses are as the header wrote them.

    author: the one From address, None when B4 finds fault with it. malformed, bomb: why B4 or B4b refuses, or "".
    unread: what stood in From, To or Cc and is no address (C1). automatic: why B6 takes it for automatic mail, or "".
    identity: what rule B9 compares; begins with the `message_id_key`, or "-" where there is no Message-ID. date:
    milliseconds since 1970.
    """

    size: int
    malformed: str
    bomb: str
    received: int
    author: Mailbox | None
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    unread: tuple[str, ...]
    subject: str
    base_subject: str
    subject_key: str
    message_id: str | None
    references: tuple[str, ...]
    date: int | None
    automatic: str
    list_post: frozenset[str]
    identity: str
    outline: Outline


def read_mail(message: bytes, limits: Limits = DEFAULT_LIMITS) -> Mail:
    """Reads a message as received (after dot-unstuffing). Never raises, whatever the bytes."""
    header = read_header(message, max_bytes=limits.header_bytes, max_lines=limits.header_lines)
    bomb = _bomb(header, limits)
    from_list = _addresses(header, "from")
    to, cc = _addresses(header, "to"), _addresses(header, "cc")
    count = sum(len(found.mailboxes) + len(found.unread) for found in (from_list, to, cc))
    if not bomb and count > limits.addresses:
        bomb = f"more than {limits.addresses} addresses in From, To and Cc"
    author_fault = _author_fault(header, from_list)
    author = from_list.mailboxes[0] if not author_fault else None
    subject = decode_words(header.first("subject") or b"")
    base = base_subject(subject)
    key = subject_key(base)
    message_id = message_id_of(header.first("message-id"))
    date = parse_date(header.first("date") or b"")
    return Mail(
        size=len(message),
        malformed=header.fault or ("" if bomb else author_fault),
        bomb=bomb,
        received=header.received,
        author=author,
        to=to.mailboxes,
        cc=cc.mailboxes,
        unread=tuple(decode_words(text)[:200] for found in (from_list, to, cc) for text in found.unread),
        subject=subject,
        base_subject=base,
        subject_key=key,
        message_id=message_id,
        references=_references(header),
        date=date,
        automatic=_automatic(header),
        list_post=_list_post(header),
        identity=_identity(message, header, message_id, author, date, key),
        outline=_NOTHING
        if bomb
        else outline(message, header, max_parts=limits.mime_parts, max_depth=limits.mime_depth),
    )


def _bomb(header: Header, limits: Limits) -> str:
    if header.size > limits.header_bytes:
        return f"a header section of more than {limits.header_bytes} bytes"
    if header.lines > limits.header_lines:
        return f"more than {limits.header_lines} header lines"
    return ""


def _addresses(header: Header, name: str) -> AddressList:
    """All fields of one name read as one list (C1)."""
    values = header.all(name)
    if len(values) == 1:
        return parse_address_list(values[0])
    lists = [parse_address_list(value) for value in values]
    return AddressList(
        tuple(box for found in lists for box in found.mailboxes),
        tuple(text for found in lists for text in found.unread),
        any(found.group for found in lists),
        any(found.trailing for found in lists),
    )


def _author_fault(header: Header, found: AddressList) -> str:
    """Rule B4: exactly one From field with exactly one mailbox and nothing after it."""
    fields = len(header.all("from"))
    if fields != 1:
        return "there is no From header" if not fields else f"there are {fields} From headers"
    if found.trailing:
        return "text follows the address in From"
    if found.group:
        return "From is a group of addresses"
    if found.unread or len(found.mailboxes) != 1:
        many = len(found.mailboxes) + len(found.unread) > 1
        return "From holds more than one address" if many else "From holds no address that can be read"
    return ""


def message_id_of(value: bytes | None) -> str | None:
    """The Message-ID of a field of that name, with its brackets; None where it holds none (B9)."""
    if value is None:
        return None
    match = _MSG_ID.search(value)
    if match is not None:
        return match[0].decode("utf-8", "replace")
    bare = _NO_BRACKETS.fullmatch(value.strip())
    return f"<{bare[0].decode('utf-8', 'replace')}>" if bare else None


def _references(header: Header) -> tuple[str, ...]:
    """In-Reply-To, then References from last to first (C6), each once."""
    ids: dict[str, None] = {}
    for value in header.all("in-reply-to"):
        ids.update((text.decode("utf-8", "replace"), None) for text in _MSG_ID.findall(value))
    for value in header.all("references"):
        ids.update((text.decode("utf-8", "replace"), None) for text in reversed(_MSG_ID.findall(value)))
    return tuple(ids)[:MAX_REFERENCES]


def _automatic(header: Header) -> str:
    """Rule B6: why nobody wrote this by hand, or ""."""
    submitted = header.first("auto-submitted")
    if submitted is not None and not _AUTO.match(submitted):
        return "Auto-Submitted says so"
    if header.first("x-autoreply") is not None or header.first("x-autorespond") is not None:
        return "it is an automatic reply"
    content_type = (header.first("content-type") or b"").lower()
    if content_type.startswith((b"multipart/report", b"message/disposition-notification")):
        return "it is a report of a mail system"
    precedence = (header.first("precedence") or b"").strip().lower()
    if precedence in _BULK:
        return f"Precedence is {precedence.decode('ascii')}"
    if header.first("list-id") is not None or header.first("list-unsubscribe-post") is not None:
        return "it came through a mailing list"
    return ""


def _list_post(header: Header) -> frozenset[str]:
    """Addresses of List-Post (RFC 2369): they name a list, no person (B8a)."""
    found = (parse_address_list(address) for value in header.all("list-post") for address in _MAILTO.findall(value))
    return frozenset(box.key for one in found for box in one.mailboxes)


def _identity(
    message: bytes, header: Header, message_id: str | None, author: Mailbox | None, date: int | None, key: str
) -> str:
    """What makes two deliveries one message (B9): Message-ID, author, Date and base subject, else the content."""
    if message_id is None:
        digest = blake2b(digest_size=16)
        digest.update(_TRACE.sub(b"", message[: header.body_at].replace(b"\r\n", b"\n")))
        for piece in _pieces(message, header.body_at):
            digest.update(piece.replace(b"\r\n", b"\n"))
        return f"-{digest.hexdigest()}"
    parts = "\0".join((message_id, author.key if author else "", str(date), key))
    return message_id_key(message_id) + blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def message_id_key(message_id: str) -> str:
    """How the identity of every message with this Message-ID begins, so that one index finds both: 16 hex digits."""
    return blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _pieces(message: bytes, at: int) -> Iterator[bytes]:
    """The message from `at` on, no CR LF cut in two: a thread that took it at one stroke would stop all the others."""
    while at < len(message):
        end = at + _PIECE
        end += message.startswith(b"\n", end)
        yield message[at:end]
        at = end
