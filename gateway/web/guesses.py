"""How often somebody may type a wrong password, or ask for a sign-in link, before they are slowed down.

Passwords are counted by who they are for, and by the address they come from; those who come back from a provider in
vain by the address alone. Nobody who has a right link is ever kept out. What was right isn't counted. All workers of a
server count together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

GUESSES, GUESS_SECONDS = 10, 600
"""So many wrong passwords for one user; then one more each minute."""
ADDRESS_GUESSES = 100
"""So many from one address, at which a whole office may be; within the same time."""
LINKS, LINK_SECONDS = 3, 900
"""So many links by mail for one user, within the life of one."""
_NOWHERE = "nowhere"


class Counted(Protocol):
    """Token buckets (`gateway.counting`)."""

    capacity: float

    def level(self, key: str) -> float: ...
    def take(self, key: str) -> float: ...
    def give(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Guesses:
    """What is counted. users, addresses: passwords. links: links asked for by mail."""

    users: Counted
    addresses: Counted
    links: Counted

    def begin(self, who: str, peer: str) -> int:
        """Counts one password; or, where nothing was counted, how many seconds to wait before the next. who: empty for
        somebody who is back from a provider, and is counted by where they come from alone."""
        keys = self._keys(who, peer)
        waits = [_wait(counted, key) for counted, key in keys]
        if any(waits):
            return max(waits)
        for counted, key in keys:
            counted.take(key)
        return 0

    def right(self, who: str, peer: str) -> None:
        """It was the right one after all."""
        for counted, key in self._keys(who, peer):
            counted.give(key)

    def _keys(self, who: str, peer: str) -> list[tuple[Counted, str]]:
        users = [(self.users, who)] if who else []
        return [*users, (self.addresses, _place(peer))]

    def may_mail(self, who: str) -> bool:
        """Counts one link by mail; False where there were too many."""
        if self.links.level(who) < 1:
            return False
        self.links.take(who)
        return True


def _wait(counted: Counted, key: str) -> int:
    """Seconds until there is a whole token."""
    level = counted.level(key)
    return 0 if level >= 1 else max(1, math.ceil((1 - level) * GUESS_SECONDS / counted.capacity))


def _place(peer: str) -> str:
    """An address, or the block of IPv6 that one line has."""
    try:
        found = ip_address(peer)
    except ValueError:
        return _NOWHERE
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else str(found)
