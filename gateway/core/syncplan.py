"""What one look at a mailbox has to do: what to fetch, when to look again, and whose turn it is (E4, E5, E10).

Values in, values out: the cursor of a folder as it is kept, the folder as its server has it, and the settings. The
cursor is the highest UID that was looked at (RFC 9051 section 2.3.1.1); never a date and never a number of messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from gateway.core.mailboxes import AUTH_FAILED

BATCH = 50
"""So many messages are fetched and filed together."""
TRIES = 3
"""A message that can't be read is tried alone so often; then it is left where it is, and counted."""
SUSPECTED = 3
"""After so many failures in a row messages are fetched one by one, and one that ends the connection is put aside."""
LOG_INS = 2
"""So many log-ins with one credential are refused; there is no further one until another is saved (E10)."""
DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_LONGEST_MS = 60 * _MINUTE_MS
_MOST_DOUBLINGS = 6
_SPREAD = 0.2
_SPARED = 8
_A_DAY = {"imap.gmail.com": 2_000_000_000, "imap.googlemail.com": 2_000_000_000}
"""Bytes a day that a provider lets a mailbox fetch; beyond, it locks the whole account for a day."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is imported and how often is looked, from the settings (E4, E5)."""

    import_messages: int = 500
    import_days: int = 31
    minutes: int = 15
    minutes_most: int = 30


@dataclass(frozen=True, slots=True)
class Seen:
    """A folder as its server has it: `uidnext` is the UID that the next message will have."""

    uidvalidity: int
    exists: int
    uidnext: int
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder is synced.

    last_uid: all up to it were looked at. uidnext: during the import the end of what it takes. floor: the import began
    above it. imported: the import is over. compared_at: when all UIDs were last compared with the server's. present: so
    many messages stood there after the last look; None before the first one was done.
    """

    path: str
    uidvalidity: int
    last_uid: int = 0
    uidnext: int | None = None
    modseq: int | None = None
    floor: int = 0
    imported: bool = False
    compared_at: int | None = None
    present: int | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """What an import takes. uids: to be looked at, ascending. fresh: those of them that are filed as new. ties: the
    folder's numbers have changed, and the others are tied to what is known, where it is."""

    cursor: Cursor
    uids: tuple[int, ...]
    fresh: frozenset[int]
    ties: bool


def begins_anew(cursor: Cursor | None, path: str, seen: Seen) -> bool:
    """Whether nothing that is kept of a folder's numbers holds: it is new, another one, or has a new UIDVALIDITY."""
    return cursor is None or cursor.path != path or cursor.uidvalidity != seen.uidvalidity


def window_start(now: int, pace: Pace) -> int:
    """What came before this moment is not imported."""
    return now - pace.import_days * DAY_MS


def since_day(now: int, pace: Pace) -> date:
    """The day to ask a server for. It compares days of its own time zone (RFC 9051 section 6.4.4), so it is asked for
    one day more; the INTERNALDATE of what came decides."""
    return datetime.fromtimestamp((window_start(now, pace) - DAY_MS) / 1000, UTC).date()


def certain_day(now: int, pace: Pace) -> date:
    """A day since which nothing came before the month began, in whatever time zone a server counts its days."""
    return datetime.fromtimestamp((window_start(now, pace) + 2 * DAY_MS) / 1000, UTC).date()


def import_end(cursor: Cursor | None, seen: Seen) -> int:
    """The UID below which an import ends; it stays where it was when the import is taken up again."""
    return seen.uidnext if cursor is None or cursor.uidnext is None else cursor.uidnext


def plan_import(
    cursor: Cursor | None, path: str, seen: Seen, recent: Sequence[int], every: Sequence[int], known: int, pace: Pace
) -> Import:
    """What the import of a folder takes, from its beginning or from where it was cut short.

    recent: UIDs of the last month. every: all UIDs, where so many messages as `known` were here under numbers that hold
    no more; else empty. With some to spare, the newest of them are what was here.
    """
    end = import_end(cursor, seen)
    fresh = frozenset([uid for uid in recent if uid < end][-pace.import_messages :])
    ties = [uid for uid in every if uid < end][-(known + pace.import_messages) :] if known else []
    uids = tuple(sorted(fresh.union(ties)))
    if cursor is None:
        floor = uids[0] - 1 if uids else end - 1
        cursor = Cursor(path, seen.uidvalidity, last_uid=floor, uidnext=end, floor=floor)
    left = tuple(uid for uid in uids if uid > cursor.last_uid)
    return Import(cursor, left, fresh, known > 0)


def is_new(uid: int, at: int | None, plan: Import, start: int) -> bool:
    """Whether a message of an import is filed though nobody knows it. at: its INTERNALDATE, None where it could not be
    read. start: what is older is not."""
    return uid in plan.fresh and (at is None or at >= start)


def batches(uids: Sequence[int], failures: int = 0) -> list[tuple[int, ...]]:
    """UIDs in pieces that are fetched and filed together; in smaller ones after failures."""
    size = max(1, BATCH >> 2 * failures)
    return [tuple(uids[begin : begin + size]) for begin in range(0, len(uids), size)]


def reach(cursor: Cursor, uid: int) -> Cursor:
    """The cursor after everything up to a UID was looked at."""
    return replace(cursor, last_uid=max(cursor.last_uid, uid))


def end_import(cursor: Cursor, seen: Seen, now: int) -> Cursor:
    """The cursor once an import is over; what came meanwhile stands above it."""
    end = import_end(cursor, seen)
    came_since = max(0, seen.uidnext - end)
    present = None if came_since else seen.exists
    modseq = None if came_since else seen.modseq
    return replace(reach(cursor, end - 1), imported=True, modseq=modseq, present=present, compared_at=now)


def is_to_compare(cursor: Cursor, seen: Seen, came: Sequence[int], now: int) -> bool:
    """Whether all UIDs are to be compared, where the server can't tell what went: the number of messages is not what it
    was with those that came, or it was not done for a day."""
    if cursor.present is None or cursor.compared_at is None or now - cursor.compared_at >= DAY_MS:
        return True
    return present_now(seen, came) != cursor.present + len(came)


def present_now(seen: Seen, came: Collection[int]) -> int:
    """How many messages stand in a folder: those that were seen, and those that came since."""
    return seen.exists + sum(uid >= seen.uidnext for uid in came)


def went(known: Collection[int], there: Collection[int]) -> list[int]:
    """UIDs that are no longer on the server."""
    return sorted(set(known).difference(there))


def next_look(now: int, pace: Pace, chance: float) -> int:
    """When a mailbox is looked into again after all went well, so that many are spread (E5). chance: from 0 to 1."""
    least, most = pace.minutes * _MINUTE_MS, pace.minutes_most * _MINUTE_MS
    return now + least + int((most - least) * chance)


def next_try(now: int, failures: int, chance: float, after_ms: int | None = None) -> int:
    """When a mailbox is tried again after so many failures in a row: 1 min, doubled each time, an hour at most, give or
    take a fifth; never before the server says. chance: from 0 to 1."""
    wait = min(_MINUTE_MS << min(max(failures - 1, 0), _MOST_DOUBLINGS), _LONGEST_MS)
    spread = int(wait * (1 + _SPREAD * (2 * chance - 1)))
    return now + (spread if after_ms is None else max(spread, int(after_ms * (1 + _SPREAD * chance))))


@dataclass(frozen=True, slots=True)
class Standing:
    """What a mailbox is like after a look that failed. next_at: None where it is not tried again by itself."""

    state: str
    failures: int
    tries: int
    next_at: int | None


def after_trouble(
    kind: str, state: str, failures: int, tries: int, now: int, chance: float, after_ms: int | None = None
) -> Standing:
    """What trouble means for a mailbox (E10). A credential that is refused has two log-ins; consent that was withdrawn
    comes back by a new sign-in only; anything else passes."""
    refused = tries + 1 if kind == "auth" else tries
    if kind == "revoked" or refused >= LOG_INS:
        return Standing(AUTH_FAILED, failures + 1, refused, None)
    return Standing(state, failures + 1, refused, next_try(now, failures + 1, chance, after_ms))


def day_of(now: int) -> int:
    """The number of the day, by which the bytes of a mailbox are counted."""
    return now // DAY_MS


def moved_today(day: int, moved: int, now: int) -> int:
    """How many bytes were fetched on the day that is now."""
    return moved if day == day_of(now) else 0


def is_spent(host: str, moved: int) -> bool:
    """Whether a mailbox has fetched as much in a day as its provider lets it."""
    return moved >= _A_DAY.get(host.lower(), moved + 1)


def tomorrow(now: int, chance: float) -> int:
    """When a mailbox that has spent its day goes on: soon after midnight, UTC."""
    return (day_of(now) + 1) * DAY_MS + int(_LONGEST_MS * chance)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mailbox that is due. wanted: somebody asked for it by hand."""

    account: int
    id: str
    host: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class Share:
    """What one poller gives an account: most mailboxes at a time, of which it has some in hand already (held)."""

    most: int = 1_000_000
    held: Mapping[int, int] = field(default_factory=dict)


EVERYTHING = Share()


def share_of(workers: int, held: Mapping[int, int]) -> Share:
    """One hand in eight is kept for other accounts, so that no account whose servers take their time has them all."""
    return Share(workers - workers // _SPARED, held)


def choose(
    due: Sequence[Waiting],
    in_hand: Mapping[int, int],
    connections: Mapping[str, int],
    room: int,
    per_host: int,
    share: Share,
) -> list[Waiting]:
    """Whose turn it is: what is asked for by hand first, then accounts with the least in hand, then the longest due.

    due: in the order of their times. in_hand: mailboxes in hand by account, of all pollers. connections: by host.
    """
    rank = Counter(in_hand)
    keyed = []
    for place, one in enumerate(due):
        keyed.append((not one.wanted, rank[one.account], place))
        rank[one.account] += 1
    used, taken = Counter(connections), Counter(share.held)
    chosen: list[Waiting] = []
    for _, _, place in sorted(keyed):
        one = due[place]
        if len(chosen) < room and used[one.host] < per_host and taken[one.account] < share.most:
            used[one.host] += 1
            taken[one.account] += 1
            chosen.append(one)
    return chosen
