"""Peers that mean harm: long lines, endless commands, dripping senders; each is answered, and the others are served."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from gateway.smtp import wire
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import FrontDesk, Peer

LINES = {
    "a greeting": b"EHLO " + b"x" * 65_536,
    "a sender": b"MAIL FROM:<" + b"x" * 65_536 + b"@client.example>",
    "a recipient": b"RCPT TO:<" + b"x" * 65_536 + b"@mail.kommo.com>",
    "a sender of many routes": b"MAIL FROM:<" + b"@a.example," * 6_000 + b":bob@client.example>",
    "parameters": b"MAIL FROM:<bob@client.example>" + b" X=1" * 16_384,
    "octets above ASCII": b"\xff" * 65_536,
    "NUL": b"\0" * 65_536,
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
async def test_a8_a_command_of_64_kb_is_refused_and_the_session_goes_on(serve: Serve, dial: Dial, line: bytes) -> None:
    peer = await dial(await serve())
    assert (await peer.ask(line + b"\r\n")).startswith("500 5.5.2 ")
    assert await peer.deliver(b".\r\n") == "250 2.6.0 Filed id=1"


async def test_a8_many_long_commands_take_no_more_memory_than_one(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_command_errors=10**6, max_commands=10**6))
    line = b"NOOP " + b"x" * 65_536 + b"\r\n"
    tracemalloc.start()
    try:
        for _ in range(20):
            await peer.ask(line)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(200):
            await peer.ask(line)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 1024 * 1024


ENDLESS = {"NOOP": b"NOOP\r\n", "RSET": b"RSET\r\n", "EHLO": b"EHLO x\r\n", "MAIL": b"MAIL FROM:<>\r\nRSET\r\n"}


@pytest.mark.parametrize("commands", ENDLESS.values(), ids=ENDLESS)
async def test_a8_commands_without_a_mail_end_some_time(serve: Serve, dial: Dial, commands: bytes) -> None:
    peer = await dial(await serve(max_commands=50))
    await peer.send(b"EHLO x\r\n" + commands * 100)
    heard = await peer.hear_all()
    assert len(heard) == 51
    assert heard[-1].startswith("421 4.7.0 Too many commands ")


async def test_a8_a_session_that_brings_mail_may_go_on_for_ever(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await dial(await serve(max_commands=5))
    for _ in range(10):
        assert (await peer.deliver(b".\r\n")).startswith("250 ")
    assert len(desk.filed) == 10


async def test_a8_many_recipients_of_one_mail_are_no_endless_commands(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_commands=10))
    await peer.ask("EHLO x")
    await peer.ask("MAIL FROM:<>")
    await peer.send(b"RCPT TO:<acme@mail.kommo.com>\r\n" * 100)
    assert {(await peer.hear())[:3] for _ in range(100)} == {"250"}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_PACE_SECONDS", 0.05)


async def drip(peer: Peer, piece: bytes, seconds: float) -> None:
    while not peer.reader.at_eof() and not peer.writer.is_closing():
        await peer.send(piece)
        await asyncio.sleep(seconds)


async def test_a8_a_sender_that_drips_is_told_so_and_the_others_are_served(
    serve: Serve, dial: Dial, desk: FrontDesk, hurried: None
) -> None:
    address = await serve(data_bytes_per_second=1e6)
    slow = [await dial(address) for _ in range(50)]
    for peer in slow:
        await peer.begin()
    dripping = [asyncio.create_task(drip(peer, b"x", 0.01)) for peer in slow]
    other = await dial(address)
    assert await other.deliver(b"text\r\n.\r\n") == "250 2.6.0 Filed id=1"
    for peer in slow:
        assert (await peer.hear()).startswith("421 4.4.2 This message came too slowly")
        peer.leave()
    await asyncio.gather(*dripping, return_exceptions=True)
    assert desk.contents == [b"text\r\n"]


async def test_a8_a_sender_that_keeps_pace_has_its_time(
    serve: Serve, dial: Dial, desk: FrontDesk, hurried: None
) -> None:
    peer = await dial(await serve(data_bytes_per_second=1))
    await peer.begin()
    for _ in range(20):
        await peer.send(b"x" * 100)
        await asyncio.sleep(0.01)
    assert await peer.ask(b"\r\n.\r\n") == "250 2.6.0 Filed id=1"


async def test_a8_a_mail_that_has_come_is_not_late_while_we_write_it_down(
    serve: Serve, dial: Dial, desk: FrontDesk, hurried: None
) -> None:
    desk.hold = asyncio.Event()
    peer = await dial(await serve(data_bytes_per_second=1e9))
    await peer.begin()
    await peer.send(b"x\r\n.\r\n")
    await desk.filing.wait()
    await asyncio.sleep(0.2)
    desk.hold.set()
    assert await peer.hear() == "250 2.6.0 Filed id=1"
    assert await peer.ask("NOOP") == "250 2.0.0 Ok"
