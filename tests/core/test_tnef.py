"""Outlook's winmail.dat: what is wrapped in it is shown and handed over, whatever its bytes."""

from __future__ import annotations

import base64
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.attachments import Attachment
from gateway.core.body import attachment, content, outline
from gateway.core.header import read_header
from gateway.core.tnef import InnerFile, unwrap_tnef
from tests.core.test_mime import PDF, TEXT, multipart

LIMITS: dict[str, Any] = {"max_parts": 5, "max_depth": 3}
BEGIN = pack("<IH", 0x223E9F78, 1)
BODY, CODE_PAGE, PROPERTIES = 0x0002800C, 0x00069007, 0x00069003
NEW_FILE, TITLE, DATA, FILE_PROPERTIES = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
RTF = rb"{\rtf1\ansi Hi \b Bob\b0\par Two}"


def attribute(tag: int, data: bytes) -> bytes:
    return pack("<BII", 1 if tag in (BODY, CODE_PAGE, PROPERTIES) else 2, tag, len(data)) + data + b"\0\0"


def string(name: int, text: str) -> bytes:
    data = text.encode("utf-16-le") + b"\0\0"
    return pack("<HHII", 0x1F, name, 1, len(data)) + data + bytes(-len(data) % 4)


def binary(name: int, data: bytes, kind: int = 0x102) -> bytes:
    return pack("<HHII", kind, name, 1, len(data)) + data + bytes(-len(data) % 4)


def number(name: int, value: int, kind: int = 3) -> bytes:
    return pack("<HHI", kind, name, value)


def properties(tag: int, *found: bytes) -> bytes:
    return attribute(tag, pack("<I", len(found)) + b"".join(found))


def file(title: str, data: bytes) -> bytes:
    return attribute(NEW_FILE, b"\1") + attribute(TITLE, title.encode("cp1252") + b"\0") + attribute(DATA, data)


def uncompressed(rtf: bytes) -> bytes:
    return pack("<IIII", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf


NAMED_BY_NUMBER = pack("<HH", 3, 0x8001) + bytes(16) + pack("<II", 0, 7) + pack("<I", 1)
NAMED_BY_TEXT = (
    pack("<HH", 3, 0x8002) + bytes(16) + pack("<II", 1, 6) + "Key".encode("utf-16-le") + b"\0\0" + pack("<I", 1)
)
MANY = pack("<HHI", 0x1003, 0x6000, 3) + pack("<III", 1, 2, 3)
WRAPPED = {
    # story: stream, text, html, files
    "nothing": (b"", "", "", []),
    "no stream": (b"GIF89a" * 9, "", "", []),
    "an empty stream": (BEGIN, "", "", []),
    "a text": (BEGIN + attribute(BODY, b"Gr\xfc\xdfe\r\nBob\0rest"), "Grüße\nBob", "", []),
    "a text in its code page": (
        BEGIN + attribute(CODE_PAGE, pack("<II", 1251, 0)) + attribute(BODY, "Привет".encode("cp1251")),
        "Привет",
        "",
        [],
    ),
    "a code page that is cut": (BEGIN + attribute(CODE_PAGE, b"\1") + attribute(BODY, b"Hi"), "Hi", "", []),
    "a text among the properties": (BEGIN + properties(PROPERTIES, string(0x1000, "你好")), "你好", "", []),
    "HTML in a code page of its own": (
        BEGIN + properties(PROPERTIES, number(0x3FDE, 65001), binary(0x1013, "<p>ä".encode())),
        "",
        "<p>ä",
        [],
    ),
    "a code page of a wrong size": (
        BEGIN + properties(PROPERTIES, binary(0x3FDE, b"\1"), binary(0x1013, b"<p>\xe4")),
        "",
        "<p>ä",
        [],
    ),
    "properties with names": (
        BEGIN
        + properties(PROPERTIES, NAMED_BY_NUMBER, NAMED_BY_TEXT, MANY, number(0x6001, 1, 0x0B), string(0x1000, "Hi")),
        "Hi",
        "",
        [],
    ),
    "a property of no known type": (
        BEGIN + properties(PROPERTIES, string(0x1000, "Hi"), pack("<HH", 0x77, 0x1013), string(0x1000, "No")),
        "Hi",
        "",
        [],
    ),
    "properties that are cut": (
        BEGIN + attribute(PROPERTIES, pack("<I", 9) + string(0x1000, "Hi") + pack("<HHII", 0x1F, 0x1000, 1, 99)),
        "Hi",
        "",
        [],
    ),
    "fewer properties than nothing": (BEGIN + attribute(PROPERTIES, b""), "", "", []),
    "a file": (
        BEGIN + file("note.txt", b"data"),
        "",
        "",
        [InnerFile("note.txt", "application/octet-stream", None, b"data")],
    ),
    "a file with a long name, a type and an identity": (
        BEGIN
        + file("NOTE~1.PNG", b"png")
        + properties(
            FILE_PROPERTIES,
            string(0x3707, "a/../Übersicht.png"),
            string(0x370E, "IMAGE/png; x"),
            string(0x3712, "<i@x>"),
        ),
        "",
        "",
        [InnerFile("Übersicht.png", "image/png", "i@x", b"png")],
    ),
    "a file among the properties": (
        BEGIN
        + attribute(NEW_FILE, b"\1")
        + properties(FILE_PROPERTIES, string(0x3704, "a.bin"), binary(0x3701, b"data")),
        "",
        "",
        [InnerFile("a.bin", "application/octet-stream", None, b"data")],
    ),
    "a message inside is given whole and never entered": (
        BEGIN
        + attribute(NEW_FILE, b"\1")
        + properties(
            FILE_PROPERTIES, string(0x3001, "Old mail"), binary(0x3701, bytes(16) + BEGIN + file("x", b"y"), 0x0D)
        ),
        "",
        "",
        [InnerFile("Old mail", "application/octet-stream", None, BEGIN + file("x", b"y"))],
    ),
    "a file without a name": (
        BEGIN + attribute(NEW_FILE, b"\1") + properties(FILE_PROPERTIES),
        "",
        "",
        [InnerFile("file-1", "application/octet-stream", None, b"")],
    ),
    "data before any file": (BEGIN + attribute(DATA, b"x"), "", "", []),
    "what is unknown": (
        BEGIN + attribute(NEW_FILE, b"") + attribute(0x00069999, b"x"),
        "",
        "",
        [InnerFile("file-1", "application/octet-stream", None, b"")],
    ),
    "a stream that is cut in a file": (
        BEGIN + file("a.bin", b"0123456789")[:-7],
        "",
        "",
        [InnerFile("a.bin", "application/octet-stream", None, b"01234")],
    ),
    "a stream that is cut in a head": (BEGIN + attribute(BODY, b"Hi") + b"\2\0", "Hi", "", []),
    "too many files": (
        BEGIN + attribute(NEW_FILE, b"") * 9,
        "",
        "",
        [InnerFile(f"file-{n}", "application/octet-stream", None, b"") for n in range(1, 6)],
    ),
}


@pytest.mark.parametrize(("stream", "text", "html", "files"), WRAPPED.values(), ids=WRAPPED)
def test_a_stream_is_unwrapped_as_far_as_it_can_be_read(
    stream: bytes, text: str, html: str, files: list[InnerFile]
) -> None:
    found = unwrap_tnef(stream, most_files=5)
    assert (found.text, found.html, found.files) == (text, html, files)


IDENTITIES = {
    # story: the property, what the file is called
    "as it is written": ("<a@b>", "a@b"),
    "without what acts on a screen": ("a\x1b[31m\n\u202eb", "a[31m b"),
    "as long as may be": ("a" * 255, "a" * 255),
    "longer": ("a" * 256, None),
    "much longer": ("a" * 1_000_000, None),
}


@pytest.mark.parametrize(("written", "identity"), IDENTITIES.values(), ids=IDENTITIES)
def test_an_inner_file_is_called_by_a_clean_content_id_of_bounded_length(written: str, identity: str | None) -> None:
    stream = BEGIN + file("a", b"1") + properties(FILE_PROPERTIES, string(0x3712, written))
    assert [one.content_id for one in unwrap_tnef(stream, most_files=5).files] == [identity]


def winmail(stream: bytes) -> bytes:
    head = b'Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head + base64.encodebytes(stream)


STREAM = BEGIN + attribute(BODY, b"Inside") + file("one.txt", b"1") + file("two.txt", b"22")
RICH = BEGIN + attribute(BODY, b"Inside") + properties(PROPERTIES, binary(0x1013, b"<b>Inside</b><script>x</script>"))


def test_inner_files_are_numbered_behind_all_parts_and_handed_over_by_number() -> None:
    message = multipart(TEXT, winmail(STREAM), PDF, winmail(BEGIN + file("three.txt", b"333")))
    listed = outline(message, read_header(message), **LIMITS).attachments

    names = ["winmail.dat", "part-2.pdf", "winmail.dat", "one.txt", "two.txt", "three.txt"]
    assert [(one.n, one.filename) for one in listed] == list(enumerate(names, 1))
    assert attachment(message, 1, **LIMITS) == (listed[0], STREAM)
    assert attachment(message, 6, **LIMITS) == (Attachment(6, "three.txt", "application/octet-stream", 3), b"333")
    assert attachment(message, 7, **LIMITS) is None


def test_b4b_the_whole_message_stands_before_inner_files_and_these_are_bounded_too() -> None:
    message = multipart(winmail(BEGIN + file("a", b"1") * 9), *[TEXT] * 9)
    listed = outline(message, read_header(message), **LIMITS).attachments

    assert [one.filename for one in listed] == ["winmail.dat", "message.eml", "a", "a", "a", "a", "a"]
    assert attachment(message, 3, **LIMITS) == (listed[2], b"1")


SHOWN = {
    # story: message, text, html
    "the text that the mail lacks": (winmail(STREAM), "Inside", None),
    "text and HTML that the mail lacks": (winmail(RICH), "Inside", "<b>Inside</b>"),
    "HTML alone": (winmail(BEGIN + properties(PROPERTIES, binary(0x1013, b"<b>Hi</b>"))), "Hi", "<b>Hi</b>"),
    "RTF alone": (winmail(BEGIN + properties(PROPERTIES, binary(0x1009, uncompressed(RTF)))), "Hi Bob\nTwo", None),
    "a text beside RTF": (
        winmail(BEGIN + attribute(BODY, b"Hi") + properties(PROPERTIES, binary(0x1009, uncompressed(RTF)))),
        "Hi",
        None,
    ),
    "a stream that only its name tells": (winmail(STREAM).replace(b"ms-tnef", b"octet-stream"), "Inside", None),
    "a text of the mail's own": (multipart(TEXT, winmail(STREAM)), "Hello", None),
    "HTML beside a text": (multipart(TEXT, winmail(RICH)), "Hello", "<b>Inside</b>"),
    "nothing but files": (multipart(TEXT, winmail(BEGIN + file("a", b"1"))), "Hello", None),
}


@pytest.mark.parametrize(("message", "text", "html"), SHOWN.values(), ids=SHOWN)
def test_what_is_wrapped_is_shown_where_the_mail_lacks_it(message: bytes, text: str, html: str | None) -> None:
    found = content(message, **LIMITS)
    assert (found.text, found.html) == (text, html)


def test_marks_of_a_stranger_in_a_wrapped_text_are_no_text() -> None:
    text = string(0x1000, "\ufdd0" * 300_000 + "x\ufdd1 From: Bob")
    found = content(winmail(BEGIN + properties(PROPERTIES, text)), **LIMITS)
    assert [(block.kind, block.text) for block in found.blocks] == [("new", "x From: Bob")]


def test_the_first_words_of_a_mail_that_is_all_wrapped() -> None:
    message = winmail(STREAM)
    assert outline(message, read_header(message), **LIMITS).snippet == "Inside"


PIECES = [
    BEGIN,
    STREAM[6:],
    RICH[6:],
    pack("<BII", 2, FILE_PROPERTIES, 40),
    pack("<I", 0xFFFFFFFF),
    bytes(9),
    b"\x1f\0",
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=20).map(b"".join))
def test_any_bytes_are_unwrapped(stream: bytes) -> None:
    found = unwrap_tnef(BEGIN + stream, most_files=3)
    assert len(found.files) <= 3
    assert sum(len(one.data) for one in found.files) <= len(stream)


@pytest.mark.parametrize(
    "stream",
    [
        attribute(NEW_FILE, b"x") * 80_000,
        attribute(BODY, b"") * 80_000,
        properties(PROPERTIES, *[MANY] * 40_000),
        attribute(PROPERTIES, pack("<I", 1) + pack("<HHI", 0x1003, 0x6000, 0xFFFFFFFF) + bytes(1_000_000)),
    ],
    ids=["files", "attributes", "properties", "values"],
)
def test_a_megabyte_of_anything_is_unwrapped_within_bounds(stream: bytes) -> None:
    assert len(unwrap_tnef(BEGIN + stream, most_files=1_000).files) <= 1_000
