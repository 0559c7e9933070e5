"""Which folders are read, on servers of every kind: flags first, then names, and no other is ever opened (E3)."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.mailboxes.session import Folders, SessionError, Status
from tests.mailboxes.sessions import authority, reading, session_with, talking
from tests.mailboxes.transcripts import Step, answered, logged_in, opened, serving

LIST = 'LIST "" "[*]"'
SPECIAL = ("SPECIAL-USE", "LIST-EXTENDED")

SERVERS: dict[str, tuple[list[Step], Folders]] = {
    "flags, beside a decoy": (
        [
            *logged_in(*SPECIAL),
            *answered(
                f"{LIST} RETURN (SPECIAL-USE)",
                r'S: * LIST (\HasNoChildren) "/" Sent',
                r'S: * LIST (\HasNoChildren \Sent) "/" "Gesendete Elemente"',
                r'S: * LIST (\HasNoChildren) "/" INBOX',
            ),
        ],
        Folders("INBOX", "Gesendete Elemente"),
    ),
    "Gmail": (
        [
            *logged_in(*SPECIAL, "X-GM-EXT-1"),
            *answered(
                f"{LIST} RETURN (SPECIAL-USE)",
                r'S: * LIST (\HasNoChildren) "/" "INBOX"',
                r'S: * LIST (\HasChildren \Noselect) "/" "[Gmail]"',
                r'S: * LIST (\All \HasNoChildren) "/" "[Gmail]/All Mail"',
                r'S: * LIST (\HasNoChildren \Sent) "/" "[Gmail]/Sent Mail"',
                r'S: * LIST (\HasNoChildren \Trash) "/" "[Gmail]/Trash"',
            ),
        ],
        Folders("INBOX", "[Gmail]/Sent Mail"),
    ),
    "one that refuses to tell flags it says it has": (
        [
            *logged_in(*SPECIAL),
            f"C: {LIST} RETURN (SPECIAL-USE)",
            "S: {tag} BAD what?",
            *answered(LIST, r'S: * LIST () "/" INBOX', r'S: * LIST () "/" Sent'),
        ],
        Folders("INBOX", "Sent"),
    ),
    "Google before RFC 6154": (
        [
            *logged_in("XLIST"),
            *answered(
                'XLIST "" "[*]"',
                r'S: * XLIST (\HasNoChildren \Inbox) "/" "Posteingang"',
                r'S: * XLIST (\HasNoChildren \AllMail) "/" "[Gmail]/Alle"',
                r'S: * XLIST (\HasNoChildren \Sent) "/" "[Gmail]/Gesendet"',
            ),
        ],
        Folders("Posteingang", "[Gmail]/Gesendet"),
    ),
    "Courier, everything below the inbox": (
        [
            *logged_in("NAMESPACE"),
            *answered("NAMESPACE", 'S: * NAMESPACE (("INBOX." ".")) NIL (("#shared." ".")("shared." "."))'),
            *answered(
                LIST,
                r'S: * LIST (\Unmarked \HasChildren) "." "INBOX"',
                r'S: * LIST (\HasNoChildren) "." "shared.Sent"',
                r'S: * LIST (\HasNoChildren) "." "INBOX.Sent"',
            ),
        ],
        Folders("INBOX", "INBOX.Sent"),
    ),
    "names in modified UTF-7": (
        [
            *logged_in(),
            *answered(
                LIST,
                r'S: * LIST () "|" INBOX',
                r'S: * LIST () "|" "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"',
            ),
        ],
        Folders("INBOX", "Отправленные"),
    ),
    "a name as a literal, lower case and blanks": (
        [
            *logged_in(),
            *answered(
                LIST, b'* list ()  "/" {6}\r\n&XfJT0\r\n' + b'*  list (\\nosub) nil "&XfJT0ZAB-"\r\n* LIST broken\r\n'
            ),
        ],
        Folders("INBOX", "已发送"),
    ),
    "names that nobody could choose": (
        [
            *logged_in(),
            *answered(
                LIST, b'* LIST () "/" {3}\r\na\0b\r\n* LIST () "/" "&2AA-"\r\n* LIST () "/" %b\r\n' % (b"x" * 1_001)
            ),
        ],
        Folders("INBOX", None, ("&2AA-",)),
    ),
    "none that is known": (
        [
            *logged_in(),
            *answered(
                LIST,
                r'S: * LIST () "/" INBOX',
                r'S: * LIST (\Noselect) "/" Sent',
                r'S: * LIST (\Drafts) "/" Entwurf',
                r'S: * LIST () "/" Weg',
                r'S: * LIST () "/" "Alt/Sent"',
            ),
        ],
        Folders("INBOX", None, ("Weg", "Alt/Sent")),
    ),
}


@pytest.mark.parametrize(("steps", "found"), SERVERS.values(), ids=SERVERS)
def test_e3_the_two_folders_are_found(steps: list[Step], found: Folders) -> None:
    with talking(*steps) as session:
        assert session.folders() == found


def test_e3_somebody_chose_a_folder() -> None:
    listed = [
        r'S: * LIST () "/" INBOX',
        r'S: * LIST () "/" Sent',
        r'S: * LIST (\Junk) "/" Spam',
        r'S: * LIST () "/" Weg',
    ]
    with talking(*logged_in(), *answered(LIST, *listed), *answered(LIST, *listed), *answered(LIST, *listed)) as session:
        assert session.folders("Weg").sent == "Weg"
        assert session.folders("Spam").sent == "Sent"
        assert session.folders("Gone").sent == "Sent"


def test_a_folder_is_opened_for_reading_by_the_name_its_server_gave_it() -> None:
    odd = rb'* LIST () "/" "A &- \"B\""' + b"\r\n"
    steps = [
        *logged_in("CONDSTORE"),
        *answered(LIST, odd),
        *answered(
            r'EXAMINE "A &- \"B\""',
            "S: * FLAGS (\\Seen)",
            "S: * 4 EXISTS",
            "S: * OK [UIDVALIDITY 99] [really]",
            "S: * ok [uidnext 12] next",
            "S: * OK [HIGHESTMODSEQ 5]",
            "S: * OK [UIDNEXT 99999999999999999999]",
        ),
    ]
    with talking(*steps) as session:
        [path] = session.folders().candidates
        assert path == 'A & "B"'
        assert session.examine(path) == Status(99, 4, 12, 5)


def test_a_name_that_was_never_listed_is_written_in_modified_utf_7() -> None:
    steps = answered('EXAMINE "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"', "S: * OK [UIDVALIDITY 1]", "S: * OK [NOMODSEQ] no")
    with talking(*logged_in(), *steps) as session:
        assert session.examine("Отправленные") == Status(1, 0, None, None)


NOT_OPENED = {
    "a folder that went": ("NO [NONEXISTENT] Unknown Mailbox", "gone"),
    "163 without our name": ("NO EXAMINE Unsafe Login. Please contact kefu@188.com for help", "auth"),
    "in use": ("NO [INUSE] locked by pop3", "busy"),
    "a server that numbers nothing": ("OK [READ-ONLY] done", "protocol"),
}


@pytest.mark.parametrize(("answer", "kind"), NOT_OPENED.values(), ids=NOT_OPENED)
def test_a_folder_that_can_not_be_opened(answer: str, kind: str) -> None:
    with talking(*logged_in(), "C: EXAMINE *", f"S: {{tag}} {answer}") as session:
        with pytest.raises(SessionError) as raised:
            session.examine("INBOX")
        assert raised.value.trouble.kind == kind


def test_no_folder_name_says_a_second_command() -> None:
    with talking(*logged_in()) as session, pytest.raises(SessionError):
        session.examine("x\r\na DELETE INBOX")


def test_uids_since_a_day_ascending_and_once_each() -> None:
    steps = answered("UID SEARCH SINCE 5-Nov-2026", "S: * SEARCH 9 3 ", "S: * search 9 4")
    with reading(*steps) as session:
        assert session.since(date(2026, 11, 5)) == [3, 4, 9]


ABOVE = {"the last one again": ("9", []), "new ones": ("9 10 12", [10, 12]), "nothing at all": ("", [])}


@pytest.mark.parametrize(("told", "uids"), ABOVE.values(), ids=ABOVE)
def test_uids_above_one_leave_out_the_last_one_that_servers_return(told: str, uids: list[int]) -> None:
    with reading(*answered("UID SEARCH UID 10:[*]", f"S: * SEARCH {told}")) as session:
        assert session.above(9) == uids


def test_a_search_that_tells_fewer_than_there_are_is_not_believed() -> None:
    steps = [
        *answered("UID SEARCH ALL", "S: * SEARCH 1 2"),
        *answered("UID FETCH 1:[*] (UID)", "S: * 1 FETCH (UID 1)", "S: * 2 FETCH (FLAGS ())", "S: * 3 FETCH (UID 8)"),
    ]
    with reading(*steps, exists=3) as session:
        assert session.all() == [1, 2, 8]


def test_all_that_there_are() -> None:
    with reading(*answered("UID SEARCH ALL", "S: * SEARCH 1 2 3"), exists=3) as session:
        assert session.all() == [1, 2, 3]


def test_a_search_of_a_million_is_read() -> None:
    uids = range(1_000_000, 2_000_000)
    line = b"* SEARCH " + b" ".join(b"%d" % uid for uid in uids) + b"\r\n"
    with reading(*answered("UID SEARCH SINCE *", line)) as session:
        assert session.since(date(2026, 1, 1)) == list(uids)


def test_when_messages_came() -> None:
    lines = (
        '* 1 FETCH (UID 3 INTERNALDATE "30-Nov-2026 10:00:00 +0000")',
        '* 2 FETCH (UID 4 INTERNALDATE "once")',
        '* 3 FETCH (UID 5 INTERNALDATE "30-Nov-2026 10:00:00 +0000")',
    )
    with reading(*answered("UID FETCH 3:4 (UID INTERNALDATE)", *(f"S: {line}" for line in lines))) as session:
        assert session.dates([]) == {}
        assert session.dates([3, 4]) == {3: 1_796_032_800_000}


def test_nothing_is_above_the_last_uid_there_can_be() -> None:
    with reading() as session:
        assert session.above(2**32 - 1) == []


NUMBERS = {
    # story: UIDNEXT, EXISTS, what is believed of them
    "the last there can be": (2**32, 3, (2**32, 3)),
    "one beyond": (2**32 + 1, 3, (None, 3)),
    "none": (0, 3, (None, 3)),
    "more messages than anybody has": (9, 10**17, (9, 10**9)),
}


@pytest.mark.parametrize(("uidnext", "exists", "believed"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_that_can_not_be_are_not_believed(uidnext: int, exists: int, believed: tuple[int | None, int]) -> None:
    lines = (f"S: * {exists} EXISTS", "S: * OK [UIDVALIDITY 7]", f"S: * OK [UIDNEXT {uidnext}]")
    with talking(*logged_in(), *answered('EXAMINE "INBOX"', *lines)) as session:
        status = session.examine("INBOX")
        assert (status.uidnext, status.exists) == believed


def test_a_message_is_found_by_its_message_id() -> None:
    steps = answered(r'UID SEARCH HEADER Message-ID "<a\"b@x>"', "S: * SEARCH 5")
    with reading(*steps) as session:
        assert session.find('<a"b@x>') == [5]
        assert session.find("<ä@x>") == []
        assert session.find("<a@x>\r\na DELETE INBOX") == []


QRESYNC = [
    *logged_in("QRESYNC", "ENABLE"),
    *answered("ENABLE QRESYNC", "S: * ENABLED QRESYNC"),
    *answered('EXAMINE "INBOX"', "S: * 9 EXISTS", "S: * OK [UIDVALIDITY 7]", "S: * OK [HIGHESTMODSEQ 40]"),
]
VANISHED: dict[str, tuple[list[Step], list[int] | None]] = {
    "some": (["S: * VANISHED (EARLIER) 41,43:45", "S: * VANISHED (EARLIER) 2"], [2, 41, 43, 44, 45]),
    "none": (["S: * 3 FETCH (UID 5 MODSEQ (44))"], []),
    "more than can be": (["S: * VANISHED (EARLIER) 1:4294967295"], None),
    "more than can be, in pieces": (
        [f"S: * VANISHED (EARLIER) {n}000001:{n + 1}000000" for n in range(1, 5)],
        None,
    ),
    "what nobody understands": (["S: * VANISHED (EARLIER)"], None),
}


@pytest.mark.parametrize(("told", "gone"), VANISHED.values(), ids=VANISHED)
def test_what_went_since_a_modseq(told: list[Step], gone: list[int] | None) -> None:
    steps = answered("UID FETCH 1:[*] (UID) (CHANGEDSINCE 30 VANISHED)", *told)
    with talking(*QRESYNC, *steps) as session:
        session.examine("INBOX")
        assert session.vanished(8, 30) is None
        assert session.vanished(7, 30) == gone


def test_a_server_without_qresync_can_not_tell_what_went() -> None:
    with reading() as session:
        assert session.vanished(7, 30) is None


def test_after_the_connection_is_lost_nothing_is_asked_of_it() -> None:
    with serving([*opened(), "C: UID SEARCH ALL"], authority().server) as server:
        session = session_with(server)
        session.open()
        session.examine("INBOX")
        for _ in range(2):
            with pytest.raises(SessionError) as raised:
                session.all()
            assert raised.value.trouble.kind == "network"
        session.close()
        session.close()
