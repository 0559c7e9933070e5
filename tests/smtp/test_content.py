"""Where a message ends and what it is, however the packets are cut: against the rule, and against the stock server."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.smtp import content as content_module
from gateway.smtp.content import ContentReader
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import PATIENCE, FrontDesk, Peer

END = b"\r\n.\r\n"
NEXT = b"RSET\r\n"

FORMS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\n.\r",
    b"\r.\r",
    b"\r.\r\n",
    b"\r.\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\n\r",
    b"\n\r.\r\n",
    b"\n\r.\n\r",
    b"\n\n.\n\n",
    b"\r\r.\r\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\n.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n\0.\r\n",
    b"\r\n. \r\n",
    b"\r\n .\r\n",
    b"\r\n..\r\n",
    b"\r\n\xe2\x80\xa4\r\n",
    b"\x85.\x85",
    b"\x0b.\x0b",
    b"\x0c.\x0c",
    b"\r\n.\x85",
]
"""What some server somewhere takes for the end of data, or was once seen to."""


def unstuffed(wire: bytes) -> bytes:
    """RFC 5321 section 4.5.2 taken at its word: a line ends at CR LF, a leading dot goes, a lone dot ends."""
    lines: list[bytes] = []
    for line in re.findall(rb"(?s).*?\r\n", wire):
        if line == b".\r\n":
            return b"".join(lines)
        lines.append(line[1:] if line.startswith(b".") else line)
    raise AssertionError("no end")


def read(*packets: bytes) -> tuple[bytes, bytes | None]:
    """The content and what stood behind it; None while the end hasn't come."""
    reader = ContentReader(1 << 20, 1 << 20)
    behind: bytes | None = None
    for packet in packets:
        behind = reader.feed(packet) if behind is None else behind + packet
    content = reader.take()
    assert reader.size == len(content)
    return content, behind


@pytest.mark.parametrize("form", FORMS, ids=ascii)
def test_b4a_no_other_form_ends_data_wherever_it_is_cut(form: bytes) -> None:
    smuggled = b"one" + form + b"MAIL FROM:<eve@evil.example>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\ntwo" + END
    expected = (unstuffed(smuggled), NEXT)
    assert b"MAIL FROM" in expected[0]
    wire = smuggled + NEXT
    for cut in range(len(wire) + 1):
        assert read(wire[:cut], wire[cut:]) == expected
    assert read(*(bytes([octet]) for octet in wire)) == expected


@pytest.mark.parametrize("form", FORMS, ids=ascii)
async def test_b4a_nothing_is_smuggled_through_the_port(serve: Serve, dial: Dial, desk: FrontDesk, form: bytes) -> None:
    peer = await dial(await serve())
    await peer.begin()
    smuggled = b"one" + form + b"MAIL FROM:<eve@evil.example>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\ntwo" + END
    await peer.send(smuggled + b"QUIT\r\n")
    assert await peer.hear_all() == ["250 2.6.0 Filed id=1", "221 2.0.0 Goodbye"]
    assert desk.contents == [unstuffed(smuggled)]


WIRES = {
    "an empty message": (b".\r\n", b""),
    "an empty line": (b"\r\n.\r\n", b"\r\n"),
    "a first line that begins with a dot": (b"..a\r\n.\r\n", b".a\r\n"),
    "a dot that was not doubled": (b".a\r\n.b\r\n.\r\n", b"a\r\nb\r\n"),
    "lines of dots": (b"..\r\n...\r\n..\r\n.\r\n", b".\r\n..\r\n.\r\n"),
    "NUL, bare CR and bare LF stay": (b"a\0b\rc\nd\r\n.\r\n", b"a\0b\rc\nd\r\n"),
}


@pytest.mark.parametrize(("wire", "content"), WIRES.values(), ids=WIRES)
def test_the_content_is_what_was_sent_without_its_dots(wire: bytes, content: bytes) -> None:
    for cut in range(len(wire) + 1):
        assert read(wire[:cut], wire[cut:]) == (content, b"")


def test_the_end_is_not_found_before_it_is_whole() -> None:
    assert read(b"text\r\n.\r") == (b"text", None)
    assert read(b"text\r\n.") == (b"text", None)


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n."]), max_size=24), st.data())
def test_any_mixture_of_dots_and_line_ends_is_read_as_the_rule_says(pieces: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(pieces) + END
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=4)))
    content, behind = read(*(wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)))
    assert content == unstuffed(wire)
    assert behind is not None
    assert wire.endswith(behind)


class StockHandler:
    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.contents.append(envelope.content)
        return "250 2.6.0 Filed id=1"


class StockSmtp(SMTP):
    line_length_limit = 1 << 20


async def hand_to_both(messages: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The same octets for the stock server and for ours; what each made of them."""
    loop = asyncio.get_running_loop()
    handler, desk = StockHandler(), FrontDesk()
    stock = await loop.create_server(lambda: StockSmtp(handler, hostname="mx.example", loop=loop), "127.0.0.1", 0)
    ours = SmtpServer(desk, SmtpLimits(), "mx.example")
    for address in (stock.sockets[0].getsockname(), await ours.start("127.0.0.1", 0)):
        peer = await Peer.connect(address)
        await peer.hear()
        for message in messages:
            assert (await peer.deliver(message)).startswith("250 ")
        await peer.ask("QUIT")
        assert await asyncio.wait_for(peer.reader.read(), PATIENCE) == b""
        peer.leave()
    stock.close()
    await ours.stop(0)
    return handler.contents, desk.contents


LINES = st.lists(
    st.one_of(st.binary(max_size=40), st.sampled_from([b"", b".", b"..", b".\0", b"From here", b"a" * 998])),
    max_size=12,
)


@settings(max_examples=40)
@given(st.lists(LINES, min_size=1, max_size=3))
def test_a_well_formed_message_is_the_same_as_the_stock_server_delivers(messages: list[list[bytes]]) -> None:
    clean = [[line.replace(b"\r", b"").replace(b"\n", b"") for line in message] for message in messages]
    sent = [b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in m) + b".\r\n" for m in clean]
    stock, ours = asyncio.run(hand_to_both(sent))
    assert ours == stock == [b"".join(line + b"\r\n" for line in message) for message in clean]


def test_a_message_whose_last_piece_could_not_be_kept_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ContentReader(1 << 20, 1 << 20)
    assert reader.feed(b"Subject: Offer\r\n\r\nbegin") is None

    def fails(self: ContentReader, piece: bytes, *, dotted: bool) -> None:
        raise MemoryError

    monkeypatch.setattr(ContentReader, "_keep", fails)
    with pytest.raises(MemoryError):
        reader.feed(b" and end\r\n.\r\n")
    assert not reader.ended


DOTS = st.lists(st.sampled_from([b".", b"\n.", b"\r\n.", b"\r\n", b"a", b"." * 40]), max_size=30).map(b"".join)


@given(sent=DOTS, hops=st.integers(1, 4))
def test_a_line_that_begins_with_a_dot_is_found_however_many_dots_stand_elsewhere(sent: bytes, hops: int) -> None:
    content = b"a" + sent
    wire = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + END + NEXT
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content_module, "_HOPS", hops)
        assert read(wire) == (content + b"\r\n", NEXT)


def test_octets_that_come_one_by_one_are_not_held_one_by_one() -> None:
    reader = ContentReader(1 << 20, 1 << 20)
    for _ in range(3_000):
        reader.feed(b"ab")
    assert len(reader._pieces) == 1
    assert reader.take() == b"ab" * 3_000
