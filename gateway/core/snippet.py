"""The snippet: the first words that a person wrote, for lists; without quotes, signature and markup."""

from __future__ import annotations

import html as entities
import re

from gateway.core.quotes import new_text

SNIPPET_CHARACTERS = 160
# Of a long text the beginning is looked at first. Where nothing in it can begin a quote, or where so much of it is new
# that what is cut at its end can't change the words that are shown, the rest is not asked.
_BEGINNING = 700
_ENOUGH = 400
_LONGEST = 8_192
_SIGNS_OF_MORE = (":", ">", "--", "__", "==", "**", "~~", "\uff1a", "\u2013", "\u2014", "\u2015", "\u2500")
_PLENTY = 4 * SNIPPET_CHARACTERS
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(style|script|head|title)\b.*?(?:</\1\s*>|\Z)|<[a-z/!?][^>]*(?:>|\Z)", re.S | re.I
)
_INLINE_TAG = re.compile(r"</?(?:a|abbr|b|big|code|em|font|i|mark|s|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>", re.I)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6]|/blockquote)\b[^<>]*>", re.I)
_LINE_BLANKS = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r" ?\n(?: ?\n)++ ?")
# Zero-width and soft signs that mailers pad with, and signs that turn text around.
_UNSEEN = re.compile("[\x80-\x84\x86-\x9f\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# Too long for a character's number; Python refuses to read such numbers.
_LONG_REFERENCE = re.compile(r"&#[0-9]{9,};?")


def text_snippet(text: str) -> str:
    """The beginning of a text on one line; all of it counts where nothing but quotes and signature stands there."""
    beginning = text[:_BEGINNING]
    if len(text) <= _BEGINNING or any(sign in beginning for sign in _SIGNS_OF_MORE):
        beginning = new_text(beginning)
    own = _one_line(beginning)
    if len(text) > _BEGINNING and len(own) < _ENOUGH:
        own = _one_line(new_text(text[:_LONGEST]))
    own = own or _one_line(text)
    return own if len(own) <= SNIPPET_CHARACTERS else own[: SNIPPET_CHARACTERS - 1].rstrip() + "…"


def without_tags(markup: str) -> str:
    """The text between the tags of HTML, in time linear in its length."""
    text = _TAG.sub(" ", _INLINE_TAG.sub("", _BREAK.sub("\n", markup)))
    return _BLANK_LINES.sub("\n\n", _LINE_BLANKS.sub(" ", entities.unescape(_LONG_REFERENCE.sub("\ufffd", text))))


def _one_line(text: str) -> str:
    """The text on one line; no more of it than a snippet can show is looked at."""
    line = _unfolded(text[:_PLENTY])
    return line if len(text) <= _PLENTY or len(line) > SNIPPET_CHARACTERS else _unfolded(text)


def _unfolded(text: str) -> str:
    return " ".join((text if text.isascii() else _UNSEEN.sub("", text)).split())
