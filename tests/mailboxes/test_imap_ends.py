"""Servers that go in the middle of an answer, or send without end: the session ends, and nothing else does."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import pytest

from gateway.mailboxes import wire
from gateway.mailboxes.fetching import FIRST_BYTES
from gateway.mailboxes.imap import ImapSession
from gateway.mailboxes.session import SessionError
from tests.mailboxes.sessions import talking
from tests.mailboxes.transcripts import SILENCE, Step, opened

FIRST = f"(UID INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[[]]<0.{FIRST_BYTES}>)"


@contextlib.contextmanager
def lost(*steps: Step, seconds: float = 20.0) -> Iterator[ImapSession]:
    """A session whose inbox is open, with a server that won't end well."""
    with talking(*steps, seconds=seconds) as session:
        session.examine("INBOX")
        yield session


ENDS: dict[str, tuple[list[Step], str]] = {
    "cut in a literal": ([b"* 1 FETCH (UID 10 BODY[]<0> {500}\r\nabc"], "network"),
    "cut in a line": ([b"* 1 FETCH (UID 10 BODY"], "network"),
    "a goodbye": (["S: * BYE [UNAVAILABLE] too much"], "busy"),
    "a literal of ten gigabytes": ([b"* 1 FETCH (UID 10 BODY[]<0> {10000000000}\r\n", SILENCE], "protocol"),
    "a line without an end": ([b"* 1 FETCH (UID 10 " + b"x" * 600_000, SILENCE], "protocol"),
    "an answer without an end": ([b"* 1 FETCH (UID 10)\r\n" * 20_000, SILENCE], "protocol"),
    "an answer to another command": ([b"ZZZZ9 OK done\r\n"], "protocol"),
    "no IMAP at all": ([b"<html>\r\n"], "protocol"),
}


@pytest.mark.parametrize(("steps", "kind"), ENDS.values(), ids=ENDS)
def test_a_server_that_goes_or_sends_without_end_ends_the_session(
    steps: list[Step], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ANSWER_BYTES", 1024 * 1024)
    monkeypatch.setattr(wire, "LINE_BYTES", 512 * 1024)
    with lost(*opened(), f"C: UID FETCH 10 {FIRST}", *steps) as session:
        with pytest.raises(SessionError) as raised:
            session.fetch([10])
        assert raised.value.trouble.kind == kind
        with pytest.raises(SessionError) as raised:
            session.fetch([10])
        assert raised.value.trouble.kind == "network"


def test_a_server_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes a hundred seconds after the last, by a clock that only this test has."""
    drops: list[Step] = [b"abc"] * 3
    with lost(
        *opened(), f"C: UID FETCH 10 {FIRST}", b"* 1 FETCH (UID 10 BODY[]<0> {500}\r\n", *drops, SILENCE
    ) as session:
        seconds = itertools.count(0.0, 100.0)
        monkeypatch.setattr(wire, "monotonic", lambda: next(seconds))
        with pytest.raises(SessionError) as raised:
            session.fetch([10])
        assert raised.value.trouble.says.startswith("imap.test did not answer in time")
        assert next(seconds) == 500.0


def test_a_silence_of_so_many_seconds_ends_the_session() -> None:
    steps = [*opened(), f"C: UID FETCH 10 {FIRST}", b"* 1 FETCH (UID 10 BODY[]<0> {500}\r\nabc", SILENCE]
    with lost(*steps, seconds=0.5) as session:
        with pytest.raises(SessionError) as raised:
            session.fetch([10])
        assert raised.value.trouble.kind == "network"
