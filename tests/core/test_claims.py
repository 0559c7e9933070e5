"""Whose address a provider of sign-ins vouches for."""

from __future__ import annotations

import pytest

from gateway.core.claims import Doubt, vouched_address

ANA = "ana@acme.example"
OURS = frozenset({"acme.example"})
NONE: frozenset[str] = frozenset()
CASES: dict[str, tuple[object, object, frozenset[str], str | Doubt]] = {
    # story                                  email                  verified  domains  who
    "a verified address": (ANA, True, NONE, ANA),
    "truth written as a text": (ANA, "true", NONE, ANA),
    "however it is written": (" Ana@ACME.example ", True, NONE, ANA),
    "not verified": (ANA, False, NONE, Doubt("unverified")),
    "untruth written as a text": (ANA, "false", NONE, Doubt("unverified")),
    "a number for the truth": (ANA, 1, NONE, Doubt("unverified")),
    "nothing said of it": (ANA, None, NONE, Doubt("unverified")),
    "nothing said of an address of its own": (ANA, None, OURS, ANA),
    "not verified, of its own": (ANA, False, OURS, Doubt("unverified")),
    "verified, of its own": (ANA, True, OURS, ANA),
    "verified, of others": ("ana@other.example", True, OURS, Doubt("other_domain")),
    "nothing said, of others": ("ana@other.example", None, OURS, Doubt("other_domain")),
    "a domain below its own": ("ana@x.acme.example", None, OURS, Doubt("other_domain")),
    "a domain that looks like it": ("ana@acme.example.evil.example", None, OURS, Doubt("other_domain")),
    "two addresses": (f"{ANA}, eve@evil.example", True, NONE, Doubt("no_address")),
    "a name with it": (f"Ana <{ANA}>", True, NONE, Doubt("no_address")),
    "no address": ("ana", True, NONE, Doubt("no_address")),
    "no text": ([ANA], True, NONE, Doubt("no_address")),
    "none": (None, True, NONE, Doubt("no_address")),
    "the Kelvin sign, which folds to a k": ("\u212aim@acme.example", True, NONE, Doubt("no_address")),
    "letters that fold to others": ("stra\u00dfe@acme.example", True, NONE, Doubt("no_address")),
    "another script, written small": (
        "\u0430\u043d\u043d\u0430@acme.example",
        True,
        NONE,
        "\u0430\u043d\u043d\u0430@acme.example",
    ),
}


@pytest.mark.parametrize(("email", "verified", "domains", "who"), CASES.values(), ids=CASES)
def test_a_provider_vouches_for_an_address(
    email: object, verified: object, domains: frozenset[str], who: str | Doubt
) -> None:
    assert vouched_address(email, verified, domains) == who
