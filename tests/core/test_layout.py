"""The text of HTML is laid out within a room that is known before, whatever the HTML asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import layout
from gateway.core.layout import MAX_ROOM, Layout, room_for
from gateway.core.safe_html import make_safe, unstyled
from gateway.core.snippet import without_tags

NARROW = "<table><tr><td>a</td><td>b</td></tr></table>"
HUGE = {
    "a long cell above many others": "<table><tr><td>" + "x" * 50_000 + "<tr><td>y" * 5_000,
    "a long cell beside a high one": "<table><tr><td>" + "x" * 50_000 + "<td>" + "y<br>" * 10_000,
    "many cells beside a high one": "<table><tr>" + "<td>x" * 5_000 + "<td>" + "y<br>" * 10_000,
    "columns and rows by the thousand": "<table><tr>" + "<td>" * 5_000 + "<tr><td>" * 5_000,
    "tables in tables": ("<table><tr><td>" + "x" * 500 + "<td>" + "y<br>" * 100) * 50,
    "a caption that is one line": "<table><caption>" + "x<br>" * 10_000 + "</caption><tr><td>" + "y<br>" * 10_000,
    "lines deep in lists": "<ul>" * 900 + "x<br>" * 10_000,
    "numbers of a thousand digits": f"<ol><li value={'9' * 4_000}>" + "<li>x" * 10_000,
    "lines that are as they are": "<table><tr><td><pre>" + "\n" * 10_000 + "</pre><td>" + "x" * 50_000,
    "blanks that stay": "<table><tr><td>" + "\u2003" * 50_000 + "<tr><td>y" * 5_000,
}


def safe(markup: str) -> str:
    return unstyled(make_safe(markup).html)


@pytest.mark.parametrize("markup", HUGE.values(), ids=HUGE)
def test_what_needs_too_much_room_is_shown_without_a_layout(markup: str) -> None:
    clean = safe(markup)
    assert room_for(clean) > MAX_ROOM
    assert Layout().text(clean) == without_tags(clean).strip()


LETTER = "<p>" + "A paragraph of some length, as people write them. " * 10 + "</p>"
HONEST = {
    "a long letter": LETTER * 200,
    "a newsletter built of tables": ("<table><tr><td><table><tr><td>" + LETTER + "</table></table>") * 50,
    "a newsletter within one table": "<table><tr><td>" * 4 + LETTER * 60,
    "a table of figures": "<table>" + "<tr><td>17 May<td>Boats<td>1,024.00" * 1_000,
    "a list": "<ul>" + "<li>One more thing" * 500,
}


@pytest.mark.parametrize("markup", HONEST.values(), ids=HONEST)
def test_honest_mail_is_laid_out(markup: str) -> None:
    found = Layout()
    found.text(safe(markup))
    assert 0 < found.room < MAX_ROOM


def test_all_parts_of_a_mail_share_markup_and_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_laid_out", lambda _: "laid out")
    texts = {
        "markup": Layout(markup=2 * len(NARROW)),
        "room": Layout(room=2 * room_for(NARROW)),
    }
    for found in texts.values():
        assert [found.text(NARROW) for _ in range(3)] == ["laid out", "laid out", without_tags(NARROW).strip()]


PIECES = [
    *("<table>", "</table>", "<tr>", "</tr>", "<td>", "<td align=right valign=bottom>", "</td>", "<caption>", "<ul>"),
    *("</ul>", "<ol start=9999999>", "</ol>", "<li>", "<li value=8888888>", "<p>", "</p>", "<b>", "</b>", "<pre>"),
    *("</pre>", "<div>", "</div>", "<br>", "<hr>", "<blockquote>", "<q>", "<dd>", "<h1>", "x" * 100, "a\nb", "\u2003"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.integers(1, 9))
def test_no_layout_needs_more_room_than_was_measured(markup: str, times: int) -> None:
    clean = safe(markup * times)
    assert len(Layout(room=1 << 60).text(clean)) <= room_for(clean)


@pytest.mark.parametrize("markup", ["<table><tr><td>x", "</td></table></ul>", "<table><td>x</table></td><pre>"])
def test_markup_that_is_not_balanced_is_measured_too(markup: str) -> None:
    assert 0 < room_for(markup) <= len(markup) * len(markup)
