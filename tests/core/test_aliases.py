"""Which addresses a mailbox's mail tells of that may be its owner's too (E14)."""

from __future__ import annotations

import pytest

from gateway.core.aliases import MOST, told_aliases, with_proposals
from gateway.core.mail import DEFAULT_LIMITS, read_mail
from gateway.core.people import Team
from gateway.core.remote import RemoteFile
from gateway.core.skeleton import with_sizes

TEAM = Team(frozenset({"ceo@acme.example"}), frozenset({"acme.example"}), frozenset({"mail.kommo.com"}))
MESSAGE = (
    b"Delivered-To: ceo+news@shop.example\r\nX-Original-To: sales@shop.example\r\n"
    b"From: Ceo <boss@shop.example>\r\nTo: bob@example.net\r\n\r\nHello\r\n"
)
TOLD = {
    "the inbox tells to whom it was delivered": ("inbox", ["ceo+news@shop.example", "sales@shop.example"]),
    "sent mail tells by whom it was written": ("sent", ["boss@shop.example"]),
}


@pytest.mark.parametrize(("folder", "told"), TOLD.values(), ids=TOLD)
def test_what_a_message_tells_of(folder: str, told: list[str]) -> None:
    assert [box.key for box in told_aliases(MESSAGE, folder, DEFAULT_LIMITS)] == told


def test_who_is_team_or_ours_is_not_proposed() -> None:
    message = b"".join(
        b"Delivered-To: %s\r\n" % name for name in (b"ceo@acme.example", b"acme@mail.kommo.com", b"a@shop.example")
    )
    told = told_aliases(message, "inbox", DEFAULT_LIMITS)
    assert with_proposals(("b@shop.example",), told, TEAM) == ("b@shop.example", "a@shop.example")


def test_proposals_are_few() -> None:
    message = b"".join(b"Delivered-To: a%d@shop.example\r\n" % n for n in range(MOST + 5))
    assert len(with_proposals((), told_aliases(message, "inbox", DEFAULT_LIMITS), TEAM)) == MOST


def test_fields_that_are_made_to_take_long_are_passed_over() -> None:
    long = b"Delivered-To: " + b"a:b;" * 40_000 + b"a:b@shop.example;\r\n"
    many = b"Delivered-To: a@shop.example\r\n" * 900
    told = told_aliases(long + many + b"\r\n", "inbox", DEFAULT_LIMITS)
    assert [box.key for box in told] == ["a@shop.example"] * (MOST - 1)


FILE_MAIL = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\n\r\n--b--\r\n"
)


def test_a_file_that_stays_on_its_server_has_its_size_there() -> None:
    mail = read_mail(FILE_MAIL)
    sized = with_sizes(mail, (RemoteFile(1, "2", "base64", 1_370, 1_000),))
    assert [one.size for one in sized.outline.attachments] == [1_000]
    assert with_sizes(mail, ()) == mail
    assert [one.size for one in with_sizes(mail, (RemoteFile(9, "9", "", 1, 1),)).outline.attachments] == [0]
