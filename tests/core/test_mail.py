"""A message as the rules see it: what of its header counts, and what makes two of them one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core import mail
from gateway.core.mail import MAX_REFERENCES, Limits, Mail, read_mail

FROM = "From: Carol Jones <carol@example.net>"


def read(*lines: str, limits: Limits | None = None, body: str = "Hello") -> Mail:
    return read_mail("\r\n".join([*lines, "", body]).encode(), *((limits,) if limits else ()))


MALFORMED = {
    # story: header lines, why it is malformed
    "one mailbox": ([FROM], ""),
    "an address alone": (["From: carol@example.net"], ""),
    "a comment behind it": ([f"{FROM} (Carol)"], ""),
    "no From": (["To: a@b.example"], "there is no From header"),
    "two From": ([FROM, "FROM: bob@example.net"], "there are 2 From headers"),
    "two mailboxes": ([f"{FROM}, bob@example.net"], "From holds more than one address"),
    "one and something unread": ([f"{FROM}, bob"], "From holds more than one address"),
    "a group": (["From: g:carol@example.net;"], "From is a group of addresses"),
    "nothing": (["From:"], "From holds no address that can be read"),
    "rubbish": (["From: Carol"], "From holds no address that can be read"),
    "text behind the address": ([f"{FROM} x"], "text follows the address in From"),
    "a header that is broken": ([FROM, "X: \0"], "the header section holds a NUL character"),
}


@pytest.mark.parametrize(("lines", "why"), MALFORMED.values(), ids=MALFORMED)
def test_b4_there_is_exactly_one_author(lines: list[str], why: str) -> None:
    mail = read(*lines)

    assert mail.malformed == why
    assert (mail.author is None) == (bool(why) and "NUL" not in why)


SMALL = Limits(header_bytes=500, header_lines=5, addresses=3)
BOMBS = {
    # story: header lines, what is told
    "within every limit": ([FROM, "To: a@b.example, c@d.example"], ""),
    "too many bytes": ([FROM, "X: " + "x" * 500], "a header section of more than 500 bytes"),
    "too many lines": ([FROM, *["X: x"] * 5], "more than 5 header lines"),
    "too many addresses": ([FROM, "To: a@b.example,x,c@d.example"], "more than 3 addresses in From, To and Cc"),
    "too many addresses, found before there is no author": (["To: " + "a@b.example," * 4], "more than 3 addresses"),
}


@pytest.mark.parametrize(("lines", "bomb"), BOMBS.values(), ids=BOMBS)
def test_b4b_a_header_beyond_the_limits_is_told(lines: list[str], bomb: str) -> None:
    mail = read(*lines, limits=SMALL)

    assert mail.bomb.startswith(bomb)
    assert bool(mail.bomb) == bool(bomb)
    assert not bomb or not mail.malformed


def test_b4b_of_a_header_too_large_nothing_is_read() -> None:
    mail = read(FROM, "Subject: Boats", "X: " + "x" * 500, limits=SMALL)

    assert (mail.author, mail.subject, mail.outline.snippet) == (None, "", "")


def test_c1_several_to_and_cc_fields_are_read_as_one_and_other_fields_name_nobody() -> None:
    mail = read(
        FROM,
        "To: a@b.example",
        "Reply-To: r@b.example",
        "Sender: s@b.example",
        "TO: g: c@d.example;, x y",
        "Cc: e@f.example",
        "Bcc: h@b.example",
        "cc: =?utf-8?q?z=C3=A4?=",
    )

    assert [box.address for box in mail.to] == ["a@b.example", "c@d.example"]
    assert [box.address for box in mail.cc] == ["e@f.example"]
    assert mail.unread == ("x y", "zä")


def test_c1_what_is_unread_is_shown_short() -> None:
    assert [len(text) for text in read(FROM, "To: " + "x " * 500).unread] == [200]


IDS = {
    "an id": ("<a@b>", "<a@b>"),
    "text around": ("x <a@b> y", "<a@b>"),
    "the first of two": ("<a@b> <c@d>", "<a@b>"),
    "without brackets": ("a@b", "<a@b>"),
    "not ASCII": ("<ä@b>", "<ä@b>"),
    "a blank inside": ("<a b>", None),
    "a control character inside": ("<a\x01b>", None),
    "nothing": ("", None),
    "too long": (f"<{'a' * 1_000}>", None),
}


@pytest.mark.parametrize(("value", "found"), IDS.values(), ids=IDS)
def test_a_message_id_is_read(value: str, found: str | None) -> None:
    assert read(FROM, f"Message-ID: {value}").message_id == found


def test_a_message_without_message_id_has_none() -> None:
    assert read(FROM).message_id is None


def test_c6_in_reply_to_comes_first_then_references_from_last_to_first_each_once() -> None:
    mail = read(FROM, "References: <a@x> <b@x>\r\n <c@x>", "In-Reply-To: <b@x> (yours)")

    assert mail.references == ("<b@x>", "<c@x>", "<a@x>")


def test_c6_no_more_references_are_followed_than_a_conversation_needs() -> None:
    many = " ".join(f"<{n}@x>" for n in range(MAX_REFERENCES + 5))
    assert len(read(FROM, f"References: {many}").references) == MAX_REFERENCES


AUTOMATIC = {
    # story: header lines, automatic
    "nothing of the kind": ([], False),
    "Auto-Submitted": (["Auto-Submitted: auto-replied"], True),
    "Auto-Submitted: no": (["Auto-Submitted: No"], False),
    "Auto-Submitted: no, with a comment": (["Auto-Submitted: no (really)"], False),
    "Auto-Submitted: no, with a parameter": (["Auto-Submitted: no; x=y"], False),
    "Auto-Submitted: nothing": (["Auto-Submitted: nothing"], True),
    "X-Autoreply": (["X-Autoreply: yes"], True),
    "X-Autorespond": (["X-Autorespond: x"], True),
    "Precedence: bulk": (["Precedence: Bulk"], True),
    "Precedence: junk": (["Precedence: junk"], True),
    "Precedence: list": (["Precedence: list"], True),
    "Precedence: auto_reply": (["Precedence: auto_reply"], True),
    "Precedence: normal": (["Precedence: normal"], False),
    "List-Id": (["List-Id: <x.example>"], True),
    "List-Unsubscribe-Post": (["List-Unsubscribe-Post: List-Unsubscribe=One-Click"], True),
    "List-Unsubscribe alone": (["List-Unsubscribe: <mailto:x@y.example>"], False),
    "X-Auto-Response-Suppress": (["X-Auto-Response-Suppress: All"], False),
    "a report": (["Content-Type: Multipart/Report; report-type=delivery-status; boundary=b"], True),
    "a read receipt": (["Content-Type: message/disposition-notification"], True),
    "a file named like one": (['Content-Type: text/plain; name="disposition-notification.txt"'], False),
}


@pytest.mark.parametrize(("lines", "automatic"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_b6_automatic_mail_is_told_by_its_header(lines: list[str], automatic: bool) -> None:
    assert bool(read(FROM, *lines).automatic) is automatic


LISTS = {
    "none": ([], set()),
    "one": (["List-Post: <mailto:Boats@Lists.example>"], {"boats@lists.example"}),
    "with a subject": (["List-Post: <mailto:a@b.example?subject=x>"], {"a@b.example"}),
    "several ways": (["List-Post: <https://x.example>, <MAILTO:a@b.example>,\r\n <mailto:c@d.example>"],
                     {"a@b.example", "c@d.example"}),
    "closed": (["List-Post: NO (posting not allowed)"], set()),
    "no address": (["List-Post: <mailto:x>"], set()),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "found"), LISTS.values(), ids=LISTS)
def test_b8a_a_list_tells_its_own_addresses(lines: list[str], found: set[str]) -> None:
    assert read(FROM, *lines).list_post == found


SENT = ["Message-ID: <1@x>", FROM, "Subject: Boats", "Date: Tue, 14 Jan 2025 09:30:00 +0100"]
AGAIN = {
    # story: header lines of the second, body of the second, the same message
    "by another road": (["Received: from x", *SENT], "Hello", True),
    "with a footer": (SENT, "Hello\r\n-- \r\nA list", True),
    "in another writing of its date": ([*SENT[:3], "Date: 14 Jan 2025 08:30:00 GMT"], "Hello", True),
    "answered by its sender": ([*SENT[:2], "Subject: Re: boats", SENT[3]], "Hello", True),
    "in another writing of its author": ([SENT[0], "From: CAROL@Example.net", *SENT[2:]], "Hello", True),
    "at another time": ([*SENT[:3], "Date: Tue, 14 Jan 2025 09:30:01 +0100"], "Hello", False),
    "without a date": (SENT[:3], "Hello", False),
    "by another author": ([SENT[0], "From: bob@example.net", *SENT[2:]], "Hello", False),
    "on something else": ([*SENT[:2], "Subject: Cars", SENT[3]], "Hello", False),
    "under another id": (["Message-ID: <2@x>", *SENT[1:]], "Hello", False),
}


@pytest.mark.parametrize(("lines", "body", "same"), AGAIN.values(), ids=AGAIN)
def test_b9_the_same_message_id_author_date_and_base_subject_are_one_message(
    lines: list[str], body: str, same: bool
) -> None:
    assert (read(*lines, body=body).identity == read(*SENT).identity) is same


BARE = [FROM, "Subject: Boats"]
AGAIN_WITHOUT_ID = {
    "the same bytes": (BARE, "Hello", True),
    "by another road": (
        ["Received: from x\r\n\tby y", "ARC-Seal: i=1;\r\n a=b", "Delivered-To: x", *BARE, "Return-Path: <x>"],
        "Hello",
        True,
    ),
    "by a server that filters": (["X-Spam-Status: No,\r\n score=-1", "X-Virus-Scanned: by x", *BARE], "Hello", True),
    "another body": (BARE, "Hello you", False),
    "another field": ([*BARE, "X: y"], "Hello", False),
    "a trace field in the body": (BARE, "Received: x\r\nHello", False),
}


@pytest.mark.parametrize(("lines", "body", "same"), AGAIN_WITHOUT_ID.values(), ids=AGAIN_WITHOUT_ID)
def test_b9_without_a_message_id_the_same_content_is_one_message(lines: list[str], body: str, same: bool) -> None:
    assert (read(*lines, body=body).identity == read(*BARE).identity) is same


def test_b9_the_content_is_the_same_wherever_a_large_one_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "a\r\nbb\r\n\r\n\rccc\r\n"
    wanted = read(FROM, body=body).identity
    for piece in range(1, len(body)):
        monkeypatch.setattr(mail, "_PIECE", piece)
        assert read(FROM, body=body).identity == wanted == read(FROM, body=body.replace("\r\n", "\n")).identity


def test_b4a_bare_lf_and_cr_lf_are_one_message() -> None:
    message = "\r\n".join([*BARE, "To: a@b.example,\r\n c@d.example", "", "Hello", "you", ""]).encode()
    one, other = read_mail(message), read_mail(message.replace(b"\r\n", b"\n"))

    assert replace(one, size=0) == replace(other, size=0)


def test_received_fields_are_counted_and_the_rest_is_read() -> None:
    mail = read(
        FROM, "Received: a", "RECEIVED: b", "Subject: Re: =?utf-8?q?B=C3=B6te?=", "Date: 14 Jan 2025 00:00 +0000"
    )

    assert (mail.received, mail.subject, mail.base_subject, mail.subject_key) == (2, "Re: Böte", "Böte", "böte")
    assert mail.date == 1_736_812_800_000
    assert mail.outline.snippet == "Hello"
