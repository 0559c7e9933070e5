"""What a message carries: its text, its HTML and its attachments (RFC 2045 to 2047, 2183).

Text is decoded here, because the sender's charset label is often wrong; whatever a body is, it is shown as far as it
can be read, and what can't be read is kept as an attachment (rule B4b).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.core.attachments import Attachment, describe, inner_files, unwrapped, whole
from gateway.core.charsets import decode
from gateway.core.flowed import unflow
from gateway.core.header import Header, read_header
from gateway.core.invitations import MOST_BYTES, MOST_EVENTS, Invitation, in_words, read_invitations
from gateway.core.layout import Layout
from gateway.core.mime import Leaf, read_parts
from gateway.core.protection import PGP_ENCRYPTED, SENTENCES, SMIME_ENCRYPTED, protection, without_armour
from gateway.core.quoted_html import before_quotes, with_markers
from gateway.core.quotes import MARKERS, NEW, Block, passes_on, split
from gateway.core.rtf import rtf_text
from gateway.core.safe_html import INLINE_IMAGES, Budget, Safe, make_safe, preformatted, unstyled
from gateway.core.snippet import text_snippet, without_tags
from gateway.core.words import decode_words

_SNIPPET_TEXT = 8_192
_SNIPPET_HTML = 65_536
_SNIPPET_CALENDAR = 16_384
_META_CHARSET = re.compile(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CALENDARS = frozenset(("text/calendar", "application/ics"))
_ENCRYPTED = (SMIME_ENCRYPTED, PGP_ENCRYPTED)


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a body without keeping it: enough for lists. unread: why parts could not be read, or ""."""

    snippet: str
    attachments: tuple[Attachment, ...]
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A body for reading. text: plain, derived from the HTML when there is no plain part. html: sanitised, or None.

    blocks: the text in its stretches, new or not; joined they are the text. protected: how it is signed or encrypted.
    remote_images: the HTML refers to pictures on other servers.
    """

    text: str
    html: str | None
    blocks: tuple[Block, ...] = ()
    calendar: tuple[Invitation, ...] = ()
    protected: str | None = None
    remote_images: bool = False

    @property
    def reply_text(self) -> str:
        """What is new: without quotes, forwarded letters and signatures; "" where nothing is."""
        return "".join(block.text for block in self.blocks if block.kind == NEW).strip("\n")


def outline(message: bytes, header: Header, *, max_parts: int, max_depth: int) -> Outline:
    """Snippet and attachments. What stands beyond the limits is kept as one more attachment, the whole (B4b)."""
    parts = read_parts(message, header, max_parts=max_parts, max_depth=max_depth)
    pieces, files = _sort(parts.leaves)
    attachments = [describe(n, leaf) for n, leaf in enumerate(files, 1)]
    if parts.unread:
        attachments.append(whole(message, len(files) + 1))
    if files:
        attachments += [about for about, _ in inner_files(files, len(attachments), max_parts)]
    return Outline(_snippet(pieces, parts.leaves), tuple(attachments), parts.unread)


def content(
    message: bytes,
    *,
    max_parts: int,
    max_depth: int,
    files_at: str = "",
    images: bool = False,
    marked: bool = False,
) -> Content:
    """Text and sanitised HTML for someone who opens the message.

    files_at: the address below which its attachments are, by their numbers. images: remote ones are wanted.
    marked: the HTML comes with the markers of `quotes`, for `folding`.
    """
    header = read_header(message)
    parts = read_parts(message, header, max_parts=max_parts, max_depth=max_depth)
    pieces, files = _sort(parts.leaves)
    maker = _Maker(_inline(files, files_at), images, marked)
    shown = _joined([_show(piece, maker) for piece in pieces])
    calendar = _invitations(parts.leaves)
    if not shown.html:
        shown = _with_wrapped(shown, files, max_parts, maker)
    if not shown.text.strip() and not shown.html:
        shown.text = "\n\n".join(map(in_words, calendar))
    protected = shown.protected or protection(parts.leaves)
    if protected in _ENCRYPTED or (protected in SENTENCES and not shown.text.strip()):
        shown.text = f"{SENTENCES[protected]}\n\n{shown.text}".strip("\n")
    blocks = split(shown.text, forwarded=passes_on(decode_words(header.first("subject") or b"")))
    return Content("".join(block.text for block in blocks), shown.html, blocks, calendar, protected, shown.remote)


def attachment(message: bytes, n: int, *, max_parts: int, max_depth: int) -> tuple[Attachment, bytes] | None:
    """The n-th attachment as `outline` numbers them, with its decoded bytes; None when there is no such one."""
    parts = read_parts(message, read_header(message), max_parts=max_parts, max_depth=max_depth)
    files = _sort(parts.leaves)[1]
    if 1 <= n <= len(files):
        return describe(n, files[n - 1]), files[n - 1].content()
    if parts.unread and n == len(files) + 1:
        return whole(message, n), message
    inner = inner_files(files, len(files) + bool(parts.unread), max_parts)
    return next((one for one in inner if one[0].n == n), None)


def files_among(leaves: Iterable[Leaf]) -> list[Leaf]:
    """Those that are attachments, in the order in which `outline` numbers them from 1."""
    return _sort(leaves)[1]


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


@dataclass(slots=True)
class _Shown:
    """A piece as it is shown. text: with the markers of `quotes` in it."""

    text: str
    html: str | None
    protected: str | None = None
    remote: bool = False


@dataclass(slots=True)
class _Maker:
    """Makes what is shown of the HTML of one mail. inline: where its pictures are; remote: others are wanted; folds:
    with markers."""

    inline: Mapping[str, str]
    remote: bool
    folds: bool = False
    layout: Layout = field(default_factory=Layout)
    for_page: Budget = field(default_factory=Budget)
    for_text: Budget = field(default_factory=Budget)

    def page(self, markup: str) -> Safe:
        markup = with_markers(markup) if self.folds else markup
        return make_safe(markup, inline=self.inline, show_remote=self.remote, budget=self.for_page)

    def marked(self, markup: str) -> Safe:
        """Markup with markers, which is cleaned for its text alone."""
        return make_safe(markup, budget=self.for_text)

    def text(self, safe: Safe) -> str:
        """The text, with the markers that stand in it."""
        return self.layout.text(unstyled(safe.html))


def _inline(files: Iterable[Leaf], files_at: str) -> dict[str, str]:
    """Addresses of the pictures that HTML may show within itself, by what it calls them (RFC 2392)."""
    return {
        leaf.content_id: f"{files_at}{n}"
        for n, leaf in enumerate(files, 1)
        if files_at and leaf.content_id and leaf.kind in INLINE_IMAGES
    }


def _show(piece: _Piece, maker: _Maker) -> _Shown:
    plain = "\n\n".join(_plain_of(leaf) for leaf in piece.plain)
    plain, protected = without_armour(plain)
    if not piece.html:
        return _Shown(plain, None, protected)
    markup = "\n".join(_text_of(leaf) for leaf in piece.html)
    own, in_html = without_armour(markup)
    if in_html in _ENCRYPTED:
        return _Shown(plain if plain.strip() else without_tags(own).strip(), None, in_html)
    if plain.strip():
        safe = maker.page(markup)
        return _Shown(plain, safe.html, protected or in_html, safe.remote)
    return _show_html(markup, maker, protected or in_html)


def _show_html(markup: str, maker: _Maker, protected: str | None = None) -> _Shown:
    """HTML, and its text with markers: these are no part of the HTML, which stays as it was cleaned."""
    safe, marked = maker.page(markup), with_markers(markup)
    text = maker.text(safe if maker.folds or marked == markup else maker.marked(marked))
    return _Shown(text, safe.html, protected, safe.remote)


def _joined(shown: Sequence[_Shown]) -> _Shown:
    """All pieces as one, one below the other."""
    if len(shown) == 1:
        return shown[0]
    filled = [one for one in shown if one.text.strip() or one.html]
    html = None
    if any(one.html is not None for one in filled):
        html = "\n".join(one.html or preformatted(MARKERS.sub("", one.text)) for one in filled)
    protected = next((one.protected for one in shown if one.protected), None)
    remote = any(one.remote for one in filled)
    return _Shown("\n\n".join(one.text.strip("\n") for one in filled), html, protected, remote)


def _with_wrapped(shown: _Shown, files: Iterable[Leaf], max_parts: int, maker: _Maker) -> _Shown:
    """What a winmail.dat holds of the text, where the mail itself lacks it."""
    for found in unwrapped(files, max_parts):
        inside = _show_html(_clean_text(found.html), maker) if found.html else _Shown("", None)
        wrapped = _clean_text(found.text.strip() or rtf_text(found.rtf)) or inside.text
        if wrapped.strip() or inside.html:
            text = shown.text if shown.text.strip() else wrapped
            return _Shown(text, inside.html, shown.protected, inside.remote)
    return shown


def _invitations(
    leaves: Iterable[Leaf], most_bytes: int = MOST_BYTES, most: int = MOST_EVENTS
) -> tuple[Invitation, ...]:
    """The events of all calendars, told once; so many bytes and so many events of all of them together."""
    found: dict[Invitation, None] = {}
    for leaf in leaves:
        if leaf.kind in _CALENDARS and most_bytes > 0 and len(found) < most:
            method = leaf.parameters.get("method", b"").decode("ascii", "replace")
            found |= dict.fromkeys(read_invitations(_text_of(leaf, most_bytes), method, most - len(found)))
            most_bytes -= leaf.end - leaf.start
    return tuple(found)


def _plain_of(leaf: Leaf, most: int | None = None) -> str:
    """The text of a plain part, its paragraphs put together where it is flowed."""
    text = _text_of(leaf, most)
    if leaf.parameters.get("format", b"").lower() != b"flowed":
        return text
    return unflow(text, delsp=leaf.parameters.get("delsp", b"").lower() == b"yes")


def _text_of(leaf: Leaf, most: int | None = None) -> str:
    raw = leaf.content(most)
    label = leaf.charset
    if not label and leaf.kind == "text/html":
        meta = _META_CHARSET.search(raw[:4_096])
        label = meta[1].decode("ascii") if meta else ""
    return _clean_text(decode(raw, label))


def _clean_text(text: str) -> str:
    """Its lines ended by LF; a carriage return that ends none becomes a blank (B4a), and so do controls.

    Signs that `quotes` keeps for itself are taken out of whatever a stranger wrote.
    """
    cleaned = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", " "))
    return cleaned if cleaned.isascii() else MARKERS.sub("", cleaned)


def _snippet(pieces: Sequence[_Piece], leaves: Iterable[Leaf]) -> str:
    """The first words that somebody wrote."""
    armoured = None
    for piece in pieces:
        for leaf in piece.plain:
            text, armour = without_armour(_plain_of(leaf, _SNIPPET_TEXT))
            armoured = armoured or armour
            if snippet := text_snippet(text):
                return snippet
        for leaf in piece.html:
            markup, armour = without_armour(_text_of(leaf, _SNIPPET_HTML))
            armoured = armoured or armour
            if snippet := text_snippet(without_tags(before_quotes(markup))) or text_snippet(without_tags(markup)):
                return snippet
    protected = armoured or protection(leaves)
    if protected in SENTENCES:
        return text_snippet(SENTENCES[protected])
    told = [in_words(one) for one in _invitations(leaves, _SNIPPET_CALENDAR, 1)] or [
        _clean_text(one.text) for one in unwrapped(leaves, 0)
    ]
    return text_snippet("\n".join(told))
