"""Floods: connections, guesses, refused mails, endless lines and streams, commands by the thousand, bombs."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.worst import worst
from tests.fuzz import CORPUS
from tests.load.guests import PATIENCE, Crowd, Guest, call
from tests.load.house import MIB, PROXY, House
from tests.load.phases import begin, stage_of
from tests.mail.bombs import bombs

ONE, BLOCK = "203.0.113.7", "198.51.100."
AT_ONCE, GUESSES, _STUBBORN = 200, 15, 5_000
_NOTHING_VISIBLE = b"From: dimas@acme.example\r\nTo: pat@client.example\r\nSubject: Hidden\r\n\r\nHello\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done. message_bytes: the limit of SIZE. stream_bytes: of one endless stream. scale: of the bombs that
    are as large as is taken. every: so many-th input of the fuzzers."""

    connections: int
    guesses: int
    refused: int
    lines: int
    streams: int
    stream_bytes: int
    message_bytes: int
    talkers: int
    scale: float
    every: int


@dataclass(slots=True)
class Flooded:
    """What came of a flood. counts: by what was answered or done. faults: what must not have happened, in words."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def must(self, kept: bool, fault: str) -> None:
        if not kept:
            self.faults.append(fault)


@dataclass(frozen=True, slots=True)
class Flood:
    """One kind. mib: the memory it may take in all. settings: what it needs to be set."""

    play: Callable[[House, Size], Coroutine[Any, Any, Flooded]]
    mib: int = 128
    settings: Mapping[str, str] = field(default_factory=dict)


async def _as_fast_as_it_goes(count: int, one: Callable[[int], Awaitable[None]]) -> None:
    """So many, a few hundred at one time."""
    numbers = iter(range(count))

    async def worker() -> None:
        for n in numbers:
            await one(n)

    await asyncio.gather(*(worker() for _ in range(min(AT_ONCE, count))))


async def _come(house: House, peer: str) -> Guest:
    """A guest that a load balancer names; it has heard its greeting, or why there is none."""
    guest = await call(house.smtp, PROXY)
    guest.send(f"PROXY TCP4 {peer} 192.0.2.1 4711 25\r\n".encode())
    await guest.hear(1)
    return guest


async def one_address(house: House, size: Size) -> Flooded:
    """Everybody who is let in stays, and nobody hangs up who is told to go: at most 50 of one address are inside."""
    came, inside, refused = Flooded(), list[Guest](), deque[Guest]()

    async def one(n: int) -> None:
        guest = await _come(house, ONE)
        guest.stubborn = True
        said = guest.heard[0] if guest.heard else "no reply"
        came.counts[said] += 1
        if said.startswith("220"):
            inside.append(guest)
            return
        refused.append(guest)
        if len(refused) > _STUBBORN:
            refused.popleft().leave()

    await _as_fast_as_it_goes(size.connections, one)
    for guest in (*inside, *refused):
        guest.leave()
    came.must(len(inside) <= 50, f"{len(inside)} connections of one address were let in")
    came.must(not came.counts["no reply"], f"{came.counts['no reply']} connections ended without a reply")
    came.must(not came.counts["421 4.3.2"], f"{came.counts['421 4.3.2']} times the flood took the room of others")
    return came


async def many_addresses(house: House, size: Size) -> Flooded:
    """Each address calls once, and hangs up without a word."""
    came = Flooded()

    async def one(n: int) -> None:
        guest = await _come(house, f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
        came.counts[guest.heard[0] if guest.heard else "no reply"] += 1
        guest.transport.abort()

    await _as_fast_as_it_goes(size.connections, one)
    wrong = sum(count for said, count in came.counts.items() if not said.startswith("220"))
    came.must(not wrong, f"{wrong} of many addresses were not greeted")
    return came


async def harvest(house: House, size: Size) -> Flooded:
    """Guesses from the addresses of one block: at most 10 answers tell a name from none, then all are alike."""
    came, before = Flooded(), house.figures()
    sessions = -(-size.guesses // GUESSES)

    async def one(n: int) -> None:
        guest = await _come(house, f"{BLOCK}{n % 250 + 1}")
        await guest.say("EHLO guess.example", "MAIL FROM:<a@guess.example>")
        asked = len(guest.heard)
        names = [f"guess{n * GUESSES + k}" for k in range(GUESSES - 1)] + ["acme"]
        guest.send("".join(f"RCPT TO:<{name}@mail.kommo.com>\r\n" for name in names).encode())
        await guest.hear(asked + GUESSES)
        came.counts.update(guest.heard[asked:])
        guest.transport.close()

    await _as_fast_as_it_goes(sessions, one)
    after, name = house.figures(), "smartgate_harvests_stopped_total"
    told = came.counts["550 5.1.1"] + came.counts["250 2.1.5"]
    came.must(told <= 10, f"{told} names were told")
    came.must(after[name] > before[name], "no figure tells of it")
    came.must("smtp.harvest_stopped" in house.serving.said(), "the log doesn't tell of it")
    return came


async def refused(house: House, size: Size) -> Flooded:
    """Mails whose copy is hidden: each is refused for good, with a receipt."""
    came, stage = Flooded(), stage_of(house, lmtp=False)
    sessions = 20

    async def one(n: int) -> None:
        guest = await call(house.smtp)
        await guest.hear(1)
        await guest.say(stage.hello)
        for _ in range(size.refused // sessions):
            await guest.say("MAIL FROM:<dimas@acme.example>", "RCPT TO:<acme@mail.kommo.com>", "DATA")
            wanted = len(guest.heard) + 1
            guest.send(_NOTHING_VISIBLE)
            await guest.hear(wanted)
            came.counts[guest.heard[-1]] += 1
        guest.transport.close()

    await _as_fast_as_it_goes(sessions, one)
    other = {said: count for said, count in came.counts.items() if said != "550 5.7.1"}
    came.must(not other, f"answered otherwise: {other}")
    return came


async def endless_line(house: House, size: Size) -> Flooded:
    """A command that never ends, up to a gigabyte each."""
    return await _pour(house, size.lines, b"", b"x" * 65_536, "421 4.7.0", MIB)


async def endless_header(house: House, size: Size) -> Flooded:
    """A header field that never ends: cut after four times of what a mail may be."""
    return await _pour(house, size.streams, b"X-Endless: ", b"x" * 65_536, "421 4.3.4", 5 * size.message_bytes)


async def _pour(house: House, count: int, first: bytes, block: bytes, ends: str, most: int) -> Flooded:
    came, stage, taken = Flooded(), stage_of(house, lmtp=False), []

    async def script(guest: Guest) -> None:
        if first:
            await begin(guest, stage)
            guest.send(first)
        else:
            await guest.hear(1)
        taken.append(await guest.pour(block, 1024 * MIB // len(block)))

    crowd = Crowd(house.smtp, count, script, "127.0.0.1")
    await crowd.arrive()
    came.counts = (ended := await crowd.end(PATIENCE)).by
    came.must(not ended.but((ends,)), f"ended otherwise: {ended.but((ends,))}")
    came.must(max(taken) <= most + 32 * MIB, f"{max(taken) // MIB} MiB were taken of one")
    return came


async def stream(house: House, size: Size) -> Flooded:
    """A mail of 10 GB that declares no size: read to four times the limit, never kept beyond it, then cut."""
    came = Flooded()
    path = house.serving.folder / "stream"
    with path.open("wb") as sparse:
        sparse.truncate(size.stream_bytes)
    sent = await asyncio.gather(*(asyncio.to_thread(_send_file, house.smtp, path) for _ in range(size.streams)))
    for taken, said in sent:
        came.counts[said] += 1
        came.must(said == "421 4.3.4", f"ended otherwise: {said}")
        came.must(taken <= 5 * size.message_bytes + 32 * MIB, f"{taken // MIB} MiB were taken of one")
    came.counts["MiB taken of one, at the most"] = max(taken for taken, _ in sent) // MIB
    return came


def _send_file(address: tuple[str, int], path: Path) -> tuple[int, str]:
    """One stream, as fast as the kernel takes it: how much was taken, and the reply to it."""
    sent = 0
    with socket.create_connection(address, PATIENCE) as connection, path.open("rb") as file:
        heard = connection.makefile("rb")
        heard.readline()
        for line in ("HELO x", "MAIL FROM:<dimas@acme.example>", "RCPT TO:<acme@mail.kommo.com>", "DATA"):
            connection.sendall(line.encode() + b"\r\n")
            heard.readline()
        connection.setblocking(True)
        size = path.stat().st_size
        try:
            while sent < size:
                sent += os.sendfile(connection.fileno(), file.fileno(), sent, min(4 * MIB, size - sent))
        except OSError:
            pass
        try:
            return sent, heard.readline()[:9].decode("ascii", "replace") or "no reply"
        except OSError as fault:
            return sent, type(fault).__name__


async def commands(house: House, size: Size) -> Flooded:
    """Thousands of commands in one go: so many are answered as may come without a mail."""
    came, dice = Flooded(), random.Random(5)
    said = [b"NOOP\r\n", b"RSET\r\n", b"EHLO x\r\n", b"VRFY x\r\n", b"HELP\r\n", b"MAIL FROM:<>\r\nRSET\r\n"]
    blast = b"EHLO x\r\n" + b"".join(dice.choices(said, k=5_000))

    async def script(guest: Guest) -> None:
        await guest.hear(1)
        guest.send(blast)

    crowd = Crowd(house.smtp, size.talkers, script, "127.0.0.1")
    await crowd.arrive()
    came.counts = (ended := await crowd.end(PATIENCE)).by
    came.must(not ended.but(("421 4.7.0",)), f"ended otherwise: {ended.but(('421 4.7.0',))}")
    return came


async def bombs_and_noise(house: House, size: Size) -> Flooded:
    """The worst of mails, and what fuzzers kept: each is filed or refused, none is put off or left unanswered."""
    came, stage = Flooded(), stage_of(house, lmtp=False)
    mails = _mails(size)

    async def one(n: int) -> None:
        while (mail := next(mails, None)) is not None:
            guest = await call(house.smtp)
            await begin(guest, stage)
            guest.send(mail)
            await guest.hear(6)
            came.counts[guest.heard[-1] if len(guest.heard) == 6 else "no reply"] += 1
            guest.transport.close()

    await _as_fast_as_it_goes(8, one)
    other = {said: count for said, count in came.counts.items() if not said.startswith(("250 2.6.0", "55"))}
    came.must(not other, f"answered otherwise: {other}")
    return came


def _mails(size: Size) -> Iterator[bytes]:
    """As they go over the wire."""
    for raw in (
        *(mail for mail, _ in bombs().values()),
        *(path.read_bytes() for path in sorted((CORPUS / "message").iterdir())[:: size.every]),
    ):
        yield _stuffed(raw)
    for _, raw in worst(size.scale):
        yield _stuffed(raw)


def _stuffed(raw: bytes) -> bytes:
    end = b"" if raw.endswith(b"\r\n") else b"\r\n"
    return (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + end + b".\r\n"


async def noise(house: House, size: Size) -> Flooded:
    """What the fuzzer of the dialog kept, thrown at the port; the sender then says that it has no more to say."""
    came = Flooded()
    inputs = iter(sorted((CORPUS / "dialog").iterdir())[:: size.every])

    async def one(n: int) -> None:
        while (path := next(inputs, None)) is not None:
            guest = await call(house.smtp)
            guest.send(path.read_bytes())
            guest.transport.write_eof()
            done, _ = await asyncio.wait([guest.gone], timeout=PATIENCE)
            came.counts["ended" if done else "stayed"] += 1

    await _as_fast_as_it_goes(20, one)
    came.must(not came.counts["stayed"], f"{came.counts['stayed']} stayed")
    return came


FLOODS: dict[str, Flood] = {
    "connections from one address": Flood(one_address, settings={"MAX_SESSIONS": "600"}),
    "connections from many addresses": Flood(many_addresses),
    "guesses at names from one block": Flood(harvest),
    "refused mails": Flood(refused),
    "an endless line": Flood(endless_line),
    "an endless header": Flood(endless_header),
    "a stream of 10 GB": Flood(stream),
    "commands by the thousand": Flood(commands),
    "bombs": Flood(bombs_and_noise, mib=512),
    "noise": Flood(noise),
}
