"""The records a gateway domain has to publish, and the judgement of what was found."""

from __future__ import annotations

import pytest

from gateway.core.dns_records import (
    ENFORCE,
    TESTING,
    Found,
    Machine,
    Wanted,
    first_questions,
    judge,
    judge_all,
    policy,
    policy_id,
    questions,
    wanted,
)

DOMAIN, HOST = "cc.acme.example", "gate.acme.example"
V4, V6 = "203.0.113.80", "2001:db8::80"
MACHINE = Machine(HOST, (V4, V6))
ID = policy_id(MACHINE)
TABLE = [
    ("mx", "MX", DOMAIN, (f"10 {HOST}",), True),
    ("machine", "A", HOST, (V4,), True),
    ("machine", "AAAA", HOST, (V6,), True),
    ("back", "PTR", V4, (HOST,), False),
    ("back", "PTR", V6, (HOST,), False),
    ("spf", "TXT", DOMAIN, ("v=spf1 -all",), False),
    ("dmarc", "TXT", f"_dmarc.{DOMAIN}", ("v=DMARC1; p=reject",), False),
    ("sts", "TXT", f"_mta-sts.{DOMAIN}", (f"v=STSv1; id={ID}",), False),
    ("sts_host", "A", f"mta-sts.{DOMAIN}", (V4,), False),
    ("sts_host", "AAAA", f"mta-sts.{DOMAIN}", (V6,), False),
    ("reports", "TXT", f"_smtp._tls.{DOMAIN}", (f"v=TLSRPTv1; rua=mailto:postmaster@{DOMAIN}",), False),
]


def test_these_records_are_wanted() -> None:
    assert wanted(DOMAIN, MACHINE, {}) == tuple(Wanted(*row) for row in TABLE)
    assert questions(DOMAIN, MACHINE, {})[:5] == (
        ("MX", DOMAIN),
        ("A", HOST),
        ("AAAA", HOST),
        ("PTR", "80.113.0.203.in-addr.arpa"),
        ("PTR", "0.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
    )


def test_a_machine_that_does_not_know_its_addresses_believes_where_its_name_leads() -> None:
    lost = Machine(HOST)
    assert first_questions(MACHINE) == ()
    assert first_questions(lost) == (("A", HOST), ("AAAA", HOST))
    seen: Found = {("A", HOST): (V4,), ("AAAA", HOST): ()}
    assert [one.values for one in wanted(DOMAIN, lost, seen) if one.key == "sts_host"] == [(V4,)]
    unknown = [one for one in wanted(DOMAIN, lost, {("A", HOST): None}) if one.kind == "A"]
    assert [(one.key, one.values) for one in unknown] == [("machine", ()), ("sts_host", ())]
    assert judge(unknown[1], (V4,)).state == "right"


def of(key: str) -> Wanted:
    return next(one for one in wanted(DOMAIN, MACHINE, {}) if one.key == key)


JUDGED = {
    # story                                     key        found                                         state
    "no server answers": ("mx", None, "unknown"),
    "nothing is there": ("mx", (), "missing"),
    "mail goes to us": ("mx", (f"5 {HOST}",), "right"),
    "mail goes to us, in other letters": ("mx", (f"5 {HOST.upper()}",), "right"),
    "mail goes to us or to another": ("mx", (f"20 {HOST}", "10 mx.example"), "right"),
    "mail goes elsewhere": ("mx", ("10 mx.example",), "different"),
    "a null MX": ("mx", ("0 .",), "different"),
    "our address": ("machine", (V4, "203.0.113.81"), "right"),
    "another address": ("machine", ("203.0.113.81",), "different"),
    "the way back leads home": ("back", (HOST,), "right"),
    "the way back leads elsewhere": ("back", ("static.hoster.example",), "different"),
    "SPF as wanted": ("spf", ("google-site-verification=1", "v=spf1  -ALL"), "right"),
    "SPF that lets others send": ("spf", ("v=spf1 include:x.example ~all",), "different"),
    "two SPF records": ("spf", ("v=spf1 -all", "v=spf1 -all"), "different"),
    "a TXT that is no SPF": ("spf", ("hello",), "missing"),
    "DMARC with more": ("dmarc", ("v=DMARC1;p=reject; rua=mailto:a@x.example",), "right"),
    "DMARC that asks for nothing": ("dmarc", ("v=DMARC1; p=none",), "different"),
    "DMARC without a policy": ("dmarc", ("v=DMARC1",), "different"),
    "MTA-STS of this policy": ("sts", (f"v=STSv1; id={ID};",), "right"),
    "MTA-STS of another policy": ("sts", ("v=STSv1; id=1",), "different"),
    "reports to somebody": ("reports", ("v=TLSRPTv1; rua=https://x.example",), "right"),
    "reports to nobody": ("reports", ("v=TLSRPTv1",), "different"),
}


@pytest.mark.parametrize(("key", "found", "state"), JUDGED.values(), ids=JUDGED)
def test_what_is_found_is_judged(key: str, found: tuple[str, ...] | None, state: str) -> None:
    assert judge(of(key), found).state == state


def test_only_what_mail_needs_is_grave() -> None:
    levels = {
        (key, state): judge(of(key), found).level
        for key in ("mx", "spf")
        for state, found in {"right": of(key).values, "missing": (), "unknown": None}.items()
    }
    assert levels == {
        ("mx", "right"): "ok",
        ("mx", "missing"): "failed",
        ("mx", "unknown"): "warning",
        ("spf", "right"): "ok",
        ("spf", "missing"): "warning",
        ("spf", "unknown"): "warning",
    }


def test_every_record_of_a_domain_is_judged() -> None:
    found: Found = {one.question: one.values for one in wanted(DOMAIN, MACHINE, {})}
    assert {one.state for one in judge_all(DOMAIN, MACHINE, found)} == {"right"}
    assert {one.state for one in judge_all(DOMAIN, MACHINE, {})} == {"unknown"}


def test_another_policy_has_another_id() -> None:
    enforced = Machine(HOST, (V4,), ENFORCE)
    assert policy(enforced) == f"version: STSv1\r\nmode: enforce\r\nmx: {HOST}\r\nmax_age: 604800\r\n"
    assert policy_id(enforced) != policy_id(Machine(HOST, (V4,), TESTING)) == ID
    assert policy_id(enforced).isalnum()
