"""What each network address may take: connections, mails, and knowledge of who exists here (rule A8).

All of it is counted in memory and bounded: a flood from ever new addresses drives out what was counted longest ago.
Several workers of one server count together (`gateway.smtp.ledger`).
An IPv4 address counts for itself and an IPv6 address with its /64, which is what one host is given. Knowledge of names
is counted for the block, /24 and /48, because who harvests has many addresses of one. Loopback and trusted relays are
spared: behind them stand many senders.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway import metrics
from gateway.core.replies import Reply
from gateway.counting import Buckets, Clock
from gateway.smtp import answers
from gateway.smtp.limits import SmtpLimits

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_log = structlog.get_logger(__name__)


class Presence(Counter[str]):
    """How many are inside, by key; whoever left leaves nothing behind."""

    def count(self, key: str) -> int:
        return self[key]

    def enter(self, key: str) -> None:
        self[key] += 1

    def leave(self, key: str) -> None:
        self[key] -= 1
        if not self[key]:
            del self[key]


class Tokens(Protocol):
    """What `Buckets` can do."""

    @property
    def capacity(self) -> float: ...

    def level(self, key: str) -> float: ...

    def take(self, key: str) -> float: ...


class Present(Protocol):
    """What `Presence` can do."""

    def count(self, key: str) -> int: ...

    def enter(self, key: str) -> None: ...

    def leave(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted. By address: connections, mails, sessions that are open. By block: names that were learned, and
    those told in transactions whose mail is expected."""

    connections: Tokens
    mails: Tokens
    names: Tokens
    sessions: Present
    expected: Present


class Visitors:
    """What is counted by address, for all listeners together.

    trusted: networks whose peers are spared, beside loopback. clock: seconds, for tests. counts: left out, this process
    counts for itself.
    """

    def __init__(
        self,
        limits: SmtpLimits,
        trusted: Sequence[Network] = (),
        clock: Clock = time.monotonic,
        counts: Counts | None = None,
    ) -> None:
        self.limits = limits
        self.trusted = tuple(trusted)
        self.counts = counts or Counts(
            connections=Buckets(limits.connections_per_minute, 60, clock),
            mails=Buckets(limits.mails_per_minute, 60, clock),
            names=Buckets(limits.names_per_hour, 3600, clock),
            sessions=Presence(),
            expected=Presence(),
        )

    def visitor(self, peer: str) -> Visitor:
        """Give the accounts of one peer."""
        address = ipaddress.ip_address(peer)
        spared = address.is_loopback or within(address, self.trusted)
        host, block = (32, 24) if address.version == 4 else (64, 48)
        return Visitor(self, spared, _network(address, host), _network(address, block))


class Visitor:
    """One peer's accounts with the house. spared: nothing is counted by its address."""

    __slots__ = ("_block", "_host", "_house", "_inside", "_mail_expected", "spared")

    def __init__(self, house: Visitors, spared: bool, host: str, block: str) -> None:
        self._house = house
        self._host = host
        self._block = block
        self._inside = False
        self._mail_expected = False
        self.spared = spared

    def enter(self) -> Reply | None:
        """Begin a session; the reply that says why not."""
        if self.spared:
            return None
        counts = self._house.counts
        if counts.connections.level(self._host) < 1:
            return answers.TOO_MANY_CONNECTIONS
        counts.connections.take(self._host)
        if counts.sessions.count(self._host) >= self._house.limits.sessions_per_address:
            return answers.TOO_MANY_SESSIONS_OF_ADDRESS
        counts.sessions.enter(self._host)
        self._inside = True
        return None

    def leave(self) -> None:
        """End the session; harmless where none was begun."""
        if not self._inside:
            return
        self._inside = False
        self._house.counts.sessions.leave(self._host)

    def may_mail(self) -> bool:
        """Begin a mail; False when its address has begun too many."""
        if self.spared:
            return True
        mails = self._house.counts.mails
        if mails.level(self._host) < 1:
            return False
        mails.take(self._host)
        return True

    @property
    def may_ask(self) -> bool:
        """It may still hear whether an address exists; else all of them are answered alike.

        Of a suspect, what it was told in transactions that are still open counts as if no mail came.
        """
        if self.spared:
            return True
        counts = self._house.counts
        open_still = counts.expected.count(self._block) if self.suspect else 0
        return counts.names.level(self._block) - open_still >= 1

    @property
    def suspect(self) -> bool:
        """It has heard of half the names it may: answers come slowly from now on, the good and the bad alike."""
        names = self._house.counts.names
        return not self.spared and names.level(self._block) < names.capacity / 2

    def expect_mail(self) -> None:
        """It was told that an account exists, and will bring mail for it."""
        if not self.spared and not self._mail_expected:
            self._mail_expected = True
            self._house.counts.expected.enter(self._block)

    def settle(self) -> None:
        """The mail was brought, or won't be; harmless where none is expected."""
        if self._mail_expected:
            self._mail_expected = False
            self._house.counts.expected.leave(self._block)

    def learned(self) -> None:
        """It has heard whether an address exists, and has brought no mail for it."""
        if self.spared:
            return
        names = self._house.counts.names
        before = names.level(self._block)
        if names.take(self._block) < 1 <= before:
            metrics.harvest_stopped()
            _log.warning("smtp.harvest_stopped", block=self._block)


def within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Sequence[Network]) -> bool:
    """Say whether an address lies in one of the networks."""
    return any(address in network for network in networks)


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int) -> str:
    if bits == address.max_prefixlen:
        return str(address)
    return str(ipaddress.ip_network((address, bits), strict=False))
