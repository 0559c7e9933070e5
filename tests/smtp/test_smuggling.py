"""Nothing is smuggled through the real port: every form of a false end, octet by octet and pipelined, plain and in TLS.

How the same forms fare inside the reader, cut at each place, stands in `test_content`; through LMTP in `test_lmtp`.
"""

from __future__ import annotations

import asyncio

import pytest

from gateway.smtp.certificates import Certificates
from tests.smtp.conftest import Dial, Pair, Serve
from tests.smtp.front_desk import FrontDesk, Peer
from tests.smtp.test_content import END, FORMS, unstuffed

BEGIN = b"MAIL FROM:<bob@client.example>\r\nRCPT TO:<acme+lead@mail.kommo.com>\r\nDATA\r\n"
SMUGGLED = b"MAIL FROM:<eve@evil.example>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\ntwo" + END
SAID = ["250 2.1.0 Sender ok", "250 2.1.5 Recipient ok", "354 End the message with <CR><LF>.<CR><LF>"]
OVER = ["250 2.6.0 Filed id=1", "221 2.0.0 Goodbye"]


async def one_octet_after_the_other(peer: Peer, octets: bytes) -> None:
    for at in range(len(octets)):
        await peer.send(octets[at : at + 1])
        await asyncio.sleep(0)


async def everything_in_one_packet(peer: Peer, octets: bytes) -> None:
    await peer.send(octets)


WAYS = {"octet by octet": one_octet_after_the_other, "pipelined": everything_in_one_packet}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("form", FORMS, ids=ascii)
async def test_b4a_one_message_comes_of_one_message(
    serve: Serve, dial: Dial, desk: FrontDesk, pair: Pair, form: bytes, secured: bool, way: str
) -> None:
    peer = await dial(await serve(certificates=Certificates(pair.cert, pair.key)))
    if secured:
        await peer.encrypt(pair.client())
    await peer.ask("EHLO client.example")
    content = b"one" + form + SMUGGLED
    talking = asyncio.create_task(WAYS[way](peer, BEGIN + content + b"QUIT\r\n"))
    assert await peer.hear_all() == [*SAID, *OVER]
    await talking
    assert desk.contents == [unstuffed(content)]
    assert desk.filed[0][0].sender == "bob@client.example"
    assert desk.asked == ["acme+lead@mail.kommo.com"]
