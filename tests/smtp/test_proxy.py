"""The PROXY header: who a load balancer says the peer is, and what becomes of everybody else who sends one."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smtp.proxy import ProxyError, read_proxy
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import FrontDesk

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v2(command: int, family: int, addresses: bytes, length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(addresses) if length is None else length) + addresses


def tcp4(source: str) -> bytes:
    return socket.inet_aton(source) + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 4711, 25)


def tcp6(source: str) -> bytes:
    pack = socket.inet_pton
    return pack(socket.AF_INET6, source) + pack(socket.AF_INET6, "2001:db8::1") + struct.pack("!HH", 4711, 25)


HEADERS = {
    # story                          header                                                         peer
    "version 1, IPv4": (b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 25\r\n", "198.51.100.7"),
    "version 1, IPv6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n", "2001:db8::7"),
    "version 1, IPv4 in IPv6": (b"PROXY TCP6 ::ffff:198.51.100.7 ::1 4711 25\r\n", "198.51.100.7"),
    "version 1, the longest": (b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", ""),
    "version 1, no address": (b"PROXY UNKNOWN\r\n", ""),
    "version 1, an address that is not to be used": (b"PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n", ""),
    "version 2, IPv4": (v2(0x21, 0x11, tcp4("198.51.100.7")), "198.51.100.7"),
    "version 2, IPv6": (v2(0x21, 0x21, tcp6("2001:db8::7")), "2001:db8::7"),
    "version 2, with further fields": (v2(0x21, 0x11, tcp4("198.51.100.7") + b"\x04\x00\x02\r\n"), "198.51.100.7"),
    "version 2, the balancer itself": (v2(0x20, 0x00, b""), ""),
    "version 2, the balancer itself, with addresses": (v2(0x20, 0x11, tcp4("198.51.100.7")), ""),
    "version 2, no address": (v2(0x21, 0x00, b""), ""),
    "version 2, a unix socket": (v2(0x21, 0x31, b"/" * 216), ""),
}


@pytest.mark.parametrize(("header", "peer"), HEADERS.values(), ids=HEADERS)
def test_a_header_names_the_peer_wherever_it_is_cut(header: bytes, peer: str) -> None:
    for cut in range(len(header)):
        assert read_proxy(header[:cut]) is None
    assert read_proxy(header) == (len(header), peer)
    assert read_proxy(header + b"EHLO client.example\r\n") == (len(header), peer)


@pytest.mark.parametrize("story", ["version 1, IPv4", "version 2, IPv4", "version 2, IPv6"])
async def test_the_peer_of_the_envelope_is_the_one_named_octet_by_octet(
    serve: Serve, dial: Dial, desk: FrontDesk, story: str
) -> None:
    header, named = HEADERS[story]
    peer = await dial(await serve(proxies=["127.0.0.0/8"]), greeting=False)
    for octet in header:
        await peer.send(bytes([octet]))
        await asyncio.sleep(0)
    assert (await peer.hear()).startswith("220 ")
    assert await peer.deliver(b".\r\n") == "250 2.6.0 Filed id=1"
    assert desk.filed[0][0].peer == named


async def test_a_balancer_that_names_nobody_speaks_for_itself(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await dial(await serve(proxies=["127.0.0.1"]), greeting=False)
    await peer.send(b"PROXY UNKNOWN\r\nEHLO client.example\r\n")
    assert (await peer.hear()).startswith("220 ")
    assert (await peer.hear()).startswith("250-")
    assert await peer.deliver(b".\r\n") == "250 2.6.0 Filed id=1"
    assert desk.filed[0][0].peer == "127.0.0.1"


WRONG = {
    "no header at all": b"EHLO client.example\r\n",
    "another word": b"PROXX TCP4 198.51.100.7 192.0.2.1 4711 25\r\n",
    "small letters": b"proxy TCP4 198.51.100.7 192.0.2.1 4711 25\r\n",
    "no address": b"PROXY TCP4\r\n",
    "a name for an address": b"PROXY TCP4 mx.example 192.0.2.1 4711 25\r\n",
    "IPv6 called IPv4": b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 25\r\n",
    "octets out of range": b"PROXY TCP4 198.51.100.700 192.0.2.1 4711 25\r\n",
    "a port out of range": b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 65536\r\n",
    "two blanks": b"PROXY  TCP4 198.51.100.7 192.0.2.1 4711 25\r\n",
    "a line that ends with LF alone": b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 25\n" + b"x" * 99,
    "a line that doesn't end": b"PROXY TCP4 " + b"1" * 200,
    "UDP": v2(0x21, 0x12, tcp4("198.51.100.7")),
    "an unknown command": v2(0x2F, 0x11, tcp4("198.51.100.7")),
    "version 3": v2(0x31, 0x11, tcp4("198.51.100.7")),
    "addresses too short": v2(0x21, 0x21, tcp4("198.51.100.7")),
    "far too long": v2(0x21, 0x11, b"", 65535),
}


@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG)
async def test_a_balancer_without_a_sound_header_is_sent_away(
    serve: Serve, dial: Dial, desk: FrontDesk, header: bytes
) -> None:
    with pytest.raises(ProxyError):
        read_proxy(header)
    peer = await dial(await serve(proxies=["127.0.0.1"]), greeting=False)
    await peer.send(header)
    assert [reply[:9] for reply in await peer.hear_all()] == ["421 4.7.0"]


async def test_a_header_that_does_not_come_is_not_waited_for(serve: Serve, dial: Dial) -> None:
    address = await serve(proxies=["127.0.0.1"], proxy_seconds=0.05)
    for begun in (b"", b"PROXY TCP4 ", SIGNATURE):
        peer = await dial(address, greeting=False)
        await peer.send(begun)
        assert (await peer.hear()).startswith("421 4.7.0 ")
        assert await peer.hear() == ""


@pytest.mark.parametrize("story", ["version 1, IPv4", "version 2, IPv4"])
async def test_from_anybody_else_a_header_is_a_command_that_makes_no_sense(
    serve: Serve, dial: Dial, desk: FrontDesk, story: str
) -> None:
    peer = await dial(await serve(proxies=["192.0.2.0/24"]))
    await peer.send(HEADERS[story][0] + b"\r\n")
    assert (await peer.hear()).startswith("500 5.5.2 ")
    await peer.send(b"QUIT\r\n")
    assert {reply[:4] for reply in await peer.hear_all()} <= {"500 ", "221 "}
    assert desk.asked == []


@given(
    st.binary(max_size=200)
    | st.binary(max_size=80).map(SIGNATURE.__add__)
    | st.binary(max_size=120).map(b"PROXY ".__add__)
)
def test_any_octets_are_a_header_or_none_or_too_few(data: bytes) -> None:
    try:
        found = read_proxy(data)
    except ProxyError:
        return
    assert found is None or found[0] <= len(data)
