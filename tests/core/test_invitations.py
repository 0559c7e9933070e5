"""An invitation is told as far as it can be read, and never costs more than it is worth (RFC 5545, RFC 5546)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.body import content, outline
from gateway.core.header import read_header
from gateway.core.invitations import Guest, Invitation, in_words, read_invitations
from tests.core.test_mime import multipart

NOTHING = Invitation("", "", "", "", "", "", "", None, (), "", "", "")
BOATS = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1@example.net
DTSTAMP:20250114T085050Z
DTSTART;TZID=Europe/Berlin:20250120T090000
DTEND;TZID="Europe/Berlin":20250120T100000
SUMMARY;LANGUAGE=en:Boats\\, two of th
 em
LOCATION:Harbour\\nPier 3
ORGANIZER;CN="Jones; Carol":mailto:carol@example.net
ATTENDEE;PARTSTAT=ACCEPTED;CN=dimas@acme.example:MAILTO:dimas@acme.example
ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@bluefin.example
RRULE:FREQ=WEEKLY;COUNT=4
STATUS:confirmed
DESCRIPTION:Bring\\; oars\\\\
BEGIN:VALARM
SUMMARY:not this
END:VALARM
END:VEVENT
END:VCALENDAR
"""
READ = Invitation(
    method="REQUEST",
    uid="1@example.net",
    summary="Boats, two of them",
    start="2025-01-20T09:00:00",
    end="2025-01-20T10:00:00",
    zone="Europe/Berlin",
    location="Harbour\nPier 3",
    organizer=Guest("carol@example.net", "Jones; Carol", ""),
    attendees=(Guest("dimas@acme.example", "", "accepted"), Guest("bob@bluefin.example", "", "")),
    status="CONFIRMED",
    recurrence="FREQ=WEEKLY;COUNT=4",
    description="Bring; oars\\",
)


def event(*lines: str) -> str:
    return "\n".join(("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"))


def test_an_invitation_is_read() -> None:
    assert read_invitations(BOATS) == (READ,)


TIMES = {
    # story: lines, start, end, zone
    "in UTC": (
        ["DTSTART:20250120T090000Z", "DTEND:20250120T100000Z"],
        "2025-01-20T09:00:00Z",
        "2025-01-20T10:00:00Z",
        "",
    ),
    "in UTC, with a zone all the same": (["DTSTART;TZID=X:20250120T090000Z"], "2025-01-20T09:00:00Z", "", ""),
    "wherever one is": (["DTSTART:20250120T0900"], "2025-01-20T09:00:00", "", ""),
    "a whole day": (["DTSTART;VALUE=DATE:20250120"], "2025-01-20", "", ""),
    "so long": (["DTSTART:20250120T233000Z", "DURATION:PT1H30M"], "2025-01-20T23:30:00Z", "2025-01-21T01:00:00Z", ""),
    "so long, in a zone": (
        ["DTSTART;TZID=X:20250120T090000", "DURATION:PT60S"],
        "2025-01-20T09:00:00",
        "2025-01-20T09:01:00",
        "X",
    ),
    "so many days": (["DTSTART;VALUE=DATE:20250120", "DURATION:P1W2D"], "2025-01-20", "2025-01-29", ""),
    "so long that time ends": (["DTSTART:99991231T000000Z", "DURATION:P9W"], "9999-12-31T00:00:00Z", "", ""),
    "how long is not told": (["DTSTART:20250120T090000Z", "DURATION:soon"], "2025-01-20T09:00:00Z", "", ""),
    "a task that is due": (["DUE:20250120T090000Z"], "", "2025-01-20T09:00:00Z", ""),
    "a second that leaps": (["DTSTART:20161231T235960Z"], "2016-12-31T23:59:59Z", "", ""),
    "a day that is none": (["DTSTART:20250231T090000Z"], "", "", ""),
    "no time at all": (["DTSTART:tomorrow", "DURATION:PT1H"], "", "", ""),
    "the first counts": (["DTSTART:20250120", "DTSTART:20260120"], "2025-01-20", "", ""),
}


@pytest.mark.parametrize(("lines", "start", "end", "zone"), TIMES.values(), ids=TIMES)
def test_times_are_told_as_they_are_written(lines: list[str], start: str, end: str, zone: str) -> None:
    found = read_invitations(event(*lines))[0]
    assert (found.start, found.end, found.zone) == (start, end, zone)


CALENDARS = {
    # story: text, what the part says, events
    "nothing": ("", "REQUEST", ()),
    "no calendar": ("Hello\n: x\nÄ:x", "", ()),
    "the part says the method": (event("SUMMARY:x"), "reply", (replace(NOTHING, method="REPLY", summary="x"),)),
    "an empty method": (
        "BEGIN:VCALENDAR\nMETHOD: \n" + event("UID:1"),
        "ADD",
        (replace(NOTHING, method="ADD", uid="1"),),
    ),
    "cut in the event": ("BEGIN:VEVENT\nSUMMARY:x", "", (replace(NOTHING, summary="x"),)),
    "two events": (event("UID:1") + "\n" + event("UID:2"), "", (replace(NOTHING, uid="1"), replace(NOTHING, uid="2"))),
    "the same twice": (event("UID:1") + "\n" + event("UID:1"), "", (replace(NOTHING, uid="1"),)),
    "ends that nothing began": ("END:VEVENT\nEND:X\n" + event("UID:1"), "", (replace(NOTHING, uid="1"),)),
    "an event in an event": (
        "BEGIN:VEVENT\nUID:1\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VEVENT",
        "",
        (replace(NOTHING, uid="1"),),
    ),
    "a quote that is never closed": (event('SUMMARY;X="a:b', "UID:1"), "", (replace(NOTHING, uid="1"),)),
    "a colon in a quote": (event('SUMMARY;X="a:b",c;Y=:d'), "", (replace(NOTHING, summary="d"),)),
    "a second organiser": (
        event("ORGANIZER:mailto:a@x", "ORGANIZER:mailto:b@x"),
        "",
        (replace(NOTHING, organizer=Guest("a@x", "", "")),),
    ),
    "an organiser without mailto": (event("ORGANIZER:a@x"), "", (replace(NOTHING, organizer=Guest("a@x", "", "")),)),
}


@pytest.mark.parametrize(("text", "method", "events"), CALENDARS.values(), ids=CALENDARS)
def test_a_calendar_is_read_as_far_as_it_goes(text: str, method: str, events: tuple[Invitation, ...]) -> None:
    assert read_invitations(text, method) == events


WORDS = {
    "all of it": (
        READ,
        (
            "Invitation: Boats, two of them\nWhen: 2025-01-20 09:00:00 to 2025-01-20 10:00:00 (Europe/Berlin)\n"
            "Repeats: FREQ=WEEKLY;COUNT=4\nWhere: Harbour\nPier 3\n"
            "Organiser: Jones; Carol <carol@example.net>\n\nBring; oars\\"
        ),
    ),
    "nothing": (NOTHING, "Event"),
    "an answer": (
        replace(
            NOTHING, method="REPLY", summary="Boats", attendees=(Guest("a@x", "Ana", "declined"), Guest("b@x", "", ""))
        ),
        "Answer to an invitation: Boats\nAnswer: Ana <a@x> declined",
    ),
    "cancelled, in UTC": (
        replace(NOTHING, method="CANCEL", summary="Boats", start="2025-01-20T09:00:00Z"),
        "Cancelled: Boats\nWhen: 2025-01-20 09:00:00 UTC",
    ),
    "one day": (replace(NOTHING, start="2025-01-20", end="2025-01-21"), "When: 2025-01-20"),
    "the last day there is": (replace(NOTHING, start="9999-12-31", end="9999-12-31"), "When: 9999-12-31"),
    "days": (replace(NOTHING, start="2025-01-20", end="2025-01-23"), "When: 2025-01-20 to 2025-01-23 (exclusive)"),
    "an end alone": (replace(NOTHING, end="2025-01-20T09:00:00Z", zone="X", summary="a"), "Event: a"),
}


@pytest.mark.parametrize(("invitation", "text"), WORDS.values(), ids=WORDS)
def test_an_invitation_in_words(invitation: Invitation, text: str) -> None:
    assert in_words(invitation) == text


PART = b"Content-Type: text/calendar; method=COUNTER; charset=utf-8\r\n\r\n" + event("SUMMARY:Boöts").encode()
FILE = b"Content-Type: application/ics; name=invite.ics; method=COUNTER\r\n\r\n" + event("SUMMARY:Boöts").encode()
LIMITS: dict[str, Any] = {"max_parts": 9, "max_depth": 5}


def test_an_invitation_is_kept_as_a_file_and_told_once() -> None:
    message = multipart(multipart(b"\r\nCome", PART, kind="alternative", boundary="i"), FILE)
    found, sketch = content(message, **LIMITS), outline(message, read_header(message), **LIMITS)

    assert found.text == "Come"
    assert found.calendar == (replace(NOTHING, method="COUNTER", summary="Boöts"),)
    assert [one.filename for one in sketch.attachments] == ["part-1.ics", "invite.ics"]
    assert sketch.snippet == "Come"


def test_an_invitation_without_words_is_told_in_ours() -> None:
    found, sketch = content(PART, **LIMITS), outline(PART, read_header(PART), **LIMITS)
    assert (found.text, found.html) == ("Another time is proposed: Boöts", None)
    assert sketch.snippet == "Another time is proposed: Boöts"


LINES = [
    "BEGIN:VEVENT",
    "END:VEVENT",
    "BEGIN:VCALENDAR",
    "END:X",
    "DTSTART:",
    "20250120",
    "T090000Z",
    "DURATION:",
    "P1D",
    "\n",
    " ",
    "ATTENDEE",
    ";CN=",
    '"',
    ":",
    ",",
    "mailto:a@x",
    "METHOD:REQUEST",
    "\\",
    "n",
    "SUMMARY:x",
    "9" * 9,
]


@given(st.lists(st.sampled_from(LINES), max_size=40).map("".join) | st.text())
def test_any_text_is_read(text: str) -> None:
    for one in read_invitations(text):
        assert in_words(one)


HOSTILE = [
    "BEGIN:VEVENT\n",
    "BEGIN:VEVENT\nEND:VEVENT\n",
    'A;B="',
    'A;B=",',
    "A;B=b,;",
    "\n ",
    "ATTENDEE:x\n",
    "UID:x\n ",
]


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
def test_a_megabyte_of_anything_is_read_within_bounds(piece: str) -> None:
    found = read_invitations("BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + piece * (1_000_000 // len(piece)))
    assert len(found) <= 50
    assert all(len(one.attendees) <= 200 and len(one.uid) <= 2_000 for one in found)


def test_no_more_events_are_told_than_people_read() -> None:
    assert len(read_invitations("\n".join(event(f"UID:{n}") for n in range(60)))) == 50


METHODS = {
    "of the calendar": ("REQUEST", "cancel", "CANCEL"),
    "of the part": ("reply", "", "REPLY"),
    "one that is no name": ("a\0b", "x y", ""),
    "one that would turn text around": ("REQUEST", "\u202eX", "REQUEST"),
}


@pytest.mark.parametrize(("part", "calendar", "method"), METHODS.values(), ids=METHODS)
def test_a_method_is_a_name_or_none(part: str, calendar: str, method: str) -> None:
    (found,) = read_invitations(f"BEGIN:VCALENDAR\nMETHOD:{calendar}\nBEGIN:VEVENT\nUID:1\nEND:VEVENT", part)
    assert found.method == method


def calendar(*events: str) -> bytes:
    return b"Content-Type: text/calendar\r\n\r\n" + "\n".join(events).encode()


FILLED = "X-FILL:" + "x" * 400_000
SHARED = {
    # story: the calendars of a mail, the events that are told of them
    "so many events of all of them": ([calendar(*(event(f"UID:{n}{m}") for n in range(20))) for m in "abc"], 50),
    "so many bytes of all of them": ([calendar(event(FILLED), event(f"UID:{n}")) for n in range(9)], 3),
}


@pytest.mark.parametrize(("calendars", "told"), SHARED.values(), ids=SHARED)
def test_all_calendars_of_a_mail_share_one_bound(calendars: list[bytes], told: int) -> None:
    assert len(content(multipart(*calendars), max_parts=20, max_depth=3).calendar) == told


FIRST_WORDS = {
    # story: the calendars of a mail without a text, its first words
    "the first event of the first calendar": ([calendar(event("SUMMARY:A"), event("SUMMARY:B")), PART], "Event: A"),
    "the next calendar where the first is empty": ([calendar(""), calendar(event("SUMMARY:B"))], "Event: B"),
    "what stands near the beginning": ([calendar(event(FILLED, "SUMMARY:A")), PART], "Event"),
}


@pytest.mark.parametrize(("calendars", "words"), FIRST_WORDS.values(), ids=FIRST_WORDS)
def test_the_first_words_of_invitations_are_those_of_the_first_event(calendars: list[bytes], words: str) -> None:
    message = multipart(*calendars)
    assert outline(message, read_header(message), max_parts=20, max_depth=3).snippet == words
