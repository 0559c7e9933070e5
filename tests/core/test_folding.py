"""What isn't new in an HTML mail is folded, and the tree that was judged stays as it was."""

from __future__ import annotations

import re

import pytest

from gateway.core.body import content
from gateway.core.folding import fold
from gateway.core.quotes import ENDS, LETTER_BEGINS, MARKERS, MAYBE_BEGINS, NEW, QUOTE_BEGINS, Block
from tests.core.payloads import PAYLOADS
from tests.core.payloads_that_run import RUNNING

WORDS = {"quote": "Quoted <text>", "signature": "Signature"}
QUOTE = '<details class="fold"><summary>Quoted &lt;text&gt;</summary>'
SIGNATURE = '<details class="fold"><summary>Signature</summary>'
OUTLOOK = (
    "<div><p>Hi</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>From:</b> x<br><b>Sent:</b> 12 "
    "Jan 2026 10:00<br><b>To:</b> y<br><b>Subject:</b> z</p></div></div><p>old</p></div>"
)
FORWARD = "<p>See below</p><div class=gmail_quote>---------- Forwarded message ---------<br>From: x<br>Hi</div>"


def read(markup: str, subject: str = "x") -> tuple[str, str]:
    """A mail's HTML folded, and as it would be without folds."""
    raw = f"From: a@b.example\r\nSubject: {subject}\r\nContent-Type: text/html\r\n\r\n{markup}".encode()
    found = content(raw, max_parts=10, max_depth=5, marked=True)
    plain = content(raw, max_parts=10, max_depth=5)
    assert found.text == plain.text
    assert plain.html is not None
    return fold(found.html or "", found.blocks, WORDS), plain.html


STORIES = {
    # story: markup, how many quotes, how many signatures
    "Gmail": ("<div>Hi</div><div class=gmail_quote>On x wrote:<blockquote>old</blockquote></div>", 1, 0),
    "Apple": ("<div>Hi</div><blockquote type=cite>old</blockquote><div class=gmail_signature>Bob</div>", 1, 1),
    "Outlook on the web": ("<p>Hi</p><div><hr><div id=divRplyFwdMsg><b>From:</b> x</div><p>old</p></div>", 1, 0),
    "Outlook": (OUTLOOK, 1, 0),
    "quotes between answers": (
        "<p>A</p><blockquote type=cite>1</blockquote><p>B</p><blockquote type=cite>2</blockquote>",
        2,
        0,
    ),
    "a picture beside a quote": ("<p>x</p><img src=cid:x><blockquote type=cite>old</blockquote>", 1, 0),
    "a saying": ("<p>Hi</p><blockquote>A saying</blockquote><p>Bye</p>", 0, 0),
    "a drawn line": ("<p>Hi</p><div style='border:none;border-top:solid red'></div><p>Bye</p>", 0, 0),
    "nothing but a quote": ("<blockquote type=cite>old</blockquote>", 0, 0),
    "a letter that is passed on": (FORWARD, 0, 0),
    "a marker within an attribute": ("<p>Hi</p><img alt='<blockquote type=cite>' src=cid:x>", 0, 0),
    "mark-up that is moved about": ("<p>hi</p><table><tr><blockquote type=cite>x<td>y</blockquote>z</table>", 1, 0),
}


@pytest.mark.parametrize(("markup", "quotes", "signatures"), STORIES.values(), ids=STORIES)
def test_what_is_not_new_is_folded_and_nothing_else_changes(markup: str, quotes: int, signatures: int) -> None:
    folded, plain = read(markup)
    if "moved" not in markup and markup is not STORIES["mark-up that is moved about"][0]:
        assert (folded.count(QUOTE), folded.count(SIGNATURE)) == (quotes, signatures)
    assert unfolded(folded) == plain
    assert not MARKERS.search(folded)


def unfolded(folded: str) -> str:
    return re.sub(r'<details class="fold"><summary>[^<]*</summary>|</details>', "", folded)


@pytest.mark.parametrize("markup", [*PAYLOADS.values(), *RUNNING.values()])
def test_hostile_mark_up_is_folded_without_changing_it(markup: str) -> None:
    quoted = f"<p>Hi</p>{markup}<div class=gmail_quote>{markup}<blockquote type=cite>{markup}</blockquote></div>"
    folded, plain = read(quoted)
    assert without_empty(unfolded(folded)) == without_empty(plain)
    assert folded.count("<details") == folded.count("</details>")


def without_empty(markup: str) -> str:
    """The mark-up without elements that hold nothing: a marker lets a parser open a link or a font once more."""
    while (less := re.sub(r"<(a|b|font)(?: [^>]*)?></\1>", "", markup)) != markup:
        markup = less
    return markup


B, L, M, E = QUOTE_BEGINS, LETTER_BEGINS, MAYBE_BEGINS, ENDS
FOLDED = {
    # story: markup with markers, what comes of it
    "whole": (f"x{B}<p>o</p>{E}y", f"x{QUOTE}<p>o</p></details>y"),
    "a void element": (f'x{B}<br><img src="a>b">{E}y', f'x{QUOTE}<br><img src="a>b"></details>y'),
    "one that ends in another element": (f"x{B}<p>o{E}</p>y", "x<p>o</p>y"),
    "one whose element ends first": (f"x<p>{B}o</p>{E}y", "x<p>o</p>y"),
    "one without an end": (f"x{B}<p>o</p>", "x<p>o</p>"),
    "a letter to the end of its element": (f"x<div>{L}o<p>p</p></div>y", f"x<div>{QUOTE}o<p>p</p></details></div>y"),
    "a letter to the end": (f"x{L}o<p>p</p>", f"x{QUOTE}o<p>p</p></details>"),
    "an end within a letter": (f"x{L}o{E}p", f"x{QUOTE}op</details>"),
    "a beginning within a fold": (f"x{B}o{B}p{E}y", f"x{QUOTE}op</details>y"),
    "maybe": (f"x{M}<p>o</p>{E}y", "x<p>o</p>y"),
    "maybe, with nothing in it": (f"x{M}", "x"),
}


@pytest.mark.parametrize(("markup", "came"), FOLDED.values(), ids=FOLDED)
def test_only_a_stretch_whose_mark_up_is_whole_is_folded(markup: str, came: str) -> None:
    assert fold(markup, (Block(NEW, "x"),), WORDS) == came.replace(MARKERS.pattern, "")


def test_a_mail_of_nothing_but_markers_stays_in_bounds() -> None:
    many = f"x{B}<p>" * 20_000
    assert fold(many, (Block(NEW, "x"),), WORDS) == "x<p>" * 20_000
    opened = "<b>" * 20_000 + M + "<b>From: x</b>"
    assert fold(f"x{opened * 3}", (Block(NEW, "x"),), WORDS).count("<details") == 0


def test_the_header_of_a_letter_takes_the_elements_that_open_before_it() -> None:
    head = "<p>From: x@y.example<br>Sent: 12 Jan 2026 10:00<br>To: y<br>Subject: z</p>"
    assert fold(f"<p>Hi</p>{M}{head}{E}old", (Block(NEW, "x"),), WORDS) == f"<p>Hi</p>{QUOTE}{head}old</details>"
    nested = f"<p>Hi</p><div><div>{M}{head}{E}</div></div>old"
    assert fold(nested, (Block(NEW, "x"),), WORDS) == (f"<p>Hi</p>{QUOTE}<div><div>{head}</div></div>old</details>")
