"""The snippet: the words somebody wrote, not those that a mailer put around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.snippet import SNIPPET_CHARACTERS, text_snippet, without_tags

SNIPPETS = {
    "one line": ("Hello", "Hello"),
    "lines and blanks fold": (" Hello\n\n\tyou \n", "Hello you"),
    "nothing": (" \n", ""),
    "a signature": ("Hello\n-- \nCarol\n", "Hello"),
    "a signature whose blank was lost": ("Hello\n--\nCarol\n", "Hello"),
    "dashes in a text": ("Hello -- you\n--- no\n", "Hello -- you --- no"),
    "a quote below": ("Yes.\n\nOn Tuesday, Bob wrote:\n> Boats?\n>> Old\n", "Yes."),
    "a quote above": ("On Tuesday, Bob wrote:\n> Boats?\n\nYes.", "Yes."),
    "a quote below a blank line": ("Yes.\nBob schrieb:\n\n> Boats?", "Yes."),
    "an introduction on two lines": ("Yes.\n\nOn Tue, 14 Jan 2025, Bob\n<bob@x.example> wrote:\n> Boats?", "Yes."),
    "an introduction cut before its verb": ("Yes.\n\nOn 14 Jan 2025 Bob\nwrote:\n> Boats?", "Yes."),
    "what ends with a colon above a quote goes with it": ("Dear Bob\nabout this:\n> Boats?\nYes.", "Dear Bob Yes."),
    "quotes between answers": ("> Boats?\nYes.\n> Two?\nNo.", "Yes. No."),
    "an answer below a long quote": ("> Boats?\n" * 200 + "Yes.", "Yes."),
    "an answer in a long text": ("Yes. " * 10 + "\n> Boats?" * 200, ("Yes. " * 10).strip()),
    "nothing but a quote": ("> Boats?\n", "> Boats?"),
    "nothing but a signature": ("-- \nCarol\n", "-- Carol"),
    "the original below": ("Yes.\n\n-----Original Message-----\nFrom: Bob\n", "Yes."),
    "a forward": ("------ Forwarded message ------\nFrom: Bob\n", "------ Forwarded message ------ From: Bob"),
    "the line that Outlook draws": ("Yes.\n________________________________\nFrom: Bob\n", "Yes."),
    "signs that nobody sees": ("He\u200bl\u00adlo \u202eyou\u034f", "Hello you"),
    "just short enough": ("x" * SNIPPET_CHARACTERS, "x" * SNIPPET_CHARACTERS),
    "too long": ("x" * (SNIPPET_CHARACTERS + 1), "x" * (SNIPPET_CHARACTERS - 1) + "…"),
    "too long by a word": ("x" * 158 + " yyy", "x" * 158 + "…"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "snippet"), SNIPPETS.values(), ids=SNIPPETS)
def test_a_snippet_begins_with_what_was_written(text: str, snippet: str) -> None:
    assert text_snippet(text) == snippet


MARKUP = {
    "paragraphs are lines": ("<p>One</p><p>Two</p>", " One\n Two\n"),
    "words are not cut by letters in bold": ("b<b>oat</b>s", "boats"),
    "cells are apart": ("<td>a</td><td>b</td>", " a b "),
    "a style is no text": ("<style>p{}</style>x", " x"),
    "a script never closed": ("x<script>y", "x "),
    "a comment with a tag": ("x<!-- <p> > -->y", "x y"),
    "a comment never closed": ("x<!-- y", "x "),
    "a tag never closed": ("x<p y", "x "),
    "less than": ("1 < 2 &lt; 3", "1 < 2 < 3"),
    "references": ("&auml;&#228;&#xe4;", "äää"),
    "a reference beyond every character": (f"&#{'9' * 5_000};", "\ufffd"),
    "many blank lines": ("a<br> <br>\n \n<br>b", "a\n\nb"),
}


@pytest.mark.parametrize(("markup", "text"), MARKUP.values(), ids=MARKUP)
def test_the_text_between_tags(markup: str, text: str) -> None:
    assert without_tags(markup) == text


@given(st.text(alphabet=">-_: \nab1<é", max_size=400) | st.text())
def test_any_text_has_a_snippet_of_one_short_line(text: str) -> None:
    snippet = text_snippet(text)
    assert len(snippet) <= SNIPPET_CHARACTERS
    assert snippet == " ".join(snippet.split())
