"""Rule B8b: what outsiders may create in an hour, who is one, and what is counted against it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from gateway.core.decision import Verdict
from gateway.core.envelope import Action
from gateway.core.facts import Auth, Facts, Filed, Lead
from gateway.core.quota import DEFAULT_QUOTAS, HOUR_MS, Quota, Quotas, block_of, outsider, scoped_keys
from tests.core.world import ACME, CAROL, CONTACT, DIMAS, FACTS, LEAD, asked, decided, known, mail_of, told

MANY = ", ".join(f"p{n}@many.example" for n in range(19))
OPEN = Lead("L1", "Old boats", True)


def facts(used: dict[str, int], most: Quotas = DEFAULT_QUOTAS, **more: object) -> Facts:
    return replace(FACTS, quota=Quota(used, most), **more)  # type: ignore[arg-type]


COUNTED = {
    # story: (rcpt, to, facts, the scope that holds it)
    "B8b a lead for a new contact is two": (LEAD, DIMAS, facts({"author": 18}), None),
    "B8b one too many by its author": (LEAD, DIMAS, facts({"author": 19}), "author"),
    "B8b a contact is one": (CONTACT, DIMAS, facts({"author": 19}), None),
    "B8b one too many of a domain": (CONTACT, DIMAS, facts({"domain": 60}), "domain"),
    "B8b one too many of a block": (CONTACT, DIMAS, facts({"block": 60}), "block"),
    "B8b one too many of an account": (CONTACT, DIMAS, facts({"account": 300}), "account"),
    "B8b the narrowest is told": (CONTACT, DIMAS, facts({"account": 300, "author": 20, "domain": 60}), "author"),
    "B8b everyone on the mail counts": (CONTACT, MANY, facts({}), None),
    "B8b and a lead beside them": (LEAD, MANY, facts({}), "author"),
    "B8b a setting of its own": (CONTACT, DIMAS, facts({"author": 20}, Quotas(author=21)), None),
    "B8b known people are not new": (LEAD, DIMAS, facts({"author": 19}, contacts=known(CAROL)), None),
    "B8b a conversation's lead is not new": (
        LEAD,
        DIMAS,
        facts({"author": 99}, contacts=known(CAROL), conversation_lead=OPEN),
        None,
    ),
    "B8b what is only shown makes nothing": (ACME, DIMAS, facts({"author": 99}), None),
    "B8b a released mail is let in": (LEAD, DIMAS, facts({"author": 99}, released=True), None),
    "B8b nobody is counted": (LEAD, DIMAS, FACTS, None),
}


@pytest.mark.parametrize(("rcpt", "to", "given", "scope"), COUNTED.values(), ids=COUNTED)
def test_what_a_mail_would_create_is_held_against_the_quotas(
    rcpt: str, to: str, given: Facts, scope: str | None
) -> None:
    decision = decided(mail_of(to=to, cc=rcpt), rcpt, facts=given)

    assert decision.quota == scope
    assert decision.verdict is (Verdict.HOLD if scope else Verdict.FILE)
    assert decision.rule == ("B8b" if scope else "B11")
    assert decision.reply.text.startswith("Held for review" if scope else "Filed:")
    if scope:
        assert decision.effects.created == 0
        assert asked(decision)[-2:] == ["B8", "B8b"], "asked after all others, and before anything is filed"


def test_b8b_the_step_says_which_quota_how_large_and_how_much_is_there() -> None:
    decision = decided(mail_of(), facts=facts({"domain": 59}))

    [step] = told(decision, "B8b")
    assert step.startswith("hold: ")
    assert "the author's domain may cause 60 new contacts and leads an hour; 59 are there, 2 would come" in step


def test_b8b_automatic_mail_creates_nothing_and_is_never_too_much() -> None:
    mail = mail_of(extra=["Auto-Submitted: auto-generated"])

    assert decided(mail, facts=facts({"author": 99})).verdict is Verdict.FILE


def test_b8b_a_stronger_copy_beyond_the_quota_leaves_what_is_filed_as_it_is() -> None:
    given = facts({"author": 20}, duplicate=Filed("m1", "filed", Action.ATTACH))

    decision = decided(mail_of(), facts=given)

    assert (decision.verdict, decision.rule, decision.quota) == (Verdict.FILE, "B9", "author")
    assert decision.reply.text.startswith("Already filed")
    assert decision.effects.created == 0


def test_b8b_other_refusals_come_first() -> None:
    assert decided(mail_of(), facts=facts({"author": 99}), strangers="refuse").rule == "B7"
    assert decided(mail_of(author=DIMAS), facts=facts({"author": 99})).rule == "B8"


def test_b8b_a_distrusted_colleague_is_counted_like_anyone_outside() -> None:
    given = facts({"author": 20}, auth=Auth(trusted=False, evaluated=True))

    assert decided(mail_of(author=DIMAS, to=CAROL), facts=given).rule == "B8b"


AT = 500_000 * HOUR_MS
OUTSIDERS = {
    # story: (team, trusted, known, when a mail made the contact, outsider)
    "a colleague": (True, True, False, None, False),
    "a colleague who is distrusted": (True, False, False, None, True),
    "a stranger": (False, True, False, None, True),
    "a contact that a person made": (False, True, True, None, False),
    "a contact that is distrusted": (False, False, True, None, True),
    "a contact that a mail made just now": (False, True, True, AT, True),
    "a contact that a mail made within the hour": (False, True, True, AT - HOUR_MS + 1, True),
    "a contact that a mail made an hour ago": (False, True, True, AT - HOUR_MS, False),
}


@pytest.mark.parametrize(("team", "trusted", "is_known", "made", "outside"), OUTSIDERS.values(), ids=OUTSIDERS)
def test_b8b_who_is_an_outsider(team: bool, trusted: bool, is_known: bool, made: int | None, outside: bool) -> None:
    assert outsider(team=team, trusted=trusted, known=is_known, made_by_mail=made, at=AT) is outside


BLOCKS = {
    "IPv4 by /24": ("192.0.2.77", "192.0.2.0/24"),
    "IPv6 by /48": ("2001:db8:1:2::3", "2001:db8:1::/48"),
    "IPv4 in IPv6": ("::ffff:192.0.2.77", "192.0.2.0/24"),
    "loopback": ("127.0.0.1", None),
    "loopback in IPv6": ("::1", None),
    "loopback of the one in the other": ("::ffff:127.0.0.1", None),
    "a local socket": ("", None),
    "a trusted relay": ("203.0.113.5", None),
    "a trusted relay in IPv6": ("2001:db8:ffff::1", None),
}


@pytest.mark.parametrize(("peer", "block"), BLOCKS.values(), ids=BLOCKS)
def test_b8b_peers_are_counted_by_their_block_and_ours_are_spared(peer: str, block: str | None) -> None:
    assert block_of(peer, (ip_network("203.0.113.0/28"), ip_network("2001:db8:ffff::/48"))) == block


def test_b8b_keys_of_one_kind_are_never_those_of_another() -> None:
    keys = scoped_keys("account", "account", "account")
    assert len(set(keys.values())) == 4


def test_b8b_what_comes_from_no_block_is_not_counted_for_one() -> None:
    keys = scoped_keys("eve@evil.example", "evil.example", None)

    assert Quota({}, Quotas(block=1), keys.keys()).reached(2) is None
    assert Quota({}, Quotas(block=1, author=1), keys.keys()).reached(2) == "author"
