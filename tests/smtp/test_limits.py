"""Every bound of the door ends in a reply that says so (A8), and stopping loses nothing that is being filed."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc

import pytest

from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from gateway.smtp.wire import Wire
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import FrontDesk

MIB = 1024 * 1024


async def test_a8_a_line_that_never_ends_takes_no_memory_and_is_cut_off(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve())
    tracemalloc.start()
    try:
        blob = b"x" * MIB
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        await peer.send(blob)
        assert (await peer.hear()).startswith("421 4.7.0 ")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 2 * MIB


async def test_a8_a_line_over_the_limit_is_skipped_however_it_is_cut(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_line=100))
    for _ in range(6):
        await peer.send(b"NOOP " + b"x" * 50)
    assert (await peer.ask(b"\r\n")).startswith("500 5.5.2 ")
    assert await peer.ask("NOOP") == "250 2.0.0 Ok"


async def test_a8_more_recipients_than_the_limit_wait_for_another_mail(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    peer = await dial(await serve(max_recipients=2))
    await peer.ask("EHLO client.example")
    await peer.ask("MAIL FROM:<bob@client.example>")
    answers = [await peer.ask(f"RCPT TO:<acme{suffix}@mail.kommo.com>") for suffix in ("", "+lead", "+contact")]
    assert [answer[:9] for answer in answers] == ["250 2.1.5", "250 2.1.5", "452 4.5.3"]
    assert (await peer.ask("DATA")).startswith("354 ")
    assert await peer.ask(".") == "250 2.6.0 Filed id=1"
    assert len(desk.filed[0][0].admissions) == 2


async def test_a8_too_many_senseless_commands_end_the_session(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_command_errors=3))
    await peer.send(b"XYZZY\r\n" * 100_000)
    heard = await peer.hear_all()
    assert [reply[:9] for reply in heard] == ["500 5.5.2", "500 5.5.2", "421 4.7.0"]


async def test_a8_a_mail_that_is_taken_forgives_earlier_mistakes(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(max_command_errors=3))
    for _ in range(3):
        await peer.ask("XYZZY")
        await peer.ask("XYZZY")
        assert await peer.deliver(b".\r\n") == "250 2.6.0 Filed id=1"


async def test_a8_a_connection_too_many_is_told_to_come_back(serve: Serve, dial: Dial) -> None:
    address = await serve(max_sessions=1)
    first = await dial(address)
    second = await dial(address, greeting=False)
    assert (await second.hear()).startswith("421 4.3.2 ")
    assert await second.hear() == ""
    assert (await first.ask("QUIT")).startswith("221 ")
    assert await first.hear() == ""
    third = await dial(address)
    assert await third.ask("NOOP") == "250 2.0.0 Ok"


async def test_a8_a_peer_that_says_nothing_is_sent_away(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve(idle_seconds=0.05))
    assert (await peer.hear()).startswith("421 4.4.2 ")
    assert await peer.hear() == ""


async def test_a8_a_message_that_takes_too_long_is_cut_off(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await dial(await serve(data_seconds=0.05))
    await peer.begin()
    await peer.send(b"never ending")
    assert (await peer.hear()).startswith("421 4.4.2 ")
    assert await peer.hear() == ""
    assert desk.filed == []


async def test_filing_may_take_longer_than_a_peer_may_be_idle(
    serve: Serve, dial: Dial, desk: FrontDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    desk.hold = asyncio.Event()
    peer = await dial(await serve(idle_seconds=300, data_seconds=300))
    await peer.begin()
    await peer.send(b"text\r\n.\r\n")
    await desk.filing.wait()
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + 1000)
    await asyncio.sleep(0.01)
    desk.hold.set()
    assert await peer.hear() == "250 2.6.0 Filed id=1"
    assert await peer.ask("NOOP") == "250 2.0.0 Ok"


async def test_stopping_sends_idle_peers_away_and_lets_the_others_finish(
    serve: Serve, dial: Dial, desk: FrontDesk, servers: list[SmtpServer]
) -> None:
    desk.hold = asyncio.Event()
    address = await serve()
    idle, filing, sending, gone = [await dial(address) for _ in range(4)]
    for peer in (filing, sending, gone):
        await peer.begin()
    for peer in (filing, gone):
        desk.filing.clear()
        await peer.send(b"text\r\n.\r\nNOOP\r\n")
        await desk.filing.wait()
    gone.leave()
    await sending.send(b"begun")
    stopping = asyncio.create_task(servers[0].stop(10))
    assert (await idle.hear()).startswith("421 4.3.2 ")
    assert await idle.hear() == ""
    await sending.send(b" and ended\r\n.\r\n")
    desk.hold.set()
    for peer in (filing, sending):
        assert [reply[:9] for reply in await peer.hear_all()] == ["250 2.6.0", "421 4.3.2"]
    await stopping
    assert sorted(desk.contents) == [b"begun and ended\r\n", b"text\r\n", b"text\r\n"]
    assert servers[0].sessions == 0


async def test_stopping_does_not_wait_for_ever_for_a_slow_sender(
    serve: Serve, dial: Dial, desk: FrontDesk, servers: list[SmtpServer]
) -> None:
    peer = await dial(await serve())
    await peer.begin()
    await peer.send(b"begun")
    await servers[0].stop(0)
    assert (await peer.hear()).startswith("421 4.3.2 ")
    assert desk.filed == []


async def test_a_listening_socket_without_a_protocol_still_sends_small_replies_at_once(desk: FrontDesk) -> None:
    made: list[Wire] = []
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    sock.bind(("127.0.0.1", 0))
    server = SmtpServer(desk, SmtpLimits(), "mx.example")
    address = await server.start("", 0, sock=sock)
    reader, writer = await asyncio.open_connection(*address)
    await reader.readline()
    made.extend(server._door.wires)
    assert made[0].transport is not None
    accepted = made[0].transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    writer.close()
    await server.stop(0)


async def test_an_ipv4_peer_of_an_ipv6_socket_has_its_ipv4_address(dial: Dial, desk: FrontDesk) -> None:
    sock = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    server = SmtpServer(desk, SmtpLimits(), "mx.example")
    _, port = await server.start("", 0, sock=sock)
    peer = await dial(("127.0.0.1", port))
    await peer.deliver(b".\r\n")
    await server.stop(0)
    assert desk.filed[0][0].peer == "127.0.0.1"
