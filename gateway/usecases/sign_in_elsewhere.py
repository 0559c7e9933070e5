"""Have a provider of the operator's choice say who somebody is (OpenID Connect Core 1.0, section 3.1).

What has to be known again when the browser comes back stays in it, sealed, in a cookie: so nobody follows a link that
signs them in as somebody else (RFC 6749 section 10.12), and what a provider says is of use only to the browser that
asked (nonce, and PKCE of RFC 7636). Nobody becomes a user by signing in.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from hmac import compare_digest
from typing import Protocol

from gateway.core.claims import Doubt, vouched_address
from gateway.sealing import Keyring, opened_text, sealed_text
from gateway.store.ids import shared_time as now
from gateway.usecases.mail_servers import Trouble

MINUTES = 10
"""How long somebody may take at the provider, and how long to choose an account."""
_TRIP, _CHOICE = "sign-in elsewhere", "sign-in elsewhere: account"
_BYTES = 32


@dataclass(frozen=True, slots=True)
class Trip:
    """What only the browser and we know of one way to the provider and back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a provider says of whoever signed in there, as it says it; None for what it leaves out."""

    email: object
    verified: object


class Provider(Protocol):
    """The door to the provider; it raises for nothing that the provider does."""

    async def page(self, trip: Trip, redirect: str, *, other: bool = False) -> str | Trouble:
        """The provider's page to lead a browser to. redirect: the page of ours that it leads back to. other: it lets
        people choose as whom they sign in."""

    async def redeem(self, code: str, trip: Trip, redirect: str) -> Claims | Trouble:
        """Who signed in there, for a code that came back. Trouble `revoked`: the code is not, or no longer, good."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where people may sign in who are users here. name: what the provider is called, empty for nothing. domains: whose
    addresses it speaks for, none for any that it says is verified."""

    provider: Provider
    name: str = ""
    domains: frozenset[str] = frozenset()


async def begin(
    elsewhere: Elsewhere, ring: Keyring, redirect: str, *, other: bool = False
) -> tuple[str, str] | Trouble:
    """The provider's page, and what the browser keeps until it is back. other: as somebody else than the last time,
    which failed. Raises SealError."""
    trip = Trip(*(secrets.token_urlsafe(_BYTES) for _ in range(3)))
    kept = sealed_text(ring, asdict(trip), _TRIP, now() + MINUTES * 60_000)
    page = await elsewhere.provider.page(trip, redirect, other=other)
    return page if isinstance(page, Trouble) else (page, kept)


def may_be_back(ring: Keyring, kept: str, state: str) -> Trip | Doubt:
    """The way on which a browser went that brings back this state, where it went on one."""
    found = opened_text(ring, kept, _TRIP, now())
    if found is None or not compare_digest(found["state"].encode(), state.encode()):
        return Doubt("strange")
    return Trip(**found)


async def finish(elsewhere: Elsewhere, trip: Trip, code: str, redirect: str) -> str | Doubt | Trouble:
    """The address of whoever signed in there, in the form in which addresses are compared."""
    claims = await elsewhere.provider.redeem(code, trip, redirect)
    if isinstance(claims, Trouble):
        return claims
    return vouched_address(claims.email, claims.verified, elsewhere.domains)


def keep_address(ring: Keyring, address: str) -> str:
    """What the browser keeps of somebody who has yet to choose an account. Raises SealError."""
    return sealed_text(ring, {"address": address}, _CHOICE, now() + MINUTES * 60_000)


def kept_address(ring: Keyring, kept: str) -> str | None:
    """Whose address that was; None for what is not ours, or too old."""
    found = opened_text(ring, kept, _CHOICE, now())
    return None if found is None else str(found["address"])
