"""The snippet: the first words that a person wrote, for lists; without quotes, signature and markup."""

from __future__ import annotations

import html as entities
import re

SNIPPET_CHARACTERS = 160
_PLENTY = 4 * SNIPPET_CHARACTERS
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(style|script|head|title)\b.*?(?:</\1\s*>|\Z)|<[a-z/!?][^>]*(?:>|\Z)", re.S | re.I
)
_INLINE_TAG = re.compile(r"</?(?:a|abbr|b|big|code|em|font|i|mark|s|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>", re.I)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6]|/blockquote)\b[^<>]*>", re.I)
_DIGIT = re.compile(r"[0-9]")
_LINE_BLANKS = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r" ?\n(?: ?\n)++ ?")
# Zero-width and soft signs that mailers pad with, and signs that turn text around.
_UNSEEN = re.compile("[\x80-\x84\x86-\x9f\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# A signature, or the line from which on a mailer shows the mail that is answered or passed on.
_REST = re.compile(r"^(?:-- ?|_{10,}[ \t]*|-{3,}[ \t]*[^-\n]{3,60}-{3,}[ \t]*)$", re.M)
# Too long for a character's number; Python refuses to read such numbers.
_LONG_REFERENCE = re.compile(r"&#[0-9]{9,};?")


def text_snippet(text: str) -> str:
    """The beginning of a text on one line; all of it counts where nothing but quotes and signature stands there."""
    written = _REST.split(text, maxsplit=1)[0]
    own = _one_line(_without_quotes(written)) or _one_line(written) or _one_line(text)
    return own if len(own) <= SNIPPET_CHARACTERS else own[: SNIPPET_CHARACTERS - 1].rstrip() + "…"


def without_tags(markup: str) -> str:
    """The text between the tags of HTML, in time linear in its length."""
    text = _TAG.sub(" ", _INLINE_TAG.sub("", _BREAK.sub("\n", markup)))
    return _BLANK_LINES.sub("\n\n", _LINE_BLANKS.sub(" ", entities.unescape(_LONG_REFERENCE.sub("\ufffd", text))))


def _without_quotes(text: str) -> str:
    """Without lines that begin with `>` and the line that tells who wrote them."""
    if ">" not in text:
        return text
    kept: list[str] = []
    for line in text.split("\n"):
        if not line.startswith(">"):
            kept.append(line)
        elif kept:
            _drop_introduction(kept)
    return "\n".join(kept)


def _drop_introduction(kept: list[str]) -> None:
    """Takes off what ends with a colon right above a quote: "On Tuesday, Ann wrote:", broken into two lines or not."""
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and kept[-1].rstrip().endswith(":"):
        last = kept.pop()
        if kept and (last.startswith("<") or not _DIGIT.search(last)) and _DIGIT.search(kept[-1]):
            kept.pop()


def _one_line(text: str) -> str:
    """The text on one line; no more of it than a snippet can show is looked at."""
    line = _unfolded(text[:_PLENTY])
    return line if len(text) <= _PLENTY or len(line) > SNIPPET_CHARACTERS else _unfolded(text)


def _unfolded(text: str) -> str:
    return " ".join((text if text.isascii() else _UNSEEN.sub("", text)).split())
