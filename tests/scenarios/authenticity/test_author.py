"""Rule B5: real signatures, seals and DNS decide who is believed; what cannot be asked for is waited for (B10)."""

from __future__ import annotations

import pytest

from tests.name_server import SERVFAIL
from tests.scenarios.authenticity.outside import (
    BOB,
    ELSEWHERE,
    LEAD,
    OWN,
    SPF,
    FromOutside,
    decided,
    letter,
    publish,
    step,
)
from tests.scenarios.house import House
from tests.smtp.authenticity.letters import seal, sign

SENT = {
    # story: (policy, peer, how it is signed, envelope's sender, results, reply)
    "the team's own server": ("p=reject", OWN, None, "dimas@acme.example", "pass none pass", "250 2.6.0"),
    "a sub-domain in the envelope": ("p=reject", OWN, None, "b@news.acme.example", "pass none pass", "250 2.6.0"),
    "signed, and forwarded": ("p=reject", ELSEWHERE, "rsa", "x@evil.example", "pass pass pass", "250 2.6.0"),
    "signed with Ed25519": ("p=reject", ELSEWHERE, "ed", "dimas@acme.example", "fail pass pass", "250 2.6.0"),
    "without a policy": (None, OWN, None, "dimas@acme.example", "pass none none", "250 2.6.0"),
    "without a policy, a sub-domain": (None, OWN, None, "b@news.acme.example", "pass none none", "250 2.6.0"),
    "strict, and the sub-domain is not enough": (
        "p=reject; aspf=s",
        OWN,
        None,
        "b@news.acme.example",
        "pass none fail",
        "550 5.7.26",
    ),
    "forged": ("p=reject", ELSEWHERE, None, "dimas@acme.example", "fail none fail", "550 5.7.26"),
    "forged, with SPF for another domain": (
        "p=reject",
        ELSEWHERE,
        None,
        "x@evil.example",
        "pass none fail",
        "550 5.7.26",
    ),
    "forged, and the policy is in test": (
        "p=reject; t=y",
        ELSEWHERE,
        None,
        "dimas@acme.example",
        "fail none fail",
        "250 2.6.0 Held",
    ),
    "forged, and to be set apart": (
        "p=quarantine",
        ELSEWHERE,
        None,
        "dimas@acme.example",
        "fail none fail",
        "250 2.6.0 Held",
    ),
    "forged, and nothing asked": ("p=none", ELSEWHERE, None, "dimas@acme.example", "fail none fail", "250 2.6.0 Filed"),
    "forged, without a policy": (None, ELSEWHERE, None, "dimas@acme.example", "fail none none", "250 2.6.0 Filed"),
}


@pytest.mark.parametrize(("policy", "peer", "key", "sender", "results", "reply"), SENT.values(), ids=SENT)
async def test_b5_the_teams_mail_is_believed_where_something_passes_for_its_domain(
    house: House,
    outside: FromOutside,
    policy: str | None,
    peer: str,
    key: str | None,
    sender: str,
    results: str,
    reply: str,
) -> None:
    if policy:
        publish(outside, policy)
    outside.peer = peer
    raw = letter() if key is None else sign(letter(), domain="acme.example", selector=key)

    handed = await house.hand(raw, LEAD, sender=sender)

    decision = await decided(house)
    assert handed.reply.startswith(reply)
    assert " ".join(decision["auth"][method] for method in ("spf", "dkim", "dmarc")) == results
    genuine = reply == "250 2.6.0"
    assert decision["authentic"] is genuine
    assert decision["direction"] == ("outgoing" if genuine else "incoming")
    assert decision["participants"][0]["kind"] == "team"
    assert decision["primary"] == "carol@example.net"
    assert await house.count("messages") == handed.reply.startswith("250")


async def test_a_forged_colleague_becomes_neither_client_nor_contact(house: House) -> None:
    handed = await house.hand(letter(), LEAD)

    assert await house.column("SELECT name FROM contacts WHERE source = 'mail'") == ["Carol Jones"]
    assert (await house.column("SELECT direction FROM messages"))[0] == "incoming"
    assert await house.column("SELECT auth FROM messages WHERE id = :id", id=handed.id) == [
        '{"spf":"fail","dkim":"none","dmarc":"none","arc":"none"}'
    ]
    outcome, detail = step(await decided(house))
    assert outcome == "note"
    assert "neither SPF (fail) nor DKIM (none) passes for acme.example" in detail
    assert "outsider" in detail


async def test_a_refusal_says_why_and_leaves_a_receipt_and_an_event(house: House, outside: FromOutside) -> None:
    publish(outside, "p=reject")

    handed = await house.hand(letter(), LEAD)

    [receipt] = await house.receipts()
    assert (receipt["verdict"], receipt["rule"]) == ("refuse", "B5")
    assert "/why/" in handed.reply
    assert await house.column("SELECT type FROM events") == ["message.refused"]


MODES = {"mark": ("fail", "incoming", False), "off": ("none", "outgoing", None)}


@pytest.mark.parametrize(("mode", "about"), MODES.items(), ids=MODES)
@pytest.mark.parametrize("policy", ["p=reject", "p=quarantine"])
async def test_where_mail_is_only_marked_or_not_looked_into_nothing_is_refused_or_held(
    house: House, outside: FromOutside, mode: str, about: tuple[str, str, bool | None], policy: str
) -> None:
    publish(outside, policy)
    outside.set(mode=mode)

    handed = await house.hand(letter(), LEAD)

    decision = await decided(house)
    assert handed.reply.startswith("250 2.6.0 Filed")
    assert (decision["auth"]["dmarc"], decision["direction"], decision["authentic"]) == about


async def test_where_mail_is_only_marked_a_dns_error_delays_nothing(house: House, outside: FromOutside) -> None:
    outside.server.publish({"_dmarc.acme.example": SERVFAIL})
    outside.set(mode="mark")

    assert (await house.hand(letter(), LEAD)).code == 250


STRANGERS = {
    # story: (author, how it is signed, reply under refuse, under hold)
    "a forged colleague": ("Dimas <dimas@acme.example>", None, "550 5.7.1", "250 2.6.0 Held"),
    "a forged contact": (BOB, None, "550 5.7.1", "250 2.6.0 Held"),
    "a colleague": ("Dimas <dimas@acme.example>", "acme.example", "250 2.6.0 Filed", "250 2.6.0 Filed"),
    "a contact": (BOB, "bluefin.example", "250 2.6.0 Filed", "250 2.6.0 Filed"),
    "a forged contact, signed by the forger": (BOB, "evil.example", "550 5.7.1", "250 2.6.0 Held"),
    "a stranger who proves who he is": ("x@evil.example", "evil.example", "550 5.7.1", "250 2.6.0 Held"),
}


@pytest.mark.parametrize(("author", "signer", "refused", "held"), STRANGERS.values(), ids=STRANGERS)
async def test_b7_a_forged_from_opens_no_door_that_is_closed_to_strangers(
    house: House, author: str, signer: str | None, refused: str, held: str
) -> None:
    for policy, reply in (("refuse", refused), ("hold", held)):
        await house.set(strangers=policy)
        raw = letter(sender=author)
        raw = raw if signer is None else sign(raw, domain=signer)

        assert (await house.hand(raw, LEAD, sender="x@evil.example")).reply.startswith(reply)


async def test_b6_a_forged_colleague_does_not_win_over_the_list_it_came_through(house: House) -> None:
    await house.hand(letter(extra="List-Id: <news.list.example>"), LEAD)

    assert (await decided(house))["automatic"] is True


def broken_by_a_list(raw: bytes) -> bytes:
    """What mailing lists do: a tag in the subject, a footer below the text."""
    return raw.replace(b"Subject: ", b"Subject: [list] ", 1) + b"-- \r\nSent through a list.\r\n"


LISTS = {
    # story: (what the sealer found, the sealer, whom we trust, what became of it then, reply)
    "through a list that is trusted": (
        "dmarc=pass header.from=acme.example",
        "list.example",
        "list.example",
        None,
        250,
    ),
    "DKIM found to pass": ("dkim=pass header.d=acme.example", "list.example", "list.example", None, 250),
    "SPF found to pass": ("spf=pass smtp.mailfrom=a@news.acme.example", "list.example", "list.example", None, 250),
    "a list that found nothing": ("dmarc=fail header.from=acme.example", "list.example", "list.example", None, 550),
    "a list that found another's": ("dmarc=pass header.from=evil.example", "list.example", "list.example", None, 550),
    "a list that nobody trusts": ("dmarc=pass header.from=acme.example", "evil.example", "list.example", None, 550),
    "changed behind the list": ("dmarc=pass header.from=acme.example", "list.example", "list.example", b"PS: pay", 550),
    "nobody is trusted": ("dmarc=pass header.from=acme.example", "list.example", "", None, 550),
}


@pytest.mark.parametrize(("found", "sealer", "trusted", "added", "code"), LISTS.values(), ids=LISTS)
async def test_a_list_breaks_signatures_and_a_trusted_seal_makes_good_for_it(
    house: House, outside: FromOutside, found: str, sealer: str, trusted: str, added: bytes | None, code: int
) -> None:
    publish(outside, "p=reject")
    outside.set(sealers=frozenset((trusted,)))
    raw = seal(broken_by_a_list(sign(letter(), domain="acme.example")), sealer, found) + (added or b"")

    handed = await house.hand(raw, LEAD, sender="bounces@list.example")

    decision = await decided(house)
    assert handed.code == code
    assert decision["auth"] == {"spf": "pass", "dkim": "fail", "dmarc": "fail", "arc": "fail" if added else "pass"}
    assert decision["direction"] == ("outgoing" if code == 250 else "incoming")


async def test_one_in_the_chain_whom_nobody_trusts_hides_those_before(house: House, outside: FromOutside) -> None:
    publish(outside, "p=reject")
    raw = seal(letter(), "list.example", "dmarc=pass header.from=acme.example")

    handed = await house.hand(seal(raw, "evil.example", "arc=pass"), LEAD, sender="x@evil.example")

    assert handed.reply.startswith("550 5.7.26")
    assert (await decided(house))["auth"]["arc"] == "pass"


TROUBLE = {
    # story: (name that fails, author, policy of the author's domain, strangers, envelope's sender, delayed)
    "the policy of the team's domain": (
        "_dmarc.acme.example",
        "dimas@acme.example",
        None,
        "accept",
        "x@evil.example",
        True,
    ),
    "the team's SPF": ("acme.example", "dimas@acme.example", "p=none", "accept", "dimas@acme.example", True),
    "a stranger's policy": ("_dmarc.example.net", "eve@example.net", None, "accept", "x@evil.example", True),
    "a stranger's SPF under reject": ("example.net", "eve@example.net", "p=reject", "accept", "eve@example.net", True),
    "a stranger's SPF under none": ("example.net", "eve@example.net", "p=none", "accept", "eve@example.net", False),
    "a stranger's SPF without a policy": ("example.net", "eve@example.net", "", "accept", "eve@example.net", False),
    "a contact's SPF": ("bluefin.example", "bob@bluefin.example", "", "accept", "bob@bluefin.example", False),
    "a contact's SPF where strangers are refused": (
        "bluefin.example",
        "bob@bluefin.example",
        "",
        "refuse",
        "bob@bluefin.example",
        True,
    ),
    "SPF of a domain that is not the author's": (
        "broken.example",
        "dimas@acme.example",
        "p=none",
        "accept",
        "x@broken.example",
        False,
    ),
}


@pytest.mark.parametrize(("name", "author", "policy", "strangers", "sender", "delayed"), TROUBLE.values(), ids=TROUBLE)
async def test_b10_a_dns_error_delays_a_mail_only_where_the_answer_could_change_the_decision(
    house: House,
    outside: FromOutside,
    name: str,
    author: str,
    policy: str | None,
    strangers: str,
    sender: str,
    delayed: bool,
) -> None:
    domain = author.partition("@")[2]
    outside.server.publish({domain: SPF})
    if policy:
        publish(outside, policy, domain)
    outside.server.publish({name: SERVFAIL})
    await house.set(strangers=strangers)

    handed = await house.hand(letter(sender=author), LEAD, sender=sender)

    assert handed.reply.startswith("451 4.4.3" if delayed else "250 2.6.0"), handed.reply
    assert await house.count("messages") == (not delayed)
    if delayed:
        assert await house.count("events") == 0
        assert (await house.receipts())[-1]["rule"] == "B10"


async def test_a_delayed_mail_is_filed_once_the_dns_answers(house: House, outside: FromOutside) -> None:
    raw, outside.peer = letter(), OWN
    outside.server.publish({"acme.example": SERVFAIL})
    first = await house.hand(raw, LEAD)
    outside.server.publish({"acme.example": SPF})

    again = await house.hand(raw, LEAD)

    assert (first.code, again.code) == (451, 250)
    assert (await decided(house))["direction"] == "outgoing"
