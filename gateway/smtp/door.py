"""What all sessions of one listener share."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from gateway import metrics
from gateway.core.replies import Reply
from gateway.smtp.answers import LIMITS, RULES
from gateway.smtp.certificates import Certificates
from gateway.smtp.desk import Desk
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.turnstile import Turnstile
from gateway.smtp.visitors import Network, Visitors, within

if TYPE_CHECKING:
    from gateway.smtp.wire import Wire

_log = structlog.get_logger(__name__)
_SPOOL_THREADS = 4
_IN_FULL_SECONDS = 60.0


def _spool_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_SPOOL_THREADS, thread_name_prefix="smtp-spool")


@dataclass(frozen=True, slots=True)
class Doorway:
    """How a listener meets the network. What is left out isn't offered.

    certificates: shown after STARTTLS. tls_required: mail is taken over TLS only, but from loopback and trusted relays.
    proxies: networks whose connections begin with a PROXY header. visitors: what is counted by address.
    """

    certificates: Certificates | None = None
    tls_required: bool = False
    proxies: Sequence[Network] = ()
    visitors: Visitors | None = None


@dataclass(slots=True)
class Door:
    """One listener's desk, bounds and name, and who is in the room.

    hostname: what greeting and EHLO say. public_url: where `/why/RULE` explains a refusal; "" leaves that out.
    threads: where large messages are written to disk. wires: every open connection. tasks: every session that runs,
    also one whose peer has hung up while its mail is filed. stopping: no new command is taken. told: when each
    kind of fault was last told in full.
    turnstile: for sessions that have many commands to run.
    """

    desk: Desk
    limits: SmtpLimits
    hostname: str
    public_url: str = ""
    way: Doorway = field(default_factory=Doorway)
    threads: ThreadPoolExecutor = field(default_factory=_spool_threads)
    wires: set[Wire] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    stopping: bool = False
    told: dict[str, float] = field(default_factory=dict)
    turnstile: Turnstile = field(default_factory=Turnstile)
    visitors: Visitors = field(init=False)

    def __post_init__(self) -> None:
        self.visitors = self.way.visitors or Visitors(self.limits)

    @property
    def full(self) -> bool:
        return len(self.wires) >= self.limits.max_sessions

    @property
    def crowded(self) -> bool:
        """Half of all connections are taken: nobody who was told to go may stay to read why."""
        return len(self.wires) > self.limits.max_sessions // 2

    def behind_proxy(self, peer: str) -> bool:
        """Say whether a connection from this address begins with a PROXY header."""
        return bool(self.way.proxies) and within(ipaddress.ip_address(peer), self.way.proxies)

    def greeting(self, protocol: str) -> bytes:
        return f"220 {self.hostname} {protocol} smartgate\r\n".encode("ascii")

    def hello(self) -> bytes:
        """The answer to HELO (RFC 5321 section 4.1.1.1)."""
        return f"250 {self.hostname}\r\n".encode("ascii")

    def extended_hello(self, *, starttls: bool) -> bytes:
        """The answer to EHLO and LHLO: RFC 1870, 6152, 6531, 2920, 2034, 3207.

        REQUIRETLS (RFC 8689) isn't offered: people read the mail on other ways, which it would have to bind as well.
        """
        extensions = [
            f"SIZE {self.limits.max_message_bytes}",
            "8BITMIME",
            "SMTPUTF8",
            "PIPELINING",
            "ENHANCEDSTATUSCODES",
        ]
        extensions += ["STARTTLS"] if starttls else []
        lines = [f"250-{self.hostname}", *(f"250-{name}" for name in extensions), "250 HELP"]
        return ("\r\n".join(lines) + "\r\n").encode("ascii")

    def failed(self, question: str, peer: str, fault: BaseException) -> None:
        """The desk couldn't answer (B10): told in full once a minute, for a store that is gone fails everybody."""
        now, kind = time.monotonic(), f"{question} {type(fault).__name__}"
        in_full = now - self.told.get(kind, -math.inf) >= _IN_FULL_SECONDS
        if in_full:
            self.told[kind] = now
        told = fault if in_full else None
        _log.error("smtp.desk_failed", question=question, peer=peer, fault=type(fault).__name__, exc_info=told)

    def refusal(self, reply: Reply) -> Reply:
        """The reply with the address of the page about its rule, where it has one; a limit that was met is counted."""
        limit = LIMITS.get(reply)
        if limit is not None:
            metrics.limit_reached(limit)
        rule = RULES.get(reply)
        if rule is None or not self.public_url:
            return reply
        return replace(reply, text=f"{reply.text} {self.public_url}/why/{rule}")
