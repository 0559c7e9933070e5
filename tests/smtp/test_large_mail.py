"""Large messages go to disk byte for byte; what is too large, or finds no room, is refused at its end (A8, B10)."""

from __future__ import annotations

import hashlib
import random

import pytest

from gateway.smtp import intake
from gateway.smtp.intake import LEAST_BYTES, MOST_BYTES
from tests.smtp.conftest import Dial, Serve
from tests.smtp.front_desk import FrontDesk, MemorySpool, Peer

MIB = 1024 * 1024


def message(size: int) -> bytes:
    """So many octets in lines, some of which begin with dots, hold bare LF, NUL or CR, or are very long."""
    dice = random.Random(size)
    lines = [b"plain " * 12, b".dot", b"..", b"bare\nlf", b"nul\0cr\rhere", dice.randbytes(50).hex().encode() * 200]
    content = b"".join(dice.choice(lines) + b"\r\n" for _ in range(1000))
    return (content * (size // len(content) + 1))[: size - 2] + b"\r\n"


def stuffed(content: bytes) -> bytes:
    return (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def digest(content: bytes) -> str:
    """So that a failure doesn't print thirty megabytes."""
    return f"{len(content)} {hashlib.sha256(content).hexdigest()}"


SIZES = {"5 MB": 5 * MIB, "30 MB": 30 * MIB}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_a_large_message_arrives_byte_for_byte(serve: Serve, dial: Dial, desk: FrontDesk, size: int) -> None:
    content = message(size)
    peer = await dial(await serve())
    assert await peer.deliver(stuffed(content)) == "250 2.6.0 Filed id=1"
    assert digest(desk.contents[0]) == digest(content)
    (spool,) = desk.spools
    assert spool.size == size
    assert min(spool.pieces[:-1]) >= MOST_BYTES


async def test_where_many_are_connected_a_message_holds_less_memory(
    serve: Serve, dial: Dial, desk: FrontDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MEMORY_BYTES", 4 * LEAST_BYTES)
    listener = await serve()
    peers = [await dial(listener) for _ in range(4)]
    content = message(MIB)
    assert await peers[2].deliver(stuffed(content)) == "250 2.6.0 Filed id=1"
    assert digest(desk.contents[0]) == digest(content)
    (spool,) = desk.spools
    assert LEAST_BYTES <= min(spool.pieces[:-1]) <= max(spool.pieces) < MIB
    assert spool.closed == 1


async def test_a_message_up_to_the_bound_stays_in_memory(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    content = message(MOST_BYTES - 10)
    peer = await dial(await serve())
    await peer.deliver(stuffed(content))
    assert digest(desk.contents[0]) == digest(content)
    assert desk.spools == []


async def oversize(peer: Peer, size: int) -> str:
    return await peer.deliver(stuffed(message(size)))


async def test_a8_a_message_over_the_limit_is_read_to_its_end_and_refused(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    peer = await dial(await serve(max_message_bytes=4 * MIB))
    assert (await oversize(peer, 5 * MIB)).startswith("552 5.3.4 ")
    assert desk.filed == []
    assert [a.written for a in desk.noted[0].admissions] == ["acme+lead@mail.kommo.com"]
    assert [spool.closed for spool in desk.spools] == [1]
    assert await peer.deliver(b"small\r\n.\r\n") == "250 2.6.0 Filed id=1"


async def test_a8_a_message_of_exactly_the_limit_is_taken(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await dial(await serve(max_message_bytes=10))
    assert await peer.deliver(b"12345678\r\n.\r\n") == "250 2.6.0 Filed id=1"
    assert (await peer.deliver(b"123456789\r\n.\r\n")).startswith("552 5.3.4 ")
    assert desk.contents == [b"12345678\r\n"]


async def test_a8_a_message_without_end_is_not_waited_for(serve: Serve, dial: Dial, desk: FrontDesk) -> None:
    peer = await dial(await serve(max_message_bytes=4 * MIB))
    await peer.begin()
    await peer.send(b"endless " * (17 * MIB // 8))
    assert (await peer.hear()).startswith("421 4.3.4 ")
    assert await peer.hear() == ""
    assert desk.filed == []
    assert [spool.closed for spool in desk.spools] == [1]


FAULTS = {
    "a full disk": (OSError(28, "No space left on device"), "452 4.3.1 "),
    "any other fault": (RuntimeError("secret detail"), "451 4.3.0 "),
}


@pytest.mark.parametrize(("fault", "answer"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("when", ["while it is opened", "at its first piece", "in its middle", "at its last piece"])
async def test_b10_a_spool_that_fails_is_a_temporary_refusal_and_the_next_mail_works(
    serve: Serve, dial: Dial, desk: FrontDesk, fault: Exception, answer: str, when: str
) -> None:
    size = 6 * MIB
    if when == "while it is opened":
        desk.faults["open_spool"] = fault
    else:
        room = {"at its first piece": 0, "in its middle": 3 * MIB, "at its last piece": size - 1}[when]
        desk.next_spool = MemorySpool(room, fault)
    peer = await dial(await serve())
    reply = await oversize(peer, size)
    assert reply.startswith(answer)
    assert "secret" not in reply
    assert desk.filed == []
    assert [spool.closed for spool in desk.spools] == ([] if when == "while it is opened" else [1])
    assert await peer.deliver(b"small\r\n.\r\n") == "250 2.6.0 Filed id=1"


async def test_b10_a_desk_that_finds_the_disk_full_is_a_temporary_refusal_too(
    serve: Serve, dial: Dial, desk: FrontDesk
) -> None:
    desk.faults["file_mail"] = OSError(28, "No space left on device")
    peer = await dial(await serve())
    assert (await oversize(peer, MIB)).startswith("452 4.3.1 ")
    assert await peer.deliver(b"small\r\n.\r\n") == "250 2.6.0 Filed id=1"
