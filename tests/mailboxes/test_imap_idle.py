"""Hearing of changes at once, without ever waiting for the rest of a line (RFC 2177)."""

from __future__ import annotations

import selectors

import pytest

from gateway.mailboxes import wire
from gateway.mailboxes.imap import ImapSession
from gateway.mailboxes.session import SessionError
from tests.mailboxes.sessions import authority, reading, session_with
from tests.mailboxes.transcripts import SILENCE, Step, answered, opened, serving

IDLE: list[Step] = ["C: IDLE", "S: + idling"]
DONE: list[Step] = ["C: DONE", "S: {tag} OK Idle completed"]


def hear(session: ImapSession, more: int) -> bool:
    """Begins to idle, and says whether something changed in the so many octets that come behind the permission to."""
    until = session.moved + len("+ idling\r\n") + more
    session.begin_idle()
    changed = session.heard()
    while session.moved < until:
        changed = wait(session) or changed
    return changed


def wait(session: ImapSession) -> bool:
    """What is heard once something came in."""
    with selectors.DefaultSelector() as selector:
        selector.register(session.fileno(), selectors.EVENT_READ)
        assert selector.select(20)
    return session.heard()


NEWS = {
    "a new message": ("* 4 EXISTS", True),
    "one that went": ("* 2 EXPUNGE", True),
    "one that went, with QRESYNC": ("* VANISHED 5", True),
    "a word in lower case": ("* 4 exists", True),
    "another flag": (r"* 2 FETCH (FLAGS (\Seen))", False),
    "a sign of life": ("* OK Still here", False),
}


@pytest.mark.parametrize(("line", "changed"), NEWS.values(), ids=NEWS)
def test_what_is_heard_says_whether_something_changed(line: str, changed: bool) -> None:
    with reading(*IDLE, f"S: {line}", *DONE, *answered("UID SEARCH ALL", "S: * SEARCH 1 2 3")) as session:
        assert hear(session, len(line) + 2) is changed
        session.end_idle()
        session.end_idle()
        assert session.all() == [1, 2, 3]


def test_what_came_with_the_permission_to_wait_is_heard_at_once() -> None:
    with reading("C: IDLE", b"* 4 EXISTS\r\n+ idling\r\n* OK more\r\n", *DONE) as session:
        session.begin_idle()
        assert session.heard()
        assert not session.heard()
        session.end_idle()


def test_what_came_between_the_last_search_and_idle_is_heard() -> None:
    search = answered("UID SEARCH UID 4:[*]", "S: * SEARCH", "S: * 4 EXISTS")
    with reading(*search, *IDLE, *DONE, *IDLE, *DONE) as session:
        assert session.above(3) == []
        session.begin_idle()
        assert session.heard()
        session.end_idle()
        session.begin_idle()
        assert not session.heard()
        session.end_idle()


def test_half_a_line_is_not_waited_for() -> None:
    with reading(*IDLE, b"* 4 EXI", "C: DONE", b"STS\r\n", "S: {tag} OK done") as session:
        assert not hear(session, len("* 4 EXI"))
        session.end_idle()


def test_a_server_that_does_not_want_to_is_told_apart() -> None:
    with reading("C: IDLE", "S: {tag} NO [UNAVAILABLE] not now") as session:
        with pytest.raises(SessionError) as raised:
            session.begin_idle()
        assert raised.value.trouble.kind == "busy"


def test_a_server_may_end_it_by_itself() -> None:
    with reading(*IDLE, "S: {tag} OK that was long", *answered("UID SEARCH ALL", "S: * SEARCH 1 2 3")) as session:
        assert hear(session, 1)
        session.end_idle()
        assert session.all() == [1, 2, 3]


def test_news_without_an_end_are_not_heard_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = b"* 4 EXISTS\r\n" * 20_000
    with serving([*opened(), *IDLE, flood, SILENCE], authority().server) as server:
        session = session_with(server)
        session.open()
        session.examine("INBOX")
        monkeypatch.setattr(wire, "ANSWER_BYTES", 32 * 1024)
        with pytest.raises(SessionError) as raised:
            hear(session, 1 << 40)
        session.close()
        assert raised.value.trouble.kind == "protocol"


ENDS = {
    # story: what the server does, the kind of trouble
    "it says goodbye": (["S: * BYE Autologout; idle for too long"], "network"),
    "it says why": (["S: * BYE [UNAVAILABLE] restarting"], "busy"),
    "it is gone": ([], "network"),
    "a literal that would have to be waited for": ([b"* OK {999}\r\n", SILENCE], "protocol"),
    "a line without an end": ([b"x" * 600_000, SILENCE], "protocol"),
}


@pytest.mark.parametrize(("steps", "kind"), ENDS.values(), ids=ENDS)
def test_a_server_that_goes_or_lies_ends_it(steps: list[Step], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LINE_BYTES", 512 * 1024)
    with serving([*opened(), *IDLE, *steps], authority().server) as server:
        session = session_with(server)
        session.open()
        session.examine("INBOX")
        with pytest.raises(SessionError) as raised:
            hear(session, 1 << 40)
        assert session.fileno() > 0
        with pytest.raises(SessionError):
            session.heard()
        session.close()
        with pytest.raises(SessionError):
            session.fileno()
        assert raised.value.trouble.kind == kind
