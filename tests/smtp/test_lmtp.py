"""LMTP: a reply for each recipient that was accepted, a verdict for each account, one copy of the mail for each."""

from __future__ import annotations

import pytest

from gateway.core.replies import Reply
from tests.smtp.conftest import Dial, Pair, Serve
from tests.smtp.front_desk import FrontDesk, MemorySpool, Peer
from tests.smtp.test_content import END, FORMS, unstuffed

ACME, ACME_LEAD, BOLT, CORK = (f"{name}@mail.kommo.com" for name in ("acme", "acme+lead", "bolt", "cork"))
REFUSED = Reply(550, "5.7.1", "Only as a visible Cc")


async def begun(dial: Dial, address: tuple[str, int], *recipients: str) -> Peer:
    """A session after the answers to its recipients."""
    peer = await dial(address)
    assert (await peer.ask("LHLO mta.example")).startswith("250-mx.example|250-SIZE ")
    assert (await peer.ask("MAIL FROM:<bob@client.example>")).startswith("250 ")
    for recipient in recipients:
        await peer.ask(f"RCPT TO:<{recipient}>")
    return peer


async def hear(peer: Peer, count: int) -> list[str]:
    return [await peer.hear() for _ in range(count)]


async def test_each_account_of_a_transaction_gives_its_own_verdict(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    desk.verdicts = {1: Reply(250, "2.6.0", "Filed id=1"), 2: REFUSED}
    peer = await begun(dial, await serve(lmtp=True), ACME, BOLT, ACME_LEAD)
    assert (await peer.ask("DATA")).startswith("354 ")
    await peer.send(b"text\r\n.\r\nNOOP\r\n")
    assert await hear(peer, 4) == ["250 2.6.0 Filed id=1", str(REFUSED), "250 2.6.0 Filed id=1", "250 2.0.0 Ok"]
    told = [[one.written for one in envelope.admissions] for envelope, _ in desk.filed]
    assert told == [[ACME, ACME_LEAD], [BOLT]]
    assert {envelope.road for envelope, _ in desk.filed} == {"lmtp"}
    assert desk.contents == [b"text\r\n"] * 2
    assert desk.noted == []


async def test_recipients_that_were_refused_get_no_reply_but_their_account_a_receipt(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    wrong = ("acme+wrong@mail.kommo.com", "cork+wrong@mail.kommo.com", "nobody@mail.kommo.com")
    peer = await begun(dial, await serve(lmtp=True), *wrong, ACME)
    assert (await peer.ask("DATA")).startswith("354 ")
    await peer.send(b"text\r\n.\r\nNOOP\r\n")
    assert [reply[:9] for reply in await hear(peer, 2)] == ["250 2.6.0", "250 2.0.0"]
    assert [[one.written for one in envelope.admissions] for envelope, _ in desk.filed] == [[wrong[0], ACME]]
    assert [[one.written for one in envelope.admissions] for envelope in desk.noted] == [[wrong[1], wrong[2]]]


async def test_b10_trouble_with_one_account_is_not_the_others(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    desk.verdicts = {2: ValueError("secret detail")}
    peer = await begun(dial, await serve(lmtp=True), ACME, BOLT, CORK)
    await peer.ask("DATA")
    await peer.send(b"text\r\n.\r\n")
    assert [reply[:9] for reply in await hear(peer, 3)] == ["250 2.6.0", "451 4.3.0", "250 2.6.0"]
    assert await peer.ask("NOOP") == "250 2.0.0 Ok"


async def test_a_large_mail_is_spooled_once_and_filed_for_each(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await begun(dial, await serve(lmtp=True), ACME, BOLT)
    await peer.ask("DATA")
    content = (b"x" * 998 + b"\r\n") * 4000
    await peer.send(content + b".\r\n")
    assert [reply[:9] for reply in await hear(peer, 2)] == ["250 2.6.0"] * 2
    assert len(desk.spools) == 1
    assert desk.contents == [content] * 2
    assert desk.spools[0].closed


async def test_a_mail_that_is_too_large_is_refused_for_each(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await begun(dial, await serve(lmtp=True, max_message_bytes=1000), ACME, BOLT)
    await peer.ask("DATA")
    await peer.send(b"x" * 2000 + b"\r\n.\r\n")
    assert [reply[:9] for reply in await hear(peer, 2)] == ["552 5.3.4"] * 2
    assert desk.filed == []


async def test_a_full_disk_is_told_to_each(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    desk.next_spool = MemorySpool(300_000, OSError(28, "No space left on device"))
    peer = await begun(dial, await serve(lmtp=True), ACME, BOLT)
    await peer.ask("DATA")
    await peer.send(b"x" * 4_000_000 + b"\r\n.\r\n")
    assert [reply[:9] for reply in await hear(peer, 2)] == ["452 4.3.1"] * 2


async def test_a_desk_that_ends_the_session_answers_everybody_first(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    desk.verdicts = {2: Reply(421, "4.3.0", "Not now")}
    peer = await begun(dial, await serve(lmtp=True), ACME, BOLT, ACME)
    await peer.ask("DATA")
    await peer.send(b"text\r\n.\r\n")
    assert [reply[:9] for reply in await peer.hear_all()] == ["250 2.6.0", "421 4.3.0", "250 2.6.0"]


DIALOG = {
    "SMTP's greetings are not known": ("EHLO client.example", "500 5.5.1 "),
    "neither of them": ("HELO client.example", "500 5.5.1 "),
    "mail needs a greeting": ("MAIL FROM:<>", "503 5.5.1 Say LHLO"),
    "help names its words": ("HELP", "214 2.0.0 Commands: LHLO "),
}


@pytest.mark.parametrize(("command", "answer"), DIALOG.values(), ids=DIALOG)
async def test_lmtp_has_words_of_its_own(serve: Serve, dial: Dial, command: str, answer: str) -> None:
    peer = await dial(await serve(lmtp=True), greeting=False)
    assert await peer.hear() == "220 mx.example LMTP smartgate"
    assert (await peer.ask(command)).startswith(answer)


async def test_data_without_a_recipient_fails_before_the_text(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await begun(dial, await serve(lmtp=True), "nobody@mail.kommo.com")
    assert (await peer.ask("DATA")).startswith("503 5.5.1 ")
    assert len(desk.noted) == 1


async def test_smtp_knows_no_lhlo(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve())
    assert (await peer.ask("LHLO client.example")).startswith("500 5.5.2 ")


async def test_lmtp_speaks_tls_too(serve: Serve, dial: Dial, desk: FrontDesk, pair: Pair) -> None:
    from gateway.smtp.certificates import Certificates

    peer = await begun(dial, await serve(lmtp=True, certificates=Certificates(pair.cert, pair.key)))
    await peer.encrypt(pair.client())
    assert (await peer.ask("MAIL FROM:<bob@client.example>")).startswith("503 5.5.1 Say LHLO")
    await peer.ask("LHLO mta.example")
    await peer.ask("MAIL FROM:<bob@client.example>")
    await peer.ask(f"RCPT TO:<{ACME}>")
    await peer.ask("DATA")
    assert await peer.ask(b".\r\n") == "250 2.6.0 Filed id=1"
    assert desk.filed[0][0].tls == "TLSv1.3"


@pytest.mark.parametrize("form", FORMS, ids=ascii)
async def test_b4a_nothing_is_smuggled_through_lmtp(serve: Serve, dial: Dial, desk: FrontDesk, form: bytes) -> None:
    peer = await begun(dial, await serve(lmtp=True), ACME, BOLT)
    assert (await peer.ask("DATA")).startswith("354 ")
    smuggled = b"one" + form + b"MAIL FROM:<eve@evil.example>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\ntwo" + END
    await peer.send(smuggled + b"QUIT\r\n")
    assert [reply[:9] for reply in await peer.hear_all()] == ["250 2.6.0"] * 2 + ["221 2.0.0"]
    assert desk.contents == [unstuffed(smuggled)] * 2
