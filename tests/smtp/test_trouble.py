"""Peers that leave and desks that fail: our trouble is never the sender's bounce, and what was sent is filed (B10)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import cast

import pytest

from gateway.smtp.session import SmtpSession
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import PATIENCE, FrontDesk

FAULTS = {
    "an error": ValueError("secret detail"),
    "a cancelled future": asyncio.CancelledError(),
    "a full disk": OSError(28, "No space left on device"),
    "a timeout": TimeoutError(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_b10_a_desk_that_fails_at_rcpt_is_a_temporary_refusal(
    serve: Serve, dial: Dial, desk: FrontDesk, fault: BaseException
) -> None:
    desk.faults["admit_recipient"] = fault
    peer = await dial(await serve())
    await peer.ask("EHLO client.example")
    await peer.ask("MAIL FROM:<bob@client.example>")
    reply = await peer.ask("RCPT TO:<acme@mail.kommo.com>")
    assert reply == ("451 4.3.0 We can't take this mail right now. Nothing is lost: your mail server will try again.")
    assert (await peer.ask("DATA")).startswith("451 4.5.1 ")
    assert (await peer.ask("RSET")) == "250 2.0.0 Ok"
    assert await peer.deliver(b"text\r\n.\r\n") == "250 2.6.0 Filed id=1"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_b10_a_desk_that_fails_at_data_is_a_temporary_refusal(
    serve: Serve, dial: Dial, desk: FrontDesk, fault: BaseException
) -> None:
    desk.faults["file_mail"] = fault
    peer = await dial(await serve())
    said = "452 4.3.1 We have no room for" if fault is FAULTS["a full disk"] else "451 4.3.0 We can't take"
    assert (await peer.deliver(b"text\r\n.\r\n")).startswith(said)
    assert await peer.deliver(b"text\r\n.\r\n") == "250 2.6.0 Filed id=1"
    assert desk.noted == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_b10_refusals_that_could_not_be_noted_are_temporary_where_that_can_still_be_said(
    serve: Serve, dial: Dial, desk: FrontDesk, fault: BaseException
) -> None:
    peer = await dial(await serve())
    await peer.ask("EHLO client.example")
    for command, answer in (("DATA", "451 4.3.0 "), ("RSET", "250 2.0.0 "), ("EHLO x", "250-"), ("QUIT", "221 ")):
        desk.faults["note_refusals"] = fault
        await peer.ask("MAIL FROM:<bob@client.example>")
        await peer.ask("RCPT TO:<nobody@mail.kommo.com>")
        assert (await peer.ask(command)).startswith(answer)
        assert desk.faults == {}
    assert await peer.hear() == ""


async def test_b10_what_a_desk_raised_is_for_the_log_only(
    serve: Serve, dial: Dial, desk: FrontDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.faults["file_mail"] = ValueError("secret detail")
    peer = await dial(await serve())
    reply = await peer.deliver(b"text\r\n.\r\n")
    assert "secret" not in reply
    assert "ValueError" not in reply
    logged = "".join(capsys.readouterr())
    assert "smtp.desk_failed" in logged
    assert "secret detail" in logged


async def test_b10_what_fails_for_everybody_is_told_in_full_once(
    serve: Serve, dial: Dial, desk: FrontDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    peer = await dial(await serve())
    told = []
    for _ in range(2):
        desk.faults["file_mail"] = ValueError("secret detail")
        await peer.deliver(b"text\r\n.\r\n")
        told.append("".join(capsys.readouterr()))
    assert all("smtp.desk_failed" in logged for logged in told)
    assert ["secret detail" in logged for logged in told] == [True, False]


async def test_b11_a_peer_that_hangs_up_during_filing_does_not_undo_it(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    desk.hold = asyncio.Event()
    peer = await dial(await serve())
    await peer.begin()
    await peer.send(b"text\r\n.\r\n")
    await desk.filing.wait()
    peer.leave()
    await peer.writer.wait_closed()
    desk.hold.set()
    await desk.done.wait()
    assert desk.contents == [b"text\r\n"]
    assert desk.noted == []


async def test_commands_behind_a_message_are_not_run_for_a_peer_that_has_hung_up(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    desk.hold = asyncio.Event()
    address = await serve()
    peer = await dial(address)
    await peer.begin()
    await peer.send(b"one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\ntwo\r\n.\r\n")
    await desk.filing.wait()
    peer.reset()
    await noticed(dial, address)
    desk.hold.set()
    await noticed(dial, address)
    assert desk.contents == [b"one\r\n"]


async def noticed(dial: Dial, address: tuple[str, int]) -> None:
    """By the time a later connection has had its answers, the door has heard of everything that was sent before."""
    other = await dial(address)
    for _ in range(3):
        assert await other.ask("NOOP") == "250 2.0.0 Ok"


async def test_a_peer_that_half_closes_during_filing_still_hears_every_reply(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    desk.hold = asyncio.Event()
    address = await serve()
    peer = await dial(address)
    await peer.send(
        b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\ntext\r\n.\r\nNOOP\r\nQUIT without end"
    )
    peer.writer.write_eof()
    await desk.filing.wait()
    await noticed(dial, address)
    desk.hold.set()
    heard = [reply[:9] for reply in await peer.hear_all()]
    assert heard == ["250-mx.ex", "250 2.1.0", "250 2.1.5", "354 End t", "250 2.6.0", "250 2.0.0"]
    assert desk.contents == [b"text\r\n"]


HALVES = {"hangs up": False, "half-closes": True}


@pytest.mark.parametrize("polite", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("size", [10, 400_000])
async def test_a_message_whose_end_never_came_is_not_filed(
    serve: Serve, dial: Dial, desk: FrontDesk, polite: bool, size: int
) -> None:
    peer = await dial(await serve())
    await peer.begin()
    await peer.send(b"x" * size + b"\r\n.\r")
    if polite:
        peer.writer.write_eof()
        assert await peer.hear() == ""
    else:
        peer.leave()
    await desk.done.wait()
    assert desk.filed == []
    assert len(desk.noted) == 1
    assert all(spool.closed for spool in desk.spools)


async def test_a_peer_that_leaves_while_we_part_from_it_is_no_trouble(
    serve: Serve, dial: Dial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(transport: object) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    address = await serve(max_command_errors=1)
    peer = await dial(address)
    monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.write_eof", gone)
    assert (await peer.ask("XYZZY")).startswith("421 ")
    await noticed(dial, address)
    gc.collect()
    assert caplog.records == []


async def test_a_peer_that_never_reads_its_replies_is_not_read_either(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    peer = await dial(await serve(idle_seconds=0.3, max_commands=10**9))
    cast(asyncio.Transport, peer.writer.transport).pause_reading()

    async def flood() -> None:
        for _ in range(400):
            await peer.send(b"HELP\r\n" * 10_000)

    with pytest.raises(ConnectionError):
        await flood()


@pytest.mark.parametrize("broken", ["converse", "_begin"])
async def test_b10_a_session_that_fails_without_a_goodbye_lets_its_peer_go(
    serve: Serve, dial: Dial, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    async def fails(self: SmtpSession) -> None:
        raise MemoryError

    def cannot_begin(self: SmtpSession, transport: object) -> None:
        raise MemoryError

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    monkeypatch.setattr(SmtpSession, broken, fails if broken == "converse" else cannot_begin)
    reader, writer = await asyncio.open_connection(*await serve())
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.close()
