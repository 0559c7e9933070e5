"""The header section by bytes: which lines are fields, where the body begins, what is malformed (B4, B4a, B4b)."""

from __future__ import annotations

import pytest

from gateway.core.header import MAX_PART_HEADER, fields_of, part_header, read_header

FIELDS = {
    # story: message, fields, where the body begins
    "CR LF": (b"A: 1\r\nB: 2\r\n\r\nbody", {"a": (b"1",), "b": (b"2",)}, 14),
    "bare LF": (b"A: 1\nB: 2\n\nbody", {"a": (b"1",), "b": (b"2",)}, 11),
    "both": (b"A: 1\nB: 2\r\n\nbody", {"a": (b"1",), "b": (b"2",)}, 12),
    "folded, kept with LF": (b"A: 1\r\n 2\r\n\t3\r\n\r\n", {"a": (b"1\n 2\n\t3",)}, 16),
    "the same twice": (b"A: 1\nB: 2\na: 3\n\n", {"a": (b"1", b"3"), "b": (b"2",)}, 16),
    "blanks before the colon": (b"A \t: 1\n\n", {"a": (b"1",)}, 8),
    "no blank after it": (b"A:1\n\n", {"a": (b"1",)}, 5),
    "no value": (b"A:\n\n", {"a": (b"",)}, 4),
    "a line without colon is passed over, its continuation too": (b"A: 1\nrubbish\n B: 2\nC: 3\n\n",
                                                                  {"a": (b"1",), "c": (b"3",)}, 25),
    "a blank inside the name": (b"From x: 1\nA: 1\n\n", {"a": (b"1",)}, 16),
    "a name that is not ASCII": (b"\xc3\xa4: 1\nA: 1\n\n", {"a": (b"1",)}, 12),
    "an empty name": (b": 1\n\n", {}, 5),
    "no empty line": (b"A: 1\nB: 2", {"a": (b"1",), "b": (b"2",)}, 9),
    "an empty line first": (b"\nA: 1\n\n", {}, 1),
    "an empty line of CR LF first": (b"\r\nA: 1\n\n", {}, 2),
    "nothing": (b"", {}, 0),
    "a CR is no line end": (b"A: 1\rB: 2\n\n", {"a": (b"1\rB: 2",)}, 11),
}  # fmt: skip


@pytest.mark.parametrize(("message", "fields", "body_at"), FIELDS.values(), ids=FIELDS)
def test_a_header_is_split_into_its_fields(message: bytes, fields: dict[str, tuple[bytes, ...]], body_at: int) -> None:
    header = read_header(message)

    assert header.fields == fields
    assert header.body_at == body_at
    assert header.all("a") == fields.get("a", ())
    assert header.first("b") == (fields["b"][0] if "b" in fields else None)


SIZES = {
    # story: message, bytes, lines
    "nothing": (b"", 0, 0),
    "one line": (b"A: 1\r\n\r\nbody\r\n", 4, 1),
    "folded lines count": (b"A: 1\r\n 2\r\nB: 3\r\n\r\n", 14, 3),
    "no body": (b"A: 1\nB: 2", 9, 2),
}


@pytest.mark.parametrize(("message", "size", "lines"), SIZES.values(), ids=SIZES)
def test_b4b_a_header_is_measured_by_bytes(message: bytes, size: int, lines: int) -> None:
    header = read_header(message)
    assert (header.size, header.lines) == (size, lines)


FAULTS = {
    "sound": (b"From: a@b.example\r\n\r\n", ""),
    "NUL": (b"From: a@b.example\r\nX: \0\r\n\r\n", "NUL"),
    "a bare CR": (b"From: a@b.example\rX: 1\r\n\r\n", "carriage return"),
    "a blank first": (b" From: a@b.example\r\n\r\n", "begins with a blank"),
    "a tab first": (b"\tx\r\nFrom: a@b.example\r\n\r\n", "begins with a blank"),
    "a blank between From and its colon": (b"From : a@b.example\r\n\r\n", "between From and its colon"),
    "a blank between To and its colon": (b"To : a@b.example\r\n\r\n", ""),
    "NUL in the body": (b"From: a@b.example\r\n\r\n\0\r", ""),
}


@pytest.mark.parametrize(("message", "fault"), FAULTS.values(), ids=FAULTS)
def test_b4_a_malformed_header_is_told_with_its_fault(message: bytes, fault: str) -> None:
    found = read_header(message).fault
    assert fault in found
    assert bool(found) == bool(fault)


PARTS = {
    # story: message from the part on, fields, where its body begins
    "fields and a body": (b"A: 1\r\n\r\nbody\r\n--b", {"a": (b"1",)}, 8),
    "no fields": (b"\r\nbody", {}, 2),
    "a border at once": (b"--b\r\n", {}, 0),
    "a border before an empty line": (b"A: 1\n--b\n\nbody", {"a": (b"1",)}, 5),
    "the message ends": (b"A: 1\nB: 2", {"a": (b"1",), "b": (b"2",)}, 9),
    "nothing": (b"", {}, 0),
    "dashes in its body": (b"A: 1\n\n--b\n", {"a": (b"1",)}, 6),
}


@pytest.mark.parametrize(("message", "fields", "body_at"), PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("before", [b"", b"preamble\r\n--b\r\n"], ids=["at the start", "further on"])
def test_the_header_of_a_part_ends_at_an_empty_line_or_a_border(
    before: bytes, message: bytes, fields: dict[str, tuple[bytes, ...]], body_at: int
) -> None:
    section, at = part_header(before + message, len(before))

    assert section is not None
    assert (fields_of(section), at) == (fields, len(before) + body_at)


def test_a_part_header_beyond_all_reason_is_not_read() -> None:
    assert part_header(b"A: " + b"x" * MAX_PART_HEADER, 0) == (None, 0)


@pytest.mark.parametrize("size", [98, 99, 100, 101, 102, 103, 104, 105, 1_000])
def test_b4b_the_end_of_a_header_is_not_looked_for_beyond_its_limit(size: int) -> None:
    section = b"Received: " + b"x" * (size - 10)
    within = size <= 100

    for rest in (b"\r\n\r\nbody", b"\n\nbody", b""):
        found = read_header(section + rest, max_bytes=100)
        assert (found.size > 100) == (not within)
        assert (found.received, bool(found.fields)) == (1, within)
        assert not within or found.body_at == size + len(rest.removesuffix(b"body"))


def test_the_header_ends_at_the_first_empty_line_whichever_line_end_it_has() -> None:
    found = read_header(b"A: 1\n\n\r\nbody")
    assert (found.size, found.body_at) == (4, 6)
