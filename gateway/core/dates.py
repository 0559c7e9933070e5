"""The Date field: from RFC 5322 text to an instant in milliseconds since 1970, which rule B9 compares."""

from __future__ import annotations

import re
from datetime import date

# The form that nearly all mail carries; one match and done. Possessive throughout: hostile blanks cost one pass.
_COMMON = re.compile(
    rb"[ \t]*+(?:[A-Za-z]{3},[ \t]*+)?([0-9]{1,2})[ \t]++([A-Za-z]{3})[ \t]++([0-9]{4})[ \t]++"
    rb"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?[ \t]++([+-][0-9]{4}|GMT)[ \t]*+(?:\([^()\\]*+\))?\s*+\Z"
)
# RFC 5322 section 4.3 (obsolete forms) and what mailers make of it; met with comments gone and blanks folded.
_LENIENT = re.compile(
    rb"(?:[A-Za-z]+ ?[,.]? ?)?([0-9]{1,2})[ -]?([A-Za-z]{3})[a-z]*\.?[ -]?([0-9]{2,4})[ ,]+"
    rb"([0-9]{1,2}) ?: ?([0-9]{1,2})(?: ?: ?([0-9]{1,2})(?:\.[0-9]+)?)? ?"
    rb"((?:GMT|UTC|UT)?[+-][0-9]{2}:?[0-9]{2}|[A-Za-z]*)",
    re.I,
)
_COMMENT_PART = re.compile(rb"\\.|[()]|[^\\()]+|\\", re.S)
_LONGEST = 100
_LONGEST_RAW = 4_000

_MONTH_NAMES = b"jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES.split(), start=1)}
# Hours from UTC of the zones RFC 5322 section 4.3 gives a meaning; all other letters count as -0000, as it says.
_ZONES = {b"EDT": -4, b"EST": -5, b"CDT": -5, b"CST": -6, b"MDT": -6, b"MST": -7, b"PDT": -7, b"PST": -8}

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_END = (date.max.toordinal() + 1 - _EPOCH_DAY) * 86_400


def parse_date(raw: bytes) -> int | None:
    """The instant a Date field names, in milliseconds since 1970; None when unreadable or outside 1970 to 9999.

    Takes the obsolete syntax too: comments, two- and three-digit years, named zones, no seconds. The day of the week
    is not compared. A missing zone counts as -0000; a leap second is the second after it.
    """
    found = _COMMON.match(raw) or _LENIENT.fullmatch(_without_comments(raw))
    if found is None:
        return None
    day, month, year, hour, minute, second, zone = found.groups()
    offset = _offset(zone)
    clock = int(hour) * 3600 + int(minute) * 60 + int(second or 0)
    if offset is None or int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return None
    try:
        days = date(_year(year), _MONTHS[month.lower()], int(day)).toordinal() - _EPOCH_DAY
    except (KeyError, ValueError):
        return None
    seconds = days * 86_400 + clock - offset
    return seconds * 1000 if 0 <= seconds < _END else None


def _year(digits: bytes) -> int:
    """RFC 5322 section 4.3: 00 to 49 are 2000 to 2049; other two digits, and three, count from 1900."""
    year = int(digits)
    if len(digits) > 3:
        return year
    return year + (2000 if len(digits) == 2 and year < 50 else 1900)


def _offset(zone: bytes) -> int | None:
    """Seconds east of UTC; None when the minutes are more than an hour has."""
    sign = max(zone.find(b"+"), zone.find(b"-"))
    if sign < 0:
        return _ZONES.get(zone.upper(), 0) * 3600
    digits = zone[sign + 1 :].replace(b":", b"")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59:
        return None
    east = hours * 3600 + minutes * 60
    return -east if zone[sign : sign + 1] == b"-" else east


def _without_comments(raw: bytes) -> bytes:
    """The value without (nested) comments and with single blanks; empty when longer than any date."""
    if len(raw) > _LONGEST_RAW:
        return b""
    kept, depth = [], 0
    for part in _COMMENT_PART.findall(raw):
        if part == b"(":
            depth += 1
        elif part == b")" and depth:
            depth -= 1
            kept.append(b" ")
        elif not depth:
            kept.append(part)
    text = b" ".join(b"".join(kept).split())
    return text if len(text) <= _LONGEST else b""
