"""Slow senders: where in the dialog each of a crowd stops or drips, and how the server must get rid of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.load.guests import CLOSED, RESET, Crowd, Ended, Guest
from tests.load.house import PROXY, House, Pace

ENVELOPE = ("MAIL FROM:<dimas@acme.example>", "RCPT TO:<acme+lead@mail.kommo.com>", "DATA")
_HEADER = b"From: dimas@acme.example\r\nTo: pat@client.example\r\nCc: acme+lead@mail.kommo.com\r\nSubject: Slow\r\n\r\n"
LARGE = _HEADER + (b"x" * 98 + b"\r\n") * 2_000
"""A mail that is kept in memory until its end comes."""
SLOW, IDLE, MEMORY_KIB = "421 4.4.2", "421 4.4.2", 64
_PIECES = 20


@dataclass(frozen=True, slots=True)
class Stage:
    """What a script may know. hello: how this door is greeted."""

    hello: str
    pace: Pace
    trust: ssl.SSLContext


Play = Callable[[Guest, Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Phase:
    """One way of being slow.

    ends: how the server may end it: the last reply, or no reply where none can be given. kib: the most memory one may
    take. lmtp: tried at that door as well. source: who it calls from. receive: octets it takes without reading.
    """

    play: Play
    ends: frozenset[str]
    kib: int = MEMORY_KIB
    lmtp: bool = True
    source: str = "127.0.0.1"
    receive: int = 0


async def _nothing(guest: Guest, stage: Stage) -> None:
    await guest.hear(1)


async def _byte_by_byte(guest: Guest, stage: Stage) -> None:
    """Each byte comes within the idle limit; the command doesn't."""
    await guest.hear(1)
    await guest.drip(b"EHLO " + b"x" * 75, 80, stage.pace.idle * 4)


async def _between_mail_and_rcpt(guest: Guest, stage: Stage) -> None:
    await guest.hear(1)
    await guest.say(stage.hello, ENVELOPE[0])


async def begin(guest: Guest, stage: Stage) -> None:
    """Everything up to the 354."""
    await guest.hear(1)
    await guest.say(stage.hello, *ENVELOPE)


async def _large_and_silent(guest: Guest, stage: Stage) -> None:
    await begin(guest, stage)
    guest.send(LARGE)


async def _under_the_rate(guest: Guest, stage: Stage) -> None:
    await begin(guest, stage)
    seconds = stage.pace.data * 2
    await guest.drip(_HEADER + b"x" * (stage.pace.rate * seconds // 2), seconds * 4, seconds)


async def _above_the_rate(guest: Guest, stage: Stage) -> None:
    """Twice as fast as it must come; its end comes in time."""
    await begin(guest, stage)
    seconds = stage.pace.data / 2
    guest.send(_HEADER)
    await guest.drip((b"x" * 62 + b"\r\n") * int(seconds * stage.pace.rate / 32), _PIECES, seconds)
    wanted = len(guest.heard) + 1
    guest.send(b".\r\n")
    await guest.hear(wanted)
    guest.transport.close()


async def _never_reads(guest: Guest, stage: Stage) -> None:
    """Twice as long as it may; only then it looks, and finds that it was cut, or told to go."""
    await guest.hear(1)
    guest.transport.pause_reading()
    guest.send(f"{stage.hello}\r\n".encode() * 2_000)
    await asyncio.wait([guest.gone], timeout=2.5 * stage.pace.idle)
    if not guest.gone.done():
        guest.transport.resume_reading()


async def _half_closed(guest: Guest, stage: Stage) -> None:
    await guest.hear(1)
    await guest.say(stage.hello, ENVELOPE[0])
    guest.transport.write_eof()


async def _half_closed_in_data(guest: Guest, stage: Stage) -> None:
    await begin(guest, stage)
    guest.send(_HEADER)
    guest.transport.write_eof()


async def _silent_in_the_handshake(guest: Guest, stage: Stage) -> None:
    await guest.hear(1)
    await guest.say(stage.hello, "STARTTLS")


async def _silent_in_tls(guest: Guest, stage: Stage) -> None:
    await guest.hear(1)
    await guest.say(stage.hello, "STARTTLS")
    await guest.encrypt(stage.trust)
    await guest.say(stage.hello)


async def _half_a_proxy_header(guest: Guest, stage: Stage) -> None:
    await guest.drip(b"PROXY TCP4 198.51.100.7 192.0.2.1", 33, stage.pace.door * 2)


_CUT = frozenset((CLOSED, RESET))
PHASES: dict[str, Phase] = {
    "before EHLO, silent": Phase(_nothing, frozenset((IDLE,))),
    "a command byte by byte": Phase(_byte_by_byte, frozenset((IDLE,))),
    "between MAIL and RCPT": Phase(_between_mail_and_rcpt, frozenset((IDLE,))),
    "after DATA, silent": Phase(begin, frozenset((SLOW,))),
    "DATA, 200 KB and then silent": Phase(_large_and_silent, frozenset((SLOW,))),
    "DATA under the minimum rate": Phase(_under_the_rate, frozenset((SLOW,))),
    "DATA above the minimum rate": Phase(_above_the_rate, frozenset(("250 2.6.0",))),
    "never reads a reply": Phase(_never_reads, _CUT | {IDLE, "421 4.7.0"}, kib=256, receive=4096),
    "half-closed before RCPT": Phase(_half_closed, _CUT),
    "half-closed within DATA": Phase(_half_closed_in_data, _CUT),
    "in the TLS handshake, silent": Phase(_silent_in_the_handshake, _CUT, kib=160, lmtp=False),
    "within TLS, silent": Phase(_silent_in_tls, frozenset((IDLE,)), kib=160, lmtp=False),
    "in the PROXY header": Phase(_half_a_proxy_header, frozenset(("421 4.7.0",)), lmtp=False, source=PROXY),
}


def stage_of(house: House, *, lmtp: bool) -> Stage:
    trust = ssl.create_default_context()
    house.trust.configure_trust(trust)
    return Stage("LHLO slow.example" if lmtp else "EHLO slow.example", house.pace, trust)


async def hold(house: House, phase: Phase, guests: int, *, lmtp: bool = False) -> Ended:
    """A crowd comes, stays as long as it is let, and is gone: how each ended."""
    stage = stage_of(house, lmtp=lmtp)
    address = house.lmtp if lmtp else house.smtp
    crowd = Crowd(address, guests, lambda guest: phase.play(guest, stage), phase.source, phase.receive)
    await crowd.arrive()
    return await crowd.end(4 * max(house.pace.idle, house.pace.data, house.pace.door) + 30)


async def rest(house: House, guests: int, seconds: float) -> Ended:
    """A crowd that has said EHLO and then nothing, for so long; then it leaves."""
    stage = stage_of(house, lmtp=False)

    async def greet(guest: Guest) -> None:
        await guest.hear(1)
        await guest.say(stage.hello)

    crowd = Crowd(house.smtp, guests, greet, "127.0.0.3")
    await crowd.arrive()
    return await crowd.end(seconds)
