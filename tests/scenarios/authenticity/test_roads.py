"""Rule B5: behind relays, in mails of every size, and for every form of From."""

from __future__ import annotations

import pytest

from tests.mail import Sample, corpus
from tests.scenarios.authenticity.outside import (
    LEAD,
    RELAY,
    FromOutside,
    decided,
    letter,
    publish,
)
from tests.scenarios.house import House, mail, wire
from tests.smtp.authenticity.letters import sign

RELAYED = {
    # story: (the relay's name as set, fields on top, direction, dmarc, reply)
    "nothing is set": (None, "mx.acme.example; dmarc=fail header.from=acme.example", "outgoing", "none", 250),
    "nothing was written": ("mx.acme.example", "", "outgoing", "none", 250),
    "it passes": ("mx.acme.example", "mx.acme.example; dmarc=pass header.from=acme.example", "outgoing", "pass", 250),
    "DKIM passes": ("mx.acme.example", "mx.acme.example; dkim=pass header.d=acme.example", "outgoing", "none", 250),
    "it fails": ("mx.acme.example", "mx.acme.example; dmarc=fail header.from=acme.example", "incoming", "fail", 250),
    "it fails, and the policy is known": (
        "mx.acme.example",
        "mx.acme.example; dmarc=fail header.from=acme.example polrec.p=reject",
        "incoming",
        "fail",
        550,
    ),
    "it passes for another": (
        "mx.acme.example",
        "mx.acme.example; dmarc=pass header.from=evil.example",
        "incoming",
        "pass",
        250,
    ),
    "another server wrote": ("mx.acme.example", "evil.example; dmarc=fail", "outgoing", "none", 250),
    "the sender wrote below the relay": (
        "mx.acme.example",
        "mx.acme.example; dmarc=fail\nAuthentication-Results: mx.acme.example; dmarc=pass",
        "incoming",
        "fail",
        250,
    ),
    "the sender wrote what can't be read below": (
        "mx.acme.example",
        "mx.acme.example; spf=fail\nAuthentication-Results: mx.acme.example; (dmarc=pass",
        "incoming",
        "none",
        250,
    ),
}


@pytest.mark.parametrize(("name", "field", "direction", "dmarc", "code"), RELAYED.values(), ids=RELAYED)
@pytest.mark.parametrize("peer", [RELAY, "127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_behind_a_relay_its_own_results_count_and_no_dns_is_asked(
    house: House, outside: FromOutside, name: str | None, field: str, direction: str, dmarc: str, code: int, peer: str
) -> None:
    publish(outside, "p=reject")
    outside.peer = peer
    outside.set(relay_id=name)
    results = f"Authentication-Results: {field}\n" if field else ""

    handed = await house.hand(wire(results + mail()), LEAD, sender="x@evil.example")

    decision = await decided(house)
    assert handed.code == code
    assert (decision["direction"], decision["auth"]["dmarc"]) == (direction, dmarc)
    assert outside.server.asked == []


async def test_from_outside_a_forged_authentication_results_changes_nothing(house: House, outside: FromOutside) -> None:
    outside.set(relay_id="mx.acme.example")

    await house.hand(wire("Authentication-Results: mx.acme.example; dmarc=pass\n" + mail()), LEAD)

    assert (await decided(house))["direction"] == "incoming"


@pytest.mark.parametrize("size", [1_000, 100_000, 1_000_000], ids=["small", "in a thread", "on disk"])
async def test_a_signed_mail_of_any_size_is_believed(house: House, size: int) -> None:
    raw = sign(letter(body="A line of the mail.\n" * (size // 20)), domain="acme.example")

    await house.hand(raw, LEAD, sender="x@evil.example")

    assert (await decided(house))["auth"]["dkim"] == "pass"


async def test_the_operators_mail_is_taken_as_it_is(house: House, outside: FromOutside) -> None:
    publish(outside, "p=reject")

    assert (await house.hand(letter(), "postmaster@mail.kommo.com")).code == 250
    assert outside.server.asked == []


FORGERIES = [sample for sample in corpus() if sample.name.startswith("from-")]


@pytest.mark.parametrize("sample", FORGERIES, ids=lambda sample: sample.name)
@pytest.mark.parametrize("policy", ["p=reject", "p=none"])
async def test_no_form_of_from_makes_a_strangers_mail_the_teams(
    house: House, outside: FromOutside, sample: Sample, policy: str
) -> None:
    publish(outside, policy)

    handed = await house.hand(sample.raw, *sample.rcpt, sender="x@evil.example")

    decision = await decided(house)
    assert decision["direction"] == "incoming"
    team = any(one["role"] == "from" and one["kind"] == "team" for one in decision["participants"])
    if team and policy == "p=reject":
        assert handed.code == 550
        assert await house.count("messages") == 0
