"""Hostile mark-up is cut into tags as browsers cut it, and what would cost too much is known beforehand."""

from __future__ import annotations

import pytest

from gateway.core import markup
from gateway.core.markup import Copies, Tag, read_tags, simplify

KNOWN = {
    "a": frozenset(("href", "title")), "b": frozenset(("title",)), "br": frozenset(), "div": frozenset(),
    "li": frozenset(), "p": frozenset(), "span": frozenset(), "table": frozenset(), "td": frozenset(),
    "ul": frozenset(),
}  # fmt: skip

WRITTEN = {
    "text": ("1 < 2 & 3", "1 &lt; 2 & 3"),
    "an unknown element": ("<x-y>Hi</x-y>", "Hi"),
    "capitals": ("<B TITLE=x>Hi</B>", '<b title="x">Hi</b>'),
    "an unknown attribute": ('<b onclick="x" title="y">', '<b title="y">'),
    "an attribute twice: the first": ("<b title=x title=y>", '<b title="x">'),
    "an attribute without a value": ("<b title>", '<b title="">'),
    "quotes of either kind": ("<b title='\"'><b title=\"'\">", '<b title="&quot;"><b title="\'">'),
    "a tag within a value": ('<b title="<p>">', '<b title="&lt;p&gt;">'),
    "blanks around the sign": ("<b title\n=\t'x'>", '<b title="x">'),
    "a stroke in place of a blank": ("<b/title=x/>", '<b title="x/">'),
    "a value that begins with the sign": ("<b title==x>", '<b title="=x">'),
    "a quote within a bare value": ('<b title=x"y>', '<b title="x&quot;y">'),
    "a value that is never closed": ('Hi<b title="x>y', "Hi"),
    "a tag that never ends": ("Hi<b title=x", "Hi"),
    "an end tag with attributes": ("</b title=x>", "</b>"),
    "the end of what holds nothing": ("<br></br>", "<br>"),
    "a comment": ("a<!-- <p> -->b", "ab"),
    "a comment closed at once": ("a<!-->b", "ab"),
    "a comment closed with a mark": ("a<!--x--!>b", "ab"),
    "a comment that never ends": ("a<!-- b", "a"),
    "a declaration": ("<!doctype html>a<?xml x?>b</ x>c", "abc"),
    "a declaration that never ends": ("a<!doctype", "a"),
    "a script": ("a<script>'<p>'</SCRIPT >b", "ab"),
    "a script within a comment of its own": ("a<script><!--</script>b", "ab"),
    "a style that is never closed": ("<style>p<b>", "p<b>"),
    "two of them": ("<style><style>p", "p"),
    "an end that only begins alike": ("<title>x</titles>y</title>z", "z"),
    "NUL": ("<sc\0ript>x</script>", ""),
    "a sign that is no letter": ("<1><\u212a>", "&lt;1>&lt;\u212a>"),
}  # fmt: skip


@pytest.mark.parametrize(("hostile", "simple"), WRITTEN.values(), ids=WRITTEN)
def test_markup_is_written_anew(hostile: str, simple: str) -> None:
    found = simplify(hostile, KNOWN)
    assert found is not None
    assert found[0] == simple


def test_tags_come_in_order_between_their_texts() -> None:
    assert list(read_tags("a<b x=1>c</b>")) == [
        "a", Tag("b", False, {"x": "1"}), "c", Tag("b", True, {}), "",
    ]  # fmt: skip


DEEP, MANY = markup.MAX_OPEN, 3_000
SCATTERED = ("<b>" + "<span>" * 60 + "</b>") * 16 + "</span>" * 960
COSTS = {
    # story: markup, whether it is within what a tree may cost
    "many one beside the other": ("<div>x</div>" * MANY, True),
    "many that the next one closes": ("<p>x" * MANY + "<li>x" * MANY, True),
    "just as deep as may be": ("<div>" * DEEP, True),
    "deeper": ("<div>" * (DEEP + 1), False),
    "deep, with ends of nothing in between": ("<div></b></ul>" * (DEEP + 1), False),
    "deep lists": ("<ul><li>" * (DEEP + 1), False),
    "bold in each paragraph": ("<p><b>x</b></p>" * MANY, True),
    "bold in each paragraph, closed after it": ("<b><p>x</p></b>" * MANY, True),
    "bold around tables": ("<b><table><td>x</td></table></b>" * MANY, True),
    "bold left open in each paragraph": ("<p><b>x</p>" * MANY, False),
    "bold closed across a block": ("<b><div></b></div>" * MANY, False),
    "bold closed across a table": ("<b><table></b></table>" * MANY, False),
    "bold closed behind fifty others": (SCATTERED + "<p>x" * 40_000, False),
    "a block closed around it": ("<div><b></div>" * MANY, False),
    "a few long ones": (f"<p><b title={'x' * 10_000}>" + "<p>x" * MANY, False),
    "a few short ones": ("<p><b title=x><b>" + "<p>x" * MANY, True),
}  # fmt: skip


@pytest.mark.parametrize(("hostile", "within"), COSTS.values(), ids=COSTS)
def test_what_a_tree_costs_is_known_before_it_is_built(hostile: str, within: bool) -> None:
    assert (simplify(hostile, KNOWN) is not None) == within


def test_what_was_spent_before_counts() -> None:
    bold = "<p>" + "<b>" * 100 + "<p>x" * 1_000
    first = simplify(bold, KNOWN)
    assert first is not None
    assert first[1].elements > 100_000
    assert simplify(bold, KNOWN, Copies(markup.MAX_COPIES - first[1].elements)) is not None
    assert simplify(bold, KNOWN, Copies(markup.MAX_COPIES - first[1].elements + 1)) is None
