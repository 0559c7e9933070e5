"""Answers of IMAP servers as values, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mailboxes.responses import (
    Record,
    Value,
    answers,
    as_set,
    items_of,
    moment,
    number,
    of_set,
    uids_of,
    values,
)

READ: dict[str, tuple[list[Record], list[Value]]] = {
    "words and numbers": ([b"5 (UID 7)"], [b"5", [b"UID", b"7"]]),
    "nothing, in any case": ([b"NIL nil (NIL)"], [None, None, [None]]),
    "quoted, with escapes": ([rb'"a\"b\\" "" "NIL"'], [b'a"b\\', b"", b"NIL"]),
    "a literal": ([(b"BODY[] {5}", b"a\0)\r\n"), b""], [b"BODY[]", b"a\0)\r\n"]),
    "a literal of octets": ([(b"X ~{1}", b"\0"), b""], [b"X", b"\0"]),
    "a literal that is not waited for": ([(b"X {1+}", b"y"), b""], [b"X", b"y"]),
    "sections with blanks in them": (
        [b"BODY[HEADER.FIELDS (DATE FROM)]<0> NIL"],
        [b"BODY[HEADER.FIELDS (DATE FROM)]<0>", None],
    ),
    "blanks more than there should be": ([b"(  a   b )  "], [[b"a", b"b"]]),
    "brackets without blanks": ([b'(a(b"c")d)'], [[b"a", [b"b", b"c"], b"d"]]),
}


@pytest.mark.parametrize(("answer", "expected"), READ.values(), ids=READ)
def test_an_answer_is_read(answer: list[Record], expected: list[Value]) -> None:
    assert values(answer) == expected


def test_no_depth_hurts() -> None:
    found: Value = values([b"(" * 15_000 + b")" * 15_000])
    depth = 0
    while isinstance(found, list) and found:
        found, depth = found[0], depth + 1
    assert depth == 15_000


UNREADABLE = {
    "a bracket that is not closed": [b"(a (b)"],
    "a bracket that was not opened": [b"a)"],
    "a quote that is not closed": [b'("a)'],
    "a section that is not closed": [b"BODY[1 x"],
    "more lists than a message has": [b"()" * 30_000],
    "more texts than a message has": [b'""' * 30_000],
    "more words than a message has": [b"x " * 30_000],
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
def test_what_does_not_close_can_not_be_read(answer: list[Record]) -> None:
    with pytest.raises(ValueError, match="not"):
        values(answer)


@given(st.lists(st.binary(max_size=60) | st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=5))
def test_whatever_comes_is_read_or_can_not_be(answer: list[Record]) -> None:
    try:
        items_of(answer)
    except ValueError:
        return


def test_each_answer_ends_with_a_line() -> None:
    records: list[Record] = [b"1 (UID 1)", (b"2 (BODY[] {1}", b"x"), (b" Y {1}", b"y"), b")", b"3 (UID 3)"]
    assert [len(one) for one in answers(records)] == [1, 3, 1]


def test_items_have_their_names_in_capitals_and_without_their_beginning() -> None:
    answer: list[Record] = [(b"5 (uid 7 Body[1.2]<0> {1}", b"x"), b" flags ())"]
    assert items_of(answer) == {b"UID": b"7", b"BODY[1.2]": b"x", b"FLAGS": []}


@pytest.mark.parametrize("answer", [b"5", b"5 NIL", b"5 (UID)", b"5 ((a) b)"])
def test_what_is_no_list_of_items_can_not_be_read(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        items_of([answer])


MOMENTS = {
    b"30-Nov-2026 10:00:00 +0000": 1_796_032_800_000,
    b" 1-nov-2026 00:00:00 +0130": 1_793_485_800_000,
    b"01-Nov-2026 00:00:00 -0500": 1_793_509_200_000,
    b"01-Nov-2026 00:00:00": 1_793_491_200_000,
    b"01-Jan-0001 00:00:00 +1400": None,
    b"31-Dec-1969 23:59:59 +0000": None,
    b"31-Dec-9999 23:59:59 -1200": 253_402_343_999_000,
    b"31-Feb-2026 00:00:00 +0000": None,
    b"01-Nov-2026 00:00:00 +9900": None,
    b"yesterday": None,
    b"": None,
}


@pytest.mark.parametrize(("written", "at"), MOMENTS.items())
def test_a_moment(written: bytes, at: int | None) -> None:
    assert moment(written) == at


def test_no_moment_and_no_number() -> None:
    assert moment(None) is None
    written: list[Value] = [None, b"x", b"-1", b"9" * 30, [], b"12"]
    assert [number(one) for one in written] == [0, 0, 0, 0, 0, 12]


def test_uids_of_a_search() -> None:
    assert uids_of([b"3 1  2", b"2 9 12345678901 4294967296 (MODSEQ 77)", b"", (b"4 {1}", b"5")]) == [1, 2, 3, 9]


SETS = {"1": [1], "1:3,7": [1, 2, 3, 7], "1,3,5": [1, 3, 5], "": []}


@pytest.mark.parametrize(("written", "uids"), SETS.items())
def test_a_set_is_written_short_and_read_again(written: str, uids: list[int]) -> None:
    assert as_set(uids) == written
    assert written == "" or of_set(written.encode()) == uids


def test_a_set_may_go_down() -> None:
    assert of_set(b"3:1") == [1, 2, 3]


@pytest.mark.parametrize("written", [b"", b"x", b"1:*", b"1:4294967295", b"1:12345678901", b"1:,2"])
def test_no_set_or_one_of_more_than_any_folder_holds(written: bytes) -> None:
    assert of_set(written) in (None, [1, 2])
