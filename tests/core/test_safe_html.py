"""HTML of strangers is shown without anything that acts or asks another server for something."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from gateway.core import safe_html
from gateway.core.safe_html import KNOWN, Budget, Safe, make_safe, unstyled
from tests.core.payloads import PAYLOADS, PIECES

OWN = {"logo@x": "/mail/1/attachments/2"}
REL = 'target="_blank" rel="noopener noreferrer nofollow"'
PNG = "data:image/png;base64,iVBORw0KGgo="

SHOWN = {
    "plain mark-up": ("<p>Hello <b>Bob</b></p>", "<p>Hello <b>Bob</b></p>"),
    "the looks of business mail": (
        "<p style='COLOR: #333; font:bold 12px/1.5 \"Segoe UI\"; padding:0 4px!important'>Hi</p>",
        '<p style="color:#333;font:bold 12px / 1.5 &quot;Segoe UI&quot;;padding:0 4px ! important">Hi</p>',
    ),
    "a table": (
        "<table width=9 bgcolor='#eee'><td colspan=2><font size=2>Hi",
        '<table width="9" bgcolor="#eee"><tbody><tr><td colspan="2"><font size="2">Hi</font></td></tr></tbody></table>',
    ),
    "the style of the whole": ("<html><body style='color:red'>Hi</body></html>", '<div style="color:red">Hi</div>'),
    "what is left out of a style": (
        "<p style='position:fixed;behavior:url(x);color:f(1);width:\\65x;margin:-9px;color/**/:red;color:blue'>Hi</p>",
        '<p style="color:blue">Hi</p>',
    ),
    "a style without end": (f"<p style='{'color:red;' * 2_000}'>Hi</p>", "<p>Hi</p>"),
    "a script": ("<script>alert(1)</script>Hi", "Hi"),
    "a title": ("<head><title>x</title></head>Hi", "Hi"),
    "a form": ("<form action=x><input name=y><button>Hi</form>", "Hi"),
    "a link": ("<a href='https://x.example/?a=1&b=2' title=x>Hi</a>",
               f'<a href="https://x.example/?a=1&amp;b=2" title="x" {REL}>Hi</a>'),
    "an address to write to": ("<a href=' MAILTO:a@x.example'>a</a>", f'<a href=" MAILTO:a@x.example" {REL}>a</a>'),
    "a number to call": ("<a href='tel:+49123'>a</a>", f'<a href="tel:+49123" {REL}>a</a>'),
    "a link that runs": ("<a href='java&#9;script:x()'>Hi</a>", f"<a {REL}>Hi</a>"),
    "a link to a page of ours": ("<a href='/sign-out'>Hi</a>", f"<a {REL}>Hi</a>"),
    "a link to a file of its own": ("<a href='/mail/1/attachments/2'>Hi</a>", f"<a {REL}>Hi</a>"),
    "names that a page could stumble over": ("<p id=main class=row name=x>Hi</p>", "<p>Hi</p>"),
    "its own picture": ("<img src='cid:logo@x' alt=Logo>", '<img src="/mail/1/attachments/2" alt="Logo">'),
    "its own picture, encoded": ("<img src='CID:logo%40x'>", '<img src="/mail/1/attachments/2">'),
    "a picture of its own that isn't there": ("<img src='cid:none@x' alt=x>", '<img alt="x">'),
    "a picture of ours": ("<img src='/static/icon.svg'>", "<img>"),
    "a picture of a file": ("<img src='file:///etc/passwd'>", "<img>"),
    "a picture in itself": (f"<img src='{PNG}'>", f'<img src="{PNG}">'),
    "a drawing in itself": ("<img src='data:image/svg+xml;base64,PHN2Zz4='>", "<img>"),
    "a page in itself": ("<img src='data:text/html,x'>", "<img>"),
    "too much in itself": (f"<img src='{PNG}'><img src='{PNG}{'A' * safe_html.MAX_DATA}'>", f'<img src="{PNG}"><img>'),
    "elements left open by the thousand": ("<b>" * 2_000 + "<i>Hi</i> &lt; \"x\"", '<pre>Hi &lt; "x"</pre>'),
    "longer than anybody reads": ("<p>Hi</p>" + " " * safe_html.MAX_MARKUP, "<pre>Hi</pre>"),
    "line ends at the top of what is as it is": ("<pre>\n\n x\n</pre>", "<pre>\n\n x\n</pre>"),
}  # fmt: skip


@pytest.mark.parametrize(("markup", "clean"), SHOWN.values(), ids=SHOWN)
def test_html_is_shown_without_what_acts(markup: str, clean: str) -> None:
    assert make_safe(markup, inline=OWN) == Safe(clean)


BOLD = "<b>" * 100 + "<p>x" * 1_000
PICTURE = f"<img src='{PNG}{'A' * (safe_html.MAX_DATA // 5 * 2)}'>"
SHARED = {
    # story: a part, how many of the kind are shown as they are before the bound of the mail is reached
    "the length of the markup": ("<p>x</p>" + " " * (safe_html.MAX_MARKUP // 5 * 2), "<p>", 2),
    "what a parser has to write again": (BOLD, "<b>", 2),
    "pictures in themselves": (PICTURE, "<img src", 2),
}


@pytest.mark.parametrize(("part", "begin", "within"), SHARED.values(), ids=SHARED)
def test_all_parts_of_a_mail_share_its_bounds(part: str, begin: str, within: int) -> None:
    budget = Budget()
    assert [make_safe(part, budget=budget).html.startswith(begin) for _ in range(4)] == [n < within for n in range(4)]
    assert make_safe(part).html.startswith(begin)


def test_a_part_that_comes_to_no_rest_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_html, "_MAX_PASSES", 1)
    budget = Budget()
    assert make_safe(BOLD + PICTURE, budget=budget).html.startswith("<pre>x")
    assert (budget.copies.elements > 0, budget.data) == (True, 0)


def test_markup_that_comes_to_no_rest_is_shown_as_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    restless = "<h6>x<table><h6><dt>"
    assert make_safe(restless) == Safe("<h6>x</h6><h6><dt></dt></h6><table></table>")

    monkeypatch.setattr(safe_html, "_MAX_PASSES", 2)
    assert make_safe(restless) == Safe("<pre>x</pre>")


ONE, TWO = "https://x.example/1?a=1&amp;b=2", "https://x.example/2"
ROW, END = "<table><tbody><tr>", "</td></tr></tbody></table>"
REMOTE = {
    # story: markup, blocked, shown
    "a picture": (
        "<img src=' https://x.example/a b.png?c=\"1\"' alt=x>",
        '<img data-blocked-src="https://x.example/a b.png?c=&quot;1&quot;" alt="x">',
        '<img src="https://x.example/a b.png?c=&quot;1&quot;" alt="x">',
    ),
    "the other sizes of it": (
        "<picture><source srcset='//x.example/2'><img src=http://x.example/1 srcset='http://x.example/2 2x'></picture>",
        '<img data-blocked-src="http://x.example/1">',
        '<img src="http://x.example/1">',
    ),
    "behind a table": (
        "<table background='http://x.example:8080/1'></table>",
        '<table data-blocked-background="http://x.example:8080/1"></table>',
        '<table background="http://x.example:8080/1"></table>',
    ),
    "behind a text": (
        "<p style='background:#fff URL(\"https://x.example/1\") no-repeat;color:red'>Hi</p>",
        '<p style="background:#fff no-repeat;--blocked-background:&quot;https://x.example/1&quot;;color:red">Hi</p>',
        '<p style="background:#fff no-repeat;--blocked-background:&quot;https://x.example/1&quot;;color:red">Hi</p>',
    ),
    "behind a text, with words nobody knows": (
        "<p style='background-image:url(https://x.example/1),evil(1)'>Hi</p>",
        '<p style="--blocked-background:&quot;https://x.example/1&quot;">Hi</p>',
        '<p style="--blocked-background:&quot;https://x.example/1&quot;">Hi</p>',
    ),
    "behind a cell": (
        f"{ROW}<td style='background:url({ONE})'>Hi",
        f'{ROW}<td style="--blocked-background:&quot;{ONE}&quot;">Hi{END}',
        f'{ROW}<td style="--blocked-background:&quot;{ONE}&quot;" background="{ONE}">Hi{END}',
    ),
    "behind a cell, twice": (
        f"{ROW}<td background='{TWO}' style='background:url({ONE})'>Hi",
        f'{ROW}<td data-blocked-background="{TWO}" style="--blocked-background:&quot;{ONE}&quot;">Hi{END}',
        f'{ROW}<td background="{TWO}" style="--blocked-background:&quot;{ONE}&quot;">Hi{END}',
    ),
}


@pytest.mark.parametrize(("markup", "blocked", "shown"), REMOTE.values(), ids=REMOTE)
def test_remote_pictures_are_blocked_until_they_are_wanted(markup: str, blocked: str, shown: str) -> None:
    assert make_safe(markup) == Safe(blocked, remote=True)
    assert make_safe(markup, show_remote=True) == Safe(shown, remote=True)
    assert make_safe(blocked).html == blocked
    assert make_safe(shown, show_remote=True).html == shown


NOT_REMOTE = {
    "an address without a scheme": ("<img src='//x.example/1.png'>", "<img>"),
    "another scheme": ("<table background='ftp://x.example/1'></table>", "<table></table>"),
    "an address that ends the style": ("<p style='background:url(\"https://x.example/;x\")'>Hi</p>", "<p>Hi</p>"),
    "a style that was blocked by nobody": (
        "<p style='--blocked-background:url(https://x.example)'>Hi</p>",
        "<p>Hi</p>",
    ),
    "an address too long": (f"<img src='https://x.example/{'x' * 8_000}'>", "<img>"),
    "a blocked address that runs": ("<img data-blocked-src='javascript:x()'>", "<img>"),
}


@pytest.mark.parametrize(("markup", "clean"), NOT_REMOTE.values(), ids=NOT_REMOTE)
def test_an_address_that_is_no_pictures_goes(markup: str, clean: str) -> None:
    assert make_safe(markup, show_remote=True) == Safe(clean)


def test_text_that_looks_like_a_blocked_address_stays() -> None:
    text = 'x src="blocked:y" style="z"'
    assert make_safe(text).html == unstyled(text) == text
    assert unstyled('<p style="margin-top:9em">x</p>') == "<p>x</p>"


def faults(html: str) -> list[str]:
    """What another parser finds that must not be there."""
    found: list[str] = []
    for node in LexborHTMLParser(f"<!doctype html><body>{html}").root.traverse(include_text=True):  # type: ignore[union-attr]
        if node.tag in ("html", "head", "body", "-text", "-doctype", "-document"):
            found += [f"<{node.tag}> has attributes"] if node.attributes else []
        elif node.tag not in KNOWN:
            found.append(f"<{node.tag}>")
        else:
            found += _attribute_faults(node)
    return found


def _attribute_faults(node: LexborNode) -> list[str]:
    found = []
    for name, value in node.attributes.items():
        allowed = name in KNOWN[node.tag or ""] or (node.tag == "a" and name in ("rel", "target"))
        fits = URLS.get(name, re.compile(".*", re.S)).fullmatch(value or "")
        acts = name == "style" and ACTS.search(value or "")
        if not allowed or not fits or acts:
            found.append(f"<{node.tag} {name}={value!r}>")
    return found


URLS = {
    "href": re.compile(r"\s*(https?|mailto|tel):.*", re.S | re.I),
    "src": re.compile(r"/mail/1/attachments/2|data:image/(png|gif|jpe?g|webp);base64,[A-Za-z0-9+/=\s]*"),
    "background": re.compile("never"),
    "data-blocked-src": re.compile(r"https?://[^\\]*", re.I),
    "data-blocked-background": re.compile(r"https?://[^\\]*", re.I),
}
ACTS = re.compile(r"url|expression|import|behaviou?r|binding|position|z-index|image-set|var\(|\\|[{}<>@]", re.I)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_nothing_hostile_is_left_for_another_parser(payload: str) -> None:
    for hostile in (payload, f"<div>{payload}</div>", f"<table><tr>{payload}", f"<p title='{payload}'>", payload * 3):
        clean = make_safe(hostile, inline=OWN).html
        assert faults(clean) == []
        assert make_safe(clean, inline=OWN).html == clean
        shown = make_safe(hostile, inline=OWN, show_remote=True).html
        assert not [fault for fault in faults(shown) if not re.search("(src|background)='https?://", fault)]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_whatever_is_put_together_is_safe_and_stays_as_it_is(hostile: str) -> None:
    clean = make_safe(hostile, inline=OWN).html
    assert faults(clean) == []
    assert make_safe(clean, inline=OWN).html == clean


@settings(max_examples=300)
@given(st.text())
def test_a_text_is_never_too_much(hostile: str) -> None:
    assert faults(make_safe(hostile).html) == []
