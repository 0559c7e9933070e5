"""A world outside for rule B5: name servers, keys, and peers that are not on this machine.

Peers come from the addresses below, though the connection is made on this machine. acme.example (the team) and
bluefin.example (Bob's) publish SPF for the first of them and keys for DKIM.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from gateway.core.envelope import Envelope
from gateway.core.facts import Auth
from gateway.core.mail import Mail
from gateway.smtp.authenticity.authenticator import Authenticator, AuthenticitySettings
from gateway.smtp.authenticity.resolver import Resolver
from tests.name_server import NameServer
from tests.scenarios.house import House, mail, wire
from tests.smtp.authenticity.letters import zones

LEAD = "acme+lead@mail.kommo.com"
ATTACH = "acme@mail.kommo.com"
OWN, ELSEWHERE, RELAY = "192.0.2.10", "198.51.100.7", "203.0.113.5"
BOB = "Bob Miller <bob@bluefin.example>"
SPF = [("TXT", f"v=spf1 ip4:{OWN} -all")]
ZONES: dict[str, Any] = {
    "acme.example": SPF,
    "bluefin.example": SPF,
    "news.acme.example": SPF,
    "evil.example": [("TXT", "v=spf1 +all")],
    "list.example": [("TXT", "v=spf1 +all")],
    **zones("acme.example"),
    **zones("bluefin.example"),
    **zones("evil.example"),
    **zones("list.example"),
}


class FromOutside:
    """An authenticator that sees another peer than the one on this machine."""

    def __init__(self, server: NameServer) -> None:
        self.settings = AuthenticitySettings(
            trusted_relays=(ip_network(RELAY),), sealers=frozenset(("list.example",)), hostname="mx.example"
        )
        self.server = server
        self.peer = ELSEWHERE

    def set(self, **settings: Any) -> None:
        self.settings = replace(self.settings, **settings)

    @property
    def _authenticator(self) -> Authenticator:
        return Authenticator(self.settings, Resolver([self.server.address], query_seconds=1))

    def at_once(self, peer: str) -> Auth | None:
        return self._authenticator.at_once(self.peer)

    async def evaluate(self, envelope: Envelope, mail: Mail, size: int, read_at: Callable[[int, int], bytes]) -> Auth:
        return await self._authenticator.evaluate(replace(envelope, peer=self.peer), mail, size, read_at)


def publish(outside: FromOutside, policy: str, domain: str = "acme.example") -> None:
    outside.server.publish({f"_dmarc.{domain}": [("TXT", f"v=DMARC1; {policy}")]})


def letter(**about: Any) -> bytes:
    return wire(mail(**about))


async def decided(house: House) -> dict[str, Any]:
    decision: dict[str, Any] = (await house.receipts())[-1]["decision"]
    return decision


def step(decision: dict[str, Any], rule: str = "B5") -> tuple[str, str]:
    return next((one["outcome"], one["detail"]) for one in decision["steps"] if one["rule"] == rule)
