"""What the door answers to each command, in and out of turn, as dialogs to be read aloud."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from gateway.core.envelope import Envelope
from gateway.core.replies import Reply
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import FrontDesk

DIALOGS = {
    "EHLO names what we offer, HELO names us": """
        C: HELO client.example
        S: 250 mx.example
        C: EHLO client.example
        S: 250-mx.example|250-SIZE 36700160|250-8BITMIME|250-SMTPUTF8|250-PIPELINING|250-ENHANCEDSTATUSCODES|250 HELP
    """,
    "a whole mail, and another on the same connection": """
        C: EHLO client.example
        S: 250-*
        C: MAIL FROM:<bob@client.example> SIZE=300 BODY=8BITMIME
        S: 250 2.1.0 *
        C: RCPT TO:<acme+lead@mail.kommo.com>
        S: 250 2.1.5 *
        C: DATA
        S: 354 *
        C: .
        S: 250 2.6.0 Filed id=1
        C: MAIL FROM:<>
        S: 250 2.1.0 *
        C: RCPT TO:<postmaster>
        S: 250 2.1.5 *
        C: DATA
        S: 354 *
        C: .
        S: 250 2.6.0 Filed id=1
        C: QUIT
        S: 221 2.0.0 *
        S:
    """,
    "small talk": """
        C: NOOP whatever
        S: 250 2.0.0 *
        C: noop
        S: 250 2.0.0 *
        C: VRFY acme
        S: 252 2.5.0 *
        C: VRFY
        S: 501 5.5.4 *
        C: EXPN staff
        S: 502 5.5.1 *
        C: HELP
        S: 214 2.0.0 *MAIL*
        C: HELP MAIL
        S: 214 2.0.0 *
        C: ETRN example.com
        S: 502 5.5.1 *
        C: AUTH PLAIN AGJvYgBzZWNyZXQ=
        S: 502 5.5.1 *no login*
        C: STARTTLS
        S: 502 5.5.1 *
        C: XYZZY
        S: 500 5.5.2 *
        C:
        S: 500 5.5.2 *
        C: RSET
        S: 250 2.0.0 *
        C: RSET now
        S: 501 5.5.4 *
        C: QUIT now
        S: 501 5.5.4 *
    """,
    "commands out of turn": """
        C: MAIL FROM:<bob@client.example>
        S: 503 5.5.1 *EHLO*
        C: RCPT TO:<acme@mail.kommo.com>
        S: 503 5.5.1 *
        C: DATA
        S: 503 5.5.1 *
        C: EHLO client.example
        S: 250-*
        C: RCPT TO:<acme@mail.kommo.com>
        S: 503 5.5.1 *MAIL*
        C: DATA
        S: 503 5.5.1 *MAIL*
        C: MAIL FROM:<bob@client.example>
        S: 250 2.1.0 *
        C: MAIL FROM:<bob@client.example>
        S: 503 5.5.1 *RSET*
        C: DATA
        S: 503 5.5.1 *RCPT*
        C: DATA now
        S: 501 5.5.4 *
        C: RSET
        S: 250 2.0.0 *
        C: RCPT TO:<acme@mail.kommo.com>
        S: 503 5.5.1 *
    """,
    "EHLO and HELO begin anew": """
        C: EHLO client.example
        S: 250-*
        C: MAIL FROM:<bob@client.example>
        S: 250 2.1.0 *
        C: EHLO client.example
        S: 250-*
        C: RCPT TO:<acme@mail.kommo.com>
        S: 503 5.5.1 *
        C: MAIL FROM:<bob@client.example>
        S: 250 2.1.0 *
        C: HELO client.example
        S: 250 mx.example
        C: MAIL FROM:<bob@client.example>
        S: 250 2.1.0 *
    """,
    "a greeting needs a name we can write down": """
        C: EHLO
        S: 501 5.5.4 *
        C: EHLO two words
        S: 501 5.5.4 *
        C: HELO пример.рф
        S: 501 5.5.4 *
        C: EHLO [192.0.2.1]
        S: 250-*
    """,
    "DATA for recipients that were all refused": """
        C: EHLO client.example
        S: 250-*
        C: MAIL FROM:<bob@client.example>
        S: 250 2.1.0 *
        C: RCPT TO:<nobody@mail.kommo.com>
        S: 550 5.1.1 No such account
        C: DATA
        S: 554 5.5.1 No valid recipients*
        C: MAIL FROM:<bob@client.example>
        S: 250 2.1.0 *
        C: RCPT TO:<nobody@mail.kommo.com>
        S: 550 5.1.1 No such account
        C: RCPT TO:<later@mail.kommo.com>
        S: 451 4.4.3 *
        C: DATA
        S: 451 4.5.1 *
    """,
    "addresses that aren't ASCII need SMTPUTF8": """
        C: EHLO client.example
        S: 250-*
        C: MAIL FROM:<юра@пример.рф>
        S: 553 5.6.7 *SMTPUTF8*
        C: MAIL FROM:<bob@client.example>
        S: 250 2.1.0 *
        C: RCPT TO:<юра@пример.рф>
        S: 553 5.6.7 *SMTPUTF8*
        C: RSET
        S: 250 2.0.0 *
        C: MAIL FROM:<юра@пример.рф> SMTPUTF8
        S: 250 2.1.0 *
        C: RCPT TO:<юра@пример.рф>
        S: 250 2.1.5 *
    """,
    "a web request ends the session before its body is read as commands": """
        C: POST / HTTP/1.1
        S: 421 4.7.0 *mail server*
        S:
    """,
    "a desk that says 421 ends the session": """
        C: EHLO client.example
        S: 250-*
        C: MAIL FROM:<bob@client.example>
        S: 250 2.1.0 *
        C: RCPT TO:<harvester@mail.kommo.com>
        S: 421 4.7.0 Too many unknown addresses
        S:
    """,
}


@pytest.mark.parametrize("dialog", DIALOGS.values(), ids=DIALOGS)
async def test_the_door_answers(serve: Serve, dial: Dial, dialog: str) -> None:
    peer = await dial(await serve())
    for line in filter(None, map(str.strip, dialog.splitlines())):
        who, _, text = line.partition(":")
        if who == "C":
            await peer.send(text.strip().encode() + b"\r\n")
        else:
            heard = await peer.hear()
            assert fnmatchcase(heard, text.strip()), f"{heard!r} is not {text.strip()!r}"


BROKEN_LINES = {
    "a command that ends with LF alone": (b"NOOP\n", 1),
    "a command with LF inside is two lines, and neither is run": (b"NOOP\nNOOP\n", 2),
    "a command with a bare CR": (b"NOOP\rNOOP\r\n", 1),
    "a command that ends with CR CR LF": (b"NOOP\r\r\n", 1),
    "a command with NUL": (b"NO\0OP\r\n", 1),
    "a command in no known encoding": (b"NOOP \xff\xfe\r\n", 1),
    "a word in no known encoding": (b"\xff\xfe\r\n", 1),
    "a line longer than the limit": (b"NOOP " + b"x" * 2042 + b"\r\n", 1),
    "a line far longer than the limit": (b"NOOP " + b"x" * 20000 + b"\r\n", 1),
}


@pytest.mark.parametrize(("line", "count"), BROKEN_LINES.values(), ids=BROKEN_LINES)
async def test_b4a_a_broken_command_line_is_answered_with_500_and_not_run(
    serve: Serve, dial: Dial, line: bytes, count: int
) -> None:
    peer = await dial(await serve())
    await peer.send(line)
    for _ in range(count):
        assert (await peer.hear()).startswith("500 5.5.2 ")
    assert await peer.ask("NOOP") == "250 2.0.0 Ok"


async def test_b4a_a_mail_command_that_ends_with_lf_alone_begins_nothing(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve())
    await peer.ask("EHLO client.example")
    assert (await peer.ask(b"MAIL FROM:<bob@client.example>\n")).startswith("500 5.5.2 ")
    assert (await peer.ask("RCPT TO:<acme@mail.kommo.com>")).startswith("503 5.5.1 ")


async def test_a_line_of_exactly_the_limit_is_read(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_line=100))
    assert await peer.ask(b"NOOP " + b"x" * 93 + b"\r\n") == "250 2.0.0 Ok"
    assert (await peer.ask(b"NOOP " + b"x" * 94 + b"\r\n")).startswith("500 5.5.2 ")


async def test_a_whole_transaction_in_one_packet_is_answered_in_order(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    peer = await dial(await serve())
    mail = b"MAIL FROM:<>\r\nRCPT TO:<acme@mail.kommo.com>\r\nRCPT TO:<nobody@mail.kommo.com>\r\nDATA\r\n"
    await peer.send(b"EHLO client.example\r\n" + mail + b"one\r\n.\r\n" + mail + b"two\r\n.\r\nQUIT\r\n")
    one = ["250 2.1.0", "250 2.1.5", "550 5.1.1", "354 End t", "250 2.6.0"]
    assert [reply[:9] for reply in await peer.hear_all()] == ["250-mx.ex", *one, *one, "221 2.0.0"]
    assert desk.contents == [b"one\r\n", b"two\r\n"]


async def test_commands_behind_a_message_wait_for_its_reply(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    desk.reply = Reply(550, "5.7.1", "Works only as a visible Cc")
    peer = await dial(await serve())
    await peer.begin()
    await peer.send(b"text\r\n.\r\nNOOP\r\nQUIT\r\n")
    assert await peer.hear_all() == ["550 5.7.1 Works only as a visible Cc", "250 2.0.0 Ok", "221 2.0.0 Goodbye"]


async def test_a_command_may_come_an_octet_at_a_time(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve())
    for octet in b"EHLO client.example\r\n":
        await peer.send(bytes([octet]))
    assert (await peer.hear()).startswith("250-mx.example")


async def test_the_desk_is_told_who_wrote_to_whom(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await dial(await serve())
    await peer.ask("EHLO client.example")
    await peer.ask("MAIL FROM: <Bob@Client.Example>")
    await peer.ask('RCPT TO:<@relay.example:"ACME+Lead"@mail.kommo.com.>')
    await peer.ask("RCPT TO:<nobody@mail.kommo.com>")
    await peer.ask("DATA")
    await peer.ask("Subject: hi\r\n\r\ntext\r\n.")
    ((envelope, content),) = desk.filed
    assert content == b"Subject: hi\r\n\r\ntext\r\n"
    assert isinstance(envelope, Envelope)
    assert (envelope.road, envelope.peer, envelope.helo, envelope.sender, envelope.tls) == (
        "smtp",
        "127.0.0.1",
        "client.example",
        "Bob@Client.Example",
        None,
    )
    assert [(a.written, a.accepted) for a in envelope.admissions] == [
        ('"ACME+Lead"@mail.kommo.com.', True),
        ("nobody@mail.kommo.com", False),
    ]
    assert envelope.at > 1_600_000_000_000
    assert desk.noted == []


WAYS_TO_END = {
    "RSET": b"RSET\r\n",
    "QUIT": b"QUIT\r\n",
    "EHLO": b"EHLO client.example\r\n",
    "HELO": b"HELO client.example\r\n",
    "DATA for nobody": b"DATA\r\n",
    "DATA for nobody, then RSET and QUIT": b"DATA\r\nRSET\r\nQUIT\r\n",
}


@pytest.mark.parametrize("ending", WAYS_TO_END.values(), ids=WAYS_TO_END)
async def test_refusals_are_noted_once_before_the_command_that_ends_them_is_answered(
    serve: Serve, dial: Dial, desk: FrontDesk, ending: bytes
) -> None:
    peer = await dial(await serve())
    await peer.ask("EHLO client.example")
    await peer.ask("MAIL FROM:<bob@client.example>")
    await peer.ask("RCPT TO:<nobody@mail.kommo.com>")
    await peer.ask(ending)
    (noted,) = desk.noted
    assert [a.written for a in noted.admissions] == ["nobody@mail.kommo.com"]


async def test_refusals_are_noted_when_the_peer_just_leaves(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await dial(await serve())
    await peer.ask("EHLO client.example")
    await peer.ask("MAIL FROM:<bob@client.example>")
    await peer.ask("RCPT TO:<nobody@mail.kommo.com>")
    peer.leave()
    await desk.done.wait()
    assert len(desk.noted) == 1


async def test_a_refusal_names_the_page_that_explains_its_rule(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(public_url="https://crm.example", max_recipients=1))
    assert (await peer.ask(b"NOOP\n")).endswith(" https://crm.example/why/B4a")
    assert (await peer.ask("EHLO client.example")).startswith("250-")
    assert (await peer.ask("MAIL FROM:<> SIZE=99999999")).endswith(" https://crm.example/why/A8")
    assert await peer.ask("XYZZY") == "500 5.5.2 We don't know this command"
