"""Rule B5: who is believed to be who From says, told through the port, with real signatures and a real name server.

Peers come from the addresses below, though the connection is made on this machine. acme.example (the team) and
bluefin.example (Bob's) publish SPF for the first of them and keys for DKIM.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from gateway.core.envelope import Envelope
from gateway.core.facts import Auth
from gateway.core.mail import Mail
from gateway.smtp.authenticity.authenticator import Authenticator, AuthenticitySettings
from gateway.smtp.authenticity.resolver import Resolver
from tests.mail import Sample, corpus
from tests.name_server import SERVFAIL, NameServer
from tests.scenarios.house import House, mail, wire
from tests.smtp.authenticity.letters import seal, sign, zones

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


@pytest.fixture
async def outside() -> AsyncIterator[FromOutside]:
    async with NameServer(ZONES) as server:
        yield FromOutside(server)


@pytest.fixture
async def house(world: Path, tmp_path: Path, outside: FromOutside) -> AsyncIterator[House]:
    shutil.copy(world, tmp_path / "store.db")
    one = House(tmp_path / "store.db", outside)
    await one.open()
    yield one
    await one.close()


def publish(outside: FromOutside, policy: str, domain: str = "acme.example") -> None:
    outside.server.publish({f"_dmarc.{domain}": [("TXT", f"v=DMARC1; {policy}")]})


def letter(**about: Any) -> bytes:
    return wire(mail(**about))


async def decided(house: House) -> dict[str, Any]:
    decision: dict[str, Any] = (await house.receipts())[-1]["decision"]
    return decision


def step(decision: dict[str, Any], rule: str = "B5") -> tuple[str, str]:
    return next((one["outcome"], one["detail"]) for one in decision["steps"] if one["rule"] == rule)


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
