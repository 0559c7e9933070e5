"""Invitations in a mail: what, when, where and who of a text/calendar part (RFC 5545, RFC 5546, RFC 6047).

A reader of our own, because what is wrong or cut must not cost the rest. Times are told as the mail writes them,
with the name of their zone: no zone is computed here. Whoever stands in an invitation is content, no participant (C1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MOST_BYTES = 1_000_000
"""Bytes that are read of all calendars of a mail."""
MOST_EVENTS = 50
"""Events that are told of all calendars of a mail."""
_MOST_LINES = 20_000
_MOST_PEOPLE = 200
_MOST_CHARACTERS = 2_000

_TO_SECONDS = len("2025-01-20T09:00:00")

_FOLD = re.compile(r"\n[ \t]")
_NAME = re.compile(r"[A-Za-z0-9-]{1,40}")
_PARAMETER = re.compile(r";([A-Za-z0-9-]{1,40})=((?:\"[^\"]*\"|[^\";:,]*+)(?:,(?:\"[^\"]*\"|[^\";:,]*+))*+)")
_ESCAPED = re.compile(r"\\([\\;,Nn])")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?", re.A)
_DURATION = re.compile(r"\+?P(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?", re.A)
_COMPONENTS = frozenset(("VEVENT", "VTODO", "VFREEBUSY"))
_WORDS = {
    "REQUEST": "Invitation",
    "PUBLISH": "Event",
    "REPLY": "Answer to an invitation",
    "CANCEL": "Cancelled",
    "COUNTER": "Another time is proposed",
    "DECLINECOUNTER": "The proposed time is declined",
    "ADD": "More dates of an event",
    "REFRESH": "Asks for the invitation again",
}
_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative", "DELEGATED": "delegated"}


@dataclass(frozen=True, slots=True)
class Guest:
    """Organiser or attendee. address: as it is written, without `mailto:`. answer: accepted, declined, …, or ""."""

    address: str
    name: str
    answer: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """One event of a calendar part, as far as it can be read; what is not told is "".

    method: of iTIP, such as REQUEST or CANCEL. start, end: `2025-01-20` for a whole day, `2025-01-20T09:00:00` in the
    zone that is named, with a `Z` in UTC; the end of a day is the day after (RFC 5545 section 3.6.1).
    """

    method: str
    uid: str
    summary: str
    start: str
    end: str
    zone: str
    location: str
    organizer: Guest | None
    attendees: tuple[Guest, ...]
    status: str
    recurrence: str
    description: str


def read_invitations(text: str, method: str = "", most: int = MOST_EVENTS) -> tuple[Invitation, ...]:
    """The events of a calendar. method: of the part's Content-Type, which counts where the calendar names none.

    most: events that are read.
    """
    calendar = _Calendar(_token(method))
    for line in _lines(text):
        calendar.take(line)
        if len(calendar.events) >= most:
            break
    calendar.close()
    return tuple(dict.fromkeys(calendar.events))


def _token(text: str) -> str:
    """A name of the standard's, in capitals; "" for what can be none (RFC 5545 section 3.1)."""
    text = text.strip()
    return text.upper() if _NAME.fullmatch(text) else ""


def in_words(invitation: Invitation) -> str:
    """The invitation as a few lines for people."""
    answered = [one for one in invitation.attendees if invitation.method == "REPLY" and one.answer in _ANSWERS.values()]
    rows = [
        (_WORDS.get(invitation.method, "Event"), invitation.summary),
        ("When", _when(invitation)),
        ("Repeats", invitation.recurrence),
        ("Where", invitation.location),
        ("Organiser", _who(invitation.organizer) if invitation.organizer else ""),
        *(("Answer", f"{_who(one)} {one.answer}") for one in answered),
    ]
    lines = [f"{label}: {told}" for label, told in rows if told] or [rows[0][0]]
    return "\n".join(lines) + (f"\n\n{invitation.description}" if invitation.description else "")


def _when(invitation: Invitation) -> str:
    start, end = invitation.start, invitation.end
    if len(start) == len("2025-01-20"):
        return start if end in ("", start, _shifted(start, timedelta(days=1))) else f"{start} to {end} (exclusive)"
    span = " ".join((start, "to", end) if end else (start,)) if start else ""
    shown = span.replace("T", " ").replace("Z", " UTC")
    return f"{shown} ({invitation.zone})" if shown and invitation.zone else shown


def _who(guest: Guest) -> str:
    return f"{guest.name} <{guest.address}>" if guest.name else guest.address


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    parameters: Mapping[str, str]
    value: str


def _lines(text: str) -> Iterator[_Line]:
    """Content lines, unfolded; what is none is left out (RFC 5545 section 3.1)."""
    for raw in _FOLD.sub("", text).split("\n", _MOST_LINES)[:_MOST_LINES]:
        name = _NAME.match(raw)
        if name is None:
            continue
        parameters: dict[str, str] = {}
        at = name.end()
        while found := _PARAMETER.match(raw, at):
            parameters.setdefault(found[1].upper(), found[2].strip('"'))
            at = found.end()
        if raw.startswith(":", at):
            yield _Line(name[0].upper(), parameters, raw[at + 1 :])


@dataclass(slots=True)
class _Event:
    """What is known of an event while it is read. level: how many components are open inside of it."""

    level: int
    texts: dict[str, str] = field(default_factory=dict)
    times: dict[str, tuple[str, str]] = field(default_factory=dict)
    organizer: Guest | None = None
    attendees: list[Guest] = field(default_factory=list)

    def take(self, line: _Line) -> None:
        if line.name in ("DTSTART", "DTEND", "DUE"):
            self.times.setdefault(line.name, (_time(line.value.strip()), line.parameters.get("TZID", "")[:100]))
        elif line.name == "ORGANIZER":
            self.organizer = self.organizer or _guest(line)
        elif line.name == "ATTENDEE":
            if len(self.attendees) < _MOST_PEOPLE:
                self.attendees.append(_guest(line))
        elif line.name in ("UID", "SUMMARY", "LOCATION", "STATUS", "RRULE", "DESCRIPTION", "DURATION"):
            self.texts.setdefault(line.name, _text(line.value))

    def told(self, method: str) -> Invitation:
        start, zone = self.times.get("DTSTART", ("", ""))
        end, _ = self.times.get("DTEND") or self.times.get("DUE") or (self._lasting(start), "")
        return Invitation(
            method=method,
            uid=self.texts.get("UID", ""),
            summary=self.texts.get("SUMMARY", ""),
            start=start,
            end=end,
            zone="" if start.endswith("Z") else zone,
            location=self.texts.get("LOCATION", ""),
            organizer=self.organizer,
            attendees=tuple(self.attendees),
            status=self.texts.get("STATUS", "").upper(),
            recurrence=self.texts.get("RRULE", ""),
            description=self.texts.get("DESCRIPTION", ""),
        )

    def _lasting(self, start: str) -> str:
        found = _DURATION.fullmatch(self.texts.get("DURATION", ""))
        if not start or found is None:
            return ""
        weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
        return _shifted(start, timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds))


class _Calendar:
    """Follows what begins and ends; the properties of an event are those at its own level."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.events: list[Invitation] = []
        self.open: list[str] = []
        self.event: _Event | None = None

    def take(self, line: _Line) -> None:
        if line.name == "BEGIN":
            self.open.append(line.value.strip().upper())
            if self.open[-1] in _COMPONENTS and self.event is None:
                self.event = _Event(len(self.open))
        elif line.name == "END":
            if self.event is not None and len(self.open) == self.event.level:
                self.close()
            del self.open[-1:]
        elif self.event is not None and len(self.open) == self.event.level:
            self.event.take(line)
        elif line.name == "METHOD" and len(self.open) == 1:
            self.method = _token(line.value) or self.method

    def close(self) -> None:
        """The event that is open is told; a calendar that was cut ends so too."""
        if self.event is not None:
            self.events.append(self.event.told(self.method))
            self.event = None


def _time(value: str) -> str:
    """An instant or a day in the form of ISO 8601; "" for what is none."""
    found = _TIME.fullmatch(value)
    if found is None:
        return ""
    year, month, day, hour, minute, second, utc = found.groups()
    try:
        clock = int(hour or 0), int(minute or 0), min(int(second or 0), 59)
        moment = datetime(int(year), int(month), int(day), *clock, tzinfo=UTC)
    except ValueError:
        return ""
    return moment.date().isoformat() if hour is None else moment.isoformat()[:_TO_SECONDS] + (utc or "")


def _shifted(start: str, by: timedelta) -> str:
    """So much later, in the same form."""
    try:
        moment = datetime.fromisoformat(start.removesuffix("Z")) + by
    except (ValueError, OverflowError):
        return ""
    return moment.date().isoformat() if "T" not in start else moment.isoformat()[:_TO_SECONDS] + start[_TO_SECONDS:]


def _guest(line: _Line) -> Guest:
    address = line.value.strip()
    if address[:7].lower() == "mailto:":
        address = address[7:]
    answer = line.parameters.get("PARTSTAT", "").upper()
    name = _text(line.parameters.get("CN", ""))
    return Guest(address[:320], "" if name == address else name[:200], _ANSWERS.get(answer, ""))


def _text(value: str) -> str:
    """A text value with its escapes undone (RFC 5545 section 3.3.11), no longer than people read."""
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "Nn" else found[1], value[:_MOST_CHARACTERS]).strip()
