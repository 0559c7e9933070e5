"""The MIME tree: which parts there are, what they are called, and what their bytes are."""

from __future__ import annotations

import base64
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import mime
from gateway.core.header import read_header
from gateway.core.mime import Parts, content_type, parameters_of, read_parts


def parts_of(message: bytes, *, max_parts: int = 1_000, max_depth: int = 50) -> Parts:
    return read_parts(message, read_header(message), max_parts=max_parts, max_depth=max_depth)


def multipart(*parts: bytes, kind: str = "mixed", boundary: str = "b", closed: bool = True) -> bytes:
    """A multipart of parts with their own headers, as a message or as a part of one."""
    border = b"--" + boundary.encode()
    header = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    return header + b"".join(border + b"\r\n" + part + b"\r\n" for part in parts) + (border + b"--\r\n") * closed


TEXT = b"\r\nHello"
HTML = b"Content-Type: text/html\r\n\r\n<p>Hello</p>"
PDF = b"Content-Type: application/pdf\r\n\r\n%PDF"
ODD = "Content-Type: multipart/mixed; boundary="
TREES = {
    # story: message, type and bytes of each leaf
    "no MIME at all": (b"Subject: x\r\n\r\nHello\r\n", [("text/plain", b"Hello\r\n")]),
    "an empty message": (b"", [("text/plain", b"")]),
    "one part": (HTML, [("text/html", b"<p>Hello</p>")]),
    "two parts": (multipart(TEXT, PDF), [("text/plain", b"Hello"), ("application/pdf", b"%PDF")]),
    "a multipart in a multipart": (
        multipart(multipart(TEXT, HTML, kind="alternative", boundary="i"), PDF),
        [("text/plain", b"Hello"), ("text/html", b"<p>Hello</p>"), ("application/pdf", b"%PDF")],
    ),
    "never closed": (multipart(TEXT, PDF, closed=False), [("text/plain", b"Hello"), ("application/pdf", b"%PDF")]),
    "the inner one never closed": (
        multipart(multipart(TEXT, boundary="i", closed=False), PDF),
        [("text/plain", b"Hello\r\n"), ("application/pdf", b"%PDF")],
    ),
    "preamble and epilogue are nobody's": (
        multipart(TEXT).replace(b"\r\n\r\n--b", b"\r\n\r\nThis is MIME.\r\n--b") + b"epilogue\r\n",
        [("text/plain", b"Hello")],
    ),
    "many dashes that begin no line": (
        multipart(b"\r\n" + b"well-known " * 40, PDF),
        [("text/plain", b"well-known " * 40), ("application/pdf", b"%PDF")],
    ),
    "an epilogue of the inner one": (
        multipart(multipart(TEXT, boundary="i") + b"epilogue", PDF),
        [("text/plain", b"Hello"), ("application/pdf", b"%PDF")],
    ),
    "one boundary begins like the other": (
        multipart(multipart(TEXT, boundary="bb"), PDF),
        [("text/plain", b"Hello"), ("application/pdf", b"%PDF")],
    ),
    "inner and outer share a boundary": (
        multipart(multipart(TEXT, PDF)),
        [("text/plain", b"Hello"), ("application/pdf", b"%PDF")],
    ),
    "a boundary that ends in dashes": (multipart(TEXT, boundary="b--"), [("text/plain", b"Hello")]),
    "blanks behind a border": (multipart(TEXT).replace(b"--b\r\n", b"--b \t\r\n"), [("text/plain", b"Hello")]),
    "a line that only begins like a border": (
        multipart(b"\r\n--bx\r\n--\r\n-- "),
        [("text/plain", b"--bx\r\n--\r\n-- ")],
    ),
    "a border in the middle of a line is none": (multipart(b"\r\nx --b"), [("text/plain", b"x --b")]),
    "a border behind a bare CR is none": (multipart(b"\r\nx\r--b\ry"), [("text/plain", b"x\r--b\ry")]),
    "bare LF": (multipart(TEXT, PDF).replace(b"\r\n", b"\n"), [("text/plain", b"Hello"), ("application/pdf", b"%PDF")]),
    "an empty part": (multipart(b"", TEXT), [("text/plain", b""), ("text/plain", b"Hello")]),
    "a part of nothing but a header": (multipart(b"Content-Type: a/b"), [("a/b", b"")]),
    "no boundary": (b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\nHello", [("text/plain", b"--x\r\n\r\nHello")]),
    "no boundary inside": (
        multipart(b"Content-Type: multipart/mixed\r\n\r\nHello", PDF),
        [("text/plain", b"Hello"), ("application/pdf", b"%PDF")],
    ),
    "an empty boundary": (f'{ODD}""\r\n\r\n--\r\n\r\nHello'.encode(), [("text/plain", b"--\r\n\r\nHello")]),
    "a boundary that never comes": (f"{ODD}b\r\n\r\nHello\r\n--c".encode(), [("text/plain", b"Hello\r\n--c")]),
    "a boundary that never comes inside": (
        multipart(f"{ODD}c\r\n\r\nHello".encode(), PDF),
        [("text/plain", b"Hello"), ("application/pdf", b"%PDF")],
    ),
    "closed before it began": (f"{ODD}b\r\n\r\nHello\r\n--b--\r\n".encode(), [("text/plain", b"Hello")]),
    "a multipart of nothing": (f"{ODD}b\r\n\r\n\r\n".encode(), []),
    "an attached message is not entered": (
        multipart(TEXT, b"Content-Type: message/rfc822\r\n\r\n" + multipart(PDF, boundary="i")),
        [("text/plain", b"Hello"), ("message/rfc822", multipart(PDF, boundary="i"))],
    ),
    "a digest is of messages": (multipart(b"\r\nSubject: x", kind="digest"), [("message/rfc822", b"Subject: x")]),
    "a digest may hold other things": (multipart(HTML, kind="digest"), [("text/html", b"<p>Hello</p>")]),
    "a type that is none": (b"Content-Type: nonsense\r\n\r\nHello", [("", b"Hello")]),
    "two types: the first": (b"Content-Type: text/html\r\nContent-Type: a/b\r\n\r\nHello", [("text/html", b"Hello")]),
}


@pytest.mark.parametrize(("message", "leaves"), TREES.values(), ids=TREES)
def test_a_tree_has_its_leaves(message: bytes, leaves: list[tuple[str, bytes]]) -> None:
    found = parts_of(message)

    assert [(leaf.kind, leaf.content()) for leaf in found.leaves] == leaves
    assert found.unread == ""


BEYOND = {
    # story: message, parts, depth, leaves that are read, what is said
    "just enough parts": (multipart(TEXT, TEXT), 2, 1, 2, ""),
    "a part too many": (multipart(TEXT, TEXT, TEXT), 2, 1, 2, "more than 2 MIME parts"),
    "just deep enough": (multipart(TEXT, multipart(TEXT, boundary="i")), 9, 2, 2, ""),
    "a level too deep": (multipart(TEXT, multipart(TEXT, boundary="i")), 9, 1, 1, "nested deeper than 1"),
    "headers too long together": (
        multipart(TEXT, *[b"X: " + b"x" * 60_000 + b"\r\n\r\n"] * 20),
        99,
        1,
        18,
        "in headers",
    ),
    "a header too long": (multipart(TEXT, b"X: " + b"x" * 70_000), 9, 1, 1, "header is too long"),
    "lines of dashes": (multipart(TEXT, b"\r\n" + b"--\r\n" * 50_001), 9, 1, 1, "begin with dashes"),
}


@pytest.mark.parametrize(("message", "parts", "depth", "read", "said"), BEYOND.values(), ids=BEYOND)
def test_b4b_reading_stops_at_the_limits_and_says_why(
    message: bytes, parts: int, depth: int, read: int, said: str
) -> None:
    found = parts_of(message, max_parts=parts, max_depth=depth)

    assert len(found.leaves) == read
    assert said in found.unread
    assert bool(said) == bool(found.unread)


CODED = {
    # story: transfer encoding, bytes as sent, bytes as meant
    "none": ("", b"Hello=", b"Hello="),
    "8bit": ("8bit", b"\xff", b"\xff"),
    "quoted-printable": ("Quoted-Printable", b"H=C3=A4llo =\r\nyou=3D", b"H\xc3\xa4llo you="),
    "quoted-printable, broken": ("quoted-printable", b"50=% =X=", b"50=% =X"),
    "base64": ("base64 ; x", b"SGVs\r\nbG8=\r\n", b"Hello"),
    "base64 without padding": ("base64", b"SGVsbG8", b"Hello"),
    "base64 with one sign too many": ("base64", b"SGVsbG8xA", b"Hello1"),
    "base64 with foreign signs": ("base64", b"SG*Vs\x00bG\xff8", b"Hello"),
    "base64 with a text a list put behind": ("base64", b"SGVsbG8=\r\n____\r\nThe list", b"Hello"),
    "base64 of nothing": ("base64", b"", b""),
    "one nobody knows": ("x-uuencode", b"begin", b"begin"),
}


@pytest.mark.parametrize(("encoding", "sent", "meant"), CODED.values(), ids=CODED)
def test_a_transfer_encoding_is_read_as_far_as_it_goes(encoding: str, sent: bytes, meant: bytes) -> None:
    (leaf,) = parts_of(f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + sent).leaves
    assert leaf.content() == meant


DASHES = st.lists(st.sampled_from([b"\n", b"-", b"--", b"a", b"\r\n--b", b"-" * 20]), max_size=30).map(b"".join)


@given(message=DASHES, data=st.data(), hops=st.integers(1, 4), piece=st.integers(3, 40))
def test_lines_that_begin_with_dashes_are_found_however_many_dashes_stand_elsewhere(
    message: bytes, data: st.DataObject, hops: int, piece: int
) -> None:
    position = data.draw(st.integers(0, len(message)))
    wanted = position if message.startswith(b"--", position) else message.find(b"\n--", position) + 1 or -1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mime, "_HOPS", hops)
        patch.setattr(mime, "_PIECE", piece)
        assert mime._next_dashes(message, position) == wanted


def test_the_beginning_of_a_part_can_be_read_alone() -> None:
    (leaf,) = parts_of(b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"Hello")).leaves
    assert leaf.content(4) == b"Hel"


NAMES = {
    # story: header lines, file name
    "none": ("X: y", ""),
    "in the disposition": ("Content-Disposition: attachment; filename=a.pdf", "a.pdf"),
    "quoted": ('Content-Disposition: attachment; filename="a; \\"b\\".pdf"', 'a; "b".pdf'),
    "never closed": ('Content-Disposition: attachment; filename="a b.pdf', "a b.pdf"),
    "with blanks though unquoted": ("Content-Disposition: attachment; filename=a b.pdf ; x=y", "a b.pdf"),
    "folded": ('Content-Disposition: attachment;\r\n\tfilename="a\r\n b.pdf"', "a b.pdf"),
    "in the type": ("Content-Type: application/pdf; name=a.pdf", "a.pdf"),
    "beside a type that is none": ("Content-Type: pdf; name=a.pdf", "a.pdf"),
    "the disposition wins": ("Content-Type: a/b; name=x\r\nContent-Disposition: inline; filename=y", "y"),
    "an encoded word": ('Content-Type: a/b; name="=?utf-8?B?w4RuZ2Vib3QucGRm?="', "Ängebot.pdf"),
    "raw UTF-8": ('Content-Disposition: attachment; filename="Ängebot.pdf"', "Ängebot.pdf"),
    "RFC 2231": ("Content-Disposition: attachment; filename*=utf-8'de'%C3%84ngebot.pdf", "Ängebot.pdf"),
    "RFC 2231 in pieces": ("Content-Disposition: x; filename*1=gebot.pdf; filename*0*=utf-8''%C3%84n", "Ängebot.pdf"),
    "RFC 2231 with a piece missing": ("Content-Disposition: x; filename*0=An; filename*2=pdf", "Anpdf"),
    "RFC 2231 in Latin-1": ("Content-Disposition: x; filename*=iso-8859-1''%C4n.pdf", "Än.pdf"),
    "RFC 2231 in a charset nobody knows": ("Content-Disposition: x; filename*=x-none''%C3%84n.pdf", "Än.pdf"),
    "RFC 2231 without charset": ("Content-Disposition: x; filename*=%C3%84n.pdf", "Än.pdf"),
    "RFC 2231 wins": ("Content-Disposition: x; filename=An.pdf; filename*=utf-8''%C3%84n.pdf", "Än.pdf"),
    "the first of two": ("Content-Disposition: x; filename=a; filename=b", "a"),
    "a star that is no piece": ("Content-Disposition: x; filename*x=a; filename=b", "b"),
    "a path": ("Content-Disposition: x; filename=../../etc/passwd", "passwd"),
    "a Windows path": ('Content-Disposition: x; filename="C:\\Users\\Ann\\a.pdf"', "a.pdf"),
    "nothing but dots": ('Content-Disposition: x; filename="../.."', ""),
    "signs that act": ("Content-Disposition: x; filename*=utf-8''a%0D%0A%00%E2%80%AEfdp.exe", "a fdp.exe"),
    "too long": (f"Content-Disposition: x; filename={'a' * 300}.pdf", "a" * 180 + ".pdf"),
    "too long without an ending": (f"Content-Disposition: x; filename={'a' * 300}", "a" * 200),
    "too long an ending": (f"Content-Disposition: x; filename=a.{'b' * 300}", "a." + "b" * 198),
}


@pytest.mark.parametrize(("lines", "name"), NAMES.values(), ids=NAMES)
def test_a_file_has_the_name_people_see(lines: str, name: str) -> None:
    (leaf,) = parts_of(f"{lines}\r\n\r\nx".encode()).leaves
    assert leaf.filename == name


def test_a_part_tells_its_charset_disposition_and_content_id() -> None:
    header = b"Content-Type: text/plain; charset=UTF-8 (x)\r\nContent-Disposition: INLINE\r\nContent-ID: <a@b>\r\n\r\n"
    (leaf,) = parts_of(header).leaves

    assert (leaf.charset, leaf.disposition, leaf.content_id) == ("UTF-8", "inline", "a@b")


IDENTITIES = {
    # story: what stands in the field, what the part is called
    "as it is written": (b"<a@b>", "a@b"),
    "without what acts on a screen": ("<a\x1b[31m\u202eb>".encode(), "a[31mb"),
    "nothing that is seen": (b"<\x01>", None),
    "as long as may be": (b"<" + b"a" * 255 + b">", "a" * 255),
    "longer": (b"<" + b"a" * 256 + b">", None),
    "much longer": (b"<" + b"a" * 60_000 + b">", None),
}


@pytest.mark.parametrize(("written", "identity"), IDENTITIES.values(), ids=IDENTITIES)
def test_a_part_is_called_by_a_clean_content_id_of_bounded_length(written: bytes, identity: str | None) -> None:
    assert parts_of(b"Content-ID: " + written + b"\r\n\r\n").leaves[0].content_id == identity


TYPES = {
    "in order": (b"Text/HTML; charset=utf-8", "text/html"),
    "with a comment": (b"text/html (x)", "text/html"),
    "one word": (b"text", ""),
    "nothing": (b"", ""),
    "not ASCII": (b"text/\xff", ""),
    "controls": (b"text/\x00plain", ""),
    "without end": (b"text/" + b"x" * 100_000, ""),
}


@pytest.mark.parametrize(("value", "kind"), TYPES.values(), ids=TYPES)
def test_a_type_is_one_or_none(value: bytes, kind: str) -> None:
    assert content_type(value)[0] == kind


@given(st.text(alphabet="ab=;*0'\"\\% \t\n\xb2é").map(str.encode) | st.binary())
def test_any_parameters_are_read(value: bytes) -> None:
    assert all(name == name.lower() for name in parameters_of(b"x;" + value))


LINES = [b"--b", b"--b--", b"--c", b"--c--", b"", b"x", b"--", b"Content-Type: multipart/mixed; boundary=c",
         b"Content-Type: multipart/alternative; boundary=b", b"Content-Type: text/html", b" folded"]  # fmt: skip


@given(st.lists(st.sampled_from(LINES), max_size=25), st.sampled_from([b"\r\n", b"\n"]))
@settings(max_examples=300)
def test_leaves_follow_one_another_whatever_the_lines_are(lines: list[bytes], end: bytes) -> None:
    message = multipart() + end.join(lines)
    position = 0
    for leaf in parts_of(message, max_parts=5, max_depth=3).leaves:
        assert position <= leaf.start <= leaf.end <= len(message)
        position = leaf.end


@given(
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=80),
)
def test_what_pythons_own_library_writes_is_read_back(one: bytes, other: bytes, text: str) -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    message.set_content(text)
    message.add_attachment(one, "application", "pdf", filename="Ängebot äöü €.pdf")
    message.add_attachment(other, "image", "png", filename="a" * 90 + ".png")

    first, second, third = parts_of(message.as_bytes()).leaves

    assert first.content().decode(first.charset).replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
    assert (second.filename, second.content()) == ("Ängebot äöü €.pdf", one)
    assert (third.filename, third.content()) == ("a" * 90 + ".png", other)
