"""What the markup of an HTML mail tells of quotes, letters and signatures: the containers they are put in.

`with_markers` puts a sign where such a container begins and ends. The signs survive the cleaning and the layout of the
markup, so the text that is made of it still tells what `quotes` has to know.
"""

from __future__ import annotations

import re

from gateway.core.quotes import ENDS, LETTER_BEGINS, MARKERS, MAYBE_BEGINS, QUOTE_BEGINS, SIGNATURE_BEGINS

_TAG = re.compile(r"<(/?)(blockquote|div|hr|pre|section|span|table)\b([^<>]*)>", re.I)
_QUOTES = ("gmail_quote", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "moz-cite-prefix", "zmail_extra")
_LETTERS = ("divRplyFwdMsg", "OLK_SRC_BODY_SECTION", "zwchr", "mail-editor-reference-message-container")
_LETTERS_PASSED_ON = ("moz-forward-container",)
_SIGNATURES = ("gmail_signature", "moz-signature", "AppleMailSignature", "ms-outlook-mobile-signature")
_MORE_SIGNATURES = ("protonmail_signature_block", "tutanota_signature", "yahoo-signature")
_SURE = (*_QUOTES, *_LETTERS, 'type="cite"', "type=cite")
_CITE = re.compile(r"\btype=[\"']?cite\b", re.I)
# Outlook draws a line above the header of the letter it answers or passes on.
_DRAWN_LINE = re.compile(r"border:none; ?border-top: ?solid", re.I)
_KINDS = (
    (re.compile("|".join(_QUOTES)), QUOTE_BEGINS),
    (re.compile("|".join(_LETTERS + _LETTERS_PASSED_ON)), LETTER_BEGINS),
    (re.compile("|".join(_SIGNATURES + _MORE_SIGNATURES)), SIGNATURE_BEGINS),
    (_DRAWN_LINE, MAYBE_BEGINS),
)
_MOST = 2_000


def with_markers(markup: str) -> str:
    """The markup with the signs of `quotes` around the outermost containers; a letter runs to the end."""
    markup = MARKERS.sub("", markup)
    pieces: list[str] = []
    done = depth = 0
    container = ""
    for tag in _TAG.finditer(markup):
        name = tag[2].lower()
        if not container:
            marker = "" if tag[1] else _marker(name, tag[3][:_MOST])
            if marker:
                pieces += (markup[done : tag.start()], marker)
                done = tag.start()
                if marker == LETTER_BEGINS or name == "hr":
                    break
                container, depth = name, 1
        elif name == container:
            depth += -1 if tag[1] else 1
            if not depth:
                pieces += (markup[done : tag.end()], ENDS)
                done, container = tag.end(), ""
    return "".join((*pieces, markup[done:]))


def before_quotes(markup: str) -> str:
    """What stands before the first container that surely holds no new text: enough for the first words of a mail."""
    found = [place for mark in _SURE if (place := markup.find(mark)) >= 0]
    return markup[: markup.rfind("<", 0, min(found))] if found else markup


def _marker(name: str, attributes: str) -> str:
    if name == "blockquote" and _CITE.search(attributes):
        return QUOTE_BEGINS
    for pattern, marker in _KINDS:
        if pattern.search(attributes):
            return marker
    return MAYBE_BEGINS if name == "blockquote" else ""
