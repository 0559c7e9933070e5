"""What a reader is shown of a body, and what is handed over as a file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import layout
from gateway.core.attachments import Attachment
from gateway.core.body import Content, Outline, attachment, content, outline
from gateway.core.header import read_header
from gateway.core.quotes import MARKERS
from tests.core.test_mime import HTML, PDF, TEXT, multipart

LIMITS: dict[str, Any] = {"max_parts": 5, "max_depth": 3}


def outlined(message: bytes) -> Outline:
    return outline(message, read_header(message), **LIMITS)


def shown(message: bytes) -> Content:
    return content(message, **LIMITS)


MORE = b"\r\nMore"
IMAGE = b"Content-Type: image/png\r\nContent-ID: <i@x>\r\n\r\npng"
INVITE = b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR"
NAMED = b"Content-Type: text/plain; name=notes.txt\r\n\r\nNotes"
PLACED = b"Content-Disposition: attachment\r\n\r\nNotes"
EMPTY = b"\r\n \r\n"
SHOWN = {
    # story: message, text, html, names of files
    "a text": (TEXT, "Hello", None, []),
    "no body": (b"Subject: x\r\n\r\n", "", None, []),
    "HTML alone": (HTML, "Hello", "<p>Hello</p>", []),
    "text and HTML as alternatives": (multipart(TEXT, HTML, kind="alternative"), "Hello", "<p>Hello</p>", []),
    "an empty text beside HTML": (multipart(EMPTY, HTML, kind="alternative"), "Hello", "<p>Hello</p>", []),
    "an attachment": (multipart(TEXT, PDF), "Hello", None, ["part-1.pdf"]),
    "nothing but an attachment": (PDF, "", None, ["part-1.pdf"]),
    "a text with a name is a file": (multipart(TEXT, NAMED), "Hello", None, ["notes.txt"]),
    "a text meant as attachment is a file": (multipart(TEXT, PLACED), "Hello", None, ["part-1.txt"]),
    "a text behind a picture is text": (multipart(TEXT, IMAGE, MORE), "Hello\n\nMore", None, ["part-1.png"]),
    "an empty text behind it is not": (multipart(TEXT, IMAGE, EMPTY), "Hello", None, ["part-1.png"]),
    "the footer of a list below HTML": (
        multipart(HTML, b"\r\n<list>"), "Hello\n\n<list>", "<p>Hello</p>\n<pre>&lt;list&gt;</pre>", [],
    ),
    "HTML that shows a picture": (multipart(HTML, IMAGE, kind="related"), "Hello", "<p>Hello</p>", ["part-1.png"]),
    "an invitation": (multipart(TEXT, HTML, INVITE, kind="alternative"), "Hello", "<p>Hello</p>", ["part-1.ics"]),
    "a third alternative is a file": (
        multipart(TEXT, HTML, b"Content-Type: text/html\r\n\r\nAMP", kind="alternative"),
        "Hello", "<p>Hello</p>", ["part-1.html"],
    ),
    "HTML in two pieces as one alternative": (
        multipart(TEXT, multipart(HTML, PDF, HTML, boundary="i"), kind="alternative"),
        "Hello", "<p>Hello</p>\n<p>Hello</p>", ["part-1.pdf"],
    ),
    "alternatives in alternatives": (
        multipart(TEXT, multipart(MORE, HTML, kind="alternative", boundary="i"), kind="alternative"),
        "Hello", "<p>Hello</p>", ["part-1.txt"],
    ),
    "a forwarded message": (
        multipart(TEXT, b"Content-Type: message/rfc822\r\n\r\nSubject: x"), "Hello", None, ["x.eml"],
    ),
    "a type that is none is text": (b"Content-Type: nonsense\r\n\r\nHello", "Hello", None, []),
    "a type that is none with a name": (b"Content-Type: x; name=a.bin\r\n\r\nx", "", None, ["a.bin"]),
    "a kind without an ending": (b"Content-Type: a/b\r\n\r\nx", "", None, ["part-1"]),
    "beyond the limits": (
        multipart(TEXT, multipart(multipart(multipart(TEXT, boundary="k"), boundary="j"), boundary="i")),
        "Hello", None, ["message.eml"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("message", "text", "html", "files"), SHOWN.values(), ids=SHOWN)
def test_a_body_is_shown(message: bytes, text: str, html: str | None, files: list[str]) -> None:
    found = shown(message)
    assert (found.text, found.html) == (text, html)
    assert [one.filename for one in outlined(message).attachments] == files


@pytest.mark.parametrize("message", [message for message, *_ in SHOWN.values()], ids=SHOWN)
def test_an_attachment_is_handed_over_by_the_number_and_size_it_was_listed_with(message: bytes) -> None:
    listed = outlined(message).attachments

    assert [one.n for one in listed] == list(range(1, len(listed) + 1))
    for one in listed:
        found = attachment(message, one.n, **LIMITS)
        assert found is not None
        assert found[0] == one
        assert len(found[1]) == one.size
    assert attachment(message, 0, **LIMITS) is None
    assert attachment(message, len(listed) + 1, **LIMITS) is None


def test_html_shows_the_pictures_that_come_with_it_and_no_other_file() -> None:
    drawing = b"Content-Type: image/svg+xml\r\nContent-ID: <d@x>\r\n\r\n<svg>"
    page = html(b"<img src='cid:i@x'><img src='cid:d@x'><img src='http://x.example/1'>")
    message = multipart(page, drawing, IMAGE, kind="related")

    found = content(message, **LIMITS, files_at="/mail/1/attachments/")
    assert found.html == '<img src="/mail/1/attachments/2"><img><img data-blocked-src="http://x.example/1">'
    assert found.remote_images
    wanted = content(message, **LIMITS, images=True)
    assert wanted.html == '<img><img><img src="http://x.example/1">'
    below = content(multipart(page, b"\r\n<list>"), **LIMITS)
    assert below.remote_images


def test_an_attachment_tells_what_html_calls_it() -> None:
    assert outlined(multipart(HTML, IMAGE)).attachments == (Attachment(1, "part-1.png", "image/png", 3, "i@x"),)
    assert outlined(b"Content-Type: x; name=a\r\n\r\nx").attachments[0].content_type == "application/octet-stream"


RELATED = [
    # story, headers of a picture, kind of the multipart, whether it is meant to be seen in the text
    ("shown by the HTML", b"Content-ID: <i@x>\r\n", "related", True),
    (
        "shown by the HTML whatever its disposition",
        b"Content-ID: <i@x>\r\nContent-Disposition: attachment\r\n",
        "related",
        True,
    ),
    ("placed in the text", b"Content-ID: <i@x>\r\nContent-Disposition: inline\r\n", "mixed", True),
    ("beside the text", b"Content-ID: <i@x>\r\n", "mixed", False),
    ("what nothing can refer to", b"Content-Disposition: inline\r\n", "related", False),
]


@pytest.mark.parametrize(("head", "kind", "inline"), [row[1:] for row in RELATED], ids=[row[0] for row in RELATED])
def test_a_picture_of_the_text_is_told_apart_from_a_file(head: bytes, kind: str, inline: bool) -> None:
    found = outlined(multipart(HTML, b"Content-Type: image/png\r\n" + head + b"\r\npng", kind=kind))
    assert [one.inline for one in found.attachments] == [inline]


FORWARDED = {
    # story: header fields of the attached message, its file name
    "by its subject": (b"Subject: Re: Boats\r\n", "Re: Boats.eml"),
    "by its decoded subject": (b"Subject: =?utf-8?q?B=C3=B6te?=\r\n", "Böte.eml"),
    "without what acts in a file name": (b"Subject: ../a/b\\c.\r\n", "-a-b-c.eml"),
    "no subject": (b"From: a@b.example\r\n", "message.eml"),
    "a subject of nothing": (b"Subject: =?utf-8?q?=20?=\r\n", "message.eml"),
    "a long subject": (b"Subject: " + b"x" * 400 + b"\r\n", "x" * 200 + ".eml"),
}


@pytest.mark.parametrize(("fields", "name"), FORWARDED.values(), ids=FORWARDED)
def test_a_message_that_is_attached_is_called_by_its_subject(fields: bytes, name: str) -> None:
    inner = b"Content-Type: message/rfc822\r\n\r\n" + fields + b"\r\nOld text"
    message = multipart(TEXT, inner)
    found = attachment(message, 1, **LIMITS)

    assert shown(message).text == "Hello"
    assert found is not None
    assert (found[0].filename, found[0].content_type) == (name, "message/rfc822")
    assert found[1] == fields + b"\r\nOld text"


def test_the_messages_of_a_digest_are_files_by_their_subjects() -> None:
    message = multipart(b"\r\nSubject: One\r\n\r\n1", b"\r\nSubject: Two\r\n\r\n2", kind="digest")
    assert [one.filename for one in outlined(message).attachments] == ["One.eml", "Two.eml"]
    assert shown(message).text == ""


FLOWED = b"Content-Type: text/plain; charset=utf-8; format=Flowed; delsp=Yes\r\n\r\nSoft \r\nly.\r\n-- \r\nCarol"


def test_a_flowed_text_is_shown_and_begins_a_list_put_together() -> None:
    assert shown(FLOWED).text == "Softly.\n-- \nCarol"
    assert shown(FLOWED.replace(b"Yes", b"no")).reply_text == "Soft ly."
    assert outlined(FLOWED).snippet == "Softly."


def test_new_text_stands_apart_and_the_blocks_are_the_text() -> None:
    message = b"Subject: WG: Boats\r\n\r\nSee.\r\n\r\n-----Original Message-----\r\nFrom: Bob\r\n\r\nBoats?"
    found = shown(message)

    assert found.reply_text == "See."
    assert [block.kind for block in found.blocks] == ["new", "forward"]
    assert "".join(block.text for block in found.blocks) == found.text
    assert shown(message.replace(b"WG", b"AW")).blocks[1].kind == "quote"


def test_b4b_what_stays_unread_is_kept_as_the_whole_message() -> None:
    message = multipart(*[PDF] * 7)
    found = outlined(message)

    assert found.unread == "more than 5 MIME parts"
    assert [one.filename for one in found.attachments][4:] == ["part-5.pdf", "message.eml"]
    assert attachment(message, 6, **LIMITS) == (Attachment(6, "message.eml", "message/rfc822", len(message)), message)


def html(markup: bytes, label: str = "") -> bytes:
    return f"Content-Type: text/html{label}\r\n\r\n".encode() + markup


UTF8_CUT = "Привет".encode()[:-1]
CHARSETS = {
    # story: message, text
    "UTF-8 without a label": (b"\r\nH\xc3\xa4llo", "Hällo"),
    "Latin-1 without a label": (b"\r\nH\xe4llo", "Hällo"),
    "labelled": (b"Content-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2", "Пр"),
    "labelled ASCII and is not": (b"Content-Type: text/plain; charset=us-ascii\r\n\r\nH\xe4llo", "Hällo"),
    "labelled UTF-8 and is Latin-1": (b"Content-Type: text/plain; charset=utf-8\r\n\r\nH\xe4llo", "Hällo"),
    "UTF-8 cut in a character": (b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + UTF8_CUT, "Приве\ufffd"),
    "a wide charset and a byte too many": (
        b"Content-Type: text/plain; charset=gb18030\r\n\r\n\xc4\xe3\xff",
        "你\ufffd",
    ),
    "a charset nobody knows": (b"Content-Type: text/plain; charset=x-none\r\n\r\nH\xe4llo", "Hällo"),
    "a codec that is no charset": (b"Content-Type: text/plain; charset=zlib\r\n\r\nHello", "Hello"),
    "the HTML says": (html(b'<meta charset="koi8-r"><p>\xf0\xd2</p>'), "Пр"),
    "the HTML says it the old way": (html(b'<meta content="text/html; charset=koi8-r"><p>\xf0\xd2</p>'), "Пр"),
    "the HTML says nothing": (html(b"<p>\xc3\xa4</p>"), "ä"),
    "the header is asked before the HTML": (html(b'<meta charset="koi8-r"><p>\xc3\xa4</p>', "; charset=utf-8"), "ä"),
    "a byte order mark": (b"\r\n\xef\xbb\xbfHello", "Hello"),
    "B4a a stray CR is a blank, CR LF and LF are line ends": (b"\r\na\rb\r\nc\nd", "a b\nc\nd"),
    "controls are blanks": (b"\r\na\x00b\x1bc\td", "a b c\td"),
}


@pytest.mark.parametrize(("message", "text"), CHARSETS.values(), ids=CHARSETS)
def test_a_text_is_read_in_its_charset(message: bytes, text: str) -> None:
    assert shown(message).text == text


LAID_OUT = {
    "paragraphs": (b"<p>One</p><p>Two</p>", "One\n\nTwo"),
    "a table": (b"<table><tr><td>a</td><td>b</td></tr></table>", "a  b"),
    "nothing but a picture": (b"<img>", ""),
    "too large to lay out": (b"<p>One<br>Two</p>" + b"<p>\n</p>" * 40_000, "One\nTwo"),
    "blank lines without end": (b"<p style='margin-top:999999999em'>One</p>", "One"),
    "a long cell above many others": (
        b"<table><tr><td>" + b"x" * 50_000 + b"<tr><td>y" * 5_000 + b"</table>",
        "x" * 50_000 + " \n y" * 5_000,
    ),
    "too deep to lay out": (b"<div>" * 900 + b"Hi", "Hi"),
}


@pytest.mark.parametrize(("markup", "text"), LAID_OUT.values(), ids=LAID_OUT)
def test_html_alone_is_also_a_text(markup: bytes, text: str) -> None:
    assert shown(html(markup)).text == text


def test_html_is_a_text_even_where_the_layout_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise RecursionError

    monkeypatch.setattr(layout, "get_text", fail)
    assert shown(HTML).text == "Hello"


MARKS = [
    "<p>a\ufdd0b</p>",
    "<p>a&#xfdd0;b</p>",
    "<p>a&#XFDD1 b</p>",
    "<p>a&#64978;b</p>",
    "<p>a&#00064979b</p>",
    "<p>a&#xf<!-- -->dd0;b</p>",
    "<p>a&#xf<x>dd0;b</p>",
    "<p>a&#xf\ufdd0dd0;b</p>",
    "<p>a&#xf&#xfdd0;dd0;b</p>",
    "<p>a</p><blockquote type=cite title='&#xfdd4;'>b</blockquote>&#xfdd4;",
    "<b>" * 2_000 + "a&#xfdd0;b",
]


@pytest.mark.parametrize("markup", MARKS, ids=lambda markup: ascii(markup[-40:]))
def test_a_mark_that_a_stranger_wrote_reaches_nobody(markup: str) -> None:
    found = shown(html(markup.encode(), "; charset=utf-8"))
    assert found.html is not None
    assert not MARKERS.search(found.html + found.text)
    assert found.blocks[0].kind == "new"


SPENT = html(b"<p>x</p>" + b" " * 1_999_000)
SPENDERS = {
    # story: a part that takes most of what one mail may
    "HTML": SPENT,
    "HTML whose text has quotes": html(b"<p>x</p><blockquote type=cite>y</blockquote>" + b" " * 1_999_000),
}


@pytest.mark.parametrize("spender", SPENDERS.values(), ids=SPENDERS)
def test_html_beyond_what_one_mail_may_is_shown_as_its_text(spender: bytes) -> None:
    found = shown(multipart(html(b"<p>One</p>"), spender, html(b"<p>Two</p>" + b" " * 2_000)))
    assert found.html is not None
    assert found.html.startswith("<p>One</p>")
    assert found.html.endswith("<pre>Two</pre>")
    assert found.text.endswith("Two")


SNIPPETS = {
    "the text": (multipart(TEXT, HTML, kind="alternative"), "Hello"),
    "the HTML where the text is empty": (multipart(EMPTY, HTML, kind="alternative"), "Hello"),
    "the HTML alone": (html(b"<head><title>x</title></head><p>Hello <b>y</b>ou"), "Hello you"),
    "the second where the first is empty": (multipart(EMPTY, TEXT), "Hello"),
    "none for pictures": (html(b"<img>"), ""),
    "none for a file": (PDF, ""),
}


@pytest.mark.parametrize(("message", "snippet"), SNIPPETS.values(), ids=SNIPPETS)
def test_the_snippet_is_the_first_text_there_is(message: bytes, snippet: str) -> None:
    assert outlined(message).snippet == snippet


MARKUP = [
    "<p>", "</p>", "<b ", ">", "<", "<!--", "-->", "<style>", "</style>", "&#", "&#x110000;", "&#xd800;", "9" * 5_000,
    "<table>", "<td>", "<?xml", "<svg>", "]]>", "x", " ", "\x00",
]  # fmt: skip
TAGS = st.lists(st.sampled_from(MARKUP))


@given(TAGS.map("".join))
def test_any_markup_is_shown_as_markup_and_as_text(markup: str) -> None:
    message = html(markup.encode(), "; charset=utf-8")
    found, line = shown(message), outlined(message).snippet

    assert found.html is not None
    assert "<style" not in found.html
    assert b"\0" not in f"{found.text}{line}".encode()
