"""Dates: every writing of an instant gives the same milliseconds, and nothing else gives any."""

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.dates import parse_date

NOVEMBER_1997 = 880_127_706_000  # 21 Nov 1997 15:55:06 UTC, the instant of the examples in RFC 5322 appendix A

SAME_INSTANT = {
    "the usual form": b"Fri, 21 Nov 1997 09:55:06 -0600",
    "without the day of the week": b"21 Nov 1997 09:55:06 -0600",
    "a wrong day of the week": b"Mon, 21 Nov 1997 09:55:06 -0600",
    "no blank after the comma": b"Fri,21 Nov 1997 09:55:06 -0600",
    "UTC by number": b"Fri, 21 Nov 1997 15:55:06 +0000",
    "UTC whose clock is not told": b"Fri, 21 Nov 1997 15:55:06 -0000",
    "GMT": b"Fri, 21 Nov 1997 15:55:06 GMT",
    "UT": b"Fri, 21 Nov 1997 15:55:06 UT",
    "UTC by name": b"Fri, 21 Nov 1997 15:55:06 UTC",
    "east of Greenwich": b"Fri, 21 Nov 1997 22:55:06 +0700",
    "a half hour zone over midnight": b"Sat, 22 Nov 1997 01:25:06 +0930",
    "the zone's name as a comment": b"Fri, 21 Nov 1997 22:55:06 +0700 (WIB)",
    "a comment with a bracket inside": b"Fri, 21 Nov 1997 22:55:06 +0700 (Java (west) \\) time)",
    "comments everywhere": b"(a)Fri(b),(c)21(d)Nov(e)1997(f)09(g):(h)55(i):(j)06(k)-0600(l)",
    "blanks everywhere": b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
    "folded": b"Fri,\r\n 21 Nov 1997\r\n\t09:55:06 -0600\r\n",
    "two digits for the year": b"21 Nov 97 09:55:06 -0600",
    "three digits for the year": b"21 Nov 097 09:55:06 -0600",
    "central standard time": b"21 Nov 97 09:55:06 CST",
    "eastern daylight time": b"21 Nov 97 11:55:06 EDT",
    "pacific standard time in small letters": b"21 nov 97 07:55:06 pst",
    "a military zone counts as unknown": b"21 Nov 97 15:55:06 A",
    "an unknown zone counts as UTC": b"21 Nov 97 15:55:06 XYZT",
    "no zone at all": b"Fri, 21 Nov 1997 15:55:06",
    "a colon in the zone": b"Fri, 21 Nov 1997 22:55:06 +07:00",
    "GMT and a number": b"Fri, 21 Nov 1997 22:55:06 GMT+0700 (WIB)",
    "month and weekday in full": b"Friday, 21 November 1997 09:55:06 -0600",
    "dashes": b"Friday, 21-Nov-97 15:55:06 GMT",
    "fractions of a second": b"21 Nov 1997 15:55:06.789 +0000",
    "a comment that is never closed": b"21 Nov 1997 15:55:06 +0000 (never",
}


@pytest.mark.parametrize("written", SAME_INSTANT.values(), ids=SAME_INSTANT)
def test_one_instant_has_one_value_however_it_is_written(written: bytes) -> None:
    assert parse_date(written) == NOVEMBER_1997


OTHER_INSTANTS = {
    "the first second": (b"1 Jan 1970 00:00:00 +0000", 0),
    "the first second, told from the west": (b"31 Dec 1969 19:00:00 -0500", 0),
    "the last second": (b"31 Dec 9999 23:59:59 +0000", 253_402_300_799_000),
    "no seconds": (b"Wed, 1 Feb 2023 10:00 +0000", 1_675_245_600_000),
    "a leap second is the second after it": (b"31 Dec 2016 23:59:60 +0000", 1_483_228_800_000),
    "29 February of a leap year": (b"29 Feb 2024 00:00:00 +0000", 1_709_164_800_000),
    "year 49 is 2049": (b"1 Jan 49 00:00:00 +0000", 2_493_072_000_000),
    "year 70 is 1970": (b"1 Jan 70 00:00:00 +0000", 0),
    "year 123 is 2023": (b"1 Feb 123 10:00:00 +0000", 1_675_245_600_000),
}


@pytest.mark.parametrize(("written", "instant"), OTHER_INSTANTS.values(), ids=OTHER_INSTANTS)
def test_the_edges_of_years_zones_and_seconds(written: bytes, instant: int) -> None:
    assert parse_date(written) == instant


UNREADABLE = {
    "nothing": b"",
    "only a comment": b"(yesterday)",
    "words": b"yesterday at noon",
    "a comment closed twice": b"21 Nov 1997 15:55:06 +0000 )",
    "no such month": b"21 Nox 1997 15:55:06 +0000",
    "no such day": b"31 Nov 1997 15:55:06 +0000",
    "29 February of a common year": b"29 Feb 2023 00:00:00 +0000",
    "day nought": b"0 Nov 1997 15:55:06 +0000",
    "hour 24": b"21 Nov 1997 24:00:00 +0000",
    "minute 60": b"21 Nov 1997 15:60:06 +0000",
    "second 61": b"21 Nov 1997 15:55:61 +0000",
    "a zone of 60 minutes": b"21 Nov 1997 15:55:06 +0060",
    "year nought": b"21 Nov 0000 15:55:06 +0000",
    "before 1970": b"31 Dec 1969 23:59:59 +0000",
    "before 1970 by its zone": b"1 Jan 1970 00:00:00 +0100",
    "after 9999 by its zone": b"31 Dec 9999 23:59:59 -0100",
    "a leap second that ends 9999": b"31 Dec 9999 23:59:60 +0000",
    "a year of five digits": b"21 Nov 10000 15:55:06 +0000",
    "another text behind": b"21 Nov 1997 15:55:06 +0000 sharp",
    "longer than any date": b"21 Nov 1997 15:55:06 +0000" + b"x " * 100,
    "comments longer than any": b"21 Nov 1997 (" + b"x" * 5_000 + b") 15:55:06 +0000",
    "NUL": b"21 Nov 1997\x0015:55:06 +0000",
    "figures of another script": "21 Nov ١٩٩٧ 15:55:06 +0000".encode(),
}


@pytest.mark.parametrize("written", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_instant_between_1970_and_9999_gives_none(written: bytes) -> None:
    assert parse_date(written) is None


@given(st.integers(86_400, 253_402_214_400), st.integers(-14 * 60, 14 * 60), st.integers(-14 * 60, 14 * 60))
def test_two_zones_tell_the_same_instant(seconds: int, minutes: int, others: int) -> None:
    for offset in (minutes, others):
        local = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=offset)))
        assert parse_date(format_datetime(local).encode()) == seconds * 1000


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw: bytes) -> None:
    assert parse_date(raw) is None or isinstance(parse_date(raw), int)


@given(st.text("FriNov 0123456789:+-,()\\", max_size=60))
@settings(max_examples=500)
def test_nothing_near_a_date_raises_or_leaves_the_range(text: str) -> None:
    instant = parse_date(text.encode())
    assert instant is None or 0 <= instant < 253_402_300_800_000


HOSTILE = {
    "a megabyte of blanks": b" " * 1_000_000,
    "blanks after the weekday": b"Mon," + b" " * 1_000_000,
    "blanks behind, then text": b"1 Feb 2023 10:00 +0000" + b" " * 1_000_000 + b"x",
    "brackets that never close": b"(" * 1_000_000,
    "brackets that close one by one": b"(a\\)" * 250_000,
    "figures": b"1" * 1_000_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_made_to_stall_is_simply_unreadable(raw: bytes) -> None:
    assert parse_date(raw) is None
