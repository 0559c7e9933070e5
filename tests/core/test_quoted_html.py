"""What the markup of mail programs tells of quotes, letters and signatures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.body import Content, content, outline
from gateway.core.header import read_header
from gateway.core.quoted_html import before_quotes, with_markers
from gateway.core.quotes import MARKERS

HEADER = "<b>From:</b> Bob<br><b>Sent:</b> Tuesday<br><b>To:</b> Ana<br><b>Subject:</b> Boats"
DRAWN = "<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>"
WROTE = "On Tue, Jan 14, 2025 at 9:50 AM Bob &lt;b@x.example&gt; wrote:"
PROGRAMS = {
    # program: markup, what is new, kinds of the blocks
    "Gmail": (
        (
            '<div dir="ltr">Yes.</div><br><div class="gmail_quote gmail_quote_container">'
            f'<div class="gmail_attr">{WROTE}<br>'
            '</div><blockquote class="gmail_quote">Boats?</blockquote></div>'
        ),
        "Yes.",
        ["new", "quote"],
    ),
    "Gmail, a signature": (
        '<div>Yes.</div><div class="gmail_signature">Carol</div><div class="gmail_quote">Boats?</div>',
        "Yes.",
        ["new", "signature", "quote"],
    ),
    "Gmail, passed on": (
        (
            '<div>See.<br><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>'
            "Von: Bob</div>Boats?</div></div>"
        ),
        "See.",
        ["new", "forward"],
    ),
    "Outlook on the web": (
        f'<p>Yes.</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">{HEADER}</div><div>Boats?</div>',
        "Yes.",
        ["new", "quote"],
    ),
    "Outlook": (f"<p>Yes.</p>{DRAWN}<p>{HEADER}</p></div></div><p>Boats?</p>", "Yes.", ["new", "quote"]),
    "Outlook, in a language we don't know": (
        f"<p>Yes.</p>{DRAWN}<p>Qui: Bob<br>Quid: x<br>Quo: y</p></div></div><p>Boats?</p>",
        "Yes.",
        ["new", "quote"],
    ),
    "a line that somebody drew": (f"<p>Yes.</p>{DRAWN}<p>No.</p></div></div>", "Yes. No.", ["new"]),
    "Apple": (
        f'<div>Yes.</div><div><blockquote type="cite"><div>{WROTE}</div><br>Boats?</blockquote></div><div>PS</div>',
        "Yes. PS",
        ["new", "quote", "new"],
    ),
    "Thunderbird": (
        (
            f'<p>Yes.</p><div class="moz-cite-prefix">{WROTE}<br></div><blockquote type="cite"><blockquote>Old'
            '</blockquote>Boats?</blockquote><pre class="moz-signature">-- \nCarol</pre>'
        ),
        "Yes.",
        ["new", "quote", "signature"],
    ),
    "Thunderbird, passed on": (
        '<p>See.</p><div class="moz-forward-container">-------- Weitergeleitete Nachricht --------<br>Boats?</div>',
        "See.",
        ["new", "forward"],
    ),
    "Yahoo": (f'<div>Yes.</div><div class="yahoo_quoted"><div>{WROTE}</div>Boats?</div>', "Yes.", ["new", "quote"]),
    "ProtonMail": ('<div>Yes.</div><div class="protonmail_quote">Boats?</div>', "Yes.", ["new", "quote"]),
    "Zimbra": ('<p>Yes.</p><hr id="zwchr"><div>Bob:</div><p>Boats?</p>', "Yes.", ["new", "quote"]),
    "Yandex": (f"<p>Yes.</p><div>{WROTE}</div><blockquote>Boats?</blockquote>", "Yes.", ["new", "quote"]),
    "an indented text": ("<p>He said</p><blockquote>To be</blockquote>", "He said To be", ["new"]),
    "a container that is never closed": ('<p>Yes.</p><div class="gmail_quote"><div>Boats?', "Yes.", ["new", "quote"]),
    "nothing but what a program made of it": ('<div class="gmail_quote">Boats?</div>', "", ["quote"]),
}


def message(markup: str) -> bytes:
    return f"Content-Type: text/html; charset=utf-8\r\n\r\n{markup}".encode()


def shown(markup: str) -> Content:
    return content(message(markup), max_parts=5, max_depth=5)


def snippet(markup: str) -> str:
    raw = message(markup)
    return outline(raw, read_header(raw), max_parts=5, max_depth=5).snippet


ROUGH = {
    "Apple": "Yes.",
    "Gmail, a signature": "Yes. Carol",
    "Outlook, in a language we don't know": "Yes. Qui: Bob Quid: x Quo: y Boats?",
    "nothing but what a program made of it": "Boats?",
}
"""First words, where the quick look at filing sees less than the reading does."""


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_new_in_the_html_of_a_program(program: str) -> None:
    markup, new, kinds = PROGRAMS[program]
    found = shown(markup)

    assert [block.kind for block in found.blocks] == kinds
    assert " ".join(found.reply_text.split()) == new
    assert "".join(block.text for block in found.blocks) == found.text
    assert not MARKERS.search(found.text + (found.html or ""))
    assert snippet(markup) == ROUGH.get(program, new)


def test_signs_of_our_own_that_somebody_else_wrote_are_taken_out() -> None:
    found = shown("<p>Yes.\ufdd0No.</p>")
    assert (found.text.strip(), found.html, len(found.blocks)) == ("Yes.No.", "<p>Yes.No.</p>", 1)


CUT = {
    "no quote": ("<p>Yes.</p>", "<p>Yes.</p>"),
    "a quote": ('<p>Yes.</p><div class="gmail_quote">', "<p>Yes.</p>"),
    "the first of two": ('a<div id="divRplyFwdMsg"><blockquote type="cite">', "a"),
    "what is no tag": ("gmail_quote", ""),
}


@pytest.mark.parametrize(("markup", "before"), CUT.values(), ids=CUT)
def test_the_first_words_stand_before_the_first_quote(markup: str, before: str) -> None:
    assert before_quotes(markup) == (before or markup[:-1])


PIECES = [
    "<div>",
    "</div>",
    '<div class="gmail_quote">',
    "<blockquote>",
    "</blockquote>",
    "<blockquote type=cite>",
    "<hr>",
    "x",
    '<hr id="zwchr">',
    '<div id="divRplyFwdMsg">',
    "<div ",
    "<!--",
    "-->",
    '<span class="gmail_signature">',
    "</span>",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_markers_are_all_that_is_added(markup: str) -> None:
    assert MARKERS.sub("", with_markers(markup)) == markup
    assert "".join(block.text for block in shown(markup).blocks) == shown(markup).text


@pytest.mark.parametrize(
    "piece", ["<div ", "<div>", "<div class=gmail_quote>", "<blockquote></blockquote>", "<div type "]
)
def test_a_megabyte_of_tags_is_read(piece: str) -> None:
    markup = piece * (1_000_000 // len(piece))
    assert MARKERS.sub("", with_markers(markup)) == markup
