"""Files that are fetched when somebody opens one: as they stand on the server, in pieces, or in words why not (E7)."""

from __future__ import annotations

import pytest

from gateway.mailboxes import imap
from gateway.mailboxes.session import SessionError
from tests.mailboxes.sessions import reading
from tests.mailboxes.transcripts import Step, answered, literal


def told(n: int, uid: int, *items: bytes) -> bytes:
    """One answer to FETCH."""
    return b"* %d FETCH (UID %d %b)\r\n" % (n, uid, b" ".join(items))


def fetched(uids: str, items: str, *lines: Step) -> list[Step]:
    return answered(f"UID FETCH {uids} {items}", *lines)


def test_e7_a_file_is_had_as_it_stands() -> None:
    steps = fetched("10", "(UID BODY.PEEK[[]1.2]<0.101>)", told(1, 10, b"BODY[1.2]<0> " + literal(b"SGVsbG8=\r\n")))
    with reading(*steps) as session:
        assert session.part(10, "1.2", 100) == b"SGVsbG8=\r\n"


def test_e7_a_large_file_is_had_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "_PIECE", 4)
    steps = [
        *fetched("10", "(UID BODY.PEEK[[]2]<0.4>)", told(1, 10, b"BODY[2]<0> abcd")),
        *fetched("10", "(UID BODY.PEEK[[]2]<4.4>)", told(1, 10, b"BODY[2]<4> efgh")),
        *fetched("10", "(UID BODY.PEEK[[]2]<8.3>)", told(1, 10, b'BODY[2]<8> ""')),
    ]
    with reading(*steps) as session:
        assert session.part(10, "2", 10) == b"abcdefgh"


def test_e7_a_whole_message_is_a_part_without_a_number() -> None:
    steps = fetched("10", "(UID BODY.PEEK[[]]<0.101>)", told(1, 10, b'BODY[]<0> "quoted"'))
    with reading(*steps) as session:
        assert session.part(10, "", 100) == b"quoted"


NO_PART = {
    "the message is gone": ([], "gone"),
    "the part is gone": ([told(1, 10, b"BODY[2]<0> NIL")], "gone"),
    "it is larger than what is taken": ([told(1, 10, b"BODY[2]<0> " + literal(b"x" * 101))], "refused"),
}


@pytest.mark.parametrize(("lines", "kind"), NO_PART.values(), ids=NO_PART)
def test_e7_a_file_that_can_not_be_had(lines: list[Step], kind: str) -> None:
    with reading(*fetched("10", "(UID BODY.PEEK[[]2]<0.101>)", *lines)) as session:
        with pytest.raises(SessionError) as raised:
            session.part(10, "2", 100)
        assert raised.value.trouble.kind == kind
