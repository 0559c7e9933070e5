"""What all sessions of one listener share."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.core.replies import Reply
from gateway.smtp.answers import RULES
from gateway.smtp.desk import Desk
from gateway.smtp.limits import SmtpLimits

if TYPE_CHECKING:
    from gateway.smtp.wire import Wire

_SPOOL_THREADS = 4


def _spool_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_SPOOL_THREADS, thread_name_prefix="smtp-spool")


@dataclass(slots=True)
class Door:
    """One listener's desk, bounds and name, and who is in the room.

    hostname: what greeting and EHLO say. public_url: where `/why/RULE` explains a refusal; "" leaves that out.
    threads: where large messages are written to disk. wires: every open connection. tasks: every session that runs,
    also one whose peer has hung up while its mail is filed. stopping: no new command is taken.
    """

    desk: Desk
    limits: SmtpLimits
    hostname: str
    public_url: str = ""
    threads: ThreadPoolExecutor = field(default_factory=_spool_threads)
    wires: set[Wire] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    stopping: bool = False

    @property
    def full(self) -> bool:
        return len(self.wires) >= self.limits.max_sessions

    def greeting(self) -> bytes:
        return f"220 {self.hostname} ESMTP smartgate\r\n".encode("ascii")

    def hello(self) -> bytes:
        """The answer to HELO (RFC 5321 section 4.1.1.1)."""
        return f"250 {self.hostname}\r\n".encode("ascii")

    def extended_hello(self) -> bytes:
        """The answer to EHLO: RFC 1870, 6152, 6531, 2920, 2034."""
        extensions = (
            f"SIZE {self.limits.max_message_bytes}",
            "8BITMIME",
            "SMTPUTF8",
            "PIPELINING",
            "ENHANCEDSTATUSCODES",
        )
        lines = [f"250-{self.hostname}", *(f"250-{name}" for name in extensions), "250 HELP"]
        return ("\r\n".join(lines) + "\r\n").encode("ascii")

    def explained(self, reply: Reply) -> Reply:
        """The reply with the address of the page about its rule, where it has one."""
        rule = RULES.get(reply)
        if rule is None or not self.public_url:
            return reply
        return replace(reply, text=f"{reply.text} {self.public_url}/why/{rule}")
