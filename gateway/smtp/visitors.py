"""What each network address may take: connections, mails, and knowledge of who exists here (rule A8).

All of it is counted in memory and bounded: a flood from ever new addresses drives out what was counted longest ago.
An IPv4 address counts for itself and an IPv6 address with its /64, which is what one host is given. Knowledge of names
is counted for the block, /24 and /48, because who harvests has many addresses of one. Loopback and trusted relays are
spared: behind them stand many senders.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

import structlog

from gateway import metrics
from gateway.core.replies import Reply
from gateway.smtp import answers
from gateway.smtp.limits import SmtpLimits

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Clock = Callable[[], float]

_KEPT = 50_000
"""So many addresses, or blocks, are remembered by each counter: a few megabytes."""
_log = structlog.get_logger(__name__)


class Buckets:
    """Token buckets by key: each holds `capacity`, refills evenly over `seconds`, and may go into debt."""

    def __init__(self, capacity: float, seconds: float, clock: Clock, kept: int = _KEPT) -> None:
        self.capacity = capacity
        self._per_second = capacity / seconds
        self._clock = clock
        self._kept = kept
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def level(self, key: str) -> float:
        """What is left."""
        found = self._levels.get(key)
        if found is None:
            return self.capacity
        level, at = found
        return min(self.capacity, level + (self._clock() - at) * self._per_second)

    def take(self, key: str) -> float:
        """Take one token, also where nothing is left. What is left then."""
        level = self.level(key) - 1
        self._levels[key] = (level, self._clock())
        self._levels.move_to_end(key)
        if len(self._levels) > self._kept:
            self._levels.popitem(last=False)
        return level


class Visitors:
    """What is counted by address, for all listeners together.

    trusted: networks whose peers are spared, beside loopback. clock: seconds, for tests.
    """

    def __init__(self, limits: SmtpLimits, trusted: Sequence[Network] = (), clock: Clock = time.monotonic) -> None:
        self.limits = limits
        self.trusted = tuple(trusted)
        self.sessions: dict[str, int] = {}
        self.connections = Buckets(limits.connections_per_minute, 60, clock)
        self.mails = Buckets(limits.mails_per_minute, 60, clock)
        self.names = Buckets(limits.names_per_hour, 3600, clock)
        self.expected: Counter[str] = Counter()

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
        house = self._house
        if house.connections.level(self._host) < 1:
            return answers.TOO_MANY_CONNECTIONS
        house.connections.take(self._host)
        if house.sessions.get(self._host, 0) >= house.limits.sessions_per_address:
            return answers.TOO_MANY_SESSIONS_OF_ADDRESS
        house.sessions[self._host] = house.sessions.get(self._host, 0) + 1
        self._inside = True
        return None

    def leave(self) -> None:
        """End the session; harmless where none was begun."""
        if not self._inside:
            return
        self._inside = False
        left = self._house.sessions[self._host] - 1
        if left:
            self._house.sessions[self._host] = left
        else:
            del self._house.sessions[self._host]

    def may_mail(self) -> bool:
        """Begin a mail; False when its address has begun too many."""
        if self.spared:
            return True
        mails = self._house.mails
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
        open_still = self._house.expected[self._block] if self.suspect else 0
        return self._house.names.level(self._block) - open_still >= 1

    @property
    def suspect(self) -> bool:
        """It has heard of half the names it may: answers come slowly from now on, the good and the bad alike."""
        return not self.spared and self._house.names.level(self._block) < self._house.names.capacity / 2

    def expect_mail(self) -> None:
        """It was told that an account exists, and will bring mail for it."""
        if not self.spared and not self._mail_expected:
            self._mail_expected = True
            self._house.expected[self._block] += 1

    def settle(self) -> None:
        """The mail was brought, or won't be; harmless where none is expected."""
        if self._mail_expected:
            self._mail_expected = False
            self._house.expected[self._block] -= 1
            if not self._house.expected[self._block]:
                del self._house.expected[self._block]

    def learned(self) -> None:
        """It has heard whether an address exists, and has brought no mail for it."""
        if self.spared:
            return
        names = self._house.names
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
