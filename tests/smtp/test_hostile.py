"""Peers that mean harm: long lines, endless commands, dripping senders; each is answered, and the others are served."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
from contextlib import suppress

import pytest

from gateway.smtp import intake, wire
from gateway.smtp.intake import LEAST_BYTES
from gateway.smtp.server import SmtpServer
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import PATIENCE, FrontDesk, Peer

MIB = 1024 * 1024
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


async def test_a_crowd_that_calls_at_one_moment_is_let_in_a_few_at_a_time(
    serve: Serve, servers: list[SmtpServer]
) -> None:
    address = await serve()
    crowd = [socket.create_connection(address, PATIENCE) for _ in range(200)]  # the queue holds them all meanwhile
    steps, inside = [], 0
    while inside < len(crowd):
        await asyncio.sleep(0)
        steps.append(servers[0].sessions - inside)
        inside = servers[0].sessions
    for one in crowd:
        one.close()
    assert max(steps) <= 32


async def test_commands_that_come_by_the_thousand_leave_the_others_their_turn(
    serve: Serve, dial: Dial, servers: list[SmtpServer]
) -> None:
    peer = await dial(await serve(max_commands=10**6, max_command_errors=10**6))
    (wire,) = servers[0]._door.wires
    said: list[int] = []
    usual = wire.say
    wire.say = lambda reply: (said.append(1), usual(reply))[1]  # type: ignore[method-assign,func-returns-value]
    peer.writer.write(b"NOOP\r\n" * 5_000)
    turns = []
    while len(said) < 5_000:
        before = len(said)
        await asyncio.sleep(0)
        turns.append(len(said) - before)
    assert max(turns) <= 5


async def test_of_a_crowd_with_thousands_of_commands_a_few_run_them_in_one_turn(
    serve: Serve, dial: Dial, servers: list[SmtpServer]
) -> None:
    address = await serve(max_commands=10**6, max_command_errors=10**6)
    crowd = [await dial(address) for _ in range(100)]
    said: list[int] = []
    for one in servers[0]._door.wires:
        usual = one.say
        one.say = lambda reply, usual=usual: (said.append(1), usual(reply))[1]  # type: ignore[method-assign,misc,func-returns-value]
    for peer in crowd:
        peer.writer.write(b"NOOP\r\n" * 100)
    turns = []
    while len(said) < 100 * 100:
        before = len(said)
        await asyncio.sleep(0)
        turns.append(len(said) - before)
    busy = [count for count in turns if count]
    assert sum(busy[len(busy) // 2 :]) / len(busy[len(busy) // 2 :]) <= 8 * 5


async def test_a_crowd_of_large_mails_shares_the_memory_that_there_is_for_them(
    serve: Serve, dial: Dial, desk: FrontDesk, servers: list[SmtpServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await serve()
    door, text = servers[0]._door, (b"x" * 78 + b"\r\n") * 2_000
    monkeypatch.setattr(intake, "MEMORY_BYTES", 50 * LEAST_BYTES)
    crowd = [await dial(address) for _ in range(50)]
    for peer in crowd:
        await peer.begin()
        await peer.send(text)
    readers = [one._content for one in door.wires if one._content is not None]
    while sum(one.received for one in readers) < 50 * len(text) or any(one._waiter is None for one in door.wires):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert sum(reader.held for reader in readers) <= 50 * LEAST_BYTES
    for peer in crowd:
        assert await peer.ask(b".\r\n") == "250 2.6.0 Filed id=1"
    assert desk.contents == [text] * 50


async def test_a_stream_that_was_told_to_end_is_not_listened_to_for_long(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_message_bytes=1024))
    await peer.begin()
    sent, block = 0, b"x" * MIB
    with suppress(ConnectionError):
        while sent < 8 * wire.LINGER_BYTES:
            await peer.send(block)
            sent += len(block)
    assert wire.LINGER_BYTES <= sent < 8 * wire.LINGER_BYTES


async def test_the_kernel_keeps_little_for_a_peer_that_does_not_read(
    serve: Serve, dial: Dial, servers: list[SmtpServer]
) -> None:
    await dial(await serve())
    (one,) = servers[0]._door.wires
    assert one.transport is not None
    kept = one.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    assert kept <= 64 * 1024  # what was asked for, and as much for the kernel's own book-keeping


async def test_of_a_mail_that_comes_in_one_go_so_much_is_read_before_others_have_their_turn(
    serve: Serve, dial: Dial, servers: list[SmtpServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = await dial(await serve())
    await peer.begin()
    (one,) = servers[0]._door.wires
    usual, read = one.data_received, list[int]()

    def note(data: bytes) -> None:
        read.append(len(data))
        usual(data)

    monkeypatch.setattr(one, "data_received", note)
    assert await peer.ask(b"x" * 4 * MIB + b"\r\n.\r\n") == "250 2.6.0 Filed id=1"
    assert sum(read) == 4 * MIB + 5
    assert max(read) <= 64 * 1024
