"""What a message carries: its text, its HTML and its attachments (RFC 2045 to 2047, 2183).

Text is decoded here, because the sender's charset label is often wrong; whatever a body is, it is shown as far as it
can be read, and what can't be read is kept as an attachment (rule B4b).
"""

from __future__ import annotations

import codecs
import html as entities
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from inscriptis import get_text
from inscriptis.model.config import ParserConfig

from gateway.core.header import Header, read_header
from gateway.core.mime import Leaf, read_parts
from gateway.core.safe_html import INLINE_IMAGES, make_safe, unstyled
from gateway.core.snippet import text_snippet, without_tags
from gateway.core.words import safe_codec

_SNIPPET_TEXT = 8_192
_SNIPPET_HTML = 65_536
_MAX_LAID_OUT = 200_000
_META_CHARSET = re.compile(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
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
    """A body for reading. text: plain, derived from the HTML when there is no plain part. html: sanitised, or None.

    remote_images: the HTML refers to pictures on other servers.
    """

    text: str
    html: str | None
    remote_images: bool = False


def outline(message: bytes, header: Header, *, max_parts: int, max_depth: int) -> Outline:
    """Snippet and attachments. What stands beyond the limits is kept as one more attachment, the whole (B4b)."""
    parts = read_parts(message, header, max_parts=max_parts, max_depth=max_depth)
    pieces, files = _sort(parts.leaves)
    attachments = [_describe(n, leaf) for n, leaf in enumerate(files, 1)]
    if parts.unread:
        attachments.append(_whole(message, len(files) + 1))
    return Outline(_snippet(pieces), tuple(attachments), parts.unread)


def content(message: bytes, *, max_parts: int, max_depth: int, files_at: str = "", images: bool = False) -> Content:
    """Text and sanitised HTML for someone who opens the message.

    files_at: the address below which its attachments are, by their numbers. images: remote ones are wanted.
    """
    parts = read_parts(message, read_header(message), max_parts=max_parts, max_depth=max_depth)
    pieces, files = _sort(parts.leaves)
    inline = _inline(files, files_at) if files_at else {}
    shown = [_show(piece, inline, images) for piece in pieces]
    if len(shown) == 1:
        return shown[0]
    filled = [one for one in shown if one.text.strip() or one.html]
    text = "\n\n".join(one.text.strip("\n") for one in filled)
    if all(one.html is None for one in filled):
        return Content(text, None)
    markup = "\n".join(one.html or f"<pre>{entities.escape(one.text)}</pre>" for one in filled)
    return Content(text, markup, any(one.remote_images for one in filled))


def attachment(message: bytes, n: int, *, max_parts: int, max_depth: int) -> tuple[Attachment, bytes] | None:
    """The n-th attachment as `outline` numbers them, with its decoded bytes; None when there is no such one."""
    parts = read_parts(message, read_header(message), max_parts=max_parts, max_depth=max_depth)
    files = _sort(parts.leaves)[1]
    if 1 <= n <= len(files):
        return _describe(n, files[n - 1]), files[n - 1].content()
    if parts.unread and n == len(files) + 1:
        return _whole(message, n), message
    return None


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


def _inline(files: Iterable[Leaf], files_at: str) -> dict[str, str]:
    """Addresses of the pictures that HTML may show within itself, by what it calls them (RFC 2392)."""
    return {
        leaf.content_id: f"{files_at}{n}"
        for n, leaf in enumerate(files, 1)
        if leaf.content_id and leaf.kind in INLINE_IMAGES
    }


def _show(piece: _Piece, inline: Mapping[str, str], images: bool) -> Content:
    plain = "\n\n".join(_text_of(leaf) for leaf in piece.plain)
    if not piece.html:
        return Content(plain, None)
    safe = make_safe("\n".join(_text_of(leaf) for leaf in piece.html), inline=inline, show_remote=images)
    return Content(plain if plain.strip() else _html_to_text(unstyled(safe.html)), safe.html, safe.remote)


def _describe(n: int, leaf: Leaf) -> Attachment:
    kind = leaf.kind or "application/octet-stream"
    name = leaf.filename or ("message.eml" if kind == "message/rfc822" else f"part-{n}{_ENDINGS.get(kind, '')}")
    return Attachment(n, name, kind, len(leaf.content()), leaf.content_id)


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
