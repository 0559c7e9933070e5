"""The grammar of MAIL and RCPT, as tables."""

from __future__ import annotations

import pytest

from gateway.core.replies import Reply
from gateway.smtp.answers import on_wire
from gateway.smtp.paths import MailFrom, read_mail, read_rcpt

LIMIT = 1000

MAIL = {
    "FROM:<bob@client.example>": MailFrom("bob@client.example", False),
    "from:<bob@client.example>": MailFrom("bob@client.example", False),
    "FROM: <bob@client.example>": MailFrom("bob@client.example", False),
    "FROM:<>": MailFrom("", False),
    "FROM:<> SIZE=10": MailFrom("", False),
    "FROM:<bob@client.example> SIZE=1000 BODY=8BITMIME SMTPUTF8": MailFrom("bob@client.example", True),
    "FROM:<bob@client.example> body=7bit smtputf8": MailFrom("bob@client.example", True),
    "FROM:<bob@client.example>  SIZE=1": MailFrom("bob@client.example", False),
    "FROM:<@a.example,@b.example:bob@client.example>": MailFrom("bob@client.example", False),
    'FROM:<"bob smith"@client.example>': MailFrom('"bob smith"@client.example', False),
    r'FROM:<"b\"o>b"@client.example>': MailFrom(r'"b\"o>b"@client.example', False),
    'FROM:<""@client.example>': MailFrom('""@client.example', False),
    "FROM:<bob@[192.0.2.1]>": MailFrom("bob@[192.0.2.1]", False),
    "FROM:<bob@[IPv6:2001:db8::1]>": MailFrom("bob@[IPv6:2001:db8::1]", False),
    "FROM:<b!#$%&'*+/=?^_`{|}~-b@my_host.example>": MailFrom("b!#$%&'*+/=?^_`{|}~-b@my_host.example", False),
    "FROM:<bob@localhost>": MailFrom("bob@localhost", False),
    "FROM:<" + "b" * 100 + "@client.example>": MailFrom("b" * 100 + "@client.example", False),
    "FROM:<юра@пример.рф> SMTPUTF8": MailFrom("юра@пример.рф", True),
    "FROM:<юра@пример.рф>": 553,
    "": 501,
    "<bob@client.example>": 501,
    "FROM:": 501,
    "FROM:bob@client.example": 501,
    "FROM <bob@client.example>": 501,
    "TO:<bob@client.example>": 501,
    "FROM:<bob>": 501,
    "FROM:<@client.example>": 501,
    "FROM:<bob@>": 501,
    "FROM:<bob@client.example": 501,
    "FROM:<bob@-client.example>": 501,
    "FROM:<bob@client-.example>": 501,
    "FROM:<bob@client..example>": 501,
    "FROM:<.bob@client.example>": 501,
    "FROM:<bob.@client.example>": 501,
    "FROM:<b..b@client.example>": 501,
    "FROM:<bob smith@client.example>": 501,
    "FROM:<bob@client.example><eve@evil.example>": 501,
    "FROM:<bob@client.example>SIZE=1": 501,
    "FROM:<bob\x01@client.example>": 501,
    "FROM:<bob\x85@client.example> SMTPUTF8": 501,
    'FROM:<"bob@client.example>': 501,
    "FROM:<" + "b" * 245 + "@client.example>": 501,
    "FROM:<bob@client.example> SIZE": 501,
    "FROM:<bob@client.example> SIZE=ten": 501,
    "FROM:<bob@client.example> SIZE=-1": 501,
    "FROM:<bob@client.example> SIZE=١": 501,
    "FROM:<bob@client.example> SIZE=1 SIZE=1": 501,
    "FROM:<bob@client.example> BODY=BINARYMIME": 501,
    "FROM:<bob@client.example> SMTPUTF8=yes": 501,
    "FROM:<bob@client.example> =": 501,
    "FROM:<bob@client.example> SIZE=1001": 552,
    "FROM:<bob@client.example> SIZE=99999999999999999999": 552,
    "FROM:<bob@client.example> RET=FULL": 555,
    "FROM:<bob@client.example> AUTH=<>": 555,
}

RCPT = {
    "TO:<acme@mail.kommo.com>": "acme@mail.kommo.com",
    "to: <ACME+Lead@MAIL.kommo.com.>": "ACME+Lead@MAIL.kommo.com.",
    'TO:<"acme"@mail.kommo.com>': '"acme"@mail.kommo.com',
    "TO:<@relay.example:acme@mail.kommo.com>": "acme@mail.kommo.com",
    "TO:<acme@[127.0.0.1]>": "acme@[127.0.0.1]",
    "TO:<postmaster>": "postmaster",
    "TO:<PostMaster>": "PostMaster",
    "TO:<" + "a" * 64 + "@mail.kommo.com>": "a" * 64 + "@mail.kommo.com",
    "TO:<юра@mail.kommo.com>": 553,
    "TO:<" + "a" * 65 + "@mail.kommo.com>": 501,
    "TO:<acme@" + "a." * 122 + "example>": 501,
    "TO:<>": 501,
    "TO:<acme>": 501,
    "TO:acme@mail.kommo.com": 501,
    "FROM:<acme@mail.kommo.com>": 501,
    "TO:<acme@mail.kommo.com>x": 501,
    "TO:<acme@mail.kommo.com": 501,
    "": 501,
    "TO:<acme@mail.kommo.com> NOTIFY=NEVER": 555,
}


@pytest.mark.parametrize(("argument", "meaning"), MAIL.items(), ids=lambda value: str(value)[:50])
def test_mail_is_read_strictly(argument: str, meaning: MailFrom | int) -> None:
    read = read_mail(argument, LIMIT)
    assert (read.code if isinstance(read, Reply) else read) == meaning


@pytest.mark.parametrize(("argument", "meaning"), RCPT.items(), ids=lambda value: str(value)[:50])
def test_rcpt_is_read_strictly(argument: str, meaning: str | int) -> None:
    read = read_rcpt(argument, utf8=False)
    assert (read.code if isinstance(read, Reply) else read) == meaning


def test_the_local_part_of_a_recipient_is_measured_in_octets() -> None:
    assert read_rcpt("TO:<" + "ю" * 32 + "@mail.kommo.com>", utf8=True) == "ю" * 32 + "@mail.kommo.com"
    assert isinstance(read_rcpt("TO:<" + "ю" * 33 + "@mail.kommo.com>", utf8=True), Reply)


def test_a_hostile_path_is_judged_in_linear_steps() -> None:
    hostile = "FROM:<" + "a" * 900 + "." * 3 + "-" * 900 + "@" + "-a" * 100
    assert isinstance(read_mail(hostile, LIMIT), Reply)


def test_no_text_can_end_a_reply_or_begin_another() -> None:
    assert on_wire(Reply(550, "5.7.1", "no\r\n250 yes\x00é")) == b"550 5.7.1 no??250 yes??\r\n"


def test_a_long_reply_takes_several_lines_of_at_most_512_octets() -> None:
    lines = on_wire(Reply(250, "2.6.0", "word " * 250 + "id=7")).split(b"\r\n")
    assert [line[:10] for line in lines] == [b"250-2.6.0 ", b"250-2.6.0 ", b"250 2.6.0 ", b""]
    assert max(map(len, lines)) <= 510
    assert lines[-2].endswith(b" id=7")
