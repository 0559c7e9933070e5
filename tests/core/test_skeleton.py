"""A message of its header and its texts reads like the whole one, or there is none of it (E7)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.body import content
from gateway.core.header import read_header
from gateway.core.mail import read_mail
from gateway.core.remote import RemoteFile
from gateway.core.skeleton import TEXT_BYTES, Plan, header_alone, plan, with_sizes, without_files

HEAD = b"From: bob@x.example\r\nSubject: Boats\r\nMessage-ID: <1@x.example>\r\n"
MIXED = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
PLAIN = HEAD + b"Content-Type: text/plain\r\n\r\n"


def leaf(
    kind: str, *more: object, octets: int = 5, encoding: bytes = b"7bit", parameters: object = None
) -> list[object]:
    """A part as BODYSTRUCTURE tells it."""
    main, _, sub = kind.partition("/")
    return [main.encode(), sub.encode(), parameters, None, None, encoding, b"%d" % octets, *more]


def placed(word: bytes, *parameters: bytes) -> list[object]:
    return [None, [word, list(parameters) or None], None, None]


TEXT = leaf("TEXT/PLAIN", b"1", parameters=[b"charset", b"utf-8"])
HTML = leaf("text/html", b"1", *placed(b"inline"))
PDF = leaf("application/pdf", *placed(b"ATTACHMENT", b"FILENAME", b"a.pdf"), octets=78_000, encoding=b"BASE64")


def several(*parts: list[object], kind: bytes = b"mixed") -> list[object]:
    return [*parts, kind]


def planned(header: bytes, structure: object) -> Plan:
    found = plan(header, structure)
    assert found is not None
    return found


def test_e7_texts_are_wanted_and_files_are_left() -> None:
    found = planned(MIXED, several(several(TEXT, HTML, kind=b"ALTERNATIVE"), PDF))
    assert found.wanted == {"1.1": TEXT_BYTES, "1.2": TEXT_BYTES}

    made = found.filled({"1.1": b"Hello", "1.2": b"<p>Hello</p>"})
    assert made is not None
    assert made.files == (RemoteFile(1, "2", "base64", 78_000, 57_000),)
    mail = with_sizes(read_mail(made.message), made.files)
    assert (mail.subject, mail.outline.snippet) == ("Boats", "Hello")
    assert [(one.n, one.filename, one.size) for one in mail.outline.attachments] == [(1, "a.pdf", 57_000)]
    shown = content(made.message, max_parts=9, max_depth=9)
    assert (shown.text, shown.html) == ("Hello", "<p>Hello</p>")


def test_e7_the_header_stands_as_it_stood() -> None:
    made = planned(MIXED, several(TEXT, PDF)).filled({"1": b"Hello"})
    assert made is not None
    assert made.message.startswith(MIXED)
    assert read_mail(made.message).identity == read_mail(MIXED + b"--b--").identity


def test_a_message_of_one_part_is_its_header_and_its_text() -> None:
    found = planned(PLAIN, TEXT)
    assert found.wanted == {"1": TEXT_BYTES}
    made = found.filled({"1": b"Hello\r\n" + b"x" * TEXT_BYTES})
    assert made is not None
    assert made.message == PLAIN + b"Hello\r\n" + b"x" * (TEXT_BYTES - 7)
    assert made.files == ()


def test_a_message_of_one_file_is_its_header() -> None:
    header = HEAD + b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    found = planned(header, leaf("application/pdf", octets=79, encoding=b"base64"))
    assert found.wanted == {}
    made = found.filled({})
    assert made is not None
    assert (made.message, made.files) == (header, (RemoteFile(1, "1", "base64", 79, 57),))


@pytest.mark.parametrize(
    "octets", [base64.encodebytes(bytes(size)).replace(b"\n", b"\r\n") for size in (3, 57, 60, 171, 90_000)], ids=len
)
def test_e7_the_size_of_a_file_in_base64_is_that_of_its_whole_groups_with_or_without_a_last_line_end(
    octets: bytes,
) -> None:
    for written in (octets, octets.removesuffix(b"\r\n")):
        found = planned(
            MIXED, several(TEXT, leaf("a/b", *placed(b"attachment"), octets=len(written), encoding=b"base64"))
        )
        made = found.filled({"1": b"Hello"})
        assert made is not None
        assert made.files[0].size == len(base64.b64decode(octets))


def test_a_text_that_lacks_makes_no_message() -> None:
    assert planned(MIXED, several(TEXT, HTML)).filled({"1": b"Hello"}) is None


def test_a_text_that_ends_its_part_makes_no_message() -> None:
    assert planned(MIXED, several(TEXT, PDF)).filled({"1": b"x\r\n--b\r\n\r\nanother part"}) is None


def test_no_text_can_hold_a_boundary_of_ours() -> None:
    inner = several(several(TEXT, TEXT, kind=b"alternative"), TEXT)
    texts = {"1.1": b"a", "1.2": b"b", "2": b"c"}
    for _ in range(3):
        made = planned(MIXED, inner).filled(texts)
        assert made is not None
        boundary = made.message.partition(b'alternative; boundary="')[2].partition(b'"')[0]
        texts = {section: text + b"\r\n--" + boundary + b"--" for section, text in texts.items()}


def test_nothing_of_a_stranger_begins_a_line() -> None:
    evil = b'x"\r\nX-Evil: yes\r\n\r\n--b\r\n\0'
    part = leaf(
        "text/plain", b"1", None, [evil, [b"filename", evil, evil, b"x"]], parameters=[b"charset", evil, b"a b", b"c"]
    )
    part[3], part[5] = evil, evil
    bad = leaf("text/plain", b"1", None, [b"attachment", [b"filename", evil]])
    found = plan(MIXED, several(TEXT, part, bad, leaf("evil\r\n/x")))
    made = found.filled({"1": b"Hello", "2": b"Hello"}) if found else None

    assert made is not None
    assert b"\r\nX-Evil" not in made.message
    assert b"\0" not in made.message
    assert [one.part for one in made.files] == ["3", "4"]


def test_what_is_shown_like_a_text_is_fetched_like_one() -> None:
    calendar, tnef = leaf("text/calendar", octets=500), leaf("application/ms-tnef", octets=900)
    large, named = leaf("text/calendar", octets=TEXT_BYTES + 1), leaf("a/b", *placed(b"x", b"filename", b"WinMail.dat"))
    found = planned(MIXED, several(TEXT, calendar, tnef, large, named))
    made = found.filled(dict.fromkeys(found.wanted, b"x"))

    assert list(found.wanted) == ["1", "2", "3", "5"]
    assert made is not None
    assert [(one.n, one.part) for one in made.files] == [(3, "4")]


def test_the_beginning_of_a_signed_or_encrypted_part_tells_which_it_is() -> None:
    told = leaf("application/pkcs7-mime", parameters=[b"smime-type", b"signed-data"])
    found = planned(MIXED, several(leaf("application/pkcs7-mime", octets=9_000), told))
    made = found.filled({"1": b"x" * 600})

    assert found.wanted == {"1": 512}
    assert made is not None
    assert [one.n for one in made.files] == [1, 2]


def test_all_texts_together_have_an_end() -> None:
    found = planned(MIXED, several(*[leaf("text/plain", octets=TEXT_BYTES)] * 20))
    assert len(found.wanted) == 8
    assert found.filled(dict.fromkeys(found.wanted, b"x")) is not None


NAMES = {
    # story: the part, what it is called
    "by its subject": (leaf("message/rfc822", [b"date", b"=?utf-8?q?B=C3=B6te?= / 2"], TEXT, b"9"), "Böte - 2.eml"),
    "as its sender named it": (
        leaf("message/rfc822", [None, b"Boats"], TEXT, b"9", *placed(b"x", b"filename", b"a")),
        "a",
    ),
    "by its type's name": (leaf("message/rfc822", [None, b"Boats"], parameters=[b"name*0", b"b"]), "b"),
    "without an envelope, as some servers tell it": (leaf("message/rfc822"), "message.eml"),
    "with one that is empty": (leaf("message/global", []), "message.eml"),
    "in pieces": (leaf("a/b", None, [b"x", [b"filename*0*", b"utf-8''%C3%A4", b"filename*1", b".txt"]]), "ä.txt"),
    "raw": (leaf("a/b", None, [b"x", [b"filename", 'ä".txt'.encode()]]), 'ä".txt'),
    "in words": (leaf("a/b", None, [b"x", [b"filename", b"=?utf-8?q?=C3=A4?="]]), "ä"),
    "not at all": (leaf("application/pdf"), "part-1.pdf"),
    "by a disposition in a wrong place": (leaf("a/b", b"1", b"2", [b"attachment", [b"filename", b"a.txt"]]), "a.txt"),
    "by a broken one": (leaf("a/b", None, [b"a;b", [b"filename", b"a.txt"]]), "part-1"),
}


@pytest.mark.parametrize(("part", "name"), NAMES.values(), ids=NAMES)
def test_a_file_is_called_what_it_is_called_there(part: list[object], name: str) -> None:
    made = planned(MIXED, several(part, TEXT)).filled({"2": b"Hello"})
    assert made is not None
    [file] = read_mail(made.message).outline.attachments
    assert file.filename == name


def test_a_picture_in_the_text_is_known_by_what_the_text_calls_it() -> None:
    picture = leaf("image/png", None, [b"inline", None])
    picture[3] = b"<logo@x>"
    made = planned(MIXED.replace(b"mixed", b"related"), several(HTML, picture)).filled({"1": b'<img src="cid:logo@x">'})
    assert made is not None
    [file] = read_mail(made.message).outline.attachments
    assert (file.content_id, file.inline) == ("logo@x", True)
    assert 'src="/files/1"' in (content(made.message, max_parts=9, max_depth=9, files_at="/files/").html or "")


ODD: dict[str, tuple[bytes, object]] = {
    # story: header, structure
    "nothing": (MIXED, None),
    "an empty list": (MIXED, []),
    "words": (MIXED, b"text"),
    "too few fields": (MIXED, [b"text", b"plain"]),
    "several without a kind": (MIXED, [TEXT, TEXT]),
    "several of a kind that is none": (MIXED, [TEXT, b"a b"]),
    "more than there may be": (MIXED, several(*[TEXT] * 1_001)),
    "deeper than there may be": (MIXED, None),
    "a part that is no list": (MIXED, several(TEXT, several([]))),
    "one, where the header tells of several": (MIXED, TEXT),
    "several, where the header tells of one": (PLAIN, several(TEXT)),
    "several, where the header has no boundary": (HEAD + b"Content-Type: multipart/mixed\r\n\r\n", several(TEXT)),
    "parts of nothing": (MIXED, several(leaf("text/plain", octets=0))),
    "a header that ends before its end": (PLAIN + b"X: y\r\n\r\n", TEXT),
    "more parts than are read": (MIXED, several(*[several(*[TEXT] * 600)] * 2)),
}
_deep = TEXT
for _ in range(1_000):
    _deep = several(_deep)
ODD["deeper than there may be"] = (MIXED, _deep)


@pytest.mark.parametrize(("header", "structure"), ODD.values(), ids=ODD)
def test_what_can_not_be_built_on_makes_no_plan(header: bytes, structure: object) -> None:
    assert plan(header, structure) is None


def test_a_header_without_its_end_is_given_one() -> None:
    for header in (HEAD + b"X: y", HEAD):
        made = planned(header, TEXT).filled({"1": b"Hello"})
        assert made is not None
        assert read_mail(made.message).outline.snippet == "Hello"
    for header, text in ((b"", b"\r\nx"), (b"\r\n", b"\r\nx"), (b"\n", b"\nx"), (b"X: y\n\n", b"X: y\n\nx")):
        made = planned(header, TEXT).filled({"1": b"x"})
        assert made is not None
        assert made.message == text


def test_sizes_are_told_of_the_files_that_were_left() -> None:
    mail = read_mail(MIXED + b"--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b\r\nContent-Type: a/c\r\n\r\nyy\r\n--b--")
    told = with_sizes(mail, [RemoteFile(2, "2", "", 9, 9)])
    assert [one.size for one in told.outline.attachments] == [1, 9]


NOTES = {"as it is": b"7bit", "in base64": b"BASE64", "not said": b""}


@pytest.mark.parametrize("encoding", NOTES.values(), ids=NOTES)
@pytest.mark.parametrize("header", [PLAIN, MIXED], ids=["one part", "several"])
def test_a_note_stands_where_a_text_can_not_be_read(header: bytes, encoding: bytes) -> None:
    if encoding and header is PLAIN:
        header = header[:-2] + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    shown = content(header_alone(header, "It is too large."), max_parts=9, max_depth=9)
    assert shown.text.strip() == "It is too large."


WITHOUT = {
    "a text": (PLAIN + b"Hello", True),
    "a text and a file": (MIXED + b"--b\r\n\r\nHello\r\n--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--", False),
    "more than is read": (MIXED + b"--b\r\n\r\nx\r\n" * 1_001, False),
}


@pytest.mark.parametrize(("message", "without"), WITHOUT.values(), ids=WITHOUT)
def test_whether_a_message_carries_files(message: bytes, without: bool) -> None:
    assert without_files(message, read_header(message)) is without


ANYTHING = st.recursive(
    st.none() | st.binary(max_size=12) | st.sampled_from([b"text", b"plain", b"attachment", b"9"]),
    lambda inner: st.lists(inner, max_size=9),
    max_leaves=60,
)
HEADERS = st.sampled_from([MIXED, PLAIN, HEAD, b"", b"\r\n"]) | st.binary(max_size=80)


@given(HEADERS, ANYTHING, st.binary(max_size=40))
def test_whatever_a_server_tells_makes_a_plan_or_none(header: bytes, structure: object, text: bytes) -> None:
    found = plan(header, structure)
    if found is not None:
        found.filled(dict.fromkeys(found.wanted, text))


@given(
    st.lists(st.sampled_from([TEXT, HTML, PDF, several(TEXT, HTML, kind=b"alternative"), []]), max_size=6), st.binary()
)
def test_whatever_stands_in_the_texts_the_message_is_the_one_that_was_meant(
    parts: list[list[object]], text: bytes
) -> None:
    found = plan(MIXED, several(*parts))
    made = found.filled(dict.fromkeys(found.wanted, text)) if found else None
    if made is not None:
        files = read_mail(made.message).outline.attachments
        assert {one.n for one in made.files} <= {one.n for one in files}
        assert made.message.startswith(MIXED)
