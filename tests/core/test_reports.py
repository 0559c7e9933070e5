"""Reports of mail servers say whom a mail did not reach (RFC 3464; E11)."""

from __future__ import annotations

import pytest

from gateway.core.outgoing import FAILED
from gateway.core.reports import Failed, Report, after_report, read_report

HEAD = """From: MAILER-DAEMON@mx.example
Subject: Undelivered Mail Returned to Sender
{more}Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It did not arrive.
"""
STATUS = """--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
{envelope}
{recipients}
"""
RETURNED = """--b
Content-Type: {kind}

Message-ID: <one@acme.example>
Subject: Offer

--b--
"""
BOB = """\
Final-Recipient: rfc822; bob@x.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user
"""
FULL = """\
Original-Recipient: rfc822;zoe@x.example
Final-Recipient: rfc822;z@y.example
Action: Failed
Status: 5.2.2 (full)
"""
LATE = "Final-Recipient: rfc822; ann@x.example\nAction: delayed\nStatus: 4.4.1\n"


def report(
    *recipients: str, envelope: str = "", more: str = "", kind: str = "message/rfc822", returned: bool = True
) -> bytes:
    text = HEAD.format(more=more) + STATUS.format(envelope=envelope, recipients="\n".join(recipients))
    return (text + (RETURNED.format(kind=kind) if returned else "--b--\n")).replace("\n", "\r\n").encode()


FAILED_BOB = Failed("bob@x.example", "550 5.1.1 No such user")
FAILED_ZOE = Failed("zoe@x.example", "5.2.2")
STORIES = {
    "of one": (report(BOB), Report("", ("<one@acme.example>",), (FAILED_BOB,))),
    "of two, one of them late": (
        report(LATE, BOB, FULL),
        Report("", ("<one@acme.example>",), (FAILED_BOB, FAILED_ZOE)),
    ),
    "with the header alone": (
        report(BOB, kind="text/rfc822-headers"),
        Report("", ("<one@acme.example>",), (FAILED_BOB,)),
    ),
    "with our own id": (
        report(BOB, envelope="Original-Envelope-Id: 01ABC\n", returned=False),
        Report("01ABC", (), (FAILED_BOB,)),
    ),
    "as an answer": (
        report(BOB, more="In-Reply-To: <one@acme.example>\nReferences: <zero@x> <one@acme.example>\n", returned=False),
        Report("", ("<one@acme.example>", "<zero@x>"), (FAILED_BOB,)),
    ),
    "with another file before what it returns": (report(BOB, kind="text/csv"), Report("", (), (FAILED_BOB,))),
    "of a delay": (report(LATE), None),
    "without recipients": (report(), None),
    "without a status": (HEAD.format(more="").replace("\n", "\r\n").encode() + b"--b--\r\n", None),
    "an ordinary mail": (b"From: a@x.example\r\nContent-Type: text/plain\r\n\r\nmultipart/report", None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize(("message", "found"), STORIES.values(), ids=STORIES)
def test_what_a_report_says(message: bytes, found: Report | None) -> None:
    assert read_report(message) == found


def test_a_mail_that_returns_another_without_a_name() -> None:
    message = report(BOB).replace(b"Message-ID: <one@acme.example>\r\n", b"X: y\r\n")
    assert read_report(message) == Report("", (), (FAILED_BOB,))


AFTER = {
    "of two": (
        ("bob@x.example", "ann@x.example"),
        (FAILED_BOB,),
        "bob@x.example: 550 5.1.1 No such user",
        ("bob@x.example",),
    ),
    "of one it was handed on for": (
        ("all@x.example",),
        (Failed("z@y.example", ""),),
        "z@y.example: its mail server reports that it did not arrive",
        ("all@x.example",),
    ),
    "of many, nobody knows of whom": (
        ("a@x.example", "b@x.example"),
        (Failed("z@y.example", "x"),),
        "z@y.example: x",
        (),
    ),
    "without an address": (("a@x.example",), (Failed("", "x"),), "a@x.example: x", ("a@x.example",)),
}


@pytest.mark.parametrize(("recipients", "failed", "error", "left"), AFTER.values(), ids=AFTER)
def test_what_becomes_of_the_mail(
    recipients: tuple[str, ...], failed: tuple[Failed, ...], error: str, left: tuple[str, ...]
) -> None:
    assert after_report(recipients, (), "", Report("", (), failed)) == (FAILED, error, left)


def test_a_second_report_stands_beside_the_first_and_the_same_one_says_nothing_new() -> None:
    first = after_report(("bob@x.example", "zoe@x.example"), (), "", Report("", (), (FAILED_BOB,)))
    second = after_report(
        ("bob@x.example", "zoe@x.example"), first[2], first[1], Report("", (), (FAILED_BOB, FAILED_ZOE))
    )
    assert second == (
        FAILED,
        "bob@x.example: 550 5.1.1 No such user\nzoe@x.example: 5.2.2",
        ("bob@x.example", "zoe@x.example"),
    )
