"""What a message carries: its text, its HTML and its attachments (RFC 2045 to 2047, 2183, 2231).

Parsing is left to fast-mail-parser in its lazy mode; every call to it is wrapped, so that a body nobody can read is
still filed, as one attachment (rule B4b). Text is decoded here, because the sender's charset label is often wrong.
"""

from __future__ import annotations

import codecs
import html as html_entities
import re
from collections.abc import Iterator
from dataclasses import dataclass

import fast_mail_parser
import nh3
from inscriptis import get_text
from inscriptis.model.config import ParserConfig

from gateway.core.words import decode_words, safe_codec

SNIPPET_CHARACTERS = 160
_SNIPPET_SOURCE = 2_000
_TAG = re.compile(
    r"<(?:style|script|head|title)\b.*?(?:</(?:style|script|head|title)\s*>|\Z)|<[^>]*>|<!--.*?-->", re.S | re.I
)
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]+)", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANKS = re.compile(r"\s+")
_QUOTE_LINE = re.compile(r"^>.*$", re.M)


@dataclass(frozen=True, slots=True)
class Attachment:
    """n: from 1, in the order of the MIME tree. size: decoded bytes. inline: referred to by Content-ID."""

    n: int
    filename: str
    content_type: str
    size: int
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a body without keeping it: enough for lists. unread: why parts could not be read, or ""."""

    snippet: str
    attachments: tuple[Attachment, ...]
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A body for reading. text: plain, derived from the HTML when there is no plain part. html: sanitised, or None."""

    text: str
    html: str | None


_Node = fast_mail_parser.PyLazyMimePart


def outline(message: bytes, *, max_parts: int, max_depth: int) -> Outline:
    """Snippet and attachments. A tree beyond the limits, or one that can't be parsed, is one attachment (B4b)."""
    try:
        root = fast_mail_parser.parse_email_tree(message, mode="lazy")
    except (fast_mail_parser.ParseError, ValueError) as fault:
        return Outline("", (_whole(message),), f"the body can't be read ({type(fault).__name__})")
    parts, fault_text = _leaves(root, max_parts, max_depth)
    text, html_part, files = _sort(parts)
    attachments = tuple(_describe(n, part) for n, part in enumerate(files, 1))
    if fault_text:
        attachments = (*attachments, _whole(message, len(attachments) + 1))
    return Outline(_snippet(text, html_part), attachments, fault_text)


def content(message: bytes, *, max_parts: int, max_depth: int) -> Content:
    """Text and sanitised HTML for someone who opens the message."""
    try:
        root = fast_mail_parser.parse_email_tree(message, mode="lazy")
    except (fast_mail_parser.ParseError, ValueError):
        return Content("", None)
    parts, _ = _leaves(root, max_parts, max_depth)
    text, html_part, _ = _sort(parts)
    markup = clean_html(_text_of(html_part)) if html_part is not None else None
    plain = _text_of(text) if text is not None else _html_to_text(markup or "")
    return Content(plain, markup)


def attachment(message: bytes, n: int, *, max_parts: int, max_depth: int) -> tuple[Attachment, bytes] | None:
    """The n-th attachment as `outline` numbers them, with its decoded bytes; None when there is no such one."""
    try:
        root = fast_mail_parser.parse_email_tree(message, mode="lazy")
    except (fast_mail_parser.ParseError, ValueError):
        return (_whole(message), message) if n == 1 else None
    parts, fault_text = _leaves(root, max_parts, max_depth)
    files = _sort(parts)[2]
    if 1 <= n <= len(files):
        return _describe(n, files[n - 1]), _bytes_of(files[n - 1])
    if fault_text and n == len(files) + 1:
        return _whole(message, n), message
    return None


def clean_html(markup: str) -> str:
    """HTML without anything that acts: scripts, styles, forms, event handlers, links to remote pictures (nh3)."""
    return nh3.clean(
        markup,
        attributes={**nh3.ALLOWED_ATTRIBUTES, "img": {"alt", "width", "height"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )


def _leaves(root: _Node, max_parts: int, max_depth: int) -> tuple[list[_Node], str]:
    """Leaves of the MIME tree in order; an attached message is a leaf. Says so when the limits cut it short."""
    leaves: list[_Node] = []
    for seen, (part, depth) in enumerate(_walk(root)):
        if seen >= max_parts:
            return leaves, f"more than {max_parts} MIME parts"
        if depth > max_depth:
            return leaves, f"MIME parts nested deeper than {max_depth}"
        if part.is_message or not part.content_type.startswith("multipart/"):
            leaves.append(part)
    return leaves, ""


def _walk(root: _Node) -> Iterator[tuple[_Node, int]]:
    stack = [(root, 0)]
    while stack:
        part, depth = stack.pop()
        yield part, depth
        if not part.is_message:
            stack.extend((child, depth + 1) for child in reversed(part.children))


def _sort(parts: list[_Node]) -> tuple[_Node | None, _Node | None, list[_Node]]:
    """The text part, the HTML part and everything else (first of its kind wins; the rest are files)."""
    text = html_part = None
    files = []
    for part in parts:
        named = part.disposition == "attachment" or bool(part.filename) or part.is_message
        if not named and part.content_type == "text/plain" and text is None:
            text = part
        elif not named and part.content_type == "text/html" and html_part is None:
            html_part = part
        else:
            files.append(part)
    return text, html_part, files


def _describe(n: int, part: _Node) -> Attachment:
    filename = decode_words(part.filename.encode("utf-8", "replace")) if part.filename else ""
    kind = part.content_type or "application/octet-stream"
    if not filename and part.is_message:
        filename = "message.eml"
    return Attachment(n, filename or f"part-{n}", kind, len(_bytes_of(part)), part.content_id)


def _whole(message: bytes, n: int = 1) -> Attachment:
    return Attachment(n, "message.eml", "message/rfc822", len(message))


def _bytes_of(part: _Node) -> bytes:
    """Decoded bytes of a leaf; what can't be decoded is no longer guessed at and is empty."""
    try:
        return part.content or b""
    except fast_mail_parser.ParseError:
        return b""


def _text_of(part: _Node) -> str:
    raw = _bytes_of(part)
    match = _CHARSET.search((part.headers.get("Content-Type") or [""])[0])
    return _CONTROL.sub(" ", _decode(raw, match[1] if match else "")).replace("\r\n", "\n").replace("\r", " ")


def _decode(raw: bytes, label: str) -> str:
    for name in (label, "utf-8"):
        codec = safe_codec(name) if name else None
        if codec is not None:
            try:
                return codecs.decode(raw, codec)
            except (UnicodeError, LookupError, ValueError):
                continue
    return raw.decode("cp1252", "replace")


def _snippet(text: _Node | None, html_part: _Node | None) -> str:
    if text is not None:
        words = _QUOTE_LINE.sub("", _text_of(text)[:_SNIPPET_SOURCE])
    elif html_part is not None:
        words = html_entities.unescape(_TAG.sub(" ", _text_of(html_part)[: 20 * _SNIPPET_SOURCE]))
    else:
        return ""
    folded = _BLANKS.sub(" ", words).strip()
    return folded if len(folded) <= SNIPPET_CHARACTERS else folded[: SNIPPET_CHARACTERS - 1].rstrip() + "…"


def _html_to_text(markup: str) -> str:
    try:
        return str(get_text(markup, ParserConfig())).strip()
    except (RecursionError, ValueError, AssertionError):
        return _BLANKS.sub(" ", html_entities.unescape(_TAG.sub(" ", markup))).strip()
