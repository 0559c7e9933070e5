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
from tests.crash.fleet import SMTP, Letter, Road, letters
from tests.crash.proxy import Loss, Proxy, losses
from tests.serving import PATIENCE, Serving

AT_ONCE, LARGE_EVERY = 32, 20
_ALREADY = re.compile(r"250 2\.6\.0 Already filed.*\bid=(\w+)")
_ID = re.compile(r"\bid=(\w+)")


@dataclass(frozen=True, slots=True)
class Lost:
    """What came of it. lost: mails that were filed and nobody heard of it. already: second tries for one recipient that
    were answered "Already filed". by_way: how often a connection was lost in which way."""

    mails: int
    lost: int
    already: int
    by_way: dict[str, int]
    faults: tuple[str, ...]


def lose_replies(
    folder: Path, seed: int, count: int, told: Callable[[], None] = lambda: None, road: Road = SMTP
) -> Lost:
    """Loses so many replies to messages, in every way in turn, and the replies to commands beside them."""
    ways = losses(road)
    finals = sum(loss.final for loss in ways.values())
    mails = -(-count // finals) * len(ways)
    pile = letters(seed, mails, mails // 4, mails // 5, LARGE_EVERY, road=road)
    serving = Serving(folder, LOG_LEVEL="error", LMTP_LISTEN="127.0.0.1:0")
    for slug in road.accounts:
        serving.add_account(slug)
    try:
        serving.start()
        server = serving.smtp if road is SMTP else _address(serving.lmtp)
        tries = asyncio.run(_Trial(server, road, ways).all(pile, told))
        faults = [fault for one in tries for fault in one.faults]
        faults += ["ended badly"] * (serving.stop() != 0) + ["a stack trace"] * ("Traceback" in serving.said())
    finally:
        serving.kill()
    promised = [{one.name: one.ids.get(recipient, "") for one in tries} for recipient in road.recipients]
    faults += Audit(pile, road.accounts).look(serving.place, *promised, whole=True)
    lost = sum(ways[one.way].certain or one.already > 0 for one in tries)
    already = sum(one.already for one in tries)
    return Lost(mails, lost, already, dict(Counter(one.way for one in tries)), tuple(faults))


def _address(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class _Try:
    """One mail: lost in a way, then sent again to whom no answer was heard for. ids: recipient → the id in the reply
    that told of it. already: how many were answered "Already filed"."""

    name: str
    way: str
    ids: dict[str, str]
    already: int
    faults: list[str]


class _Trial:
    """A server, and mails whose replies are lost in every way in turn, some at one time."""

    def __init__(self, server: tuple[str, int], road: Road, ways: dict[str, Loss]) -> None:
        self._server, self._road, self._ways = server, road, ways
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def all(self, pile: Sequence[Letter], told: Callable[[], None]) -> list[_Try]:
        ways = list(self._ways)

        async def one(letter: Letter, way: str) -> _Try:
            async with self._turns:
                done = await self._lose(letter, way)
                told()
                return done

        return await asyncio.gather(*(one(letter, ways[n % len(ways)]) for n, letter in enumerate(pile)))

    async def _lose(self, letter: Letter, way: str) -> _Try:
        loss = self._ways[way]
        proxy = Proxy(self._server, loss)
        lost = False
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(proxy.open())
            try:
                heard = await hand(("127.0.0.1", proxy.port), letter, self._road)
            except LostError as gone:
                heard, lost = gone.heard, True
        unheard = [one for one in self._road.recipients if one not in heard]
        again = await hand(self._server, letter, self._road, unheard) if unheard else {}
        return self._judge(letter, way, heard, again, proxy.lost[0] if proxy.lost and lost else b"")

    def _judge(self, letter: Letter, way: str, heard: dict[str, str], again: dict[str, str], unsaid: bytes) -> _Try:
        """Every recipient was told once of the mail's id, and the reply that was lost is said again."""
        loss, faults = self._ways[way], []
        if not again:
            faults.append(f"not lost: {way}: {heard}")
        replies = heard | again
        ids = {one: found[1] for one, reply in replies.items() if (found := _ID.search(reply))}
        faults += [
            f"answered: {reply}" for one, reply in replies.items() if not reply.startswith("250 ") or one not in ids
        ]
        already = {one: found[1] for one, reply in again.items() if (found := _ALREADY.match(reply))}
        if not loss.final and already:
            faults.append(f"filed without its text: {way}")
        if loss.certain and len(already) != len(again):
            faults.append(f"not recognised: {way}: {again}")
        answered = _ID.search(unsaid.decode()) if loss.final else None
        if answered and answered[1] not in already.values():
            faults.append(f"not recognised: {unsaid!r}, then {again}")
        return _Try(letter.id, way, ids, len(already), faults)


class LostError(ConnectionError):
    """The connection has ended before everybody was answered for. heard: recipient → last reply."""

    def __init__(self, heard: dict[str, str]) -> None:
        super().__init__("the server has gone")
        self.heard = heard


async def hand(
    address: tuple[str, int], letter: Letter, road: Road = SMTP, recipients: Sequence[str] = ()
) -> dict[str, str]:
    """Hands one letter over, a command at a time: recipient → last reply. Raises LostError.

    recipients: of those of the road; left out, all.
    """
    reader, writer = await asyncio.open_connection(*address)
    left = list(recipients or road.recipients)
    heard: dict[str, str] = {}

    async def ask(command: str, wanted: str) -> str:
        """Nothing where the reply is the one that is wanted."""
        writer.write(f"{command}\r\n".encode())
        reply = await _hear(reader)
        return "" if reply.startswith(wanted) else reply

    try:
        await _hear(reader)
        refused = await ask(f"{road.hello} client.example", "250") or await ask(f"MAIL FROM:<{letter.sender}>", "250")
        if not refused:
            refusals = {one: reply for one in left if (reply := await ask(f"RCPT TO:<{one}>", "250"))}
            heard |= refusals
            left = [one for one in left if one not in refusals]
            refused = await ask("DATA", "354") if left else ""
        if refused:
            return heard | dict.fromkeys(left, refused)
        if left:
            writer.write(letter.content + b".\r\n")
            await writer.drain()
            for turn in range(len(left)):
                reply = await _hear(reader) if turn == 0 or road.answers > 1 else reply
                heard[left[turn]] = reply
        return heard
    except ConnectionError as fault:
        raise LostError(heard) from fault
    finally:
        writer.close()


async def _hear(reader: asyncio.StreamReader) -> str:
    """The last line of one reply; a line without an end is none (RFC 5321 section 2.3.8)."""
    async with asyncio.timeout(PATIENCE):
        while line := await reader.readline():
            if line.endswith(b"\r\n") and line[3:4] == b" ":
                return line.decode().rstrip()
    raise ConnectionError("the server has gone")
