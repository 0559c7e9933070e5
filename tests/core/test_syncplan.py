"""What a look at a mailbox has to do, told from values alone (E4, E5, E10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from gateway.core import syncplan
from gateway.core.mailboxes import AUTH_FAILED, IMPORTING, READY
from gateway.core.syncplan import DAY_MS, EVERYTHING, Cursor, Pace, Seen, Standing, Waiting, choose

NOW = int(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
SEEN = Seen(uidvalidity=7, exists=700, uidnext=701)
PACE = Pace()


def test_the_month_is_asked_for_with_a_day_to_spare() -> None:
    assert syncplan.since_day(NOW, PACE) == date(2026, 10, 29)
    assert syncplan.window_start(NOW, PACE) == NOW - 31 * DAY_MS
    assert syncplan.certain_day(NOW, PACE) == date(2026, 11, 1)


ANEW = {
    "a folder that nobody has looked into": (None, True),
    "another folder": (Cursor("Sent Items", 7), True),
    "a folder whose numbers have changed": (Cursor("Sent", 6), True),
    "the folder as it was": (Cursor("Sent", 7), False),
}


@pytest.mark.parametrize(("cursor", "anew"), ANEW.values(), ids=ANEW)
def test_a_folder_begins_anew_where_nothing_of_its_numbers_holds(cursor: Cursor | None, anew: bool) -> None:
    assert syncplan.begins_anew(cursor, "Sent", SEEN) is anew


def test_an_import_takes_the_newest_of_the_month() -> None:
    plan = syncplan.plan_import(None, "INBOX", SEEN, range(1, 701), (), 0, PACE)
    assert plan.uids == tuple(range(201, 701))
    assert plan.fresh == frozenset(plan.uids)
    assert plan.cursor == Cursor("INBOX", 7, last_uid=200, uidnext=701, floor=200)
    assert not plan.ties


def test_an_import_takes_all_of_the_month_where_they_are_fewer() -> None:
    plan = syncplan.plan_import(None, "INBOX", SEEN, (650, 700), (), 0, PACE)
    assert plan.uids == (650, 700)
    assert plan.cursor.floor == 649


def test_an_import_of_nothing_begins_behind_what_is_there() -> None:
    plan = syncplan.plan_import(None, "INBOX", SEEN, (), (), 0, PACE)
    assert plan.uids == ()
    assert plan.cursor.last_uid == 700


def test_an_import_that_was_cut_short_goes_on_with_what_is_left_and_leaves_what_came_since() -> None:
    begun = Cursor("INBOX", 7, last_uid=300, uidnext=701, floor=200)
    plan = syncplan.plan_import(begun, "INBOX", replace(SEEN, uidnext=711), range(1, 711), (), 0, PACE)
    assert plan.uids == tuple(range(301, 701))


def test_after_new_numbers_what_was_here_is_tied_beside_what_is_imported() -> None:
    plan = syncplan.plan_import(None, "INBOX", SEEN, range(690, 701), range(1, 701), 20, Pace(import_messages=5))
    assert plan.fresh == frozenset(range(696, 701))
    assert plan.uids == tuple(range(676, 701))
    assert plan.ties


TAKEN = {
    "a new one of the month": (700, NOW, True),
    "one that could not be read": (700, None, True),
    "one that is older than the month": (700, NOW - 32 * DAY_MS, False),
    "one beyond what is imported": (100, NOW, False),
}


@pytest.mark.parametrize(("uid", "at", "taken"), TAKEN.values(), ids=TAKEN)
def test_what_is_filed_though_nobody_knows_it(uid: int, at: int | None, taken: bool) -> None:
    plan = syncplan.plan_import(None, "INBOX", SEEN, range(201, 701), (), 0, PACE)
    assert syncplan.is_new(uid, at, plan, syncplan.window_start(NOW, PACE)) is taken


def test_batches_are_of_fifty_and_smaller_after_failures() -> None:
    uids = range(1, 121)
    assert [len(some) for some in syncplan.batches(uids)] == [50, 50, 20]
    assert [len(some) for some in syncplan.batches(uids, 1)] == [12] * 10
    assert {len(some) for some in syncplan.batches(uids, syncplan.SUSPECTED)} == {1}
    assert syncplan.batches(()) == []


def test_the_cursor_never_goes_back() -> None:
    assert syncplan.reach(Cursor("INBOX", 7, last_uid=9), 5).last_uid == 9
    assert syncplan.reach(Cursor("INBOX", 7, last_uid=9), 12).last_uid == 12


def test_an_import_ends_where_it_was_planned_to() -> None:
    done = syncplan.end_import(Cursor("INBOX", 7, 600, uidnext=701), replace(SEEN, modseq=5), NOW)
    assert done == Cursor("INBOX", 7, 700, 701, 5, 0, True, NOW, 700)
    whole = syncplan.end_import(Cursor("INBOX", 7, 600), SEEN, NOW)
    assert whole.last_uid == 700


def test_what_came_during_an_import_is_above_its_end_and_nothing_is_known_of_the_rest() -> None:
    done = syncplan.end_import(Cursor("INBOX", 7, 600, uidnext=691), replace(SEEN, modseq=5), NOW)
    assert (done.last_uid, done.present, done.modseq) == (690, None, None)


COMPARED = {
    # as many as there were, and those that came          cursor: present, compared   came          to compare
    "nothing has changed": (700, NOW - MINUTE, (), False),
    "some came": (698, NOW - MINUTE, (699, 700), False),
    "one came after the folder was opened": (700, NOW - MINUTE, (701,), False),
    "one went": (701, NOW - MINUTE, (), True),
    "one came and one went": (700, NOW - MINUTE, (700,), True),
    "a day has passed": (700, NOW - DAY_MS, (), True),
    "it was never done": (700, None, (), True),
    "nobody knows how many there were": (None, NOW, (), True),
}


@pytest.mark.parametrize(("present", "compared_at", "came", "compares"), COMPARED.values(), ids=COMPARED)
def test_uids_are_compared_where_the_number_of_messages_is_not_what_it_was(
    present: int | None, compared_at: int | None, came: tuple[int, ...], compares: bool
) -> None:
    cursor = Cursor("INBOX", 7, 700, present=present, compared_at=compared_at)
    assert syncplan.is_to_compare(cursor, SEEN, came, NOW) is compares


def test_what_went_is_what_is_known_and_not_there() -> None:
    assert syncplan.went((3, 1, 2), (2, 9)) == [1, 3]


@pytest.mark.parametrize(("chance", "minutes"), [(0.0, 15), (0.5, 22.5), (1.0, 30)])
def test_the_next_look_is_a_quarter_to_half_an_hour_away(chance: float, minutes: float) -> None:
    assert syncplan.next_look(NOW, PACE, chance) == NOW + minutes * MINUTE


TRIES = {
    "the first time a minute": (1, 0.5, None, MINUTE),
    "then twice as long": (2, 0.5, None, 2 * MINUTE),
    "an hour at most": (30, 0.5, None, 60 * MINUTE),
    "a fifth less": (1, 0.0, None, 0.8 * MINUTE),
    "a fifth more": (1, 1.0, None, 1.2 * MINUTE),
    "as long as the server says": (1, 0.0, 300_000, 300_000),
    "longer than the server says": (4, 0.5, 1_000, 8 * MINUTE),
}


@pytest.mark.parametrize(("failures", "chance", "after_ms", "wait"), TRIES.values(), ids=TRIES)
def test_a_mailbox_that_fails_is_tried_less_and_less_often(
    failures: int, chance: float, after_ms: int | None, wait: float
) -> None:
    assert syncplan.next_try(NOW, failures, chance, after_ms) == NOW + wait


TROUBLE = {
    "the network": ("network", 2, 0, Standing(READY, 3, 0, NOW + 4 * MINUTE)),
    "a password refused once": ("auth", 0, 0, Standing(READY, 1, 1, NOW + MINUTE)),
    "a password refused twice": ("auth", 1, 1, Standing(AUTH_FAILED, 2, 2, None)),
    "consent that was withdrawn": ("revoked", 0, 0, Standing(AUTH_FAILED, 1, 0, None)),
    "the network, after a password was refused": ("network", 1, 1, Standing(READY, 2, 1, NOW + 2 * MINUTE)),
}


@pytest.mark.parametrize(("kind", "failures", "tries", "standing"), TROUBLE.values(), ids=TROUBLE)
def test_a_credential_has_two_log_ins_and_everything_else_passes(
    kind: str, failures: int, tries: int, standing: Standing
) -> None:
    assert syncplan.after_trouble(kind, READY, failures, tries, NOW, 0.5) == standing
    assert syncplan.after_trouble("network", IMPORTING, 0, 0, NOW, 0.5).state == IMPORTING


def test_gmail_lets_a_mailbox_fetch_two_thousand_megabytes_a_day() -> None:
    assert syncplan.is_spent("IMAP.gmail.com", 2_000_000_000)
    assert not syncplan.is_spent("imap.gmail.com", 1_999_999_999)
    assert not syncplan.is_spent("imap.example.com", 10**15)


def test_bytes_are_counted_by_the_day() -> None:
    today = syncplan.day_of(NOW)
    assert syncplan.moved_today(today, 5, NOW) == 5
    assert syncplan.moved_today(today - 1, 5, NOW) == 0
    assert syncplan.day_of(syncplan.tomorrow(NOW, 0.0)) == today + 1


def _due(*accounts: int, host: str = "imap.example.com", wanted: bool = False) -> list[Waiting]:
    return [Waiting(account, f"M{place}", host, wanted) for place, account in enumerate(accounts)]


def test_accounts_take_turns_however_many_mailboxes_one_has() -> None:
    chosen = choose(_due(1, 1, 1, 1, 2, 3), {}, {}, 4, 20, EVERYTHING)
    assert [one.account for one in chosen] == [1, 2, 3, 1]


def test_an_account_that_has_some_in_hand_waits_for_the_others() -> None:
    assert [one.account for one in choose(_due(1, 2), {1: 3}, {}, 1, 20, EVERYTHING)] == [2]


def test_what_is_asked_for_by_hand_comes_first() -> None:
    due = [*_due(1, 2), Waiting(3, "ASKED", "imap.example.com", True)]
    assert choose(due, {3: 9}, {}, 1, 20, EVERYTHING)[0].id == "ASKED"


def test_a_host_has_so_many_connections_and_no_more() -> None:
    due = [*_due(1, 2, 3, host="a"), *_due(4, host="b")]
    assert [one.account for one in choose(due, {}, {"a": 18}, 9, 20, EVERYTHING)] == [1, 2, 4]


def test_no_account_has_every_hand_of_a_poller() -> None:
    share = syncplan.share_of(16, {1: 13})
    assert [one.account for one in choose(_due(1, 1, 1, 2), {1: 13}, {}, 3, 20, share)] == [2, 1]
    assert syncplan.share_of(1, {}).most == 1
