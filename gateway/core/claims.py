"""Whose address a provider of sign-ins vouches for (OpenID Connect Core 1.0, sections 5.1 and 5.7).

Only an address is ours: who is a user is known by it. So a provider's word for one counts where it says that the
address is verified, or where the operator said that it speaks for the address's domain.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gateway.core.address import parse_address


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why nobody is let in. why: `no_address`, `unverified`, `other_domain`, or `strange`: it was not begun here."""

    why: str


def vouched_address(email: object, verified: object, domains: Collection[str]) -> str | Doubt:
    """The address in the form in which addresses are compared.

    email, verified: the claims `email` and `email_verified`, whatever they hold; None for one that is left out.
    domains: those the provider speaks for, none where nobody named any. An address outside ASCII has to be written as
    it is compared: folding the case of such letters makes one text of two that a provider tells apart.
    """
    found = parse_address(email) if isinstance(email, str) else None
    if found is None or not (found.local.isascii() or found.address == found.key):
        return Doubt("no_address")
    if domains and found.domain not in domains:
        return Doubt("other_domain")
    if verified is None and domains:
        return found.key
    # Some providers write what is true as a text.
    return found.key if verified is True or verified == "true" else Doubt("unverified")
