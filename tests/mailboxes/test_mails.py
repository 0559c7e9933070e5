"""The stand's mails are what their names say."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.mails import (
    CLIENT,
    ME,
    ODD,
    SUBJECTS,
    File,
    Letter,
    as_by_smtp,
    deep,
    inbox,
    large,
    reply,
    sent,
    with_nul,
)


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize("number", range(len(SUBJECTS)))
def test_a_letter_has_the_parts_it_was_made_with(number: int) -> None:
    letter = Letter(number, cc="Acme <acme@mail.kommo.com>", html=3_000, files=(File("a.pdf", 10), File("b.pdf", 999)))
    message = read(letter.raw)
    assert (message["From"], message["To"], message["Cc"]) == (CLIENT, ME, "Acme <acme@mail.kommo.com>")
    assert message["Subject"] == f"{SUBJECTS[number]} {number}"
    assert message["Message-ID"] == f"<{letter.message_id}>"
    assert [part.get_content() for part in message.iter_attachments()] == [letter.content(0), letter.content(1)]
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "application/pdf", "application/pdf"]


def test_the_same_letter_is_the_same_and_no_other_is() -> None:
    letters = inbox(60)
    assert [letter.raw for letter in letters] == [letter.raw for letter in inbox(60)]
    assert len({letter.raw for letter in letters} | {letter.raw for letter in inbox(60, seed="other")}) == 120
    assert len({letter.message_id for letter in letters}) == 60


def test_people_write_in_threads_with_and_without_files() -> None:
    letters = inbox(200)
    assert 40 < sum(bool(letter.answers) for letter in letters) < 140
    assert 10 < sum(bool(letter.files) for letter in letters) < 50
    assert not any(letter.files for letter in inbox(200, lean=True))
    first, answer = letters[0], sent(letters[:1], smart="acme@mail.kommo.com")[0]
    assert read(answer.raw)["In-Reply-To"] == f"<{first.message_id}>"
    assert (answer.author, answer.to, answer.cc) == (ME, first.author, "acme@mail.kommo.com")
    assert reply(answer, Letter(9)).answers == (first.message_id, answer.message_id)


def test_a_letter_may_have_no_message_id() -> None:
    assert read(Letter(1, identified=False).raw)["Message-ID"] is None


def test_the_copy_by_smtp_differs_in_its_trace_alone() -> None:
    raw = Letter(1).raw
    assert as_by_smtp(raw).endswith(raw)
    assert read(as_by_smtp(raw)).keys()[:2] == ["Received", "X-Spam-Score"]


def test_the_large_one_is_large() -> None:
    letter = large(2)
    assert len(letter.content()) == 2_000_000
    assert len(letter.raw) > 2_600_000


def test_the_odd_ones_are_odd() -> None:
    assert deep(1_000).count(b"multipart/mixed") == 1_000
    assert with_nul().count(b"\0") == 1
    assert len({odd() for odd in ODD.values()}) == len(ODD)


def test_a_server_keeps_each_as_it_is(dovecot: Dovecot) -> None:
    person = dovecot.person()
    kept = [letter.raw for letter in inbox(20)] + [odd() for odd in ODD.values() if odd is not with_nul]
    uids = person.append("INBOX", kept)
    assert [person.message("INBOX", uid) for uid in uids] == kept
    assert person.append("INBOX", [with_nul()]) == [len(kept) + 1]
