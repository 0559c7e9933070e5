"""What a message carries: its text, its HTML and its attachments (RFC 2045 to 2047, 2183).

Text is decoded here, because the sender's charset label is often wrong; whatever a body is, it is shown as far as it
can be read, and what can't be read is kept as an attachment (rule B4b).
"""

from __future__ import annotations

import codecs
import html as entities
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import nh3
from inscriptis import get_text
from inscriptis.model.config import ParserConfig

from gateway.core.header import Header, read_header
from gateway.core.mime import Leaf, read_parts
from gateway.core.snippet import text_snippet, without_tags
from gateway.core.words import safe_codec

_SNIPPET_TEXT = 8_192
_SNIPPET_HTML = 65_536
_MAX_OPEN_ELEMENTS = 1_000
_MAX_LAID_OUT = 200_000
_MOST_CLEANINGS = 4
_META_CHARSET = re.compile(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_IN_PRE = re.compile(r'(<pre(?: [a-z]+="[^"]*")*>)(?=\n)')
_NO_BREAK = "\xa0"
_TAG_NAME = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.I)
# Elements that hold nothing, or that the next of their kind closes.
_HOLD_LITTLE = "area br col dd dt embed hr img input li link meta option p source td th tr track wbr"
_NEVER_DEEP = frozenset(_HOLD_LITTLE.split())
_ENDINGS = {
    "application/pdf": ".pdf",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/vcard": ".vcf",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """n: from 1, in the order of the MIME tree. size: decoded bytes. content_id: what HTML refers to it by."""

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


def outline(message: bytes, header: Header, *, max_parts: int, max_depth: int) -> Outline:
    """Snippet and attachments. What stands beyond the limits is kept as one more attachment, the whole (B4b)."""
    parts = read_parts(message, header, max_parts=max_parts, max_depth=max_depth)
    pieces, files = _sort(parts.leaves)
    attachments = [_describe(n, leaf) for n, leaf in enumerate(files, 1)]
    if parts.unread:
        attachments.append(_whole(message, len(files) + 1))
    return Outline(_snippet(pieces), tuple(attachments), parts.unread)


def content(message: bytes, *, max_parts: int, max_depth: int) -> Content:
    """Text and sanitised HTML for someone who opens the message."""
    parts = read_parts(message, read_header(message), max_parts=max_parts, max_depth=max_depth)
    shown = [_show(piece) for piece in _sort(parts.leaves)[0]]
    if len(shown) == 1:
        return shown[0]
    filled = [one for one in shown if one.text.strip() or one.html]
    text = "\n\n".join(one.text.strip("\n") for one in filled)
    if all(one.html is None for one in filled):
        return Content(text, None)
    return Content(text, "\n".join(one.html or _preformatted(one.text) for one in filled))


def attachment(message: bytes, n: int, *, max_parts: int, max_depth: int) -> tuple[Attachment, bytes] | None:
    """The n-th attachment as `outline` numbers them, with its decoded bytes; None when there is no such one."""
    parts = read_parts(message, read_header(message), max_parts=max_parts, max_depth=max_depth)
    files = _sort(parts.leaves)[1]
    if 1 <= n <= len(files):
        return _describe(n, files[n - 1]), files[n - 1].content()
    if parts.unread and n == len(files) + 1:
        return _whole(message, n), message
    return None


def clean_html(markup: str) -> str:
    """HTML without anything that acts: scripts, styles, forms, event handlers, links to remote pictures (nh3).

    Elements left open by the thousand would take time without bound: such markup is shown as its text. Cleaning what
    is clean changes nothing, so a browser builds the very tree that was found harmless; markup that comes out another
    one each time is shown as its text too.
    """
    if _open_elements(markup) > _MAX_OPEN_ELEMENTS:
        return _preformatted(without_tags(markup))
    cleaned = _cleaned(markup)
    for _ in range(_MOST_CLEANINGS):
        before, cleaned = cleaned, _cleaned(cleaned)
        if cleaned == before:
            return cleaned
    return _preformatted(without_tags(cleaned))


def _cleaned(markup: str) -> str:
    """One cleaning; a line end at the beginning of <pre> is written twice, because a parser drops the first."""
    clean = nh3.clean(
        markup,
        attributes={**nh3.ALLOWED_ATTRIBUTES, "img": {"alt", "width", "height"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )
    return _LINE_IN_PRE.sub(r"\1\n", clean) if "<pre" in clean else clean


def _preformatted(text: str) -> str:
    """A text as HTML, written as a cleaning would leave it."""
    start = "\n" if text.startswith("\n") else ""
    return f"<pre>{start}{entities.escape(text, quote=False).replace(_NO_BREAK, '&nbsp;')}</pre>"


@dataclass(slots=True)
class _Piece:
    """Texts that are shown as one: a text alone, or the branches of an alternative, the same in plain and in HTML."""

    plain: list[Leaf] = field(default_factory=list)
    html: list[Leaf] = field(default_factory=list)

    def takes(self, leaf: Leaf) -> bool:
        """The first branch that has a kind of text gives that kind; other branches are no more to show."""
        same = self.html if leaf.kind == "text/html" else self.plain
        if same and same[0].branch != leaf.branch:
            return False
        same.append(leaf)
        return True


def _sort(leaves: Iterable[Leaf]) -> tuple[list[_Piece], list[Leaf]]:
    """What is shown, in order, and what is a file: all that has a name or is no text, and further alternatives."""
    pieces: dict[int, _Piece] = {}
    files = []
    for place, leaf in enumerate(leaves):
        text = leaf.kind in ("", "text/plain", "text/html") and leaf.disposition != "attachment" and not leaf.filename
        if not text or not pieces.setdefault(leaf.alternative or -place - 1, _Piece()).takes(leaf):
            files.append(leaf)
    return list(pieces.values()), files


def _show(piece: _Piece) -> Content:
    plain = "\n\n".join(_text_of(leaf) for leaf in piece.plain)
    if not piece.html:
        return Content(plain, None)
    markup = clean_html("\n".join(_text_of(leaf) for leaf in piece.html))
    return Content(plain if plain.strip() else _html_to_text(markup), markup)


def _describe(n: int, leaf: Leaf) -> Attachment:
    kind = leaf.kind or "application/octet-stream"
    name = leaf.filename or ("message.eml" if kind == "message/rfc822" else f"part-{n}{_ENDINGS.get(kind, '')}")
    return Attachment(n, name, kind, leaf.size, leaf.content_id)


def _whole(message: bytes, n: int) -> Attachment:
    return Attachment(n, "message.eml", "message/rfc822", len(message))


def _text_of(leaf: Leaf, most: int | None = None) -> str:
    """The text of a part, its lines ended by LF; a carriage return that ends none becomes a blank (B4a)."""
    raw = leaf.content(most)
    label = leaf.charset
    if not label and leaf.kind == "text/html":
        meta = _META_CHARSET.search(raw[:4_096])
        label = meta[1].decode("ascii") if meta else ""
    text = _decode(raw, label).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", " ")
    return _CONTROL.sub(" ", text)


def _decode(raw: bytes, label: str) -> str:
    """By the label; where that fails by UTF-8; where that fails too, as well as the label's charset can."""
    codec = safe_codec(label)
    for name in (codec, "utf_8"):
        if name is not None:
            try:
                return codecs.decode(raw, name)
            except (UnicodeError, ValueError):
                continue
    if codec == "utf_8":
        text = raw.decode("utf-8", "replace")
        if 2 * text.count("\ufffd") < sum(not sign.isascii() for sign in text):
            return text
    return raw.decode("cp1252" if codec in (None, "ascii", "utf_8") else codec, "replace")


def _snippet(pieces: Sequence[_Piece]) -> str:
    """The first words that somebody wrote."""
    for piece in pieces:
        for leaf in piece.plain:
            if snippet := text_snippet(_text_of(leaf, _SNIPPET_TEXT)):
                return snippet
        for leaf in piece.html:
            if snippet := text_snippet(without_tags(_text_of(leaf, _SNIPPET_HTML))):
                return snippet
    return ""


def _open_elements(markup: str) -> int:
    """The most elements that are open at one place, as far as tags tell without building the tree."""
    depth = most = 0
    for tag in _TAG_NAME.finditer(markup):
        if tag[2].lower() not in _NEVER_DEEP:
            depth = max(depth + (-1 if tag[1] else 1), 0)
            most = max(most, depth)
    return most


def _html_to_text(markup: str) -> str:
    """The text of sanitised HTML: laid out, or plainly without its tags where that is too large or fails."""
    if len(markup) <= _MAX_LAID_OUT and (laid_out := _laid_out(markup)):
        return laid_out
    return without_tags(markup).strip()


def _laid_out(markup: str) -> str:
    try:
        return str(get_text(markup, ParserConfig())).strip()
    except Exception:  # the layout of hostile markup is somebody else's code; the text is shown without one
        return ""
