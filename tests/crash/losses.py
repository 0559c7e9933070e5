"""The 250 is lost on its way, so the sender sends the mail again: it is answered "Already filed" and is there once."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.crash.audit import Audit
from tests.crash.fleet import SMART, Letter, letters
from tests.crash.proxy import FINAL, LOSSES, Proxy
from tests.serving import PATIENCE, Serving

AT_ONCE, LARGE_EVERY = 32, 20
_ALREADY = re.compile(r"250 2\.6\.0 Already filed.*\bid=(\w+)")
_ID = re.compile(r"\bid=(\w+)")


@dataclass(frozen=True, slots=True)
class Lost:
    """What came of it. lost: replies to a message the server said and nobody heard, or was not let say. already: mails
    whose second try was answered "Already filed". by_way: how often a connection was lost in which way."""

    mails: int
    lost: int
    already: int
    by_way: dict[str, int]
    faults: tuple[str, ...]


def lose_replies(folder: Path, seed: int, count: int, told: Callable[[], None] = lambda: None) -> Lost:
    """Loses so many replies to messages, in every way in turn, and the replies to commands beside them."""
    finals = sum(loss.reply == FINAL for loss in LOSSES.values())
    mails = -(-count // finals) * len(LOSSES)
    pile = letters(seed, mails, mails // 4, mails // 5, LARGE_EVERY)
    serving = Serving(folder, LOG_LEVEL="error")
    serving.add_account()
    try:
        serving.start()
        tries = asyncio.run(_all(serving.smtp, pile, told))
        faults = [one.fault for one in tries if one.fault]
        faults += ["ended badly"] * (serving.stop() != 0) + ["a stack trace"] * ("Traceback" in serving.said())
    finally:
        serving.kill()
    faults += Audit(pile).look(serving.database, {one.name: one.id for one in tries}, whole=True)
    lost = sum(LOSSES[one.way].reply == FINAL for one in tries)
    already = sum(one.already for one in tries)
    return Lost(mails, lost, already, dict(Counter(one.way for one in tries)), tuple(faults))


@dataclass(frozen=True, slots=True)
class _Try:
    """One mail: lost in a way, then sent again. id: in the reply to the second try."""

    name: str
    way: str
    id: str
    already: bool
    fault: str


async def _all(server: tuple[str, int], pile: Sequence[Letter], told: Callable[[], None]) -> list[_Try]:
    """Every mail, some at one time."""
    turns = asyncio.Semaphore(AT_ONCE)
    ways = list(LOSSES)

    async def one(letter: Letter, way: str) -> _Try:
        async with turns:
            done = await _lose(server, letter, way)
            told()
            return done

    return await asyncio.gather(*(one(letter, ways[n % len(ways)]) for n, letter in enumerate(pile)))


async def _lose(server: tuple[str, int], letter: Letter, way: str) -> _Try:
    loss = LOSSES[way]
    proxy = Proxy(server, loss)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(proxy.open())
        try:
            heard = await hand(("127.0.0.1", proxy.port), letter)
        except ConnectionError:
            heard = ""
    again = await hand(server, letter)
    found, already = _ID.search(again), _ALREADY.match(again)
    answered = _ID.search(proxy.lost[0].decode()) if proxy.lost and loss.reply == FINAL else None
    fault = ""
    if heard:
        fault = f"not lost: {way}: {heard}"
    elif not again.startswith("250 ") or found is None:
        fault = f"answered: {again}"
    elif loss.reply != FINAL and already:
        fault = f"filed without its text: {way}"
    elif answered and not (already and already[1] == answered[1]):
        fault = f"not recognised: {proxy.lost[0]!r}, then {again}"
    return _Try(letter.id, way, found[1] if found else "", already is not None, fault)


async def hand(address: tuple[str, int], letter: Letter) -> str:
    """Hands one letter over, a command at a time; the last reply. Raises ConnectionError where one doesn't come."""
    reader, writer = await asyncio.open_connection(*address)
    commands = ("EHLO client.example", f"MAIL FROM:<{letter.sender}>", f"RCPT TO:<{SMART}>", "DATA")
    try:
        reply = await _hear(reader)
        for command in commands:
            writer.write(f"{command}\r\n".encode())
            reply = await _hear(reader)
        if reply.startswith("354"):
            writer.write(letter.content + b".\r\n")
            await writer.drain()
            reply = await _hear(reader)
        return reply
    finally:
        writer.close()


async def _hear(reader: asyncio.StreamReader) -> str:
    """The last line of one reply; a line without an end is none (RFC 5321 section 2.3.8)."""
    async with asyncio.timeout(PATIENCE):
        while line := await reader.readline():
            if line.endswith(b"\r\n") and line[3:4] == b" ":
                return line.decode().rstrip()
    raise ConnectionError("the server has gone")
