"""How many new leads and contacts outsiders may cause in an hour (rule B8b): whom it concerns, and the arithmetic.

An hour is one of the clock, in UTC: whoever stays within a quota is never held, and everybody can say when it ends.
Counting the hour before as well would hold mail of those who stay within. The price: twice as much may come around the
full hour.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

HOUR_MS = 3_600_000
SCOPES = ("author", "domain", "block", "account")
"""What is counted for, the narrowest first: of several that are used up, the narrowest is told."""
WORDS = {
    "author": "this author",
    "domain": "the author's domain",
    "block": "the network it comes from",
    "account": "all outsiders together",
}


@dataclass(frozen=True, slots=True)
class Quotas:
    """New leads and contacts an hour that outsiders may cause: of an account, and of an author's domain, an author, and
    the block of addresses a mail comes from."""

    account: int = 300
    domain: int = 60
    author: int = 20
    block: int = 60


DEFAULT_QUOTAS = Quotas()


@dataclass(frozen=True, slots=True)
class Quota:
    """The quotas as they stand for one mail. used: by scope, what was caused in this hour; nothing where it is 0.

    scopes: those in which the mail is counted. Mail of people's own mailboxes comes from no block of addresses.
    """

    used: Mapping[str, int]
    most: Quotas = DEFAULT_QUOTAS
    scopes: Collection[str] = SCOPES

    def reached(self, wanted: int) -> str | None:
        """The scope in which so many more would be too many; what asks for nothing is never too much."""
        if not wanted:
            return None
        full = (one for one in SCOPES if one in self.scopes and self.used.get(one, 0) + wanted > self._limit(one))
        return next(full, None)

    def told(self, scope: str, wanted: int) -> str:
        """A quota that is reached, in words."""
        limit, used = self._limit(scope), self.used.get(scope, 0)
        return f"{WORDS[scope]} may cause {limit} new contacts and leads an hour; {used} are there, {wanted} would come"

    def _limit(self, scope: str) -> int:
        most = self.most
        return {"author": most.author, "domain": most.domain, "block": most.block, "account": most.account}[scope]


def outsider(*, team: bool, trusted: bool, known: bool, made_by_mail: int | None, at: int) -> bool:
    """Whether what an author's mail creates is counted.

    Colleagues and known contacts are spared, unless sender authenticity distrusts them (B5). A contact that a mail made
    less than an hour before is still an outsider: else a stranger's first mail would free all that follow. team, known:
    what the author is to the account. made_by_mail: when a mail made the contact, None where none did.
    """
    settled = made_by_mail is None or at - made_by_mail >= HOUR_MS
    return not (trusted and (team or (known and settled)))


def scoped_keys(author: str, domain: str, block: str | None) -> dict[str, str]:
    """Under which keys one mail is counted, by scope. author: the address as compared. block: None where there is none
    (section E)."""
    keys = {"account": "account", "domain": f"domain:{domain}", "author": f"author:{author}"}
    return keys if block is None else keys | {"block": f"block:{block}"}


def block_of(peer: str, spared: Sequence[IPv4Network | IPv6Network] = ()) -> str | None:
    """The block of a peer's address, IPv4 /24 or IPv6 /48; None for loopback, a local socket and spared networks."""
    try:
        address = ip_address(peer)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback or any(address in network for network in spared):
        return None
    return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))
