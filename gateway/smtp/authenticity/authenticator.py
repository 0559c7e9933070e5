"""Who is evaluated, and who is spared: the way from the door's settings and an envelope to the facts of rule B5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from gateway.core.envelope import Envelope
from gateway.core.facts import Auth
from gateway.core.header import read_header
from gateway.core.mail import Mail
from gateway.core.quota import block_of
from gateway.core.results import Results, topmost
from gateway.smtp.authenticity.evaluation import Asked, evaluate
from gateway.smtp.authenticity.message import Message, ReadAt
from gateway.smtp.authenticity.policy import same_organization
from gateway.smtp.authenticity.resolver import Resolver

Network = IPv4Network | IPv6Network
_OFF = Auth(detail="the setting AUTHENTICITY is off")
_SPARED = Auth(detail="it comes from this machine or a trusted relay, which is trusted to have checked")
_NOBODY = Auth(detail="it has no author who can be read")


@dataclass(frozen=True, slots=True)
class AuthenticitySettings:
    """What rule B5 takes from the settings. mode: "enforce", "mark" or "off". relay_id: authserv-id of our relays."""

    mode: str = "enforce"
    trusted_relays: Sequence[Network] = ()
    relay_id: str | None = None
    sealers: frozenset[str] = frozenset()
    hostname: str = "localhost"
    header_bytes: int = 262_144


class Authenticator:
    """Says what is known of a mail's authenticity. Asks the DNS only for mail of peers that are not trusted."""

    def __init__(self, settings: AuthenticitySettings, resolver: Resolver) -> None:
        self._settings, self._resolver = settings, resolver
        self._spared = lru_cache(maxsize=4_096)(self._is_spared)

    def at_once(self, peer: str) -> Auth | None:
        """The facts where the text of the mail makes no difference to them, else None."""
        if self._settings.mode == "off":
            return _OFF
        return _SPARED if self._settings.relay_id is None and self._spared(peer) else None

    async def evaluate(self, envelope: Envelope, mail: Mail, size: int, read_at: ReadAt) -> Auth:
        """The facts of one mail. read_at: gives so many octets of it, as received, from an offset on."""
        settings = self._settings
        found = self.at_once(envelope.peer)
        if found is not None:
            return found
        if mail.author is None:
            return _NOBODY
        author = mail.author.domain
        if self._spared(envelope.peer):
            head = read_header(read_at(0, min(size, settings.header_bytes + 4)))
            results = topmost(head.all("authentication-results"), settings.relay_id or "")
            found = _from_relay(results, author)
        else:
            asked = Asked(envelope.peer, envelope.helo, envelope.sender, author, settings.hostname)
            found = await evaluate(
                self._resolver, asked, Message(size, read_at, settings.header_bytes), settings.sealers
            )
        return replace(found, enforced=settings.mode == "enforce")

    def _is_spared(self, peer: str) -> bool:
        """Loopback, a local socket, or a relay of ours: those that are counted in no block (B8b)."""
        return block_of(peer, self._settings.trusted_relays) is None


def _from_relay(results: Results | None, author: str) -> Auth:
    """What our relay found (RFC 8601). One that looked into none of the three is trusted to have had its reasons."""
    if results is None or not any(results.of(method) for method in ("spf", "dkim", "dmarc")):
        return _SPARED
    words = [results.word(method) for method in ("spf", "dkim", "dmarc", "arc")]
    same = [one for one in results.passing_domains() if same_organization(one, author)]
    passes = results.dmarc_passes(author) or bool(same)
    asked = next((one.get("polrec.p") for one in results.of("dmarc") if one.word == "fail"), "").lower()
    return Auth(
        spf=words[0],
        dkim=words[1],
        dmarc=words[2],
        arc=words[3],
        trusted=passes,
        evaluated=True,
        policy=asked if asked in ("quarantine", "reject") else "none",
        detail=f"our relay {results.server} found "
        + (f"that {same[0] if same else author} passes" if passes else f"nothing that passes for {author}"),
    )
